"""Event store: who tried to pay when, and how much, sorted so that any window is two look-ups.

It answers one question, "what had this customer done just before this moment?", exactly and for
any batch size. It is not the log: it forgets after some weeks, and it knows neither features nor
decisions. definitions.py makes numbers for a model out of its answers.

| word | what it is |
|---|---|
| key | `EVENT`: customer 24 bits, time 38 bits (ms); keys in order are customers, each in time |
| run | events in the order of their keys, a line a key, with running totals |
| window | 30 days, 7 days, a day, an hour; it ends just before a key |
| moment | the one key of neighbouring rows, as in a slate: looked up once; its number is the line |
| wave | moments of a batch none of which has overtaken another: they can be read at once |

A window's events lie next to each other in a run, so their count and their sum are differences of
two totals; the ten rows of a slate are one line. Whole numbers only: no order of additions, hence
no batch cut, can change a bit. Longer than most: runs and store are one data structure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields, stable_order
from mlsys_lessons.records import DAY_MS, HOUR_MS

Ints = NDArray[np.int64]

WINDOWS_MS = (30 * DAY_MS, 7 * DAY_MS, DAY_MS, HOUR_MS)  # the spans of a history, longest first
MONTH, WEEK, DAY, HOUR = range(len(WINDOWS_MS))  # rows of History.counts and History.cents
SUMS = 3
EVENTS, CENTS, SIZED = range(SUMS)  # how many, how much, and how many of known size
ACCEPTED_DELAY_MS = 7 * DAY_MS  # an older claim is quarantined by the contract
SETTLE_EVERY_DAYS = 7  # going through all events is dear, and a few more do no harm
KEPT_MS = WINDOWS_MS[MONTH] + ACCEPTED_DELAY_MS  # so forgetting never changes an accepted row

EVENT = BitFields("customer", time=38)  # 2^38 ms are 8.7 years; a key stays below 2^62
CUSTOMERS = 2**24
_ZERO_MS = -1_000 * DAY_MS  # the time 0 of a key
_LAST_TIME = 2 ** EVENT.bits["time"] - 1
# Every key lies 35 days or more above its customer's lowest one: no window reaches into another
# customer's events, and another customer's last event always looks older than any window.
EARLIEST_MS = _ZERO_MS + 35 * DAY_MS
LATEST_MS = _ZERO_MS + _LAST_TIME
_UNREADABLE = int(EVENT.pack(customer=CUSTOMERS, time=0))  # the key of rows that belong to nobody
_ALL = slice(None)
_SENTINEL = -1  # stands before every key, so there is always a "last event before"


class Attempts(NamedTuple):
    """Payments in arrival order, as the store reads them."""

    keys: Ints
    cents: Ints  # 0: of unknown size, an attempt that counts and adds to no sum
    enters: NDArray[np.bool_]  # the others get their history and leave no trace

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Which rows have a customer and a time to look under."""
        return np.asarray(self.keys != _UNREADABLE)

    def take(self, rows: slice | Ints | NDArray[np.bool_]) -> Attempts:
        """Select attempts by slice, position or mask."""
        return Attempts(self.keys[rows], self.cents[rows], self.enters[rows])


class History(NamedTuple):
    """What the store knows of each row's customer just before the row."""

    counts: Ints  # (windows, rows)
    cents: Ints  # (windows, rows)
    gap_ms: Ints  # since the last earlier event; longer than any window when there is none
    sized: Ints  # (rows,) of the month's events, those of known size


class Summary(NamedTuple):
    """What some runs hold of each row's customer before a key."""

    held: Ints  # (sums, windows, rows)
    last_key: Ints  # of the last event before

    def include(self, other: Summary, rows: slice | Ints = _ALL) -> None:
        """Add to these rows what other events hold of them; changes the arrays."""
        self.held[..., rows] += other.held
        self.last_key[rows] = np.maximum(self.last_key[rows], other.last_key)

    def history(self, keys: Ints, line: Ints) -> History:
        """The history of rows with these keys, each of which has a line here."""
        counts, cents = (self.held[sums].take(line, axis=1) for sums in (EVENTS, CENTS))
        sized = self.held[SIZED, MONTH].take(line)
        return History(counts, cents, keys - self.last_key.take(line), sized)


def read_attempts(
    customer_id: Ints, event_ms: Ints, cents: Ints, *, enters: NDArray[np.bool_]
) -> Attempts:
    """Keys for payments; a customer or time out of range makes a row unreadable.

    >>> read_attempts(np.array([1, -1]), np.array([0, 0]), np.array([500, 500]),
    ...               enters=np.array([True, True])).readable.tolist()
    [True, False]
    """
    readable = (customer_id >= 0) & (customer_id < CUSTOMERS)
    readable &= (event_ms >= EARLIEST_MS) & (event_ms < LATEST_MS)
    keys = EVENT.pack(customer=customer_id, time=event_ms - _ZERO_MS)
    return Attempts(np.where(readable, keys, _UNREADABLE), cents, enters & readable)


