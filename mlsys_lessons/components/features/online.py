"""Features: one definition, used offline (point in time) and online (state).

Second stage of the loop: ingestion -> features -> inference. It turns a payment and what is known
before it into the numbers a model reads. It judges no row, fills no gap (a missing number is NaN,
and the model's business) and never looks at decisions.

The two clocks: a row's history is made of the rows that *arrived* before it and *happened* strictly
before it. `offline` replays the online object over a history, so a training table cannot disagree
with serving. What the numbers are is told in feature_definitions.py. Longer than most: both levels
and the training table are one definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.features.definitions import (
    DERIVED,
    HISTORY,
    RISKS,
    Floats,
    Payments,
    codes_of,
    feature_columns,
    read_payments,
)
from mlsys_lessons.components.features.event_store import EventStore, History
from mlsys_lessons.components.features.risk_tables import RiskTable
from mlsys_lessons.frames import extend
from mlsys_lessons.ids import is_in
from mlsys_lessons.records import (
    DAY_MS,
    SLOT_MS,
    StateError,
    milliseconds,
    ticks,
    timestamps,
)
from mlsys_lessons.worlds.payments.domain import FEATURES

# How many requests of evidence the overall rate weighs against a key's own.
RISK_PRIORS = {"merchant_id": 300.0, "country": 1_000.0, "category": 1_000.0}
RESTORE_MS = 10 * SLOT_MS  # until a new process has read the snapshot and the log since (assumed)


class OnlineFeatures:
    """Resilient level: history up to the very row, from state kept in memory.

    Why it matters: a thief makes ten payments within an hour, and a table computed last night
    knows of none of them.

    A call takes requests in arrival order, appends the columns of FEATURES (float64) and remembers
    the rows; quarantined ones (`is_quarantined`) get features and are not remembered. Any cut
    into batches gives the same bits.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> features = OnlineFeatures()
    >>> day = features(world.day(0, world.start()).requests)
    >>> tuple(day.columns[-len(FEATURES) :]) == FEATURES
    True
    """

    def __init__(self) -> None:
        self.store = EventStore()
        self.risks = {name: RiskTable(prior) for name, prior in RISK_PRIORS.items()}
        self.untrusted: frozenset[str] = frozenset()  # raw fields whose feed is known to be broken
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
        payments = read_payments(frame)
        columns = self._columns(payments, self._history(payments))
        self.store.add(payments.attempts)
        for name, table in self.risks.items():
            table.count(payments.codes[name][payments.attempts.enters])
        return extend(frame, columns)

    def lookup(self, frame: pd.DataFrame, as_of: np.datetime64 | None = None) -> pd.DataFrame:
        """The features of rows that are not to be remembered.

        Without `as_of` this is what a call would give. With it, history is what a table written
        at that moment says: windows end there (or at the row, if earlier), rows do not see each
        other, and only recency runs on to the row. Risk is always today's.
        """
        payments = read_payments(frame)
        if as_of is None:
            history = self._history(payments)
        else:
            moment = milliseconds(np.array([as_of], dtype="datetime64[ms]"))
            history = self.store.read_at(payments.attempts, int(moment[0]))
        return pd.DataFrame(self._columns(payments, history), index=frame.index, copy=False)

    def unanswered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What rows are told whose look-up brings nothing in time: last midnight's table.

        Every server keeps a copy of it. It is a day old at worst, and far better than a gap.
        """
        midnight = timestamps(np.array([self.store.edge_ms]))[0]
        return self.lookup(frame, as_of=midnight)

    def reborn(self, frame: pd.DataFrame, age_ms: Floats) -> tuple[NDArray[np.bool_], pd.DataFrame]:
        """Which rows a process `age_ms` after its start cannot answer yet, and what they are told.

        The state comes back from the snapshot and the log; until then, last midnight's table.
        """
        return age_ms < RESTORE_MS, self.unanswered(frame)

    def step(self, tick: int, labels: pd.DataFrame) -> None:
        """Midnight after day `tick`: close the day, forget old events, refresh the risk tables.

        `labels` are the positives that became known: tick (arrival day of the request) and
        merchant_id, country, category. Raises StateError for a day that is over already.
        """
        if self.last_tick is not None and tick <= self.last_tick:
            raise StateError(f"tick {tick} is over; the next edge is {self.last_tick + 1}.")
        self.store.close_day((tick + 1) * DAY_MS)
        day = labels["tick"].to_numpy(dtype=np.int64)
        for name, table in self.risks.items():
            table.close_day(tick)
            table.learn(ticks=day, codes=codes_of(labels, name))
            table.open_day(tick + 1)
        self.last_tick = tick

    def warm(self, requests: pd.DataFrame, labels: pd.DataFrame) -> None:
        """Take in a history at once: the state of a replay day by day, without its features.

        `requests` as received, their last day complete; `labels` with request_id, label and
        label_time, as known when that day closes.
        """
        if not len(requests):
            return
        requests = _in_arrival_order(requests)
        payments = read_payments(requests)
        self.store.add(payments.attempts)
        days = list(_days(requests))
        for tick, rows in days:
            entered = payments.attempts.enters[rows]
            for name, table in self.risks.items():
                table.count(payments.codes[name][rows][entered])
                table.close_day(tick)
        last = days[-1][0]
        positives = _positives(requests, labels)
        self.step(last, positives[positives["known_tick"].to_numpy() <= last])

    def _history(self, payments: Payments) -> History:
        """What each row may know of its customer: everything before it."""
        return self.store.read(payments.attempts)

    def _columns(self, payments: Payments, history: History) -> dict[str, Floats]:
        """All features in the order of FEATURES; NaN where their field is not to be trusted."""
        columns = feature_columns(payments, history, self.risks)
        distrusted = {name for field in self.untrusted for name in DERIVED.get(field, ())}
        for name in distrusted:
            columns[name] = np.full(len(payments.amount), np.nan)
        return {name: columns[name] for name in FEATURES}


