"""Feedback: labels that come late, selected and sometimes wrong; reviews; when to learn again.

Fifth stage: the world -> feedback -> features, monitoring and the next model. It keeps what is
known of each request and by when. It scores nothing and approves nothing.
Longer than most: labels, reviews and retraining are one story, told in the order it happens.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.keys import ascending, is_in
from mlsys_lessons.models import Model
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import (
    CATEGORY_DTYPE,
    COUNTRY_DTYPE,
    DAY_MS,
    FEATURES,
    LABEL_SOURCES,
    MATURITY_DAYS,
    SOURCE_DTYPE,
    categorical,
    ticks,
    timestamps,
)

REMEMBERED_DAYS = 150  # a report can come 120 days late, and a training window looks back
LATEST_ARRIVAL_DAYS = 2  # how long after its event a request may arrive and still be found
UNKNOWN = -1
_INVESTIGATOR, _CARDHOLDER, _MATURED, _LATE = range(len(LABEL_SOURCES))


@dataclass
class _Day:
    """The requests of one arrival day, sorted by id, and what is known of each."""

    tick: int
    ids: NDArray[np.int64]
    keys: dict[str, NDArray[np.int64]]  # merchant_id, country, category: what risk is counted by
    waiting: NDArray[np.bool_]  # approved: silence will one day mean "genuine"
    label: NDArray[np.int8]
    score: NDArray[np.float64]

    def file(
        self, ids: NDArray[np.int64], value: NDArray[np.int8], source: NDArray[np.int8]
    ) -> _Piece:
        """Write labels of this day's requests down; a report after maturity is a correction."""
        rows = np.searchsorted(self.ids, ids)
        late = (self.label[rows] == 0) & (value == 1) & (source == _CARDHOLDER)
        self.label[rows] = value
        return self, rows, value, np.where(late, _LATE, source).astype(np.int8)


def _agreed(column: pd.Series, vocabulary: pd.CategoricalDtype) -> NDArray[np.int8]:
    """Codes of the agreed words, which come first in every parsed column; -1 for any other."""
    codes = column.array.codes
    return np.where(codes < len(vocabulary.categories), codes, -1)


_Piece = tuple[_Day, NDArray[np.int64], NDArray[np.int8], NDArray[np.int8]]
_NO_IDS, _NO_CODES = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
_NO_NEWS: _Piece = (
    _Day(
        0, _NO_IDS, dict.fromkeys(("merchant_id", "country", "category"), _NO_IDS),
        np.empty(0, dtype=bool), _NO_CODES, np.empty(0),
    ),
    _NO_IDS, _NO_CODES, _NO_CODES,
)  # fmt: skip


