"""Online features: history and risks from state kept in memory, the same for both levels.

The two clocks: a row's history is made of the rows that *arrived* before it and *happened* strictly
before it. What a number is, definitions.py says; when a row may see what, the levels in stages.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Columns, Component
from mlsys_lessons.components.features.definitions import (
    Floats,
    Inputs,
    Rows,
    codes_of,
    feature_columns,
    read_rows,
)
from mlsys_lessons.components.features.event_store import EventStore, History
from mlsys_lessons.components.features.risk_tables import RiskTable
from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import StateError
from mlsys_lessons.frames import array_of, extend, framed, in_arrival_order
from mlsys_lessons.ids import locate_sorted, row_keys
from mlsys_lessons.records import DAY_MS, milliseconds, ticks


class FeatureState(Component):
    """What has happened so far, and the features of rows in its light.

    A call takes requests in arrival order, appends the domain's features (float64) and remembers
    the rows; quarantined ones (`is_quarantined`) get features and are not remembered. Any cut
    into batches gives the same bits. `untrusted`: raw fields whose feed is known to be broken; they
    are read as missing, event_time as the arrival.
    """

    plugs_into = "features"

    def __init__(self, domain: Domain = DEFAULT_DOMAIN) -> None:
        self.domain = domain
        self.store = EventStore()
        self.risks = {name: RiskTable(risk.value) for name, risk in domain.risks.items()}
        self.untrusted: frozenset[str] = frozenset()
        self.last_tick: int | None = None

    def __repr__(self) -> str:
        """Say what is held."""
        keys = sum(len(table) for table in self.risks.values())
        return (
            f"{type(self).__name__}({len(self.store):,} events, {keys:,} risk keys, "
            f"last tick {self.last_tick})"
        )

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Append the features of each row, then remember the rows."""
        rows = read_rows(frame, self.domain, self.untrusted)
        columns = self._columns(rows, self._entered(rows))
        for name, table in self.risks.items():
            table.count(rows.codes[name][rows.attempts.enters])
        return extend(frame, columns)

    @property
    def needs(self) -> Columns:
        """The raw fields that features stand on, and what ingestion put aside."""
        read = tuple(name for name, features in self.domain.derived.items() if features)
        return (*read, "arrival_time", "is_quarantined", "quarantine_reason")

    @property
    def adds(self) -> Columns:
        """The domain's features."""
        return tuple(self.domain.inputs)

    def lookup(self, frame: pd.DataFrame, as_of: np.datetime64 | None = None) -> pd.DataFrame:
        """The features of rows that are not to be remembered.

        Without `as_of` this is what a call would give. With it, history is what a table written
        at that moment says: windows end there (or at the row, if earlier), rows do not see each
        other, and only recency runs on to the row. Risk is always today's.
        """
        rows = read_rows(frame, self.domain, self.untrusted)
        if as_of is None:
            history = self._history(rows)
        else:
            moment = milliseconds(np.array([as_of], dtype="datetime64[ms]"))
            history = self.store.read_at(rows.attempts, int(moment[0]))
        return framed(self._columns(rows, history), frame.index)

    def step(self, tick: int, labels: pd.DataFrame) -> None:
        """Midnight after day `tick`: close the day, forget old events, refresh the risk tables.

        `labels` are the positives that became known: tick (arrival day of the request) and the
        fields that have a risk. Raises StateError for a day that is over already.
        """
        if self.last_tick is not None and tick <= self.last_tick:
            raise StateError(f"tick {tick} is over; the next to close is {self.last_tick + 1}.")
        self.store.close_day((tick + 1) * DAY_MS)
        day = array_of(labels, "tick", np.int64)
        for name, table in self.risks.items():
            table.close_day(tick)
            table.learn(ticks=day, codes=codes_of(labels, name, self.domain))
            table.open_day(tick + 1)
        self.last_tick = tick

    def warm(self, requests: pd.DataFrame, labels: pd.DataFrame) -> None:
        """Take in a history at once: the state of a replay day by day, without its features.

        `requests` as received, their last day complete; `labels` with identity, label and
        label_time, as known when that day closes.
        """
        if not len(requests):
            return
        requests = in_arrival_order(requests)
        rows = read_rows(requests, self.domain)
        self.store.add(rows.attempts)
        days = list(days_of(requests))
        for tick, here in days:
            entered = rows.attempts.enters[here]
            for name, table in self.risks.items():
                table.count(rows.codes[name][here][entered])
                table.close_day(tick)
        last = days[-1][0]
        positives = positives_of(requests, labels, self.domain)
        self.step(last, positives[array_of(positives, "known_tick") <= last])

    def _history(self, rows: Rows) -> History:
        """What each row may know of its actor: everything before it."""
        return self.store.read(rows.attempts)

    def _entered(self, rows: Rows) -> History:
        """The same, of rows that are remembered."""
        return self.store.enter(rows.attempts)

    def _columns(self, rows: Rows, history: History) -> dict[str, Floats]:
        """All features in the domain's order; NaN where their field is not to be trusted.

        For the event's time there is a stand-in, so what stands on it is there.
        """
        columns = feature_columns(Inputs(rows, history, self.risks))
        derived = self.domain.derived  # a distrusted field that no feature reads hurts nobody
        lost = self.untrusted - {"event_time"}
        distrusted = {name for field in lost for name in derived.get(field, ())}
        unknown = dict.fromkeys(distrusted, np.full(len(rows.amount), np.nan))
        return {name: unknown.get(name, column) for name, column in columns.items()}


def days_of(requests: pd.DataFrame) -> Iterator[tuple[int, slice]]:
    """Each arrival day from the first to the last, empty ones too, and its rows."""
    day = ticks(array_of(requests, "arrival_time"))
    if not len(day):
        return
    starts = np.searchsorted(day, np.arange(day[0], day[-1] + 2))
    for tick, (first, last) in enumerate(pairwise(starts.tolist()), start=int(day[0])):
        yield tick, slice(first, last)


def positives_of(requests: pd.DataFrame, labels: pd.DataFrame, domain: Domain) -> pd.DataFrame:
    """The requests that did harm: their arrival day, keys, and the day that closed knowing it.

    Only a request's first positive label counts; `known_tick` ascends.
    """
    positive = array_of(labels, "label") == 1
    heard_ms = milliseconds(array_of(labels, "label_time"))[positive]
    sooner = np.argsort(heard_ms, kind="stable")
    told = row_keys(labels, domain.identity)[positive][sooner]
    keys, first = np.unique(told, return_index=True)
    heard_ms = heard_ms[sooner][first]
    place = locate_sorted(row_keys(requests, domain.identity), keys)
    rows = np.flatnonzero(place >= 0)
    tick, heard = ticks(array_of(requests, "arrival_time"))[rows], heard_ms[place[rows]]
    known_tick = np.maximum(-(-heard // DAY_MS) - 1, tick)  # at midnight sharp it is known
    found = requests[list(domain.risks)].iloc[rows].assign(tick=tick, known_tick=known_tick)
    return found.sort_values("known_tick", kind="stable")