@dataclass(frozen=True)
class SortedRun:
    """Events in key order behind one sentinel, those of one key in one line.

    `totals` has a row for each sum: of a line's events and of all before it. Never changed in
    place, so copies may share it.
    """

    keys: Ints = field(default_factory=lambda: np.array([_SENTINEL], dtype=np.int64))
    totals: Ints = field(default_factory=lambda: np.zeros((SUMS, 1), dtype=np.int64))

    @classmethod
    def of(cls, keys: Ints, sums: Ints) -> SortedRun:
        """A run of what some keys in order add to each sum."""
        lines = np.append(_SENTINEL, keys)
        totals = np.zeros((SUMS, len(lines)), dtype=np.int64)
        np.cumsum(sums, axis=1, out=totals[:, 1:])
        return cls._one_line_a_key(lines, totals)

    @classmethod
    def _one_line_a_key(cls, keys: Ints, totals: Ints) -> SortedRun:
        is_last = np.append(keys[1:] != keys[:-1], True)
        return cls(keys, totals) if is_last.all() else cls(keys[is_last], totals[:, is_last])

    @classmethod
    def entered(cls, attempts: Attempts) -> SortedRun:
        """A run of attempts in key order, those that may enter."""
        keys, cents = attempts.keys[attempts.enters], attempts.cents[attempts.enters]
        # EVENTS, CENTS, SIZED
        return cls.of(keys, np.stack([np.ones_like(cents), cents, cents != 0]))

    def __deepcopy__(self, memo: dict[int, object]) -> SortedRun:
        """Return the run itself: nobody can change it."""
        return self

    def __len__(self) -> int:
        return int(self.totals[EVENTS, -1])

    def __repr__(self) -> str:
        return f"SortedRun({len(self):,} events)"

    def with_run(self, other: SortedRun) -> SortedRun:
        """A run of both runs' events: cheap for a few more, for nothing is sorted again."""
        if not len(other) or not len(self):
            return self if len(self) else other
        added = other.keys[1:]
        place = np.searchsorted(self.keys, added, side="right")
        keys = np.insert(self.keys, place, added)
        of_other = np.insert(np.zeros(len(self.keys), dtype=np.int64), place, 1)
        theirs = np.cumsum(of_other)  # how many of their lines until each one
        totals = self.totals.take(np.arange(len(keys)) - theirs, axis=1)
        totals += other.totals.take(theirs, axis=1)
        return SortedRun._one_line_a_key(keys, totals)

    def younger_than(self, time_ms: int) -> SortedRun:
        """A run without the events before a time."""
        young = EVENT.get(self.keys[1:], "time") >= time_ms - _ZERO_MS
        if young.all():
            return self
        return SortedRun.of(self.keys[1:][young], np.diff(self.totals, axis=1)[:, young])

    @cached_property
    def span(self) -> tuple[int, int]:
        """The times of the first and the last event."""
        times = EVENT.get(self.keys[1:], "time")
        return int(times.min(initial=_LAST_TIME)), int(times.max(initial=-1))

    def before(self, ends: Ints) -> Summary:
        """What lies in each window before the given keys.

        An event on a window's opening edge is in, one on its end is out.
        """
        positions = self._positions(ends)
        until = self.totals.take(positions, axis=1)
        return Summary(until[:, -1:] - until[:, :-1], self.keys.take(positions[-1]))

    def _positions(self, ends: Ints) -> Ints:
        """Positions of the last event before each window's opening, and before the end itself.

        Openings that all lie before the run's first event, or all behind its last one, fall on
        one position for each customer: windows that share it are looked up once.
        """
        times = EVENT.get(ends, "time")
        earliest, latest = int(times.min(initial=_LAST_TIME)), int(times.max(initial=0))
        first, last = self.span
        lookups: dict[int | str, Ints] = {}
        positions = []
        for span in (*WINDOWS_MS, 0):
            behind, before = earliest - span > last, latest - span <= first
            edge = "behind all" if behind else "before all" if before else span
            if edge not in lookups:
                lookups[edge] = np.searchsorted(self.keys, ends - span) - 1
            positions.append(lookups[edge])
        return np.array(positions)