class LabelQueue:
    """Every request of the last months and its label, as far as anybody knows.

    A positive arrives at its report. An approved request without one counts as genuine after
    45 days; a later report corrects it with a second row. A blocked, unreviewed request has no
    label, ever: the system cannot learn from what it prevented.
    """

    def __init__(self) -> None:
        self._days: dict[int, _Day] = {}
        self._inbox: list[pd.DataFrame] = []

    def __repr__(self) -> str:
        rows = sum(len(day.ids) for day in self._days.values())
        known = sum(int((day.label != UNKNOWN).sum()) for day in self._days.values())
        return f"LabelQueue({rows:,} requests remembered, {known:,} with a label)"

    def remember(self, tick: int, closed: pd.DataFrame, waiting: NDArray[np.bool_]) -> None:
        """File the distinct requests of a closed day; `waiting` marks those approved."""
        ids = closed["request_id"].to_numpy()
        order = ascending(ids)
        keys = {
            "merchant_id": closed["merchant_id"].to_numpy()[order],
            "country": _agreed(closed["country"], COUNTRY_DTYPE)[order],
            "category": _agreed(closed["category"], CATEGORY_DTYPE)[order],
        }
        label = np.full(len(ids), UNKNOWN, dtype=np.int8)
        known = "score" in closed.columns
        score = closed["score"].to_numpy()[order] if known else np.full(len(ids), np.nan)
        self._days[tick] = _Day(tick, ids[order], keys, waiting[order], label, score)
        for old in [day for day in self._days if day < tick - REMEMBERED_DAYS]:
            del self._days[old]

    def warm(self, requests: pd.DataFrame, labels: pd.DataFrame) -> None:
        """File a history in which everything was approved, with the labels known by its end."""
        day = ticks(requests["arrival_time"])
        edges = np.flatnonzero(np.diff(day, prepend=day[:1] - 1, append=day[-1:] + 1))
        for start, end in pairwise(edges.tolist()):
            rows = requests.iloc[start:end]
            self.remember(int(day[start]), rows, np.ones(end - start, dtype=bool))
        if not len(labels):
            return
        ids = labels["request_id"].to_numpy()
        order = np.argsort(ids, kind="stable")
        ranked, values = ids[order], labels["label"].to_numpy()[order]
        for filed in self._days.values():
            latest = np.searchsorted(ranked, filed.ids, side="right") - 1
            found = ranked[latest] == filed.ids
            filed.label[found] = values[latest[found]]

    def receive(self, labels: pd.DataFrame) -> None:
        """Take in reports or verdicts: request_id, event_tick, label, source."""
        if len(labels):
            self._inbox.append(labels)

    def step(self, tick: int) -> pd.DataFrame:
        """Close the day: the labels that became known, with each request's keys and age.

        Columns: request_id, label, label_time, source, tick, merchant_id, country, category, score.
        """
        pieces = [piece for batch in self._inbox for piece in self._filed(batch)]
        self._inbox = []
        return _known(tick, [*pieces, *self._matured(tick)])

    def _filed(self, batch: pd.DataFrame) -> list[_Piece]:
        """File one batch; a request is looked for on its event's day and the days after it."""
        ids, event_tick = batch["request_id"].to_numpy(), batch["event_tick"].to_numpy()
        value, source = batch["label"].to_numpy(), batch["source"].cat.codes.to_numpy()
        pieces = []
        for first in np.unique(event_tick).tolist():
            missing = np.flatnonzero(event_tick == first)
            for tick in range(first, first + LATEST_ARRIVAL_DAYS + 1):
                day = self._days.get(tick)
                if day is None or not len(missing):
                    continue
                found = is_in(ids[missing], day.ids)
                here, missing = missing[found], missing[~found]
                pieces.append(day.file(ids[here], value[here], source[here]))
        return pieces

    def _matured(self, tick: int) -> list[_Piece]:
        """Requests that were approved 45 days ago and that nobody complained about."""
        day = self._days.get(tick - MATURITY_DAYS)
        if day is None:
            return []
        rows = np.flatnonzero(day.waiting & (day.label == UNKNOWN))
        day.label[rows] = 0
        zeros = np.zeros(len(rows), dtype=np.int8)
        return [(day, rows, zeros, np.full(len(rows), _MATURED, dtype=np.int8))]

    def labels_of(self, tick: int, ids: NDArray[np.int64]) -> NDArray[np.int8]:
        """What is known now of requests that arrived on one day; UNKNOWN where nothing is."""
        day = self._days.get(tick)
        label = np.full(len(ids), UNKNOWN, dtype=np.int8)
        if day is not None and len(day.ids):
            found = is_in(ids, day.ids)
            label[found] = day.label[np.searchsorted(day.ids, ids[found])]
        return label


def _known(tick: int, pieces: list[_Piece]) -> pd.DataFrame:
    """The pieces of news of one edge as one frame."""
    pieces = pieces or [_NO_NEWS]
    count = sum(len(rows) for _, rows, _, _ in pieces)
    source = np.concatenate([piece[3] for piece in pieces]).astype(np.int8)
    keys = {
        name: np.concatenate([day.keys[name][rows] for day, rows, _, _ in pieces])
        for name in ("merchant_id", "country", "category")
    }
    columns = {
        "request_id": np.concatenate([day.ids[rows] for day, rows, _, _ in pieces]),
        "label": np.concatenate([piece[2] for piece in pieces]).astype(np.int8),
        "label_time": timestamps(np.full(count, (tick + 1) * DAY_MS)),
        "source": categorical(source, SOURCE_DTYPE),
        "tick": np.concatenate([np.full(len(rows), day.tick) for day, rows, _, _ in pieces]),
        **{name: key.astype(np.int64) for name, key in keys.items()},
        "score": np.concatenate([day.score[rows] for day, rows, _, _ in pieces]),
    }
    return pd.DataFrame(columns, copy=False)