class BatchFeatures(OnlineFeatures):
    """Naive level: history from the table that was computed at midnight.

    What most teams ship first: one query a night, no state to lose, and every payment of today
    is invisible until tomorrow.
    """

    def _history(self, payments: Payments) -> History:
        """What each row may know of its customer: what last midnight's table says."""
        return self.store.read_at(payments.attempts, self.store.edge_ms)

    def unanswered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What rows are told whose look-up brings nothing in time: nothing, and no error either."""
        return self.lookup(frame).assign(**dict.fromkeys((*HISTORY, *RISKS), np.nan))

    def reborn(self, frame: pd.DataFrame, age_ms: Floats) -> tuple[NDArray[np.bool_], pd.DataFrame]:
        """Which rows come before the next nightly job, and what an empty table tells them.

        Everybody is a stranger without a past: plausible numbers, and no error.
        """
        since_midnight = milliseconds(frame["arrival_time"]) % DAY_MS
        return age_ms <= since_midnight, type(self)().lookup(frame)


def _in_arrival_order(requests: pd.DataFrame) -> pd.DataFrame:
    arrival = milliseconds(requests["arrival_time"])
    if bool((arrival[1:] >= arrival[:-1]).all()):
        return requests
    return requests.iloc[np.argsort(arrival, kind="stable")]


def _days(requests: pd.DataFrame) -> Iterator[tuple[int, slice]]:
    """Each arrival day from the first to the last, empty ones too, and its rows."""
    day = ticks(requests["arrival_time"])
    if not len(day):
        return
    starts = np.searchsorted(day, np.arange(day[0], day[-1] + 2))
    for tick, (first, last) in enumerate(pairwise(starts.tolist()), start=int(day[0])):
        yield tick, slice(first, last)


def _positives(requests: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The frauds among the requests: their arrival day, keys, and the day that closed knowing it.

    Only a request's first positive label counts; `known_tick` ascends.
    """
    positive = labels[labels["label"].to_numpy() == 1].sort_values("label_time", kind="stable")
    positive = positive.drop_duplicates("request_id").sort_values("request_id")
    ids, heard_ms = positive["request_id"].to_numpy(), milliseconds(positive["label_time"])
    request_id = requests["request_id"].to_numpy()
    rows = np.flatnonzero(is_in(request_id, ids))
    tick = ticks(requests["arrival_time"].iloc[rows])
    heard = heard_ms[np.searchsorted(ids, request_id[rows])]
    known_tick = np.maximum(-(-heard // DAY_MS) - 1, tick)  # at midnight sharp it is known
    found = requests.iloc[rows][list(RISK_PRIORS)].assign(tick=tick, known_tick=known_tick)
    return found.sort_values("known_tick", kind="stable")
