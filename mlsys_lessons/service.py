"""The service: what each model call meets on its way, before any code of ours is asked.

The stage in front of the five: it adds the latency that a call would have and whether its
dependency is up, by the request's own luck. It decides nothing; deadlines and breakers are in
inference.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsys_lessons.randomness import normal_luck
from mlsys_lessons.records import extend

MEDIAN_MS = 20.0  # a model call over the network
SPREAD = 0.4  # standard deviation of its logarithm: p99 near 51 ms


@dataclass(frozen=True)
class Service:
    """A healthy service: lognormal latency, dependency up.

    >>> calm = Service(seed=0)(pd.DataFrame({"request_id": [1, 2, 3]}))
    >>> bool(calm["dependency_up"].all()), bool((calm["latency_ms"] < 150).all())
    (True, True)
    """

    seed: int

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add `latency_ms` and `dependency_up`."""
        luck = normal_luck(self.seed, "latency", frame["request_id"].to_numpy())
        up = np.ones(len(frame), dtype=bool)
        return extend(frame, {"latency_ms": MEDIAN_MS * np.exp(SPREAD * luck), "dependency_up": up})
