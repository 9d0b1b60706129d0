"""Label sources: what a row without a true label counts for, row by row and in a running system."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.feedback.label_sources import (
    OwnDecisions,
    RejectInference,
    Unweighted,
)
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy


class Believes:
    """A model that says what stands in a column."""

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["belief"].to_numpy()


ROWS = pd.DataFrame(
    {
        "label": [0.0, 1.0, -1.0, -1.0, 1.0],
        "weight": [1.0, 1.0, 1.02, 1.02, 50.0],
        "belief": [0.1, 0.9, 0.5, 0.51, 0.9],
    }
)


@pytest.mark.parametrize(
    ("policy", "labels", "weights"),
    [
        (RetrainingPolicy(), [0, 1, 1], [1, 1, 50]),
        (Unweighted(), [0, 1, 1], [1, 1, 1]),
        (OwnDecisions(), [0, 1, 1, 1, 1], [1] * 5),
        (RejectInference(), [0, 1, 0, 1, 1], [1] * 5),
    ],
)
def test_what_each_source_makes_of_five_rows(policy, labels, weights) -> None:
    before = ROWS.copy()
    found = policy.learned_from(ROWS, Believes())
    assert found["label"].tolist() == labels
    assert found["weight"].tolist() == weights
    assert ROWS.equals(before)


def test_in_a_running_system_only_what_is_learned_differs() -> None:
    fits = {}
    for policy in (RetrainingPolicy(first=60, every=30), OwnDecisions(first=60, every=30)):
        world = mls.payments_world(seed=31, daily=300)
        system = mls.resilient_system(seed=31, retraining=policy)
        run = mls.simulate(world, system, days=59, keep="metrics")
        fits[type(policy).__name__] = run.actions_sha256
    assert len(set(fits.values())) == 1  # until the first fit
