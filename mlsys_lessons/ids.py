"""Sorted sets of ids with a memory of so many days: who has been here before.

Used by ingestion (repeated requests) and by the ledger (one effect for each request). It holds
ids only: what was answered, and what it was worth, is kept elsewhere.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_NONE: NDArray[np.int64] = np.empty(0, dtype=np.int64)


class SeenIds:
    """The ids of the last days, and which of a batch are among them.

    Why it matters: a caller that gets no answer sends its payment again. A system that cannot
    tell a repeat from a new request answers twice, and charges twice.

    >>> seen = SeenIds(days=7)
    >>> seen.add(np.array([3, 5, 3])).tolist()
    [False, False, True]
    >>> seen.add(np.array([5, 6])).tolist()
    [True, False]
    """

    def __init__(self, days: int) -> None:
        self.days = days
        self._past = _NONE  # sorted: the closed days
        self._today = _NONE  # sorted: the running day
        self._closed: deque[NDArray[np.int64]] = deque(maxlen=days)

    def __repr__(self) -> str:
        return f"SeenIds({len(self._past) + len(self._today):,} ids of the last {self.days} days)"

    def add(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Remember the ids; say for each whether it, or an earlier row of the batch, was there."""
        order = ascending(ids)
        ordered = ids[order]
        repeat = np.zeros(len(ids), dtype=bool)
        repeat[1:] = ordered[1:] == ordered[:-1]
        repeat |= is_in(ordered, self._past) | is_in(ordered, self._today)
        fresh = ordered[~repeat]
        if len(fresh):
            self._today = merged(self._today, fresh) if len(self._today) else fresh
        known = np.empty(len(ids), dtype=bool)
        known[order] = repeat
        return known

    def close_day(self) -> None:
        """The running day joins the past; the oldest day is forgotten."""
        self._closed.append(self._today)
        self._past = np.sort(np.concatenate([_NONE, *self._closed]))  # quicker than merging
        self._today = _NONE


def ascending(ids: NDArray[np.int64]) -> NDArray[np.intp]:
    """The order that sorts ids; equal ones stay as they came.

    >>> ascending(np.array([5, 3, 5])).tolist()
    [1, 0, 2]
    """
    order = np.argsort(ids)  # several times as fast as the stable sort, which only repeats need
    ordered = ids[order]
    repeats = bool((ordered[1:] == ordered[:-1]).any())
    return np.argsort(ids, kind="stable") if repeats else order


def is_in(queries: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the queries are among the sorted keys.

    >>> is_in(np.array([1, 4]), np.array([2, 4, 6])).tolist()
    [False, True]
    """
    if not len(keys):
        return np.zeros(len(queries), dtype=bool)
    place = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    return np.asarray(keys[place] == queries)


def merged(keys: NDArray[np.int64], more: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two sorted arrays as one.

    >>> merged(np.array([1, 5]), np.array([3])).tolist()
    [1, 3, 5]
    """
    return np.sort(np.concatenate([keys, more]), kind="stable")  # which merges what is in order


def locate(wanted: NDArray[np.int64], request_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each wanted id among others, -1 where it is not there.

    >>> locate(np.array([7, 9]), np.array([5, 9, 4]))
    array([-1,  1])
    """
    if not len(request_id):
        return np.full(len(wanted), -1)
    order = np.argsort(request_id)
    ranked = request_id[order]
    place = np.minimum(np.searchsorted(ranked, wanted), len(ranked) - 1)
    return np.where(ranked[place] == wanted, order[place], -1)


_POSITION_BITS = np.int64(10)  # a slate has at most 1,024 places; a caller's id stays below 2^53


def row_keys(frame: pd.DataFrame, identity: tuple[str, ...]) -> NDArray[np.int64]:
    """One number for each row that tells it from every other row: its identity.

    A caller's id is enough where a request is one row; in a slate the position comes with it. So a
    repeat (same id, same position) is never taken for a neighbour in its slate, nor the other way.

    >>> rows = pd.DataFrame({"request_id": [7, 7, 8], "position": [0, 1, 0]})
    >>> row_keys(rows, ("request_id",)).tolist()
    [7, 7, 8]
    >>> len(set(row_keys(rows, ("request_id", "position")).tolist()))
    3
    """
    ids = frame[identity[0]].to_numpy(dtype=np.int64)
    if len(identity) == 1:
        return ids
    return ids << _POSITION_BITS | frame[identity[1]].to_numpy(dtype=np.int64)
