"""Pipelines: the features of a run's own rows once more, as other pipelines would have told them.

An instrument of claims C5 and C6 and of the lesson about skew. Rows, order and labels stay what
they were; what changes is where a feature was looked up, and when. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.decisions import ScoreCut
from mlsys_lessons.feature_definitions import HISTORY
from mlsys_lessons.features import OnlineFeatures, offline
from mlsys_lessons.inference import ModelVersion
from mlsys_lessons.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    NotebookModel,
    naive_system,
    notebook_model,
)
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import DAY_MS, FEATURES, RAW_COLUMNS, ticks, timestamps
from mlsys_lessons.run import Run
from mlsys_lessons.simulation import WARM_DAYS
from mlsys_lessons.system import System
from mlsys_lessons.warehouse import Warehouse
from mlsys_lessons.worlds import payments_world

_LABELS = ["request_id", "label", "label_time"]


@dataclass(frozen=True, eq=False)
class LiveRows:
    """A run's log and truth row by row, and the events that its features were made of."""

    log: pd.DataFrame
    truth: pd.DataFrame
    requests: pd.DataFrame  # the warm-up history and the run, raw
    labels: pd.DataFrame  # as known when the run ended
    champion: str

    @property
    def first(self) -> NDArray[np.bool_]:
        """The rows that are not repeats of a request."""
        return ~self.log["request_id"].duplicated().to_numpy()

    @property
    def answered(self) -> NDArray[np.bool_]:
        """The rows that the model in service answered itself: no failed call, no other replica."""
        version = self.log["model_version"].astype(str).to_numpy()
        return np.asarray(self.log["score"].notna() & (version == self.champion))

    @cached_property
    def right(self) -> pd.DataFrame:
        """What the warehouse's SQL tells of these rows today."""
        return from_sql(self.requests, self.labels).tail(len(self.log))

    def features(self, mistake: str | None = None) -> pd.DataFrame:
        """The same, right or with one classic mistake in the SQL."""
        if mistake is None:
            return self.right
        return from_sql(self.requests, self.labels, mistake).tail(len(self.log))


def live_rows(run: Run) -> LiveRows:
    """The rows of a run whose ingestion passes everything on, ready to be told again."""
    past, columns = run.world.history(WARM_DAYS), list(RAW_COLUMNS)
    requests = pd.concat([past.requests[columns], run.log[columns]], ignore_index=True)
    labels = pd.concat([past.labels[_LABELS], run.labels[_LABELS]], ignore_index=True)
    truth = run.truth().loc[run.log["request_id"]]
    champion = run.system.inference.registry.champion.label
    return LiveRows(run.log, truth, requests, labels, champion)


def from_sql(
    requests: pd.DataFrame, labels: pd.DataFrame, mistake: str | None = None
) -> pd.DataFrame:
    """The training table that the warehouse makes of events, in order of arrival."""
    with Warehouse() as house:
        if mistake is None:
            return house.offline_features(requests, labels)
        return house.wrong_features(mistake, requests, labels)


def served_from(rows: LiveRows, age: int) -> pd.DataFrame:
    """What a nightly table tells the rows of a run: last midnight's (age 0), or one days older.

    What no history goes into is what the log says; risks are today's in every table.
    """
    told = nightly(rows.requests, age, rows=len(rows.log))
    return rows.log[list(FEATURES)].assign(**{name: told[name].to_numpy() for name in HISTORY})


def nightly(requests: pd.DataFrame, age: int, *, rows: int) -> pd.DataFrame:
    """The features of the last `rows` requests, looked up in a table written `age` nights ago."""
    online, parts = OnlineFeatures(), []
    for tick, start, day in _days(requests):
        if start + len(day) > len(requests) - rows:
            midnight = timestamps(np.array([(tick - age) * DAY_MS]))[0]
            parts.append(online.lookup(day, as_of=midnight))
        online(day)
        online.store.close_day((tick + 1) * DAY_MS)
    return pd.concat(parts).tail(rows)


def _days(requests: pd.DataFrame) -> Iterator[tuple[int, int, pd.DataFrame]]:
    """Each arrival day: its tick, the place of its first row, its rows."""
    day = ticks(requests["arrival_time"])
    starts = np.searchsorted(day, np.arange(day[0], day[-1] + 2))
    for tick, (first, last) in enumerate(pairwise(starts.tolist()), int(day[0])):
        yield tick, first, requests.iloc[first:last]


@lru_cache(maxsize=8)
def notebook_on(seed: int, mistake: str | None = None) -> NotebookModel:
    """Lesson 01's recipe on the table that the warehouse makes of the seed's history."""
    history = payments_world(seed=seed, daily=TRAINING_DAILY).history(HISTORY_DAYS)
    return notebook_model(from_sql(history.requests, history.labels, mistake), seed=seed)


@lru_cache(maxsize=2)
def history_table(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The raw requests of the seed's history, and its training table."""
    history = payments_world(seed=seed, daily=TRAINING_DAILY).history(HISTORY_DAYS)
    return history.requests, offline(history.requests, history.labels)


def logged_table(seed: int, age: int) -> pd.DataFrame:
    """The training table of a team that has logged, all along, what a nightly table told."""
    requests, table = history_table(seed)
    told = nightly(requests, age, rows=len(requests))
    return table.assign(**{name: told[name].to_numpy() for name in HISTORY})


def halves(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training table divided at random, payment by payment."""
    _, table = history_table(seed)
    one = luck(seed, "half", table["request_id"].to_numpy()) < 0.5
    return table[one], table[~one]


def taught_on(table: pd.DataFrame, *, seed: int) -> System:
    """The naive system with the notebook's recipe on another table: its model, its cut."""
    notebook, system = notebook_model(table, seed=seed), naive_system(seed=seed)
    system.inference.registry.adopt(ModelVersion("boosted-otherwise", notebook.model))
    system.decisions = ScoreCut(notebook.cut)
    return system
