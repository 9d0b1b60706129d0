"""The event store: who paid how much and when, sorted, with running totals.

One int64 key an event, customer * 2**38 + event time, so a window of one customer is a slice of a
sorted array, its count a difference of positions, its sum a difference of running totals in whole
cents. Exact integers: however a stream is cut into batches, the answers are the same to the bit.
Two layers, as in a log-structured store: `base` up to the last midnight, `today` since then. It
knows nothing of features.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.records import DAY_MS

Ints = NDArray[np.int64]
KEPT_DAYS = 33  # thirty days of habit, and room for rows that come late
TIME_BITS = 38  # eight years in milliseconds
TIME_ZERO = -3 * 365 * DAY_MS  # earliest event time a key can hold
LAST_TIME = (1 << TIME_BITS) - 1


def keys_of(customers: Ints, times: Ints) -> Ints:
    """Sort keys of (customer, event time in ms since day 0); times are clipped to the key's range.

    >>> bool(keys_of(np.array([1]), np.array([5])) < keys_of(np.array([2]), np.array([0])))
    True
    """
    return (customers << TIME_BITS) + np.clip(times - TIME_ZERO, 0, LAST_TIME)


@dataclass
class Layer:
    """Sorted keys and the running total of cents before each; one total more than keys."""

    keys: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    cents: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    total: Ints = field(default_factory=lambda: np.zeros(1, np.int64))

    @classmethod
    def of(cls, keys: Ints, cents: Ints) -> Layer:
        """A layer from events already in key order."""
        total = np.zeros(len(keys) + 1, dtype=np.int64)
        np.cumsum(cents, out=total[1:])
        return cls(keys, cents, total)

    def merged(self, keys: Ints, cents: Ints) -> Layer:
        """This layer and more events, the latter in key order too."""
        if not len(self.keys):
            return Layer.of(keys, cents)
        place = np.searchsorted(self.keys, keys)
        return Layer.of(np.insert(self.keys, place, keys), np.insert(self.cents, place, cents))


@dataclass(frozen=True)
class Windows:
    """For each query and window: events and cents; and the time of the latest event before."""

    count: Ints  # (windows, queries)
    cents: Ints  # (windows, queries)
    previous: Ints  # event time in ms, or NEVER


NEVER = np.int64(-(2**62))


class EventStore:
    """Events of the last month by customer, ready for window queries.

    >>> store = EventStore()
    >>> store.add(np.array([9, 9]), np.array([1_000, 5_000]), np.array([150, 250]))
    >>> found = store.query(np.array([9]), np.array([6_000]), (2_000, 10_000))
    >>> found.count[:, 0].tolist(), found.cents[:, 0].tolist(), int(found.previous[0])
    ([1, 2], [250, 400], 5000)
    """

    def __init__(self) -> None:
        self.base = Layer()
        self.today = Layer()

    def __repr__(self) -> str:
        return f"EventStore({len(self):,} events of the last {KEPT_DAYS} days)"

    def __len__(self) -> int:
        return len(self.base.keys) + len(self.today.keys)

    def add(self, customers: Ints, times: Ints, cents: Ints) -> None:
        """Take in events; their order does not matter."""
        keys = keys_of(customers, times)
        order = np.argsort(keys, kind="stable")
        self.today = self.today.merged(keys[order], cents[order])

    def close_day(self, midnight: int) -> None:
        """Fold today into the base and forget events too old to be asked for."""
        merged = self.base.merged(self.today.keys, self.today.cents)
        times = (merged.keys & LAST_TIME) + TIME_ZERO
        kept = times >= midnight - KEPT_DAYS * DAY_MS
        self.base = Layer.of(merged.keys[kept], merged.cents[kept])
        self.today = Layer()

    def query(self, customers: Ints, times: Ints, windows: tuple[int, ...]) -> Windows:
        """Events of each customer in [time - window, time), and the latest one before time."""
        upper = keys_of(customers, times)
        order = np.argsort(upper, kind="stable")
        lower = [keys_of(customers[order], times[order] - window) for window in windows]
        first = customers[order] << TIME_BITS
        count = np.zeros((len(windows), len(times)), dtype=np.int64)
        cents, previous = np.zeros_like(count), np.full(len(times), NEVER)
        for layer in (self.base, self.today):
            if not len(layer.keys):
                continue
            end = np.searchsorted(layer.keys, upper[order])
            for row, bound in enumerate(lower):
                begin = np.searchsorted(layer.keys, bound)
                count[row, order] += end - begin
                cents[row, order] += layer.total[end] - layer.total[begin]
            before = layer.keys[np.maximum(end - 1, 0)]
            own = (end > 0) & (before >= first)
            latest = np.where(own, (before & LAST_TIME) + TIME_ZERO, NEVER)
            previous[order] = np.maximum(previous[order], latest)
        return Windows(count, cents, previous)
