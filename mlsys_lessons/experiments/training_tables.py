"""Other training tables of one seed's history, and the notebook's system trained on one.

An instrument of claim C6 and of the lesson about skew: half of the payments, or the features as a
nightly table would have served and logged them. Rows and labels stay what they were. The same under
faults, or with other labels, is in pasts.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pandas as pd

from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.features.stages import OnlineFeatures
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import DAY_MS, ticks, timestamps
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    naive_system,
    notebook_model,
)
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world
from mlsys_lessons.worlds.payments.domain import HISTORY


@lru_cache(maxsize=2)
def history_table(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The raw requests of the seed's history, and its training table."""
    history = payments_world(seed=seed, daily=TRAINING_DAILY).history(HISTORY_DAYS)
    return history.requests, offline(history.requests, history.labels)


def logged_table(seed: int, age: int) -> pd.DataFrame:
    """The training table of a team that has logged, all along, what a nightly table served."""
    requests, table = history_table(seed)
    served = nightly(requests, age, rows=len(requests))
    return table.assign(**{name: served[name].to_numpy() for name in HISTORY})


def halves(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training table divided at random, payment by payment."""
    _, table = history_table(seed)
    heads = luck(seed, "half", table["request_id"].to_numpy()) < 0.5
    return table[heads], table[~heads]


def naive_trained_on(table: pd.DataFrame, *, seed: int) -> System:
    """The naive system with the notebook's recipe on another table: its model, its cut."""
    notebook = notebook_model(table, seed=seed)
    version = ModelVersion("boosted-otherwise", notebook.model)
    return naive_system(seed=seed).with_(model=version, decisions=ScoreCut(notebook.cut))


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
