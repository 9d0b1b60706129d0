"""Risk tables: how often a merchant, country or category has turned out to be fraud.

These are the only features made of labels, hence the only ones that must wait for them. A table is
constant between two midnights. It knows nothing of single customers and decides nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.records import MATURITY_DAYS

Ints = NDArray[np.int64]

WINDOW_DAYS = 60  # of requests, the youngest of them just matured
FIRST_GUESS = 0.004  # the overall fraud rate until a first matured fraud is known
_CODES = 2**20
_UNKNOWN = 0  # row of every value without a code; a code's own row is code + 1


class RiskTable:
    """Smoothed share of fraud among the matured requests of each key.

    Why it matters: without smoothing a merchant's first fraud makes it the riskiest of all, and
    without waiting for maturity every recent week looks safe, because its reports are still out.

    At the midnight that opens day t, over the requests of days [t - 105, t - 45):
    risk = (positives known by t + prior * base) / (requests + prior), base = the overall rate.
    Sums are exact integers, so the same rule gives the same number in training and live.

    Reference: an m-estimate with m = prior (Micci-Barreca, 2001, "target encoding").

    >>> table = RiskTable(prior=10)
    >>> table.count(np.array([3, 3, 5]))
    >>> table.close_day(0)
    >>> table.learn(ticks=np.array([0]), codes=np.array([3]))
    >>> table.open_day(MATURITY_DAYS + 1)
    >>> table.rate(np.array([3, 5, 99])).round(3).tolist()
    [0.361, 0.303, 0.333]
    """

    def __init__(self, prior: float) -> None:
        self.prior = prior
        self.base = FIRST_GUESS
        self._requests: Ints = np.zeros(1, dtype=np.int64)  # by row, inside the window
        self._positives: Ints = np.zeros(1, dtype=np.int64)
        self._today: list[Ints] = []
        self._days: dict[int, tuple[Ints, Ints]] = {}  # tick -> rows, requests of each
        self._inside: set[int] = set()  # ticks that the running totals hold
        self._frauds: tuple[Ints, Ints] = (np.empty(0, np.int64), np.empty(0, np.int64))

    def __len__(self) -> int:
        """Count the keys with requests in the window."""
        return int(np.count_nonzero(self._requests[1:]))

    def __repr__(self) -> str:
        """Say how many keys are known and the rate among all."""
        return f"RiskTable({len(self):,} keys, overall rate {self.base:.4f})"

    def count(self, codes: Ints) -> None:
        """Take in requests of the running day."""
        self._today.append(_rows(codes))

    def close_day(self, tick: int) -> None:
        """File the running day's requests under its tick."""
        if self._today:
            requests = np.bincount(np.concatenate(self._today))
            rows = np.flatnonzero(requests)
            self._days[tick] = rows, requests[rows]
        self._today = []

    def learn(self, *, ticks: Ints, codes: Ints) -> None:
        """Take in newly known positives: the arrival tick and the key of their requests."""
        self._frauds = (
            np.concatenate([self._frauds[0], ticks]),
            np.concatenate([self._frauds[1], _rows(codes)]),
        )

    def open_day(self, tick: int) -> None:
        """Slide the window to the midnight that opens a day."""
        newest = tick - MATURITY_DAYS
        oldest = newest - WINDOW_DAYS
        self._slide(oldest, newest)
        kept = self._frauds[0] >= oldest
        self._frauds = self._frauds[0][kept], self._frauds[1][kept]
        matured = self._frauds[1][self._frauds[0] < newest]
        self._grow(int(matured.max(initial=_UNKNOWN)))
        self._positives = np.bincount(matured, minlength=len(self._requests))
        if len(matured):
            self.base = len(matured) / max(int(self._requests.sum()), len(matured))
        else:
            self.base = FIRST_GUESS

    def rate(self, codes: Ints) -> NDArray[np.float64]:
        """Risk of each key; the overall rate for keys without requests in the window."""
        rows = _rows(codes)
        rows = np.where(rows < len(self._requests), rows, _UNKNOWN)
        requests, positives = self._requests[rows], self._positives[rows]
        risk = (positives + self.prior * self.base) / (requests + self.prior)
        return np.where(rows == _UNKNOWN, self.base, risk)

    def _slide(self, oldest: int, newest: int) -> None:
        """Add the days that have matured to the running totals, drop those that are too old."""
        for tick in [day for day in self._days if day < oldest]:
            rows, requests = self._days.pop(tick)
            if tick in self._inside:
                self._requests[rows] -= requests
        arrived = {day for day in self._days if day < newest} - self._inside
        for tick in arrived:
            rows, requests = self._days[tick]
            self._grow(int(rows.max(initial=_UNKNOWN)))
            self._requests[rows] += requests
        self._inside = {day for day in self._inside | arrived if day >= oldest}

    def _grow(self, row: int) -> None:
        """Make room for a row."""
        missing = row + 1 - len(self._requests)
        if missing > 0:
            self._requests = np.append(self._requests, np.zeros(missing, dtype=np.int64))


def _rows(codes: Ints) -> Ints:
    known = (codes >= 0) & (codes < _CODES)
    return np.where(known, codes + 1, _UNKNOWN)
