"""Usual amounts: what each merchant charges, to notice an amount in another unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class UsualAmounts:
    """What each merchant usually charges, to notice an amount in another unit.

    A slip from euros to cents is a factor of 100 and often still inside the field's range. Against
    the merchant's own level of the last weeks it is beyond any customer's whim. The level changes
    at midnights only; logarithms are summed as whole millionths, so no batch cut changes a bit.

    >>> usual = UsualAmounts()
    >>> usual.learn(np.zeros(40, np.int64), np.full(40, 20.0))
    >>> usual.close_day()
    >>> usual.unusual(np.array([0, 0]), np.array([35.0, 2_000.0])).tolist()
    [False, True]
    """

    factor = 50.0  # further than this from the merchant's level is another unit
    least_rows = 20.0  # fewer payments say nothing about a level
    memory = 0.97  # of yesterday's weight: a half-life of 23 days
    merchants = 2**20

    def __init__(self) -> None:
        self._rows = np.zeros(1)
        self._sums = np.zeros(1)
        self._today = [np.zeros(1), np.zeros(1)]

    def __repr__(self) -> str:
        return f"UsualAmounts({int((self._rows >= self.least_rows).sum())} merchants known)"

    def unusual(
        self, merchant: NDArray[np.int64], amount: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which amounts are further from their merchant's level than any customer goes."""
        known = (merchant >= 0) & (merchant < len(self._rows))
        place = np.where(known, merchant, 0)
        rows = np.where(known, self._rows[place], 0.0)
        level = self._sums[place] / np.maximum(rows, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(amount) * 1e6 - level)
        return np.asarray((rows >= self.least_rows) & (distance > np.log(self.factor) * 1e6))

    def learn(self, merchant: NDArray[np.int64], amount: NDArray[np.float64]) -> None:
        """Take in clean rows of the running day."""
        kept = (merchant >= 0) & (merchant < self.merchants) & (amount > 0)
        merchant, logs = merchant[kept], np.rint(np.log(amount[kept]) * 1e6)
        size = max(int(merchant.max(initial=0)) + 1, len(self._today[0]))
        for j, weights in enumerate((None, logs)):
            counted = np.bincount(merchant, weights, minlength=size).astype(np.float64)
            counted[: len(self._today[j])] += self._today[j]
            self._today[j] = counted

    def close_day(self) -> None:
        """The running day joins the level; older days weigh a little less."""
        size = max(len(self._rows), len(self._today[0]))
        past = [np.pad(column, (0, size - len(column))) for column in (self._rows, self._sums)]
        new = [np.pad(column, (0, size - len(column))) for column in self._today]
        self._rows, self._sums = (
            self.memory * old + day for old, day in zip(past, new, strict=True)
        )
        self._today = [np.zeros(1), np.zeros(1)]
