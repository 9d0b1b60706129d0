"""What the notebook promises: money on labelled rows at the chosen cut. It runs no system.

Three promises from one history: on the random test split, on the time split, and on the time split
with every label true (which no notebook can have; it prices the wrong labels of the test set).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.experiments.open_labels import OpenLabelsWorld
from mlsys_lessons.simulation.ledger import effects
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TEST_SHARE,
    TRAINING_DAILY,
    NotebookModel,
    notebook_model,
    training_rows,
)
from mlsys_lessons.worlds import payments_world
from mlsys_lessons.worlds.payments.domain import ACTIONS, COSTS

_APPROVE, _BLOCK = ACTIONS.index("approve"), ACTIONS.index("block")


def money(
    scores: NDArray[np.float64], cut: float, fraud: NDArray[np.bool_], amount: NDArray[np.float64]
) -> float:
    """Cents per 1,000 requests when everything at or above the cut is blocked.

    >>> money(np.array([0.9, 0.1]), 0.5, np.array([True, False]), np.array([80.0, 50.0]))
    55000.0
    """
    action = np.where(scores >= cut, _BLOCK, _APPROVE).astype(np.int8)
    _, cents = effects(action, fraud, np.rint(amount * 100).astype(np.int64), COSTS)
    return 1_000 * float(cents.mean())


def promises(seed: int) -> dict[str, float]:
    """The promises of one seed's notebook, in cents per 1,000 requests, and its test AUC."""
    world = payments_world(seed=seed, daily=TRAINING_DAILY)
    history = world.history(HISTORY_DAYS)
    table = offline(history.requests, history.labels)
    notebook = notebook_model(table, seed=seed)
    scores = notebook.model.predict(notebook.test)
    fraud = notebook.test["label"].to_numpy() == 1
    amount = notebook.test["amount"].to_numpy()
    truth = OpenLabelsWorld.of(world).history(HISTORY_DAYS).labels
    frauds = truth["request_id"].to_numpy()[truth["label"].to_numpy() == 1]
    return {
        "random_split": money(scores, notebook.cut, fraud, amount),
        "random_split_approve_all": money(scores, np.inf, fraud, amount),
        "random_split_auc": auc(scores, fraud),
        "cut": notebook.cut,
        **_time_split(training_rows(table), notebook, frauds, seed),
    }


def _time_split(
    rows: pd.DataFrame, notebook: NotebookModel, frauds: NDArray[np.int64], seed: int
) -> dict[str, float]:
    """The same recipe and the shipped cut, fitted on the older rows and judged on the newer."""
    border = int(len(rows) * (1 - TEST_SHARE))
    train, test = rows.iloc[:border], rows.iloc[border:]
    model = BoostedModel(random_state=seed).fit(train, train["label"].to_numpy())
    scores, amount = model.predict(test), test["amount"].to_numpy()
    known = test["label"].to_numpy() == 1
    true = np.isin(test["request_id"].to_numpy(), frauds)
    return {
        "time_split": money(scores, notebook.cut, known, amount),
        "time_split_approve_all": money(scores, np.inf, known, amount),
        "time_split_true_labels": money(scores, notebook.cut, true, amount),
        "time_split_auc": auc(scores, known),
    }
