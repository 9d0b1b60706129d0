"""Estimated performance: against NannyML's figures, and where it must follow or be blind."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

import mlsys_lessons as mls
from mlsys_lessons.components import monitoring
from mlsys_lessons.components.monitoring import performance
from mlsys_lessons.components.monitoring.performance import (
    EstimatedPerformance,
    bbse,
    calibrated,
    cbpe,
    sampling_error,
)
from mlsys_lessons.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"
VALUES = json.loads((GOLDEN / "peer_values.json").read_text())["nannyml_cbpe"]
PEER = runpy.run_path(str(GOLDEN / "peer_data.py"))


@pytest.fixture(scope="module")
def month():
    known, known_scores, scores, day = PEER["scores"]()
    return calibrated(known_scores, known), scores, day


@pytest.mark.parametrize("day", [0, 15, 29])
def test_nannyml_agrees(month, day):
    calibration, scores, days = month
    today = scores[days == day]
    estimate = cbpe(calibration(today), threshold=0.1, scores=today)
    for metric, tolerance in (("precision", 1e-9), ("recall", 1e-9), ("auc", 5e-9)):
        # The peer rounds cumulative counts for its AUC, hence the wider tolerance.
        wanted = VALUES[metric][str(day)]
        assert getattr(estimate, metric) == pytest.approx(wanted, rel=tolerance), metric


def test_nannyml_band_is_a_little_wider(month):
    """Its sampling error is that of any chunk of this size, ours of these very rows."""
    calibration, scores, days = month
    today = scores[days == 0]
    errors = sampling_error(calibration(today), threshold=0.1, scores=today)
    for metric, peer in (("precision", 0.006285), ("recall", 0.012245), ("auc", 0.004535)):
        assert 0.85 * peer < getattr(errors, metric) < peer, metric


def test_nannyml_does_not_merge_ties_and_we_do():
    """Where a coarse score ranks, its area hangs on the order in which the rows come in."""
    rng = np.random.default_rng(6)
    chances = rng.beta(0.5, 5, 300)
    score = np.round(chances, 1)
    areas = {}
    for name, order in (("rising", np.argsort(chances)), ("falling", np.argsort(-chances))):
        ours = cbpe(chances[order], scores=score[order]).auc
        assert ours == pytest.approx(pairwise_area(chances, score), abs=1e-12)
        areas[name] = unmerged_area(chances[order], score[order])
    assert areas["rising"] < ours - 0.005 < ours + 0.005 < areas["falling"]
    # Rows of equal rank and equal probability are no such case: there the two agree.
    assert unmerged_area(score, score) == pytest.approx(cbpe(score).auc, abs=1e-12)


def unmerged_area(chances, ranks):
    """The curve row by row, as NannyML draws it (from the origin on)."""
    chances = np.append(0, chances[np.argsort(-ranks, kind="stable")])
    positives, negatives = np.cumsum(chances), np.append(0, np.cumsum(1 - chances[1:]))
    return np.trapezoid(positives, negatives) / (positives[-1] * negatives[-1])


def pairwise_area(chances, ranks):
    """Brute force: every pair of a positive and a negative, a tie as a half."""
    wins = (ranks[:, None] > ranks) + 0.5 * (ranks[:, None] == ranks)
    pairs = chances.sum() * (1 - chances).sum()
    return np.sum(np.outer(chances, 1 - chances) * wins) / pairs if pairs > 0 else np.nan


SHARES = st.floats(0, 1).map(lambda share: round(share, 9))  # the oracle's products underflow
ROW = st.tuples(SHARES | st.sampled_from([0.0, 0.5, 1.0]), st.integers(-5, 5))


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=25), st.floats(0, 1), st.booleans())
def test_any_rows_give_shares_or_nothing_and_the_area_counts_pairs(rows, threshold, ranked):
    chances, scores = (np.array(values, dtype=float) for values in zip(*rows, strict=True))
    estimate = cbpe(chances, threshold=threshold, scores=scores if ranked else None)
    area = pairwise_area(chances, scores if ranked else chances)
    assert estimate.auc == pytest.approx(area, abs=1e-9, nan_ok=True)
    assert estimate.n == pytest.approx(len(rows))
    for metric in ("precision", "recall", "accuracy", "f1", "auc", "brier"):
        value = getattr(estimate, metric)
        assert np.isnan(value) or -1e-12 <= value <= 1 + 1e-12, metric


def test_a_long_day_is_summed_as_exactly_as_a_short_one():
    chances = np.random.default_rng(8).beta(0.5, 20, 300_000)
    assert cbpe(chances).auc == pytest.approx(unmerged_area(chances, chances), abs=1e-12)


def test_ten_equal_rows_and_rows_of_one_class():
    constant = cbpe([0.3] * 10, threshold=0.2)
    assert (constant.auc, constant.recall) == (0.5, 1.0)
    assert constant.precision == pytest.approx(0.3)
    certain = cbpe([1.0] * 10)
    assert (certain.precision, certain.recall, certain.f1) == (1.0, 1.0, 1.0)
    assert np.isnan(certain.auc)  # nobody to be ranked above


def test_a_score_that_is_the_probability_itself_changes_nothing():
    rng = np.random.default_rng(4)
    chances = np.where(rng.random(5_000) < 0.1, np.nan, np.round(rng.beta(0.5, 5, 5_000), 2))
    alone, twice = (cbpe(chances, scores=scores) for scores in (None, chances.copy()))
    assert alone.auc == pytest.approx(twice.auc, abs=1e-12)
    assert replace(alone, auc=0.0) == replace(twice, auc=0.0)


def test_where_learners_find_it():
    assert mls.performance is performance
    assert set(performance.__all__) - {"expected_confusion"} <= set(monitoring.__all__)
    assert all(hasattr(mls.performance, name) for name in performance.__all__)


def test_estimates_meet_labels_drawn_from_the_probabilities():
    rng = np.random.default_rng(0)
    chances = np.round(rng.beta(0.5, 5, 400_000), 2)  # rounded: ties must not matter
    labels = rng.random(400_000) < chances
    estimate = cbpe(chances, threshold=0.3)
    flagged = chances >= 0.3
    assert estimate.precision == pytest.approx(labels[flagged].mean(), abs=0.01)
    assert estimate.recall == pytest.approx(flagged[labels].mean(), abs=0.01)
    assert estimate.accuracy == pytest.approx((labels == flagged).mean(), abs=0.005)
    assert estimate.auc == pytest.approx(roc_auc_score(labels, chances), abs=0.005)
    assert estimate.brier == pytest.approx(((labels - chances) ** 2).mean(), abs=0.002)
    assert estimate.n == pytest.approx(400_000)
    assert 2 / (1 / estimate.precision + 1 / estimate.recall) == pytest.approx(estimate.f1)


def test_a_threshold_for_each_row_and_missing_scores():
    estimate = cbpe([0.5, 0.5, np.nan], threshold=[0.4, 0.6, 0.1])
    assert (estimate.tp, estimate.fp, estimate.fn, estimate.tn) == (0.5, 0.5, 0.5, 0.5)


def test_undefined_metrics_are_not_numbers():
    estimate = cbpe([0.0, 0.0], threshold=0.5)
    assert np.isnan([estimate.precision, estimate.recall, estimate.auc, estimate.f1]).all()
    assert estimate.accuracy == 1.0
    assert isinstance(estimate, EstimatedPerformance)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cbpe([]),
        lambda: cbpe([np.nan]),
        lambda: cbpe([np.inf]),
        lambda: cbpe([0.5], scores=[np.nan]),
        lambda: cbpe(None),
        lambda: cbpe([1.2]),
        lambda: cbpe([-0.1]),
        lambda: cbpe(["a"]),
        lambda: cbpe(np.ones((2, 2))),
        lambda: cbpe([0.5], scores=[1.0, 2.0]),
        lambda: cbpe([0.5], threshold=[0.1, 0.2]),
        lambda: bbse(0.1, recall=0.05, false_positive_rate=0.05),
        lambda: bbse(1.1, recall=0.8, false_positive_rate=0.05),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError):
        call()


# --- facts ---------------------------------------------------------------------------------------


def accuracy(rng, mean, slope):
    """True accuracy and CBPE's of the model sigmoid(2x) when x ~ N(mean, 1) and y has a slope."""
    x = rng.normal(mean, 1, 400_000)
    labels = rng.random(400_000) < expit(slope * x)
    said = expit(2 * x)
    return float(np.mean(labels == (said >= 0.5))), cbpe(said).accuracy


def test_fact_cbpe_follows_covariate_shift():
    rng = np.random.default_rng(1)
    assert accuracy(rng, 0, 2) == pytest.approx((0.778, 0.778), abs=0.005)
    assert accuracy(rng, 1, 2) == pytest.approx((0.841, 0.841), abs=0.005)


def test_fact_cbpe_is_blind_to_concept_drift():
    rng = np.random.default_rng(2)
    assert accuracy(rng, 0, 0.5) == pytest.approx((0.596, 0.778), abs=0.005)
    assert accuracy(rng, 0, -2) == pytest.approx((0.222, 0.778), abs=0.005)


def test_fact_label_shift():
    flagged = [0.8 * prevalence + 0.05 * (1 - prevalence) for prevalence in (0.02, 0.06)]
    assert flagged == pytest.approx([0.065, 0.095])
    assert bbse(0.095, recall=0.8, false_positive_rate=0.05) == pytest.approx(0.060)
    rng = np.random.default_rng(3)
    label = rng.random(300_000) < 0.06
    flag = rng.random(300_000) < np.where(label, 0.8, 0.05)
    recovered = bbse(flag.mean(), recall=0.8, false_positive_rate=0.05)
    assert recovered == pytest.approx(0.06, abs=0.003)
