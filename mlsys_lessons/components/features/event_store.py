"""Event store: who tried to pay when, and how much, sorted so that any window is two look-ups.

It answers one question, "what had this customer done just before this moment?", exactly and for
any batch size. It is not the log: it forgets after some weeks, and it knows neither features nor
decisions. features.py makes numbers for a model out of its answers.

How: one int64 key per event, customer first and time second, kept in order beside the running total
of cents. The events of a window lie next to each other, so their count is the difference of two
positions and their sum the difference of two totals. Whole numbers only: no order of additions,
hence no batch cut, can change a bit. Longer than most: runs and store are one data structure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.records import DAY_MS, HOUR_MS

Ints = NDArray[np.int64]

WINDOWS_MS = (30 * DAY_MS, 7 * DAY_MS, DAY_MS, HOUR_MS)  # what a history tells, longest first
MONTH, WEEK, DAY, HOUR = range(len(WINDOWS_MS))  # columns of History.counts and History.cents
ACCEPTED_DELAY_MS = 7 * DAY_MS  # an older claim is quarantined by the contract
SETTLE_EVERY_DAYS = 7  # going through all events is dear, and a few more do no harm
KEPT_MS = WINDOWS_MS[MONTH] + ACCEPTED_DELAY_MS  # so forgetting never changes an accepted row

TIME_BITS = 38  # 2^38 ms are 8.7 years; with 24 bits of customer a key stays below 2^62
CUSTOMERS = 2**24
_TIME_MASK = 2**TIME_BITS - 1
_ZERO_MS = -1_000 * DAY_MS  # the time whose key is 0
# Every key lies 35 days or more above its customer's lowest one: no window reaches into another
# customer's events, and another customer's last event always looks older than any window.
EARLIEST_MS = _ZERO_MS + 35 * DAY_MS
LATEST_MS = _ZERO_MS + _TIME_MASK
_UNREADABLE = CUSTOMERS << TIME_BITS  # the key of rows that belong to nobody
_SENTINEL = -1  # stands before every key, so there is always a "last event before"
_BEFORE, _BEHIND = -2, -1  # all of a run


class Attempts(NamedTuple):
    """Payments in arrival order, as the store reads them."""

    keys: Ints
    cents: Ints
    enters: NDArray[np.bool_]  # the others are told their history and leave no trace

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Which rows have a customer and a time to look under."""
        return np.asarray(self.keys != _UNREADABLE)


class History(NamedTuple):
    """What the store knows of each row's customer just before the row."""

    counts: Ints  # (rows, windows)
    cents: Ints  # (rows, windows)
    gap_ms: Ints  # since the last earlier event; longer than any window when there is none


class Found(NamedTuple):
    """What one run knows of each row's customer."""

    counts: Ints  # (rows, windows)
    cents: Ints  # (rows, windows)
    latest: Ints  # the last key before the row

    def and_(self, other: Found) -> Found:
        """What two runs know together."""
        counts, cents = self.counts + other.counts, self.cents + other.cents
        return Found(counts, cents, np.maximum(self.latest, other.latest))


def read_attempts(
    customer_id: Ints, event_ms: Ints, cents: Ints, *, enters: NDArray[np.bool_]
) -> Attempts:
    """Keys for payments; a customer or time out of range makes a row unreadable.

    >>> read_attempts(np.array([1, -1]), np.array([0, 0]), np.array([500, 500]),
    ...               enters=np.array([True, True])).readable.tolist()
    [True, False]
    """
    known = (customer_id >= 0) & (customer_id < CUSTOMERS)
    timed = (event_ms >= EARLIEST_MS) & (event_ms < LATEST_MS)
    readable = known & timed
    keys = np.where(readable, customer_id << TIME_BITS | (event_ms - _ZERO_MS), _UNREADABLE)
    return Attempts(keys, cents, enters & readable)


