"""Features: one definition, used online (state) and offline (point in time).

Second stage: ingestion -> features -> inference. For a row it uses exactly the rows that arrived
before it and have an earlier event time; risk tables change at midnight only. It does not know
what the features are for, and it never sees a decision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.event_store import NEVER, EventStore, Windows
from mlsys_lessons.records import (
    CATEGORY_DTYPE,
    COUNTRY_DTYPE,
    DAY_MS,
    FEATURES,
    HOUR_MS,
    extend,
    milliseconds,
    ticks,
)
from mlsys_lessons.risk import RiskTable, codes

HABIT_MS = 30 * DAY_MS
WINDOWS_MS = (HOUR_MS, DAY_MS, 7 * DAY_MS, HABIT_MS)
RECENCY_CAP_HOURS = 720.0  # thirty days: nobody remembered
RISK_WEIGHTS = {"merchant_id": 200.0, "country": 500.0, "category": 500.0}
DERIVED = {  # raw field -> features that are worthless when its feed is broken
    "amount": ("log_amount", "sum_24h", "sum_7d", "amount_to_habit"),
    "event_time": ("hour_sin", "hour_cos", "count_1h", "recency_hours"),
    "account_opened": ("account_age_days",),
    "channel": ("is_online",),
    "country": ("is_foreign", "country_risk"),
    "card_country": ("is_foreign",),
    "category": ("category_risk",),
    "merchant_id": ("merchant_risk",),
}

Columns = dict[str, NDArray[np.float64]]


class OnlineFeatures:
    """Resilient level: features as of this very request.

    Why it matters: a stolen card is used several times within hours. A table of last midnight
    has not seen the first of them.

    >>> OnlineFeatures()
    OnlineFeatures(0 events; nothing warmed yet)
    """

    def __init__(self) -> None:
        self.store = EventStore()
        self.risk = {name: RiskTable(weight) for name, weight in RISK_WEIGHTS.items()}
        self.untrusted: frozenset[str] = frozenset()
        self.last_edge: int | None = None  # the day that the last midnight opened
        self._arrived: list[dict[str, NDArray[np.int64]]] = []

    def __repr__(self) -> str:
        when = "nothing warmed yet" if self.last_edge is None else f"day {self.last_edge} is open"
        return f"{type(self).__name__}({len(self.store):,} events; {when})"

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with FEATURES at its right; its rows join the state."""
        rows = _Rows(frame)
        columns = self._columns(frame, rows, self._history(rows))
        self._take_in(rows, frame)
        for name in self.untrusted:
            for feature in DERIVED.get(name, ()):
                columns[feature] = np.full(len(frame), np.nan)
        return extend(frame, columns)

    def lookup(self, frame: pd.DataFrame, *, as_of: np.datetime64) -> Columns:
        """The features of a frame from history as it stood at `as_of`; the state stays as it is."""
        rows = _Rows(frame)
        found = self._as_of(rows, int(milliseconds(np.array([as_of]))[0]))
        return self._columns(frame, rows, found)

    def step(self, tick: int, frauds: pd.DataFrame) -> None:
        """Midnight after day `tick`: the day joins the base, risk tables are made anew.

        `frauds`: positives that became known, with tick, merchant_id, country, category.
        """
        self.store.close_day((tick + 1) * DAY_MS)
        for name, table in self.risk.items():
            keys = [arrived[name] for arrived in self._arrived]
            table.count(tick, np.concatenate(keys) if keys else np.empty(0, np.int64))
            table.credit(frauds["tick"].to_numpy(), frauds[name].to_numpy())
            table.refresh(tick + 1)
        self._arrived, self.last_edge = [], tick + 1

    def warm(self, requests: pd.DataFrame, labels: pd.DataFrame) -> None:
        """Take in a history of whole days at once: events, and risk from labels known by its end."""
        rows = _Rows(requests)
        self.store.add(rows.customer, rows.event, rows.cents)
        day = ticks(requests["arrival_time"])
        frauds = _located(requests, labels[labels["label"].to_numpy() == 1])
        last = int(day[-1]) if len(day) else -1
        for name, table in self.risk.items():
            keys = _keys(requests, name)
            for tick in np.unique(day).tolist():
                table.count(tick, keys[day == tick])
            table.credit(frauds["tick"].to_numpy(), frauds[name].to_numpy())
            table.refresh(last + 1)
        self.store.close_day((last + 1) * DAY_MS)
        self.last_edge = last + 1

    # --- history ------------------------------------------------------------------------------

    def _history(self, rows: _Rows) -> Windows:
        """Windows over the store, and over rows of this batch that arrived earlier."""
        if not len(rows.event):
            return self.store.query(rows.customer, rows.event, WINDOWS_MS)
        found = self.store.query(rows.customer, rows.event, WINDOWS_MS)
        _add_batch(rows, found)
        return found

    def _as_of(self, rows: _Rows, as_of: int) -> Windows:
        """Windows that end at `as_of`; rows of the same batch do not see each other."""
        return self.store.query(rows.customer, np.minimum(rows.event, as_of), WINDOWS_MS)

    def _take_in(self, rows: _Rows, frame: pd.DataFrame) -> None:
        kept = rows.usable
        self.store.add(rows.customer[kept], rows.event[kept], rows.cents[kept])
        self._arrived.append({name: _keys(frame, name)[kept] for name in self.risk})

    # --- columns ------------------------------------------------------------------------------

    def _columns(self, frame: pd.DataFrame, rows: _Rows, found: Windows) -> Columns:
        """All FEATURES, in their order."""
        own, past = rows.columns(frame), _past_columns(rows, found)
        risk = {
            "merchant_risk": self.risk["merchant_id"].rate(_keys(frame, "merchant_id")),
            "country_risk": self.risk["country"].rate(_keys(frame, "country")),
            "category_risk": self.risk["category"].rate(_keys(frame, "category")),
        }
        known = {**own, **past, **risk}
        return {name: known[name] for name in FEATURES}


