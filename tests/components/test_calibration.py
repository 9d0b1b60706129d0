"""Calibration: scikit-learn's own figures, and an error that a loop over bins gives as well."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from mlsys_lessons.components.monitoring.performance import (
    calibrated,
    cbpe,
    expected_calibration_error,
)
from mlsys_lessons.errors import InputError

ROWS = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0, 1])), min_size=2, max_size=40)


def overconfident(rng, rows):
    """Labels, and scores that rank them well and are far too sure of themselves."""
    odds = rng.normal(-2, 1.5, rows)
    labels = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return labels, 1 / (1 + np.exp(-3 * odds))


def test_it_is_isotonic_regression():
    rng = np.random.default_rng(0)
    labels, scores = overconfident(rng, 20_000)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    asked = np.concatenate([rng.random(5_000), [-3.0, 7.0]])
    assert calibrated(scores, labels)(asked) == pytest.approx(fitted.predict(asked), abs=1e-12)


def test_calibration_mends_the_estimate():
    rng = np.random.default_rng(1)
    to_probability = calibrated(*overconfident(rng, 50_000)[::-1])
    labels, scores = overconfident(rng, 200_000)
    chances = to_probability(scores)
    true = labels[scores >= 0.3].mean()
    assert cbpe(scores, threshold=0.3).precision > true + 0.05
    assert cbpe(chances, threshold=0.3, scores=scores).precision == pytest.approx(true, abs=0.01)
    assert expected_calibration_error(scores, labels) > 0.08
    assert expected_calibration_error(chances, labels) < 0.01


def test_concept_drift_shows_once_there_are_labels():
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, 50_000)
    said = 1 / (1 + np.exp(-2 * x))
    errors = [
        expected_calibration_error(said, rng.random(len(x)) < 1 / (1 + np.exp(-slope * x)))
        for slope in (2, 0.5, -2)
    ]
    assert errors[0] < 0.01 < 0.15 < errors[1] < errors[2]


def test_bins_hold_equally_many_rows_and_a_tie_has_one_bin():
    rng = np.random.default_rng(3)
    chances, labels = rng.random(1_000), rng.random(1_000) < 0.3
    by_rank = np.argsort(chances).reshape(10, 100)
    gaps = [abs(labels[rows].mean() - chances[rows].mean()) for rows in by_rank]
    assert expected_calibration_error(chances, labels) == pytest.approx(np.mean(gaps), abs=2e-3)
    assert expected_calibration_error([0.5] * 10, [1, 0] * 5) == 0.0
    assert expected_calibration_error([0.2, np.nan, 0.4], [0, 1, np.nan], bins=3) == 0.2


@settings(max_examples=150, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_error_is_a_share_and_order_does_not_matter(rows, luck):
    shuffled = list(rows)
    luck.shuffle(shuffled)
    error = expected_calibration_error(*zip(*rows, strict=True))
    assert 0 <= error <= 1
    assert error == pytest.approx(
        expected_calibration_error(*zip(*shuffled, strict=True)), abs=1e-12
    )


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_calibrated_values_are_probabilities_in_the_order_of_the_scores(rows):
    scores, labels = zip(*rows, strict=True)
    if len(set(labels)) == 1:
        with pytest.raises(InputError):
            calibrated(scores, labels)
        return
    chances = calibrated(scores, labels)(np.linspace(-0.5, 1.5, 50))
    assert 0 <= chances.min() <= chances.max() <= 1
    assert (np.diff(chances) >= 0).all()
    assert np.mean(calibrated(scores, labels)(scores)) == pytest.approx(np.mean(labels))


def test_ten_rows_of_one_score_have_the_share_of_positives():
    assert calibrated([0.7] * 10, [1] * 3 + [0] * 7)([0.1, np.nan, 0.9])[[0, 2]] == pytest.approx(
        [0.3, 0.3]
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: calibrated([], []),
        lambda: calibrated([0.5, 0.6], [1, 1]),
        lambda: calibrated([0.5, np.inf], [0, 1]),
        lambda: calibrated([0.5, np.nan], [0, 1]),
        lambda: calibrated([0.5, 0.6], [0, 2]),
        lambda: calibrated([0.5], [0, 1]),
        lambda: calibrated(["a", "b"], [0, 1]),
        lambda: calibrated([0.5, 0.6], [0, 1])([[0.5]]),
        lambda: expected_calibration_error([], []),
        lambda: expected_calibration_error([np.nan], [1]),
        lambda: expected_calibration_error([1.5], [1]),
        lambda: expected_calibration_error([0.5], [0.5]),
        lambda: expected_calibration_error([0.5], [1], bins=0),
        lambda: expected_calibration_error([0.5], [1], bins=2.5),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError):
        call()