@dataclass
class ReviewQueue:
    """Payments that wait for a person until the next tick edge."""

    capacity: int = 0

    def picks(self, held: pd.DataFrame) -> pd.DataFrame:
        """The most valuable cases that people can reach: request_id, score, review_value."""
        order = np.argsort(-held["review_value"].to_numpy(), kind="stable")[: self.capacity]
        return held.iloc[order]


@dataclass(frozen=True)
class RetrainingPolicy:
    """When to learn again, from what, and how good the result has to be to go live."""

    every: int = 42  # days between fits
    first: int = 84  # the first has to wait for live labels to mature
    window: int = 120  # days of matured requests to learn from
    holdout: int = 14  # the newest matured days, kept aside to compare with the champion
    rows_a_day: int = 1_000  # a uniform sample, so probabilities stay calibrated

    def due(self, tick: int) -> bool:
        """Whether the edge that closes this tick is one to learn at."""
        return tick + 1 >= self.first and (tick + 1 - self.first) % self.every == 0


@dataclass
class TrainingStore:
    """A uniform daily sample of what the model saw, waiting for its labels.

    The sample is drawn by luck, without a look at label or score: fitted on it, a model's
    probabilities need no correction. Rows let through by exploration count 1 / propensity.
    """

    seed: int
    rows_a_day: int = 1_000
    days: deque[tuple[int, pd.DataFrame]] = field(default_factory=deque)

    def __repr__(self) -> str:
        rows = sum(len(sample) for _, sample in self.days)
        return f"TrainingStore({rows:,} rows over {len(self.days)} days)"

    def remember(self, tick: int, closed: pd.DataFrame) -> None:
        """Sample a closed day; rows that the features could not be trusted on are left out."""
        usable = ~(closed["is_duplicate"].to_numpy() | closed["is_quarantined"].to_numpy())
        share = self.rows_a_day / max(int(usable.sum()), 1)
        if share < 1:
            usable &= luck(self.seed, "sample", closed["request_id"].to_numpy()) < share
        columns = ["request_id", "propensity", *FEATURES]
        self.days.append((tick, closed.loc[usable, columns].reset_index(drop=True)))
        while self.days[0][0] < tick - REMEMBERED_DAYS:
            self.days.popleft()

    def matured(self, labels: LabelQueue, tick: int, window: int) -> pd.DataFrame:
        """Rows of known fate: features, tick, label, weight."""
        last = tick - MATURITY_DAYS
        chunks = []
        for day, sample in self.days:
            if last - window < day <= last:
                label = labels.labels_of(day, sample["request_id"].to_numpy())
                weight = 1.0 / sample["propensity"].to_numpy()
                known = sample.assign(tick=day, label=label.astype(np.float64), weight=weight)
                chunks.append(known[label != UNKNOWN])
        return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame()


def log_loss(
    scores: NDArray[np.float64], labels: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """Weighted mean log loss; lower is better.

    >>> round(log_loss(np.array([0.5]), np.array([1.0]), np.array([1.0])), 3)
    0.693
    """
    safe = np.clip(scores, 1e-12, 1 - 1e-12)
    loss = -(labels * np.log(safe) + (1 - labels) * np.log1p(-safe))
    return float(np.average(loss, weights=weights))


def challenge(
    champion: Model, challenger: Model, rows: pd.DataFrame, policy: RetrainingPolicy
) -> Model | None:
    """Fit the challenger on all but the newest rows; return it if it beats the champion there.

    Why it matters: a scheduled fit learns whatever happened last month, incidents included. A
    gate that the old model can win is the difference between a policy and a habit.
    """
    newest = rows["tick"].to_numpy() > rows["tick"].max() - policy.holdout
    past, recent = rows[~newest], rows[newest]
    if past["label"].sum() < 30 or recent["label"].sum() < 5:
        return None
    # A row let through by exploration stands for all those that were not. It is repeated rather
    # than weighted: scikit-learn's binning takes ten times as long once there are weights.
    past = past.loc[past.index.repeat(np.rint(past["weight"]).astype(np.int64))]
    challenger.fit(past, past["label"].to_numpy())
    truth, weight = recent["label"].to_numpy(), recent["weight"].to_numpy()
    losses = [log_loss(model.predict(recent), truth, weight) for model in (champion, challenger)]
    return challenger if losses[1] < losses[0] else None
