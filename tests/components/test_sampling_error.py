"""Standard errors of CBPE's metrics: against labels that are drawn over and over, and NannyML."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlsys_lessons.components.monitoring.performance import cbpe, sampling_error
from mlsys_lessons.errors import InputError

METRICS = ("precision", "recall", "accuracy", "f1", "auc")
CHANCES = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.5])


@pytest.mark.parametrize(
    ("rows", "decimals", "ranked_otherwise"), [(1_000, 9, False), (800, 2, False), (1_000, 9, True)]
)
def test_three_standard_errors_cover_labels_drawn_from_the_probabilities(
    rows, decimals, ranked_otherwise
):
    rng = np.random.default_rng(rows + decimals)
    chances = np.round(rng.beta(0.5, 5, rows), decimals)
    scores = chances + rng.normal(0, 0.1, rows) if ranked_otherwise else None
    ranks = chances if scores is None else scores
    estimate = cbpe(chances, threshold=0.2, scores=scores)
    errors = asdict(sampling_error(chances, threshold=0.2, scores=scores))
    draws = [
        cbpe((rng.random(rows) < chances).astype(float), threshold=0.2, scores=ranks)
        for _ in range(1_500)
    ]
    for metric in METRICS:
        realised = np.array([getattr(draw, metric) for draw in draws])
        assert realised.std() == pytest.approx(errors[metric], rel=0.08), metric
        away = np.abs(realised - getattr(estimate, metric))
        assert np.mean(away <= 3 * errors[metric]) >= 0.99, metric


def test_brier_error_is_exact():
    rng = np.random.default_rng(5)
    chances = rng.beta(0.5, 5, 500)
    labels = rng.random((4_000, 500)) < chances
    realised = ((labels - chances) ** 2).mean(axis=1)
    assert realised.std() == pytest.approx(sampling_error(chances).brier, rel=0.05)
    assert realised.mean() == pytest.approx(cbpe(chances).brier, rel=0.01)


def test_where_only_luck_is_left_out_there_is_none():
    certain = sampling_error([0.0, 1.0, 1.0, 0.0])
    assert asdict(certain) == dict.fromkeys(asdict(certain), 0.0)
    constant = sampling_error([0.3] * 10)  # one step: its area is one half whatever comes
    assert constant.auc == 0.0
    assert constant.accuracy == pytest.approx((0.21 / 10) ** 0.5)


@settings(max_examples=200, deadline=None)
@given(arrays.arrays(np.float64, st.integers(1, 30), elements=CHANCES), st.floats(0, 1))
def test_an_error_is_defined_where_its_metric_is(chances, threshold):
    estimate, errors = (
        cbpe(chances, threshold=threshold),
        asdict(sampling_error(chances, threshold=threshold)),
    )
    for metric, error in errors.items():
        defined = not np.isnan(getattr(estimate, metric))
        assert defined == (0 <= error <= 0.5), metric
        assert defined != np.isnan(error), metric


@pytest.mark.parametrize("chances", [[], [np.nan], [1.01], [-0.01], [np.inf], [[0.5]]])
def test_bad_input(chances):
    with pytest.raises(InputError):
        sampling_error(chances)
