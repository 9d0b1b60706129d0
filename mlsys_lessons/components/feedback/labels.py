"""Labels: they come late, selected and sometimes wrong; what is known of each request, and by when.

Fifth stage: the world -> feedback -> features, monitoring and the next model. It scores nothing and
approves nothing; who reviews is told in reviews.py, when to learn again in retraining.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.domain import Domain
from mlsys_lessons.frames import array_of, categorical, codes, framed
from mlsys_lessons.ids import ascending, locate_sorted, row_keys
from mlsys_lessons.records import (
    CARDHOLDER,
    DAY_MS,
    INVESTIGATOR,
    LATE,
    MATURED,
    MATURITY_DAYS,
    ticks,
    timestamps,
)

REMEMBERED_DAYS = 150  # a report can come 120 days late, and a training window looks back
LATEST_ARRIVAL_DAYS = 2  # how long after its event a request may arrive and still be found
UNKNOWN = -1
Codes = NDArray[np.int8]
Ints = NDArray[np.int64]


class Filed(NamedTuple):
    """Labels that were written down for one day's requests: which rows, what, from whom."""

    day: FiledDay
    rows: Ints
    label: Codes
    source: Codes


@dataclass
class FiledDay:
    """The requests of one arrival day, sorted by key, and what is known of each."""

    tick: int
    keys: Ints
    identity: dict[str, Ints]  # the columns that make the key
    risk_codes: dict[str, Ints]  # the fields that risks are counted by
    waiting: NDArray[np.bool_]  # approved: silence will one day mean "no harm"
    label: Codes
    score: NDArray[np.float64]

    def __deepcopy__(self, memo: dict[int, object]) -> FiledDay:
        """A day whose labels can go another way; nothing else of it ever changes."""
        return replace(self, label=self.label.copy())

    def file(self, rows: Ints, label: Codes, source: int) -> Filed:
        """Write labels of this day's requests down; a report after maturity is a correction."""
        corrects = (self.label[rows] == 0) & (label == 1) & (source == CARDHOLDER)
        self.label[rows] = label
        return Filed(self, rows, label, np.where(corrects, LATE, source).astype(np.int8))

    def matured(self) -> Filed:
        """Count those that were approved, and that nobody has complained about, as harmless."""
        rows = np.flatnonzero(self.waiting & (self.label == UNKNOWN))
        self.label[rows] = 0
        zeros = np.zeros(len(rows), dtype=np.int8)
        return Filed(self, rows, zeros, np.full(len(rows), MATURED, dtype=np.int8))