class EventStore:
    """Three sorted runs: `base`, the `recent` days not yet settled in it, and `today`, which grows.

    Why it matters: a day's rows are merged into a small run many times and into the large one
    rarely, so a single payment is answered as exactly as a whole day, and soon enough.

    Reference: the log-structured merge tree (O'Neil, Cheng, Gawlick and O'Neil, 1996), cut down
    to three levels.

    >>> customer, time, cents = np.array([[7, 7], [0, HOUR_MS], [500, 900]])
    >>> pair = read_attempts(customer, time, cents, enters=cents > 0)
    >>> EventStore().read(pair).counts[HOUR].tolist()
    [0, 1]
    """

    def __init__(self) -> None:
        self.base, self.recent, self.today = SortedRun(), SortedRun(), SortedRun()
        self.midnight_ms = EARLIEST_MS  # the last midnight

    def __len__(self) -> int:
        """Count the events held."""
        return len(self.base) + len(self.recent) + len(self.today)

    def __repr__(self) -> str:
        """Say how much is held."""
        past = len(self.base) + len(self.recent)
        return f"EventStore({past:,} events until midnight, {len(self.today):,} since)"

    def read(self, attempts: Attempts) -> History:
        """The history of each row: what arrived before it and happened before it.

        Rows see the earlier rows of their own batch. Nothing is kept: that is `enter`.
        """
        return self._read(attempts)[0]

    def enter(self, attempts: Attempts) -> History:
        """`read` and `add` at once, at the price of reading."""
        history, self.today = self._read(attempts)
        return history

    def _read(self, attempts: Attempts) -> tuple[History, SortedRun]:
        """The rows' history, and the running day with them."""
        order = _by_customer(attempts.keys)
        ordered = attempts.take(order)
        is_new, line = _lines(ordered.keys)
        ends, today = ordered.keys[is_new], self.today
        lines = self._closed_days(ends)
        for moments, rows in _waves(ends, line):
            wave = ordered.take(rows)
            today = today.with_run(SortedRun.entered(wave))
            lines.include(today.before(ends[moments]), moments)
        return _as_arrived(attempts.keys, order, line, lines), today

    def read_at(self, attempts: Attempts, as_of_ms: int) -> History:
        """The history of each row as a table written at `as_of_ms` has it.

        Windows end at that moment (or at the row's own, if that is earlier); rows do not see each
        other. Up to the last midnight, only what had arrived by then is read. The gap is
        the time from the last event in the table to the row itself.
        """
        order = _by_customer(attempts.keys)
        keys = attempts.keys[order]
        ends = _no_later_than(as_of_ms, keys)
        is_new, line = _lines(ends)
        lines = self._closed_days(ends[is_new])
        if as_of_ms > self.midnight_ms:
            lines.include(self.today.before(ends[is_new]))
        return _as_arrived(attempts.keys, order, line, lines)

    def _closed_days(self, ends: Ints) -> Summary:
        """What the days until the last midnight hold."""
        summary = self.base.before(ends)
        summary.include(self.recent.before(ends))
        return summary

    def add(self, attempts: Attempts) -> None:
        """Keep the rows that may enter, without reading."""
        ordered = attempts.take(_by_customer(attempts.keys))
        if bool((ordered.keys[1:] < ordered.keys[:-1]).any()):  # some came late
            ordered = ordered.take(np.argsort(ordered.keys, kind="stable"))
        self.today = self.today.with_run(SortedRun.entered(ordered))

    def close_day(self, midnight_ms: int) -> None:
        """Midnight: the running day joins the recent ones; once a week they settle into the base.

        What no window can reach any more is forgotten then.
        """
        self.recent = self.recent.with_run(self.today)
        if midnight_ms // DAY_MS % SETTLE_EVERY_DAYS == 0:
            settled = self.base.with_run(self.recent)
            self.base, self.recent = settled.younger_than(midnight_ms - KEPT_MS), SortedRun()
        self.today, self.midnight_ms = SortedRun(), midnight_ms


def _by_customer(keys: Ints) -> Ints:
    """The order that groups rows by customer and leaves each customer's rows as they arrived."""
    return stable_order(EVENT.get(keys, "customer"))


def _lines(ends: Ints) -> tuple[NDArray[np.bool_], Ints]:
    """Which rows end at a moment of their own, and for each the number of its moment.

    Rows of one slate share theirs, and so do a customer's in a table written at one moment.
    """
    is_new = np.diff(ends, prepend=-1) != 0
    return is_new, np.cumsum(is_new) - 1


def _no_later_than(moment_ms: int, keys: Ints) -> Ints:
    """The keys, those of a later time moved back to a moment of their customer."""
    moment = min(max(moment_ms, EARLIEST_MS), LATEST_MS) - _ZERO_MS
    return keys - np.maximum(EVENT.get(keys, "time") - moment, 0)


def _waves(ends: Ints, line: Ints) -> Iterator[tuple[slice | Ints, slice | Ints]]:
    """Moments to be entered one after another, each time free of overtaking, and their rows.

    A moment before its customer's previous arrival was overtaken by it. Were both entered at
    once, the previous arrival would see a row that had not come yet. So the overtaken moment opens
    the customer's next wave. Without late rows there is one wave: the batch.
    """
    overtaken = np.diff(ends, prepend=ends[:1]) < 0  # never across customers: those ascend
    if not overtaken.any():
        yield _ALL, _ALL
        return
    overtakings = np.cumsum(overtaken)
    customer = EVENT.get(ends, "customer")
    wave: Ints = overtakings - overtakings[np.searchsorted(customer, customer)]  # less its first
    yield from zip(_groups(wave), _groups(wave[line]), strict=True)


def _groups(number: Ints) -> list[Ints]:
    """The positions that have number 0, those that have 1, and so on."""
    return np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])


def _as_arrived(keys: Ints, order: Ints, line: Ints, lines: Summary) -> History:
    """The history of rows with these keys; `order` sorts them into the order of `line`."""
    arrived = np.empty_like(line)
    arrived[order] = line
    return lines.history(keys, arrived)
