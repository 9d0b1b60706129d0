"""Usual amounts: what each merchant charges, to notice an amount in another unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class UsualAmounts:
    """What each merchant usually charges, to notice an amount in another unit.

    A slip from euros to cents is a factor of 100 and often still inside the field's range. Against
    the merchant's own level of the last weeks it is beyond any customer's whim. A small payment in
    the wrong unit looks like a large one in the right unit, so a merchant with many unusual amounts
    lately is believed in nothing. Levels change at midnights only; logarithms are summed as whole
    millionths, so no batch cut changes a bit.

    >>> usual = UsualAmounts()
    >>> usual.learn(np.zeros(40, np.int64), np.full(40, 20.0))
    >>> usual.close_day()
    >>> usual.judged(np.array([0, 0]), np.array([35.0, 2_000.0]))[0].tolist()
    [False, True]
    """

    factor = 50.0  # further than this from the merchant's level is another unit
    least_rows = 20.0  # fewer payments say nothing about a level
    memory = 0.97  # of yesterday's weight: a half-life of 23 days
    odd_share = 0.2  # of a merchant's amounts of late: so many are no accident (assumed)
    least_odd = 3.0  # fewer unusual amounts say nothing about a merchant (assumed)
    odd_memory = 0.7  # of yesterday's weight: a half-life of two days (assumed)
    merchants = 2**20

    def __init__(self) -> None:
        self._level = Sums(self.memory)  # of clean amounts: rows, logarithms
        self._lately = Sums(self.odd_memory)  # of all amounts: rows, unusual ones

    def __repr__(self) -> str:
        return (
            f"UsualAmounts({int((self._level.past[0] >= self.least_rows).sum())} merchants known)"
        )

    def judged(self, merchant: Ints, amount: Floats) -> tuple[Mask, Mask]:
        """Which amounts are unusual, and which come from a merchant who is not believed today."""
        unusual = self._unusual(merchant, amount)
        self._lately.add(merchant, unusual.astype(np.float64))
        rows, odd = self._lately.of(merchant)
        return unusual, (odd >= self.least_odd) & (odd > self.odd_share * rows)

    def _unusual(self, merchant: Ints, amount: Floats) -> Mask:
        """Which amounts are further from their merchant's level than any customer goes."""
        rows, logs = self._level.of(merchant)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(amount) * 1e6 - logs / np.maximum(rows, 1.0))
        return np.asarray((rows >= self.least_rows) & (distance > np.log(self.factor) * 1e6))

    def learn(self, merchant: Ints, amount: Floats) -> None:
        """Take in clean rows of the running day."""
        kept = amount > 0
        self._level.add(merchant[kept], np.rint(np.log(amount[kept]) * 1e6))

    def close_day(self) -> None:
        """The running day joins the level; older days weigh a little less."""
        self._level.close_day()
        self._lately.close_day()


class Sums:
    """Rows of each merchant and a sum over them: those of the past, which fade, and today's."""

    def __init__(self, memory: float) -> None:
        self.memory = memory
        self.past, self.today = np.zeros((2, 1)), np.zeros((2, 1))

    def of(self, merchant: Ints) -> tuple[Floats, Floats]:
        """Rows and sum of each merchant until last midnight; 0 for one that is unknown."""
        known = (merchant >= 0) & (merchant < self.past.shape[1])
        rows, total = self.past.take(np.where(known, merchant, 0), axis=1) * known
        return rows, total

    def add(self, merchant: Ints, values: Floats) -> None:
        """Take in rows of the running day."""
        kept = (merchant >= 0) & (merchant < UsualAmounts.merchants)
        merchant, values = merchant[kept], values[kept]
        self.today = _wide(self.today, int(merchant.max(initial=0)) + 1)
        size = self.today.shape[1]
        self.today[0] += np.bincount(merchant, minlength=size)
        self.today[1] += np.bincount(merchant, values, minlength=size)

    def close_day(self) -> None:
        """The running day joins the past."""
        size = max(self.past.shape[1], self.today.shape[1])
        self.past = self.memory * _wide(self.past, size) + _wide(self.today, size)
        self.today = np.zeros((2, 1))


def _wide(sums: Floats, size: int) -> Floats:
    """Sums with room for so many merchants."""
    if sums.shape[1] >= size:
        return sums
    wide = np.zeros((2, size))
    wide[:, : sums.shape[1]] = sums
    return wide
