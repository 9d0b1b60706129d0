"""Pipelines: the features of a run's own rows once more, as other pipelines compute them.

An instrument of claim C5 and of the lesson about skew. Rows, order and labels stay what they were;
what changes is where a feature was looked up, and when. It decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.training_tables import nightly
from mlsys_lessons.simulation.ledger import effects, expected_cents
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    NotebookModel,
    assemble,
    notebook_model,
)
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import WARM_DAYS, simulate
from mlsys_lessons.warehouse import Warehouse
from mlsys_lessons.worlds import payments_world
from mlsys_lessons.worlds.payments.domain import ACTIONS, COSTS, FEATURES, HISTORY, RAW_COLUMNS

Floats = NDArray[np.float64]
STATE, LOGGED = "state", "its own log"
NIGHTLY = {"last midnight's table": 0, "the table before it": 1}  # nights of age
_LABELS = ["request_id", "label", "label_time"]
_APPROVE, _BLOCK = ACTIONS.index("approve"), ACTIONS.index("block")


@dataclass(frozen=True, eq=False)
class LiveRows:
    """A run's log and truth row by row, and the events that its features were made of."""

    log: pd.DataFrame
    truth: pd.DataFrame
    requests: pd.DataFrame  # the warm-up history and the run, raw
    labels: pd.DataFrame  # as known when the run ended
    champion: ModelVersion
    cut: float

    @property
    def first(self) -> NDArray[np.bool_]:
        """The rows that are not repeats of a request."""
        return ~self.log["request_id"].duplicated().to_numpy()

    @property
    def answered(self) -> NDArray[np.bool_]:
        """The rows that the model in service answered itself: no failed call, no other replica."""
        version = self.log["model_version"].astype(str).to_numpy()
        return np.asarray(self.log["score"].notna() & (version == self.champion.label))

    @cached_property
    def right(self) -> pd.DataFrame:
        """What the warehouse's SQL computes for these rows today."""
        return from_sql(self.requests, self.labels).tail(len(self.log))

    def features(self, mistake: str | None = None) -> pd.DataFrame:
        """The same, right or with one classic mistake in the SQL."""
        if mistake is None:
            return self.right
        return from_sql(self.requests, self.labels, mistake).tail(len(self.log))


def live_rows(run: Run) -> LiveRows:
    """The rows of a run that passes everything on and cuts its scores, to be computed again."""
    past, columns = run.world.history(WARM_DAYS), list(RAW_COLUMNS)
    requests = pd.concat([past.requests[columns], run.log[columns]], ignore_index=True)
    labels = pd.concat([past.labels[_LABELS], run.labels[_LABELS]], ignore_index=True)
    truth = run.truth().loc[run.log["request_id"]]
    champion, decisions = run.system.inference.registry.champion, run.system.decisions
    assert isinstance(decisions, ScoreCut)
    return LiveRows(run.log, truth, requests, labels, champion, decisions.cut)


def from_sql(
    requests: pd.DataFrame, labels: pd.DataFrame, mistake: str | None = None
) -> pd.DataFrame:
    """The training table that the warehouse makes of events, in order of arrival."""
    with Warehouse() as house:
        if mistake is None:
            return house.offline_features(requests, labels)
        return house.wrong_features(mistake, requests, labels)


def served_from(rows: LiveRows, age: int) -> pd.DataFrame:
    """What a nightly table serves to a run's rows: last midnight's (age 0), or one days older.

    Only what depends on history comes from the table; risks are today's in every table.
    """
    table = nightly(rows.requests, age, rows=len(rows.log))
    return rows.log[list(FEATURES)].assign(**{name: table[name].to_numpy() for name in HISTORY})


@lru_cache(maxsize=8)
def notebook_on(seed: int, mistake: str | None = None) -> NotebookModel:
    """Lesson 01's recipe on the table that the warehouse makes of the seed's history."""
    history = payments_world(seed=seed, daily=TRAINING_DAILY).history(HISTORY_DAYS)
    return notebook_model(from_sql(history.requests, history.labels, mistake), seed=seed)


# --- one model, two pipelines --------------------------------------------------------------------


@dataclass(frozen=True)
class Pair(Arm):
    """One offline and one online pipeline around one model, on the rows of one run."""

    mistake: str | None = None
    served: str = LOGGED

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Score the same rows twice."""
        rows = _rows(seed, size, self.rate)
        model, cut = rows.champion.model, rows.cut
        if self.mistake:
            notebook = notebook_on(seed, self.mistake)
            model, cut = notebook.model, notebook.cut
        before, after = (model.predict(table) for table in self._tables(rows))
        if self.served == LOGGED:
            after = rows.log["score"].to_numpy()
        kept = rows.first & rows.answered
        offline, online = (
            _outcome(scores[kept], cut, rows.truth[kept]) for scores in (before, after)
        )
        measured = {"offline_auc": offline[0], "online_auc": online[0], "offline_cents": offline[1]}
        return {
            "value_cents": online[2], "expected_cents": online[1], "items": {}, "alerts": 0,
            "requests": int(kept.sum()), "measured": measured,
        }  # fmt: skip

    def _tables(self, rows: LiveRows) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What the model reads of each row offline, and online."""
        if self.served == LOGGED:
            return rows.log, rows.log
        nightly = self.served in NIGHTLY
        online = served_from(rows, NIGHTLY[self.served]) if nightly else rows.log
        return rows.features(self.mistake), online


def _outcome(scores: Floats, cut: float, truth: pd.DataFrame) -> tuple[float, float, int]:
    """AUC on the true labels, and cents of a cut, expected and realised."""
    action = np.where(scores >= cut, _BLOCK, _APPROVE).astype(np.int8)
    fraud, cents = truth["true_label"].to_numpy() == 1, truth["true_amount_cents"].to_numpy()
    expected = expected_cents(action, truth["true_probability"].to_numpy(), cents, COSTS)
    _, realised = effects(action, fraud, cents, COSTS)
    return auc(scores, fraud), float(expected.sum()), int(realised.sum())


@lru_cache(maxsize=1)
def _rows(seed: int, size: ClaimSize, rate: float) -> LiveRows:
    """The rows of a year of the notebook's model on exact state: the same for every pair."""
    arm = Arm(("model", "features"), rate=rate)
    system = assemble(arm.levels, seed=seed)
    faults = arm.faults(seed, size)
    return live_rows(simulate(arm.world(seed, size), system, days=size.days, faults=faults))
