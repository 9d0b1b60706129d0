"""Ids: where they are among others, which have been here before, and numbers packed into one.

The one place of the package that searches sorted ids or shifts bits. It holds numbers and nothing
else: what was answered to a request, and what it was worth, is kept elsewhere. Longer than most:
all that is done to ids stands in one file.

| to know | ask |
|---|---|
| where each id is among others, in any order | `locate`; `SortedIds` when asked again and again |
| where each id is among ids that are sorted | `locate_sorted`, or `is_in` for yes and no |
| how many sorted ids lie in a range | `count_between` |
| the order that sorts them | `ascending`, or `stable_order` for small numbers |
| whether an id came in the last days | `SeenIds` |
| which row this is, in a slate too | `row_keys` |
| several small numbers as one | `BitFields` |
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import accumulate

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import array_of

Ints = NDArray[np.int64]

_NONE: Ints = np.empty(0, dtype=np.int64)


# --- where an id is -----------------------------------------------------------------------------


def locate(wanted: Ints, ids: Ints) -> Ints:
    """Position of each wanted id among ids in any order, -1 where it is not there.

    Of equal ids the first is found.

    >>> locate(np.array([7, 9]), np.array([5, 9, 4, 9]))
    array([-1,  1])
    """
    return SortedIds(ids).locate(wanted)


class SortedIds:
    """Ids that are sorted once and looked up many times.

    >>> truth = SortedIds(np.array([5, 9, 4]))
    >>> truth.locate(np.array([4, 7])), truth.locate(np.array([9]))
    (array([ 2, -1]), array([1]))
    """

    def __init__(self, ids: Ints) -> None:
        self._order, self._keys = _sorted(ids)

    def __repr__(self) -> str:
        return f"SortedIds({len(self._keys):,})"

    def locate(self, wanted: Ints) -> Ints:
        """Position of each wanted id among the ids as they were given, -1 where it is not there."""
        if not len(self._keys):
            return np.full(len(wanted), -1)
        place = _nearest(wanted, self._keys)
        return np.where(self._keys[place] == wanted, self._order[place], -1)


def locate_sorted(wanted: Ints, keys: Ints) -> Ints:
    """Position of each wanted id among sorted keys, -1 where it is not there.

    >>> locate_sorted(np.array([1, 4]), np.array([2, 4, 6]))
    array([-1,  1])
    """
    if not len(keys):
        return np.full(len(wanted), -1)
    place = _nearest(wanted, keys)
    return np.where(keys[place] == wanted, place, -1)


def is_in(wanted: Ints, keys: Ints) -> NDArray[np.bool_]:
    """Which of the wanted ids are among the sorted keys.

    >>> is_in(np.array([1, 4]), np.array([2, 4, 6])).tolist()
    [False, True]
    """
    if not len(keys) or _keep_clear(wanted, [keys]):
        return np.zeros(len(wanted), dtype=bool)
    return np.asarray(keys[_nearest(wanted, keys)] == wanted)


def _keep_clear(wanted: Ints, several: Iterable[Ints]) -> bool:
    """Whether no run of wanted ids meets any of the sorted keys; False where runs are too many."""
    begin = _runs(wanted)
    if not _are_long(begin, wanted):
        return False
    first, last = wanted[begin], wanted[np.append(begin[1:], len(wanted)) - 1]
    nearest = (keys[_nearest(first, keys)] for keys in several if len(keys))
    return not any(bool(((first <= key) & (key <= last)).any()) for key in nearest)


def count_between(low: Ints, high: Ints, keys: Ints) -> Ints:
    """How many of the sorted keys lie from each low number up to, but not at, its high one.

    >>> count_between(np.array([2, 5]), np.array([5, 9]), np.array([2, 4, 5, 5, 9])).tolist()
    [2, 2]
    """
    return np.asarray(np.searchsorted(keys, high) - np.searchsorted(keys, low))


def _nearest(wanted: Ints, keys: Ints) -> NDArray[np.intp]:
    """Position of the first of the sorted keys that is no smaller; of the last if all are."""
    return np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)


# --- the order that sorts -----------------------------------------------------------------------


def ascending(ids: Ints) -> NDArray[np.intp]:
    """The order that sorts ids; equal ones stay as they came.

    >>> ascending(np.array([5, 3, 5])).tolist()
    [1, 0, 2]
    """
    return _sorted(ids)[0]


def _runs(ids: Ints) -> Ints:
    """Where each run of consecutive numbers begins: the rows of a slate are one.

    Ten rows that are sorted or looked up as one run cost a tenth.
    """
    begins = [ids[:1] == ids[:1], ids[1:] != ids[:-1] + 1]  # the first id, if there is any, does
    return np.flatnonzero(np.concatenate(begins))


def _are_long(runs: Ints, ids: Ints) -> bool:
    """Whether runs are few enough beside their ids to be worth looking at instead of them."""
    return 2 * len(runs) < len(ids)


def _sorted(ids: Ints) -> tuple[NDArray[np.intp], Ints]:
    """The order that sorts ids, and the ids in it."""
    first = _runs(ids)
    if _are_long(first, ids):
        by_run = np.argsort(ids[first])
        length = np.diff(first, append=len(ids))[by_run]
        order = np.repeat(first[by_run] - np.cumsum(length) + length, length) + np.arange(len(ids))
        keys = ids[order]
        if bool((keys[1:] > keys[:-1]).all()):
            return order, keys
    order = np.argsort(ids)  # several times as fast as the stable sort, which only repeats need
    keys = ids[order]
    if bool((keys[1:] == keys[:-1]).any()):
        order = np.argsort(ids, kind="stable")  # the keys in it are the same
    return order, keys


def stable_order(numbers: Ints) -> Ints:
    """The order that sorts numbers, many of them equal, which stay as they came.

    With its row in the bits below it every number is unique; any sort of these is stable, and
    numpy's fastest is several times as fast as its stable one. Numbers times rows stay below 2^62.

    >>> stable_order(np.array([5, 3, 5])).tolist()
    [1, 0, 2]
    """
    bits = len(numbers).bit_length()
    packed = numbers << bits | np.arange(len(numbers))
    packed.sort()
    return packed & (1 << bits) - 1


def merged(keys: Ints, more: Ints) -> Ints:
    """Two sorted arrays as one.

    >>> merged(np.array([1, 5]), np.array([3])).tolist()
    [1, 3, 5]
    """
    return np.sort(np.concatenate([keys, more]), kind="stable")  # which merges what is in order


# --- who has been here before -------------------------------------------------------------------


class SeenIds:
    """The ids of the last days, and which of a batch are among them.

    Used by ingestion (repeated requests) and by the ledger (one effect for each request).

    Why it matters: a caller that gets no answer sends its payment again. A system that cannot
    tell a repeat from a new request answers twice, and charges twice.

    >>> requests = SeenIds(days=7)
    >>> requests.add(np.array([3, 5, 3])).tolist()
    [False, False, True]
    >>> requests.add(np.array([5, 6])).tolist()
    [True, False]
    """

    def __init__(self, days: int) -> None:
        self.days = days
        self._past: Ints | None = None  # sorted: the closed days, once somebody looks closely
        self._today = _NONE  # sorted: the running day
        self._closed: deque[Ints] = deque(maxlen=days)

    def __repr__(self) -> str:
        held = sum(map(len, self._closed)) + len(self._today)
        return f"SeenIds({held:,} ids of the last {self.days} days)"

    def add(self, ids: Ints) -> NDArray[np.bool_]:
        """Remember the ids; say for each whether it, or an earlier row of the batch, was there."""
        order, keys = _sorted(ids)
        repeats = np.zeros(len(ids), dtype=bool)
        repeats[1:] = keys[1:] == keys[:-1]
        repeats |= self._came_before(keys) | is_in(keys, self._today)
        fresh = keys[~repeats]
        if len(fresh):
            self._today = merged(self._today, fresh) if len(self._today) else fresh
        answer = np.empty(len(ids), dtype=bool)
        answer[order] = repeats
        return answer

    def close_day(self) -> None:
        """The running day joins the past; the oldest day is forgotten.

        Single ids are merged now, so that no request of the morning waits for it; runs are not,
        for most days nobody has to look at them closely.
        """
        self._closed.append(self._today)
        self._past = None if _are_long(_runs(self._today), self._today) else self._merged()
        self._today = _NONE

    def _merged(self) -> Ints:
        days = np.concatenate([_NONE, *self._closed])
        return np.sort(days, kind="stable")  # which merges what is in order

    def _came_before(self, keys: Ints) -> NDArray[np.bool_]:
        """Which of the keys came on a closed day."""
        if self._past is None:
            if _keep_clear(keys, self._closed):
                return np.zeros(len(keys), dtype=bool)
            self._past = self._merged()
        return is_in(keys, self._past)


# --- several numbers in one ---------------------------------------------------------------------


class BitFields:
    """A layout of bits: some whole numbers side by side in one int64, the first on top.

    The first field takes whatever bits are left; each other one has a stated width. Nothing is
    checked here, for this is the hot path: whoever declares a layout says why each number fits.

    Why it matters: one number sorts, compares and hashes several times as fast as a tuple. Bits
    that are shifted all over the code are also how ids come to collide; so only this class does it.

    >>> day_of_customer = BitFields("customer", day=14)
    >>> key = day_of_customer.pack(customer=np.array([1, 2]), day=3)
    >>> key
    array([16387, 32771])
    >>> day_of_customer.get(key, "customer"), day_of_customer.get(key, "day")
    (array([1, 2]), array([3, 3]))
    """

    def __init__(self, first: str, **bits: int) -> None:
        self.bits, self._first = bits, first
        shifts = list(accumulate(reversed(bits.values()), initial=0))[::-1]  # bits below each field
        self._shifts = dict(zip((first, *bits), shifts, strict=True))
        self._masks = {name: (1 << width) - 1 for name, width in bits.items()}

    def __repr__(self) -> str:
        widths = [f"{name}={bits}" for name, bits in self.bits.items()]
        return f"BitFields({', '.join([repr(self._first), *widths])})"

    def pack(self, **numbers: Ints | int) -> Ints:
        """One whole number for each row; the fields are arrays or numbers that broadcast."""
        packed = numbers[self._first]
        for name, bits in self.bits.items():
            packed = packed << bits | numbers[name]
        return np.asarray(packed)

    def get(self, packed: Ints, name: str) -> Ints:
        """One field of each packed number."""
        if name == self._first:
            return packed >> self._shifts[name]
        return packed >> self._shifts[name] & self._masks[name]


# --- the identity of a row ----------------------------------------------------------------------

_ROW = BitFields("request_id", position=10)  # a slate has at most 1,024 places, an id 53 bits


def row_keys(frame: pd.DataFrame, identity: tuple[str, ...]) -> Ints:
    """One number for each row that tells it from every other row: its identity.

    A caller's id is enough where a request is one row; in a slate the position comes with it. So a
    repeat (same id, same position) is never taken for a neighbour in its slate, nor the other way.

    >>> rows = pd.DataFrame({"request_id": [7, 7, 8], "position": [0, 1, 0]})
    >>> row_keys(rows, ("request_id",)).tolist()
    [7, 7, 8]
    >>> len(set(row_keys(rows, ("request_id", "position")).tolist()))
    3
    """
    request_id, *position = (array_of(frame, name, np.int64) for name in identity)
    return _ROW.pack(request_id=request_id, position=position[0]) if position else request_id