class BatchFeatures(OnlineFeatures):
    """Naive level: history from the table that a job wrote last midnight.

    The formulas are the same to the letter; only the clock differs.
    """

    def _history(self, rows: _Rows) -> Windows:
        opened = self.last_edge if self.last_edge is not None else 0
        return self._as_of(rows, opened * DAY_MS)


class _Rows:
    """The numbers of a batch that history is asked with; time is ms since day 0."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.customer = frame["customer_id"].to_numpy()
        self.event = milliseconds(frame["event_time"])
        self.amount = frame["amount"].to_numpy()
        odd = ~(np.abs(self.amount) < 1e12)
        self.cents = np.rint(np.where(odd, 0.0, self.amount) * 100).astype(np.int64)
        self.timed = ~np.isnat(frame["event_time"].to_numpy())
        self.usable = self.timed & (self.customer >= 0) & (self.customer < 1 << 24)
        if "is_quarantined" in frame.columns:
            self.usable &= ~frame["is_quarantined"].to_numpy()
        self.customer = np.where(self.usable, self.customer, -1)

    def columns(self, frame: pd.DataFrame) -> Columns:
        """Features of the request alone."""
        hour = (self.event % DAY_MS) / HOUR_MS
        angle = np.where(self.timed, hour, np.nan) * (np.pi / 12)
        opened = frame["account_opened"].to_numpy()
        age = (self.event - milliseconds(frame["account_opened"])) / DAY_MS
        home, abroad = codes(frame["card_country"], COUNTRY_DTYPE), _keys(frame, "country")
        positive = np.where(self.amount > 0, self.amount, np.nan)
        return {
            "log_amount": np.log(positive),
            "hour_sin": np.sin(angle),
            "hour_cos": np.cos(angle),
            "is_online": (frame["channel"].array == "online").astype(np.float64),
            "is_foreign": ((home != abroad) & (home >= 0) & (abroad >= 0)).astype(np.float64),
            "account_age_days": np.where(self.timed & ~np.isnat(opened), age, np.nan),
        }


def _past_columns(rows: _Rows, found: Windows) -> Columns:
    """Features of the customer's last month."""
    hours = (rows.event - found.previous) / HOUR_MS
    recency = np.where(found.previous == NEVER, RECENCY_CAP_HOURS, hours)
    counts, euros = found.count, found.cents / 100
    with np.errstate(divide="ignore", invalid="ignore"):
        habit = np.log(rows.amount / (euros[3] / counts[3]))
    unknown = (counts[3] == 0) | (found.cents[3] <= 0)
    broken = ~(rows.amount > 0)
    habit = np.where(broken, np.nan, np.where(unknown, 0.0, habit))
    past = {
        "count_1h": counts[0].astype(np.float64),
        "count_24h": counts[1].astype(np.float64),
        "count_7d": counts[2].astype(np.float64),
        "sum_24h": np.log1p(euros[1]),
        "sum_7d": np.log1p(euros[2]),
        "recency_hours": np.minimum(recency, RECENCY_CAP_HOURS),
        "amount_to_habit": habit,
    }
    if rows.timed.all():
        return past
    return {name: np.where(rows.timed, column, np.nan) for name, column in past.items()}


