"""Seals: a chain of check sums over a log's batches, so that a change of any row is found.

Each seal is the SHA-256 of the seal before it and of its own batch. Pure functions and one walker;
the file is decision_log.py's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

Rows = Sequence[tuple[Any, ...]]
FIRST = ""  # the seal before the first


class Seal(NamedTuple):
    """What one batch added to the log, and the check sum up to its end."""

    rows: int
    days: int
    sha256: str


def seal_of(before: str, entries: Rows, closed_days: Rows) -> Seal:
    """The seal of a batch behind another seal.

    >>> seal_of(FIRST, [(0, "approve")], []).sha256 == seal_of(FIRST, [(0, "block")], []).sha256
    False
    """
    digest = hashlib.sha256(before.encode())
    for row in (*entries, *closed_days):
        digest.update(repr(row).encode(errors="surrogatepass"))
    return Seal(len(entries), len(closed_days), digest.hexdigest())


class Walk:
    """Reads a log's rows beside its seals; `broken` is the first row that is not as it was written.

    >>> seals, days = [seal_of(FIRST, [(0, 5), (1, 6)], [])], []
    >>> walk = Walk(seals, days)
    >>> walk.take([(0, 5)]), walk.take([(1, 7)])
    (None, 0)
    """

    def __init__(self, seals: Sequence[Seal], closed_days: Rows) -> None:
        self._seals, self._days = list(seals)[::-1], list(closed_days)[::-1]
        self._pending: list[tuple[Any, ...]] = []
        self._before = FIRST

    def take(self, rows: Rows, *, is_end: bool = False) -> int | None:
        """The next rows; returns the first one of a batch that is broken, if one is.

        At the end no row and no seal may be left over.
        """
        self._pending += rows
        while self._seals and (is_end or len(self._pending) >= self._seals[-1].rows):
            seal = self._seals.pop()
            batch, self._pending = self._pending[: seal.rows], self._pending[seal.rows :]
            days = [self._days.pop() for _ in range(min(seal.days, len(self._days)))]
            if seal_of(self._before, batch, days) != seal:
                return self._first(batch)
            self._before = seal.sha256
        return self._first(self._pending) if is_end and (self._pending or self._days) else None

    @staticmethod
    def _first(batch: Rows) -> int:
        """The row id with which a batch begins; -1 where its rows are gone."""
        return int(batch[0][0]) if batch and isinstance(batch[0][0], int) else -1