class LabelQueue:
    """Every request of the last months and its label, as far as anybody knows.

    A positive arrives at its report. An approved request without one counts as genuine after
    45 days; a later report corrects it with a second row. A blocked, unreviewed request has no
    label, ever: the system cannot learn from what it prevented.
    """

    def __init__(self, domain: Domain = DEFAULT_DOMAIN) -> None:
        self.domain = domain
        self._days: dict[int, FiledDay] = {}

    def __repr__(self) -> str:
        rows = sum(len(day.keys) for day in self._days.values())
        known = sum(int((day.label != UNKNOWN).sum()) for day in self._days.values())
        return f"LabelQueue({rows:,} requests remembered, {known:,} with a label)"

    def remember(self, tick: int, rows: pd.DataFrame, waiting: NDArray[np.bool_]) -> None:
        """File the distinct requests of a closed day; `waiting` marks those approved."""
        keys = row_keys(rows, self.domain.identity)
        order = ascending(keys)
        scored = "score" in rows.columns
        self._days[tick] = FiledDay(
            tick=tick,
            keys=keys[order],
            identity={name: array_of(rows, name)[order] for name in self.domain.identity},
            risk_codes={name: self._risk_codes(rows, name)[order] for name in self.domain.risks},
            waiting=waiting[order],
            label=np.full(len(keys), UNKNOWN, dtype=np.int8),
            score=array_of(rows, "score")[order] if scored else np.full(len(keys), np.nan),
        )
        for old in [day for day in self._days if day < tick - REMEMBERED_DAYS]:
            del self._days[old]

    def _risk_codes(self, rows: pd.DataFrame, name: str) -> NDArray[Any]:
        """A column as codes of the agreed words, which come first in every parsed column."""
        vocabulary = self.domain.vocabularies.get(name)
        if vocabulary is None:
            return array_of(rows, name)
        word = codes(array_of(rows, name))
        return np.where(word < len(vocabulary.categories), word, -1)

    def warm(self, requests: pd.DataFrame, labels: pd.DataFrame) -> None:
        """File a history in which everything was approved, with the labels known by its end."""
        day = ticks(array_of(requests, "arrival_time"))
        starts = np.flatnonzero(np.diff(day, prepend=day[:1] - 1, append=day[-1:] + 1))
        for start, end in pairwise(starts.tolist()):
            rows = requests.iloc[start:end]
            self.remember(int(day[start]), rows, np.ones(end - start, dtype=bool))
        if not len(labels):
            return
        keys = row_keys(labels, self.domain.identity)
        order = np.argsort(keys, kind="stable")
        ranked, values = keys[order], array_of(labels, "label")[order]
        for filed in self._days.values():
            latest = np.searchsorted(ranked, filed.keys, side="right") - 1
            matches = ranked[latest] == filed.keys
            filed.label[matches] = values[latest[matches]]

    def step(
        self, tick: int, verdicts: pd.DataFrame, reports: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Close the day: the labels that became known, with each request's risk fields and age.

        `verdicts` are of tonight's reviewers (identity, label), `reports` of whoever was harmed
        (identity, event_tick, label). Columns: identity, label, label_time, source, tick, the
        fields that have a risk, score.
        """
        today = np.full(len(verdicts), tick)
        filed = self._filed(verdicts, today, INVESTIGATOR)
        if reports is not None:
            filed += self._filed(reports, array_of(reports, "event_tick"), CARDHOLDER)
        if tick - MATURITY_DAYS in self._days:
            filed.append(self._days[tick - MATURITY_DAYS].matured())
        return self._frame(tick, filed)

    def _filed(self, labels: pd.DataFrame, event_tick: Ints, source: int) -> list[Filed]:
        """File labels; a request is looked for on its event's day and the days after it."""
        keys, label = row_keys(labels, self.domain.identity), array_of(labels, "label")
        filed = []
        for first in np.unique(event_tick).tolist():
            missing = np.flatnonzero(event_tick == first)
            for tick in range(first, first + LATEST_ARRIVAL_DAYS + 1):
                day = self._days.get(tick)
                if day is None or not len(missing):
                    continue
                rows = locate_sorted(keys[missing], day.keys)
                here, missing = missing[rows >= 0], missing[rows < 0]
                filed.append(day.file(rows[rows >= 0], label[here], source))
        return filed

    def labels_of(self, tick: int, keys: Ints) -> Codes:
        """What is known now of requests that arrived on one day; UNKNOWN where nothing is."""
        day = self._days.get(tick)
        label = np.full(len(keys), UNKNOWN, dtype=np.int8)
        if day is not None:
            rows = locate_sorted(keys, day.keys)
            label[rows >= 0] = day.label[rows[rows >= 0]]
        return label

    def _frame(self, tick: int, filed: list[Filed]) -> pd.DataFrame:
        """The labels of one midnight as one frame."""
        filed = filed or [_nothing_filed(self.domain)]
        count = sum(len(piece.rows) for piece in filed)
        source = np.concatenate([piece.source for piece in filed]).astype(np.int8)
        identity = {
            name: np.concatenate([piece.day.identity[name][piece.rows] for piece in filed])
            for name in self.domain.identity
        }
        risk_codes = {
            name: np.concatenate([piece.day.risk_codes[name][piece.rows] for piece in filed])
            for name in self.domain.risks
        }
        days = [np.full(len(piece.rows), piece.day.tick) for piece in filed]
        columns = {
            **identity,
            "label": np.concatenate([piece.label for piece in filed]).astype(np.int8),
            "label_time": timestamps(np.full(count, (tick + 1) * DAY_MS)),
            "source": categorical(source, self.domain.source_dtype),
            "tick": np.concatenate(days),
            **{name: values.astype(np.int64) for name, values in risk_codes.items()},
            "score": np.concatenate([piece.day.score[piece.rows] for piece in filed]),
        }
        return framed(columns)


def _nothing_filed(domain: Domain) -> Filed:
    """A day without a request, so that a frame without labels has its columns."""
    ints, small = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
    day = FiledDay(
        0, ints, dict.fromkeys(domain.identity, ints), dict.fromkeys(domain.risks, ints),
        np.empty(0, dtype=bool), small, np.empty(0),
    )  # fmt: skip
    return Filed(day, ints, small, small)
