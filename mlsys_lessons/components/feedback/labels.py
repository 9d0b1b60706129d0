"""Feedback: labels that come late, selected and sometimes wrong; reviews; when to learn again.

Fifth stage: the world -> feedback -> features, monitoring and the next model. It keeps what is
known of each request and by when. It scores nothing and approves nothing.
Longer than most: labels, reviews and retraining are one story, told in the order it happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import categorical
from mlsys_lessons.ids import ascending, is_in
from mlsys_lessons.records import DAY_MS, MATURITY_DAYS, ticks, timestamps
from mlsys_lessons.worlds.payments.domain import (
    CATEGORY_DTYPE,
    COUNTRY_DTYPE,
    LABEL_SOURCES,
    SOURCE_DTYPE,
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
