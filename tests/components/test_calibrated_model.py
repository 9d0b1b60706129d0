"""A calibrated model: the curve is scikit-learn's, the order stays, prices become right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

import mlsys_lessons as mls
from mlsys_lessons.components.inference.calibrated import CalibratedModel
from mlsys_lessons.components.inference.models import LEAST_RATE, BoostedModel, LogisticModel
from mlsys_lessons.errors import InputError, NotFittedError
from mlsys_lessons.worlds.payments.domain import FEATURES

LUCK = np.random.default_rng(2)
ROWS = pd.DataFrame(LUCK.gamma(1.0, 1.0, (6_000, len(FEATURES))), columns=list(FEATURES))
TRUTH = 1 / (1 + np.exp(5 - 1.2 * ROWS["log_amount"] - 0.8 * ROWS["sum_24h"]))
LABELS = (LUCK.random(6_000) < TRUTH).astype(float)


class Reweighted(BoostedModel):
    """A notebook's habit: as many frauds as genuine payments, by weight."""

    def fit(self, frame, labels, weights=None):  # type: ignore[no-untyped-def]
        return super().fit(frame, labels, np.where(labels == 1, 1 / labels.mean(), 1.0))


def test_the_curve_is_scikit_learn_s_on_the_rows_held_out() -> None:
    model = CalibratedModel(BoostedModel(trees=20), held_out=0.5).fit(ROWS, LABELS)
    inner = BoostedModel(trees=20).fit(ROWS[:3_000], LABELS[:3_000])
    curve = IsotonicRegression(out_of_bounds="clip").fit(
        inner.predict(ROWS[3_000:]), LABELS[3_000:]
    )
    expected = np.clip(curve.predict(inner.predict(ROWS)), LEAST_RATE, 1 - LEAST_RATE)
    assert model.predict(ROWS) == pytest.approx(expected, abs=1e-12)


def test_a_reweighted_model_ranks_as_before_and_means_what_it_says() -> None:
    fresh = pd.DataFrame(LUCK.gamma(1.0, 1.0, (20_000, len(FEATURES))), columns=list(FEATURES))
    truth = 1 / (1 + np.exp(5 - 1.2 * fresh["log_amount"] - 0.8 * fresh["sum_24h"]))
    labels = LUCK.random(20_000) < truth
    raw = Reweighted(trees=40).fit(ROWS[:4_500], LABELS[:4_500]).predict(fresh)
    calibrated = CalibratedModel(Reweighted(trees=40)).fit(ROWS, LABELS).predict(fresh)
    assert raw.mean() > 2 * truth.mean()
    assert calibrated.mean() == pytest.approx(truth.mean(), rel=0.15)
    assert np.abs(calibrated - truth).mean() < 0.4 * np.abs(raw - truth).mean()
    order = np.argsort(raw, kind="stable")
    assert (np.diff(calibrated[order]) >= 0).all()
    assert roc_auc_score(labels, calibrated) == pytest.approx(roc_auc_score(labels, raw), abs=0.02)


def test_it_is_a_model_like_any_other_in_a_system_that_refits() -> None:
    world = mls.payments_world(seed=7, daily=200)
    requests, labels = world.history(180)
    rows = mls.presets.training_rows(mls.features.offline(requests, labels))
    model = CalibratedModel(LogisticModel()).fit(rows, rows["label"].to_numpy())
    system = mls.resilient_system(seed=7).with_(model=model)
    run = mls.simulate(world, system, days=5)
    assert run.log["score"].between(LEAST_RATE, 1).all()
    assert "calibrated" in str(run.log["model_version"].iloc[-1])


def test_what_cannot_be_calibrated_is_said() -> None:
    with pytest.raises(NotFittedError, match="fit it first"):
        CalibratedModel(LogisticModel()).predict(ROWS)
    with pytest.raises(InputError, match="hold 0 positives"):
        CalibratedModel(LogisticModel()).fit(ROWS, np.r_[LABELS[:4_500], np.zeros(1_500)])
    with pytest.raises(InputError, match="held_out"):
        CalibratedModel(LogisticModel(), held_out=1.0)
