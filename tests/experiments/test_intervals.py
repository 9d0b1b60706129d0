"""Intervals against oracles: scipy, brute force, closed forms; and what coverage says of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from mlsys_lessons.experiments import intervals, paired_effects
from mlsys_lessons.experiments.coverage import CHOSEN, PAIRS, coverage, coverage_table, told, worst
from mlsys_lessons.experiments.intervals import METHODS, Samples
from mlsys_lessons.experiments.statistics import mean_interval, p_value, ratio_interval
from mlsys_lessons.simulation.scenarios import ClaimSize

SKEWED = np.exp(np.random.default_rng(4).standard_normal((3, 16)))
LEVEL, RESAMPLES = 0.95, 9_999


def samples(values: NDArray[np.float64], resamples: int = RESAMPLES) -> Samples:
    """Samples of a mean."""
    return Samples(values, np.ones_like(values), resamples)


def test_student_is_scipy_s() -> None:
    low, high = intervals.student(samples(SKEWED), LEVEL)
    for row, values in enumerate(SKEWED):
        found = stats.ttest_1samp(values, 0.0).confidence_interval(LEVEL)
        assert (low[row], high[row]) == pytest.approx((found.low, found.high))


@pytest.mark.parametrize(("name", "method"), [("BCa", "BCa"), ("percentile", "percentile")])
def test_bootstrap_intervals_are_scipy_s_but_for_luck(name: str, method: str) -> None:
    low, high = METHODS[name](samples(SKEWED), LEVEL)
    for row, values in enumerate(SKEWED):
        found = stats.bootstrap(
            (values,), np.mean, method=method, n_resamples=99_999, rng=np.random.default_rng(row)
        ).confidence_interval
        assert (low[row], high[row]) == pytest.approx((found.low, found.high), rel=0.04)


def test_bootstrap_t_is_the_definition_done_one_resample_at_a_time() -> None:
    values, luck = SKEWED[0], np.random.default_rng(8)
    error = values.std(ddof=1) / 4
    ratios = []
    for _ in range(20_000):
        again = luck.choice(values, 16)
        ratios.append((again.mean() - values.mean()) / (again.std(ddof=1) / 4))
    upper, lower = np.quantile(ratios, [0.025, 0.975])
    low, high = (limit[0] for limit in intervals.bootstrap_t(samples(SKEWED), LEVEL))
    assert low == pytest.approx(values.mean() - lower * error, rel=0.05)
    assert high == pytest.approx(values.mean() - upper * error, rel=0.08)


def test_sign_flips_are_the_means_that_no_flipping_rejects() -> None:
    """All 2^10 flips at both limits: about 2.5 % of them are as far out as the mean itself."""
    values = SKEWED[:1, :10]
    limits = intervals.sign_flips(samples(values, 99_999), LEVEL)
    signs = np.array(list(product((-1, 1), repeat=10)))
    for limit in limits:
        away = values[0] - limit[0]
        farther = (np.sign(away.sum()) * (signs @ away) >= abs(away.sum()) - 1e-12).mean()
        assert farther == pytest.approx(0.025, abs=0.004)


def test_johnson_moves_by_a_sixth_of_the_skewness() -> None:
    low, high = intervals.johnson(samples(SKEWED), LEVEL)
    usual = intervals.student(samples(SKEWED), LEVEL)
    third = ((SKEWED - SKEWED.mean(axis=1, keepdims=True)) ** 3).mean(axis=1)
    moved = third / (6 * 16 * SKEWED.var(axis=1))
    np.testing.assert_allclose(low - usual[0], moved, rtol=0.05)  # 1/n or 1/(n - 1): the same
    np.testing.assert_allclose(high - low, usual[1] - usual[0])


def test_hall_s_limits_solve_his_cubic() -> None:
    drawn = samples(SKEWED)
    quantile = stats.t.ppf(0.975, 15)
    low, high = intervals.hall(drawn, LEVEL)
    for limit, wanted in ((low, quantile), (high, -quantile)):
        ratio = (drawn.estimate - limit) / drawn.standard_error
        cubic = ratio + drawn.lean * ratio**2 / 3 + drawn.lean**2 * ratio**3 / 27 + drawn.lean / 6
        np.testing.assert_allclose(cubic, wanted, rtol=1e-9)


@pytest.mark.parametrize("name", list(METHODS))
def test_an_interval_moves_with_its_data_and_shrinks_with_its_level(name: str) -> None:
    low, high = METHODS[name](samples(SKEWED), LEVEL)
    moved = METHODS[name](samples(10 * SKEWED + 3), LEVEL)
    np.testing.assert_allclose(moved, (10 * low + 3, 10 * high + 3), rtol=1e-6)
    inner = METHODS[name](samples(SKEWED), 0.8)
    assert (inner[0] >= low).all() and (inner[1] <= high).all()
    assert (low <= SKEWED.mean(axis=1)).all() and (high >= SKEWED.mean(axis=1)).all()


def test_one_world_with_all_the_money_leaves_the_interval_finite_and_wide() -> None:
    values = np.zeros((1, 10))
    values[0, 3] = 100.0
    low, high = intervals.widest(samples(values), LEVEL)
    usual = intervals.student(samples(values), LEVEL)
    assert np.isfinite([low, high]).all() and high - low > 2 * (usual[1] - usual[0])


# --- the claims' own -----------------------------------------------------------------------------


def test_the_claims_interval_is_never_inside_student_s() -> None:
    for values in SKEWED:
        found, usual = mean_interval(values), stats.ttest_1samp(values, 0.0).confidence_interval()
        assert found.low <= usual.low + 1e-12 and found.high >= usual.high - 1e-12
        assert "bootstrap-t" in found.method


def test_p_and_interval_agree_on_every_threshold() -> None:
    found = mean_interval(SKEWED[0])
    for limit in (found.low, found.high):
        inside = limit + 0.02 * (found.estimate - limit)
        outside = limit - 0.02 * (found.estimate - limit)
        assert p_value(SKEWED[0], outside) <= 0.05 + 1e-3 <= p_value(SKEWED[0], inside) + 2e-3


def test_a_ratio_with_equal_wholes_is_a_mean() -> None:
    mean, ratio = mean_interval(SKEWED[0]), ratio_interval(SKEWED[0], np.full(16, 2.0))
    assert (ratio.low, ratio.high) == pytest.approx((mean.low / 2, mean.high / 2))


# --- coverage ------------------------------------------------------------------------------------


def test_coverage_of_normal_pairs_is_what_student_promises() -> None:
    values = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    found = coverage(values, np.ones_like(values), pairs=10, samples=4_000, resamples=199)
    usual = found[found["method"] == "Student"].set_index("level")
    assert usual.loc["95 %", "below"] == pytest.approx(0.025, abs=0.008)
    assert usual.loc["95 %", "above"] == pytest.approx(0.025, abs=0.008)
    assert (usual["width"] == 1).all()


def test_coverage_of_a_log_normal_is_what_the_literature_says() -> None:
    """Mean e^(1/2) from 20 pairs: Student misses about 13 % above it, bootstrap-t half of that."""
    values = np.exp(stats.norm.ppf((np.arange(50_000) + 0.5) / 50_000))
    assert values.mean() == pytest.approx(np.exp(0.5), rel=1e-3)
    found = coverage(values, np.ones_like(values), pairs=20, samples=1_500, resamples=999)
    missed = found[found["level"] == "95 %"].set_index("method")["below"]
    assert missed["Student"] == pytest.approx(0.135, abs=0.025)
    assert missed["BCa"] == pytest.approx(0.10, abs=0.025)
    assert missed["bootstrap-t"] == pytest.approx(0.07, abs=0.02)
    assert missed["bootstrap-t or Student"] <= missed["bootstrap-t"]


def test_the_committed_pool_is_whole_and_its_table_is_readable() -> None:
    earned = paired_effects.pool()
    assert list(earned.columns) == list(paired_effects.ARMS) and earned.notna().all(axis=None)
    assert len(earned) == paired_effects.WORLDS and earned.index.is_unique
    assert paired_effects.POOL.stat().st_size < 100_000
    table = coverage_table(earned, samples=50, resamples=199)
    assert len(table) == 4 * len(PAIRS) * 2 * len(METHODS)
    assert list(worst(table).index) == list(METHODS)
    assert "The claims take bootstrap-t or Student" in told(table)
    assert METHODS[CHOSEN] is intervals.widest


def test_a_pool_is_made_again_by_the_same_function(tmp_path: pytest.TempPathFactory) -> None:
    path = tmp_path / "pool.csv"  # type: ignore[operator]
    made = paired_effects.make(path, worlds=1, size=ClaimSize(days=3, daily=100))
    pd.testing.assert_frame_equal(paired_effects.pool(path), made)