@dataclass(frozen=True)
class SortedRun:
    """Events in key order behind one sentinel. Never changed in place, so copies may share it."""

    keys: Ints = field(default_factory=lambda: np.array([_SENTINEL], dtype=np.int64))
    cents: Ints = field(default_factory=lambda: np.zeros(1, dtype=np.int64))

    @cached_property
    def totals(self) -> Ints:
        """Cents of each event and of all before it."""
        return np.cumsum(self.cents)

    def __deepcopy__(self, memo: dict[int, object]) -> SortedRun:
        """Return the run itself: nobody can change it."""
        return self

    def __len__(self) -> int:
        return len(self.keys) - 1

    def __repr__(self) -> str:
        return f"SortedRun({len(self):,} events)"

    def with_events(self, keys: Ints, cents: Ints) -> SortedRun:
        """A run with more events, given in key order; on equal keys the earlier arrival first."""
        if not len(keys):
            return self
        merged = np.concatenate([self.keys, keys])
        order = np.argsort(merged, kind="stable")  # numpy's stable sort merges what is in order
        return SortedRun(merged[order], np.concatenate([self.cents, cents])[order])

    def younger_than(self, time_ms: int) -> SortedRun:
        """A run without the events before a time."""
        kept = (self.keys & _TIME_MASK) >= time_ms - _ZERO_MS
        kept[0] = True
        return self if kept.all() else SortedRun(self.keys[kept], self.cents[kept])

    @cached_property
    def span(self) -> tuple[int, int]:
        """The times of the first and the last event."""
        times = self.keys[1:] & _TIME_MASK
        return int(times.min(initial=_TIME_MASK)), int(times.max(initial=-1))

    def look(self, ends: Ints) -> Found:
        """What lies in each window before the given keys.

        An event on a window's opening edge is in, one on its end is out. Edges that lie before the
        run's first event, or behind its last one, all fall on one place: they are looked up once.
        """
        times = ends & _TIME_MASK
        low, high = int(times.min(initial=_TIME_MASK)), int(times.max(initial=0))
        first, last = self.span
        places: dict[int, Ints] = {}
        columns = []
        for reach in (*WINDOWS_MS, 0):
            shared = _BEHIND if low - reach > last else _BEFORE if high - reach <= first else reach
            if shared not in places:
                places[shared] = np.searchsorted(self.keys, ends - reach) - 1
            columns.append(places[shared])
        *opened, end = columns
        counts = np.stack([end - place for place in opened], axis=1)
        until = self.totals[end]
        cents = np.stack([until - self.totals[place] for place in opened], axis=1)
        return Found(counts, cents, self.keys[end])


