"""Weighting: one logistic model, its classes as they are or balanced, served in one system.

Frauds are rare, and many notebooks weight them until both classes count alike. An arm serves such a
model and keeps its AUC on the last quarter of its history; what follows is claim C12's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.components.inference.models import LogisticModel
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.training_tables import history_table
from mlsys_lessons.gaps import with_gaps
from mlsys_lessons.simulation.presets import training_rows
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import PAYMENTS

PLAIN, BALANCED = "as it is", "classes balanced"
TRAINED_ON = 0.75  # the earlier share of the history's rows


@dataclass(frozen=True)
class WeightedArm(Arm):
    """The resilient system around a logistic model that was fitted with one weighting."""

    weighting: str = PLAIN

    def system(self, seed: int) -> System:
        """The system, the model plugged in."""
        return super().system(seed).with_(model=fitted(seed, self.weighting)[0])

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it; beside the money stands the notebook's AUC."""
        return {**super().play(seed, size), "measured": {"auc": fitted(seed, self.weighting)[1]}}


@lru_cache(maxsize=4)
def fitted(seed: int, weighting: str) -> tuple[LogisticModel, float]:
    """The model, and its AUC on the last quarter of its seed's history."""
    train, test = earlier_and_later(seed)
    known = train["label"].to_numpy(dtype=float)
    weights = class_weights(known) if weighting == BALANCED else None
    model = LogisticModel(inputs=PAYMENTS.inputs).fit(train, known, weights)
    return model, auc(model.predict(test), test["label"].to_numpy() == 1)


@lru_cache(maxsize=2)
def earlier_and_later(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that a notebook of this seed has, in order of time: three quarters, and the rest."""
    rows = with_gaps(training_rows(history_table(seed)[1]), PAYMENTS, seed)
    rows = rows.sort_values("tick", kind="stable")
    split = int(TRAINED_ON * len(rows))
    return rows.iloc[:split].reset_index(drop=True), rows.iloc[split:].reset_index(drop=True)


def class_weights(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """A weight for each row: 1, and for a fraud so much that both classes count alike.

    >>> class_weights(np.array([0.0, 0.0, 0.0, 1.0])).tolist()
    [1.0, 1.0, 1.0, 3.0]
    """
    rare = labels == 1
    return np.where(rare, (~rare).sum() / rare.sum(), 1.0)
