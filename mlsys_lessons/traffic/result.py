"""The result of a queue simulation: each request's outcome, by second, by percentile.

Arrays in, frames out; the simulator that fills them is in queueing.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import within
from mlsys_lessons.traffic.arrivals import Arrivals

OUTCOMES = ("served", "late", "shed", "fallback")
SERVED, LATE, SHED, FALLBACK = range(len(OUTCOMES))
_OUTCOME_DTYPE = pd.CategoricalDtype(OUTCOMES)


@dataclass(frozen=True)
class QueueRun:
    """The result of one simulation: every request has exactly one outcome.

    It was `served` in time, `late` (its last attempt timed out), `shed` (its last attempt was
    refused, by the server or by the caller itself), or answered by the `fallback`.
    """

    arrivals: Arrivals
    outcome: NDArray[np.int8]  # index into OUTCOMES, by request
    done: NDArray[np.float64]  # when each request was answered or given up, in seconds
    attempts: NDArray[np.int64]  # calls that reached the server, by request
    sent: NDArray[np.float64]  # when each call reached the server
    started: NDArray[np.float64]  # when a server started each call; NaN: it was refused

    def __repr__(self) -> str:
        shares = [(name, self.share(name)) for name in OUTCOMES]
        outcomes = ", ".join(
            f"{share:.1%} {name}".replace("%", " %") for name, share in shares if share
        )
        return (
            f"QueueRun({len(self.outcome):,} requests: {outcomes or 'none'}; "
            f"{self.amplification:.2f} attempts a request, p99 {self.latency(99):.2f} s)"
        )

    @property
    def requests(self) -> pd.DataFrame:
        """A row a request: arrival, outcome, latency in seconds, attempts, kind."""
        codes = pd.Categorical.from_codes(self.outcome, dtype=_OUTCOME_DTYPE)
        return pd.DataFrame(
            {
                "arrival": self.arrivals.times,
                "outcome": codes,
                "latency": self.latencies,
                "attempts": self.attempts,
                "kind": self.arrivals.kinds,
            }
        )

    @property
    def latencies(self) -> NDArray[np.float64]:
        """Seconds from each request to its answer, or to the moment of giving up."""
        return self.done - self.arrivals.times

    @property
    def waits(self) -> NDArray[np.float64]:
        """Seconds that each accepted call spent in the queue."""
        waited = self.started - self.sent
        return waited[~np.isnan(waited)]

    def share(self, outcome: str) -> float:
        """Share of the requests with an outcome."""
        if outcome not in OUTCOMES:
            raise InputError(
                f"outcome={outcome!r} is unknown; choose one of {', '.join(OUTCOMES)}."
            )
        return float(np.mean(self.outcome == OUTCOMES.index(outcome))) if len(self.outcome) else 0.0

    def latency(self, percentile: float) -> float:
        """Seconds within which so many percent of the requests had ended, answered or not."""
        within("percentile", percentile, high=100.0)
        return float(np.percentile(self.latencies, percentile)) if len(self.outcome) else 0.0

    @property
    def amplification(self) -> float:
        """Calls that the server received for each request."""
        return len(self.sent) / max(len(self.outcome), 1)

    def per_second(self) -> pd.DataFrame:
        """A row a second: requests and how they ended (by arrival), calls received, queue length.

        `queue` counts the calls that wait at the second's start, abandoned ones included.
        Calls that come after the last second, from callers who ask again, are not in the table.
        """
        seconds = int(np.ceil(self.arrivals.seconds))
        borders = np.arange(seconds + 1, dtype=np.float64)
        columns: dict[str, NDArray[np.int64]] = {"requests": _counts(self.arrivals.times, borders)}
        for code, name in enumerate(OUTCOMES):
            columns[name] = _counts(self.arrivals.times[self.outcome == code], borders)
        columns["calls"] = _counts(self.sent, borders)
        accepted = ~np.isnan(self.started)
        queued, started = np.sort(self.sent[accepted]), np.sort(self.started[accepted])
        starts = borders[:-1]
        columns["queue"] = np.searchsorted(queued, starts) - np.searchsorted(started, starts)
        return pd.DataFrame(columns, index=pd.RangeIndex(seconds, name="second"))

    def served_between(self, start: float, end: float) -> float:
        """Share of the requests that came in [start, end) and were served in time."""
        inside = (self.arrivals.times >= start) & (self.arrivals.times < end)
        return float(np.mean(self.outcome[inside] == SERVED)) if inside.any() else 1.0


def _counts(times: NDArray[np.float64], borders: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.histogram(times, borders)[0]