class EventStore:
    """Three sorted runs: `base`, the days `since` it was last settled, and `today`, which grows.

    Why it matters: a day's rows are merged into a small run many times and into the large one
    rarely, so a single payment is answered as exactly as a whole day, and soon enough.

    Reference: the log-structured merge tree (O'Neil, Cheng, Gawlick and O'Neil, 1996), cut down
    to three levels.

    >>> customer, time, cents = np.array([[7, 7], [0, HOUR_MS], [500, 900]])
    >>> pair = read_attempts(customer, time, cents, enters=cents > 0)
    >>> EventStore().read(pair).counts[:, HOUR].tolist()
    [0, 1]
    """

    def __init__(self) -> None:
        self.base, self.since, self.today = SortedRun(), SortedRun(), SortedRun()
        self.edge_ms = EARLIEST_MS  # the last midnight

    def __len__(self) -> int:
        """Count the events held."""
        return len(self.base) + len(self.since) + len(self.today)

    def __repr__(self) -> str:
        """Say how much is held."""
        past = len(self.base) + len(self.since)
        return f"EventStore({past:,} events until midnight, {len(self.today):,} since)"

    def read(self, attempts: Attempts) -> History:
        """The history of each row: what arrived before it and happened before it.

        Rows see the earlier rows of their own batch. Nothing is kept: that is `add`.
        """
        order = _by_customer(attempts.keys)
        keys, cents = attempts.keys[order], attempts.cents[order]
        enters = attempts.enters[order]
        known = self._until_midnight(keys)
        today = self.today
        for rows in _waves(keys):
            chosen = enters[rows]
            today = today.with_events(keys[rows][chosen], cents[rows][chosen])
            more = today.look(keys[rows])
            known.counts[rows] += more.counts
            known.cents[rows] += more.cents
            known.latest[rows] = np.maximum(known.latest[rows], more.latest)
        return _in_order(order, History(known.counts, known.cents, keys - known.latest))

    def read_at(self, attempts: Attempts, as_of_ms: int) -> History:
        """The history of each row as a table written at `as_of_ms` has it.

        Windows end at that moment (or at the row's own, if that is earlier); rows do not see each
        other. Up to the last midnight, only what had arrived by then is read. The gap is
        the time from the last event in the table to the row itself.
        """
        as_of = min(max(as_of_ms, EARLIEST_MS), LATEST_MS) - _ZERO_MS
        order = _by_customer(attempts.keys)
        keys = attempts.keys[order]
        ends = keys - np.maximum((keys & _TIME_MASK) - as_of, 0)
        another = np.diff(ends, prepend=-1) != 0  # a customer's rows mostly read the same line
        known = self._until_midnight(ends[another])
        if as_of_ms > self.edge_ms:
            known = known.and_(self.today.look(ends[another]))
        line = np.cumsum(another) - 1
        known = Found(*(column[line] for column in known))
        return _in_order(order, History(known.counts, known.cents, keys - known.latest))

    def _until_midnight(self, ends: Ints) -> Found:
        """What the closed days know."""
        return self.base.look(ends).and_(self.since.look(ends))

    def add(self, attempts: Attempts) -> None:
        """Keep the rows that may enter."""
        order = _by_customer(attempts.keys)
        order = order[attempts.enters[order]]
        keys, cents = attempts.keys[order], attempts.cents[order]
        if bool((keys[1:] < keys[:-1]).any()):
            by_time = np.argsort(keys, kind="stable")
            keys, cents = keys[by_time], cents[by_time]
        self.today = self.today.with_events(keys, cents)

    def close_day(self, edge_ms: int) -> None:
        """Midnight: the running day joins the others; once a week they settle into the base.

        What no window can reach any more is forgotten then.
        """
        self.since = self.since.with_events(self.today.keys[1:], self.today.cents[1:])
        if edge_ms // DAY_MS % SETTLE_EVERY_DAYS == 0:
            settled = self.base.with_events(self.since.keys[1:], self.since.cents[1:])
            self.base, self.since = settled.younger_than(edge_ms - KEPT_MS), SortedRun()
        self.today, self.edge_ms = SortedRun(), edge_ms


def _by_customer(keys: Ints) -> Ints:
    """The order that groups rows by customer and leaves each customer's rows as they arrived."""
    # Sorting unique numbers needs no stable sort, and numpy has a far faster one then.
    packed = np.sort(keys >> TIME_BITS << TIME_BITS | np.arange(len(keys)))
    return np.asarray(packed & _TIME_MASK)


def _waves(keys: Ints) -> Iterator[slice | Ints]:
    """Groups of rows to be entered one after another, each free of overtaking.

    A row that happens before its customer's previous arrival has been overtaken. Were both
    entered at once, the previous arrival would see a row that had not come yet. So the overtaken
    row opens the customer's next wave. Without late rows there is one wave: the batch.
    """
    overtaken = np.diff(keys, prepend=keys[:1]) < 0  # never across customers: those ascend
    if not overtaken.any():
        yield slice(None)
        return
    risen = np.cumsum(overtaken)
    first = np.searchsorted(keys >> TIME_BITS, keys >> TIME_BITS)  # each customer's first row
    wave: Ints = risen - risen[first]
    by_wave = np.argsort(wave, kind="stable")
    yield from np.split(by_wave, np.cumsum(np.bincount(wave))[:-1])


def _in_order(order: Ints, history: History) -> History:
    """The answers in the order of the questions."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return History(*(column[place] for column in history))
