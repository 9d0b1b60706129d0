"""Risk tables: how often payments of a merchant, a country, a category turned out to be fraud.

Counted over requests old enough to be judged, smoothed towards the average, refreshed once a day:
the same rule in training and in service. A label that is not known yet does not exist here.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.records import MATURITY_DAYS

WINDOW_DAYS = 60  # of matured requests
FIRST_RATE = 0.004  # the average before anything has matured


class RiskTable:
    """Smoothed fraud rate by key over the matured window.

    At the edge that opens day t it covers requests of days [t - 105, t - 45): positives known by t,
    plus `weight` imaginary requests at the average rate, so that a rare key is not judged by luck.

    >>> RiskTable(weight=100)
    RiskTable(0 keys, average 0.0040)
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._rows: deque[tuple[int, NDArray[np.int64]]] = deque()  # tick, count by key
        self._frauds: dict[int, NDArray[np.int64]] = {}  # by tick
        self._row_total = np.zeros(1, dtype=np.int64)
        self._fraud_total = np.zeros(1, dtype=np.int64)
        self._window: tuple[int, int] = (0, 0)
        self._rates = np.empty(0)
        self.average = FIRST_RATE

    def __repr__(self) -> str:
        keys = int((self._row_total > 0).sum())
        return f"RiskTable({keys} keys, average {self.average:.4f})"

    def count(self, tick: int, keys: NDArray[np.int64]) -> None:
        """Remember how many requests of each key arrived on a day; negative keys are unknown."""
        self._rows.append((tick, np.bincount(keys[keys >= 0], minlength=1)))

    def credit(self, ticks: NDArray[np.int64], keys: NDArray[np.int64]) -> None:
        """Note frauds that became known, each under the day its request arrived."""
        for tick, key in zip(ticks.tolist(), keys.tolist(), strict=True):
            if key >= 0:
                day = np.bincount([key])
                self._frauds[tick] = _sum(self._frauds.get(tick, np.zeros(1, np.int64)), day)
                if self._window[0] <= tick < self._window[1]:
                    self._fraud_total = _sum(self._fraud_total, day)

    def refresh(self, opening: int) -> None:
        """Make the table of the day that opens: let days mature into the window, and leave it."""
        start, stop = opening - MATURITY_DAYS - WINDOW_DAYS, opening - MATURITY_DAYS
        old_start, old_stop = self._window
        for tick, rows in self._rows:
            if old_stop <= tick < stop or (start <= tick < old_start):
                self._enter(tick, rows, 1)
            elif old_start <= tick < start:
                self._enter(tick, rows, -1)
        while self._rows and self._rows[0][0] < start:
            self._frauds.pop(self._rows.popleft()[0], None)
        self._window = (start, stop)
        seen = int(self._row_total.sum())
        self.average = float(self._fraud_total.sum()) / seen if seen else FIRST_RATE
        rows = self._row_total
        frauds = _sum(self._fraud_total, np.zeros(len(rows), np.int64))[: len(rows)]
        self._rates = (frauds + self.weight * self.average) / (rows + self.weight)

    def _enter(self, tick: int, rows: NDArray[np.int64], sign: int) -> None:
        self._row_total = _sum(self._row_total, sign * rows)
        if tick in self._frauds:
            self._fraud_total = _sum(self._fraud_total, sign * self._frauds[tick])

    def rate(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """The rate of each key; the average for a key that the table does not know."""
        table = np.append(self._rates, self.average)
        known = (keys >= 0) & (keys < len(self._rates))
        return np.asarray(table[np.where(known, keys, -1)])


def _sum(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts by key added up, whichever knows more keys."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total


def codes(column: pd.Series, vocabulary: pd.CategoricalDtype) -> NDArray[np.int64]:
    """Keys of a category column in its agreed vocabulary; -1 for anything else."""
    own: NDArray[np.int64] = column.cat.codes.to_numpy().astype(np.int64)
    if column.dtype == vocabulary:
        return own
    lookup = np.append(vocabulary.categories.get_indexer(column.cat.categories), -1)
    return np.asarray(lookup[own], dtype=np.int64)