def _add_batch(rows: _Rows, found: Windows) -> None:
    """Count the rows of the batch itself: arrived earlier, earlier event, same customer."""
    kept = np.flatnonzero(rows.usable)
    order = kept[np.lexsort((rows.event[kept], rows.customer[kept]))]
    customer = rows.customer[order]
    for lag in range(1, len(order)):
        pairs = np.flatnonzero(customer[lag:] == customer[:-lag])
        if not len(pairs):
            break
        _count_pairs(rows, found, order[pairs + lag], order[pairs])


def _count_pairs(
    rows: _Rows, found: Windows, later: NDArray[np.int64], earlier: NDArray[np.int64]
) -> None:
    """Let each `later` row see its `earlier` one (event order), if that one arrived before it."""
    gap = rows.event[later] - rows.event[earlier]
    seen = (earlier < later) & (gap > 0)
    later, earlier, gap = later[seen], earlier[seen], gap[seen]
    for row, window in enumerate(WINDOWS_MS):
        inside = gap <= window
        found.count[row, later[inside]] += 1
        found.cents[row, later[inside]] += rows.cents[earlier[inside]]
    found.previous[later] = np.maximum(found.previous[later], rows.event[earlier])


def _keys(frame: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """What a risk table counts by."""
    if name == "merchant_id":
        merchant = frame["merchant_id"].to_numpy()
        return np.where((merchant >= 0) & (merchant < 1 << 20), merchant, -1)
    return codes(frame[name], COUNTRY_DTYPE if name == "country" else CATEGORY_DTYPE)


def _located(requests: pd.DataFrame, positives: pd.DataFrame) -> pd.DataFrame:
    """Each positive once, with its request's arrival day and risk keys."""
    ids = requests["request_id"].to_numpy()
    order = np.argsort(ids, kind="stable")
    wanted = np.unique(positives["request_id"].to_numpy())
    place = order[np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)]
    place = place[ids[place] == wanted]
    here = requests.iloc[place]
    keys = {name: _keys(here, name) for name in RISK_WEIGHTS}
    return pd.DataFrame({"tick": ticks(here["arrival_time"]), **keys})


def offline(requests: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The training table: point-in-time features of a history, day by day, and what became of it.

    The same `OnlineFeatures` replays the days with the labels known by then, so there is nothing
    that training could see and service could not. Columns: request_id, event_time, tick, amount,
    FEATURES, label (1, 0, or NaN where the end of the history came too early).

    >>> import mlsys_lessons as mls
    >>> history = mls.payments_world(seed=3, daily=100).history(50)
    >>> table = offline(history.requests, history.labels)
    >>> len(table) == len(history.requests)
    True
    """
    stage: Any = OnlineFeatures()
    day = ticks(requests["arrival_time"])
    positives = labels[labels["label"].to_numpy() == 1].drop_duplicates("request_id")
    located = _located(requests, positives).assign(
        known=ticks(positives.sort_values("request_id")["label_time"])
    )
    edges = np.flatnonzero(np.diff(day, prepend=day[:1] - 1, append=day[-1:] + 1))
    chunks = []
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        tick, rows = int(day[start]), requests.iloc[start:stop]
        chunks.append(stage(rows))
        stage.step(tick, located[located["known"].to_numpy() == tick])
    table = pd.concat(chunks, ignore_index=True)
    last = labels.drop_duplicates("request_id", keep="last").set_index("request_id")["label"]
    label = last.reindex(table["request_id"]).to_numpy(dtype=np.float64)
    wanted = table[["request_id", "event_time", "amount", *FEATURES]]
    return wanted.assign(tick=day, label=label)
