"""The service: what each model call meets on its way, before any code of ours is asked.

It stands around the model: just before inference it adds the latency that a call has and whether
it is answered, by the request's own luck. `Service` is the naive level, an endless queue; in front
of a `GuardedService` stand a bounded one and health checks. Neither decides anything: deadlines and
breakers are in stages.py. Real queues, second by second, are the matter of mlsys_lessons.traffic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Columns, Component
from mlsys_lessons.frames import array_of, extend
from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.records import HOUR_MS, SLOT_MS

Floats = NDArray[np.float64]
Fate = dict[str, NDArray[np.generic]]  # new values of columns of FATE

FATE = ("latency_ms", "dependency_up")  # what a call meets

MEDIAN_MS = 20.0  # a model call over the network
SPREAD = 0.4  # standard deviation of its logarithm: p99 near 51 ms
USUAL_LOAD = 0.6  # of the capacity, on any day
QUEUE_MS = 80.0  # as long as a bounded queue may get: with a usual call it stays in the deadline
CHECKED_MS = SLOT_MS / 2  # until a dead replica has missed three health checks
LONGEST_MS = 1.0 * HOUR_MS  # nobody's queue gets longer
_LEAST_ALIVE = 1e-6  # share of replicas; the load of none at all is no number


def waiting(latency_ms: Floats, load: float, elapsed_ms: Floats) -> Floats:
    """How long calls take in an endless queue, `elapsed_ms` after the load became `load`.

    `load` is a share of the capacity. Below 1 the time in system of M/M/1, service / (1 - load),
    against that at the usual load; beyond 1 the queue grows by load - 1 of every millisecond.

    >>> waiting(np.array([20.0]), 0.8, np.array([1e6])).round(3).tolist()
    [40.0]
    >>> waiting(np.array([20.0]), 1.5, np.array([0.0, 4_000.0])).tolist()
    [20.0, 2020.0]
    """
    if load < 1:
        return np.minimum(latency_ms * (1 - USUAL_LOAD) / (1 - load), LONGEST_MS)
    return np.minimum(latency_ms + (load - 1) * elapsed_ms, LONGEST_MS)


@dataclass(frozen=True)
class Service(Component):
    """Naive level: everybody may queue, and the router does not ask which replica is alive.

    >>> calm = Service(seed=0)(pd.DataFrame({"request_id": [1, 2, 3]}))
    >>> bool(calm["dependency_up"].all()), bool((calm["latency_ms"] < 150).all())
    (True, True)
    """

    seed: int
    servers: float = 1.0  # times the usual number
    resilient = False

    @property
    def needs(self) -> Columns:
        """Whose luck it is."""
        return ("request_id",)

    @property
    def adds(self) -> Columns:
        """What a call meets."""
        return FATE

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add `latency_ms` and `dependency_up`."""
        slow = normal_luck(self.seed, "latency", array_of(frame, "request_id"))
        up = np.ones(len(frame), dtype=bool)
        return extend(frame, {"latency_ms": MEDIAN_MS * np.exp(SPREAD * slow), "dependency_up": up})

    def on_spike(self, frame: pd.DataFrame, factor: float, elapsed_ms: Floats) -> Fate:
        """What calls meet when `factor` times as many come as usual, `elapsed_ms` after it began.

        The work of callers who have given up is done all the same: past its capacity the service is
        busy all day, and answers nobody in time.
        """
        load = USUAL_LOAD * factor / self.servers
        return {"latency_ms": waiting(array_of(frame, "latency_ms"), load, elapsed_ms)}

    def on_replica_loss(self, frame: pd.DataFrame, lost: float, elapsed_ms: Floats) -> Fate:
        """What calls meet when a share of the replicas is lost: that share of them fails."""
        dead = luck(self.seed, "replica", array_of(frame, "request_id")) < lost
        return {"dependency_up": array_of(frame, "dependency_up") & ~dead}


@dataclass(frozen=True)
class GuardedService(Service):
    """Resilient level: a bounded queue at the door, and health checks behind it.

    Why it matters: a queue that takes everybody serves nobody. Who is refused at once has all his
    time left for a simpler answer; a refused call has no latency (NaN).

    Reference: Beyer et al., Site Reliability Engineering, 2016, Handling Overload.
    """

    resilient = True

    def on_spike(self, frame: pd.DataFrame, factor: float, elapsed_ms: Floats) -> Fate:
        """As many calls as the capacity allows wait a little; the others are refused."""
        load, usual = USUAL_LOAD * factor / self.servers, array_of(frame, "latency_ms")
        latency = np.minimum(waiting(usual, load, elapsed_ms), usual + QUEUE_MS)
        refused = luck(self.seed, "door", array_of(frame, "request_id")) < 1 - 1 / load
        return {"latency_ms": np.where(refused, np.nan, latency)}

    def on_replica_loss(self, frame: pd.DataFrame, lost: float, elapsed_ms: Floats) -> Fate:
        """Calls fail until the health checks notice; then the living replicas share them all."""
        unnoticed = elapsed_ms < CHECKED_MS
        failing = super().on_replica_loss(frame, lost, elapsed_ms)["dependency_up"]
        shared = self.on_spike(frame, 1 / max(1 - lost, _LEAST_ALIVE), elapsed_ms)["latency_ms"]
        return {
            "latency_ms": np.where(unnoticed, frame["latency_ms"], shared),
            "dependency_up": np.where(unnoticed, failing, frame["dependency_up"]),
        }
