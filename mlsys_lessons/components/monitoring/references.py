"""What a column looked like lately: a rolling histogram that today's values are compared with.

From a fixed reference, such as the day of training, data move away by themselves, season by season.
This one keeps the last four quiet weeks, as counts and never as rows. It measures; whether a
distance is too large is decided in alerts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring.bins import bin_counts, quantile_edges
from mlsys_lessons.components.monitoring.drift import psi_of_counts

REFERENCE_DAYS = 28  # four whole weeks, so that every weekday weighs the same
REFERENCE_BINS = 10
LEAST_REFERENCE_DAYS = 7  # a reference of one weekday would find a drift in the next
LEAST_ROWS = 50  # under this many values a PSI is noise: E[PSI] = (B - 1)(1/n + 1/m)

Floats = NDArray[np.float64]


@dataclass
class Reference:
    """Counts of one column over the last quiet days, in bins cut on the first of them.

    >>> reference = Reference()
    >>> for day in range(7):
    ...     reference.add(np.arange(1_000.0))
    >>> reference.psi(np.arange(1_000.0)), reference
    (0.0, Reference(7 days, 10 bins))
    """

    edges: Floats | None = None
    days: deque[NDArray[np.int64]] = field(default_factory=lambda: deque(maxlen=REFERENCE_DAYS))

    def __repr__(self) -> str:
        """Days held and bins."""
        bins = 0 if self.edges is None else len(self.edges) + 1
        return f"Reference({len(self.days)} days, {bins} bins)"

    def psi(self, values: Floats) -> float:
        """PSI of today's values against the days held; NaN where either side is too small."""
        if self.edges is None or len(self.days) < LEAST_REFERENCE_DAYS or len(values) < LEAST_ROWS:
            return float("nan")
        return psi_of_counts(np.sum(self.days, axis=0), bin_counts(values, self.edges))

    def add(self, values: Floats) -> None:
        """Take in a quiet day; the oldest day leaves."""
        if len(values) < LEAST_ROWS:
            return
        if self.edges is None:
            self.edges = quantile_edges(values, REFERENCE_BINS)
        self.days.append(bin_counts(values, self.edges))
