"""Label sources: policies of retraining that differ in what a row without a true label counts for.

`RetrainingPolicy` itself learns from what was let through, each row 1 / propensity. The three here
are what teams do instead, and where a feedback loop begins. When to learn is as in retraining.py.

    mls.resilient_system(seed=7, retraining=OwnDecisions())
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.feedback.labels import UNKNOWN
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
from mlsys_lessons.frames import array_of


@dataclass(frozen=True)
class Unweighted(RetrainingPolicy):
    """Learns from what has a label, each row once: exploration is paid for and not used."""

    def learned_from(self, rows: pd.DataFrame, model: Model) -> pd.DataFrame:
        """Rows of known fate, all of weight 1."""
        return super().learned_from(rows, model).assign(weight=1.0)


@dataclass(frozen=True)
class OwnDecisions(RetrainingPolicy):
    """Takes what was blocked, and what nobody knows, to have been harm: because it was blocked."""

    def learned_from(self, rows: pd.DataFrame, model: Model) -> pd.DataFrame:
        """Every row, all of weight 1; one without a label is harm."""
        unknown = array_of(rows, "label") == UNKNOWN
        return rows.assign(label=np.where(unknown, 1.0, rows["label"]), weight=1.0)


@dataclass(frozen=True)
class RejectInference(RetrainingPolicy):
    """Takes what has no label to be harm where the model in service says so, above a half."""

    def learned_from(self, rows: pd.DataFrame, model: Model) -> pd.DataFrame:
        """Every row, all of weight 1; one without a label has the model's own opinion."""
        unknown = array_of(rows, "label") == UNKNOWN
        believed = (model.predict(rows) > 0.5).astype(np.float64)
        return rows.assign(label=np.where(unknown, believed, rows["label"]), weight=1.0)
