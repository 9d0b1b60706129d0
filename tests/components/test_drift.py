"""Drift statistics against scipy, against what the field's libraries return, and in theory."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mlsys_lessons.components.monitoring import drift
from mlsys_lessons.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"
VALUES = json.loads((GOLDEN / "peer_values.json").read_text())
PEER = runpy.run_path(str(GOLDEN / "peer_data.py"))
NUMERIC = sorted(VALUES["scipy_ks"])
CATEGORICAL = sorted(VALUES["scipy_chi2"])
STATISTICS = (
    drift.psi, drift.ks, drift.jensen_shannon, drift.wasserstein, drift.chi2, drift.l_infinity,
    drift.unseen_rate,
)  # fmt: skip

samples = arrays.arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3)),
)


@pytest.fixture(scope="module")
def pair():
    return PEER["pair"]()


def column(pair, name):
    reference, current = (side[name] for side in pair)
    if name in NUMERIC:
        return reference, current
    words = [f"v{i:02d}" for i in range(PEER["SIZES"][name])]
    return tuple(pd.Categorical.from_codes(codes, words) for codes in (reference, current))


# --- the peers' values ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMERIC)
def test_numeric_columns_agree_with_the_peers(pair, name):
    reference, current = column(pair, name)
    statistic, p = VALUES["scipy_ks"][name]
    assert drift.ks(reference, current) == pytest.approx(statistic, rel=1e-9)
    assert drift.ks_test(reference, current)[1] == pytest.approx(p, rel=1e-9, abs=1e-300)
    assert drift.wasserstein(reference, current) == pytest.approx(
        VALUES["scipy_wasserstein"][name], rel=1e-9
    )
    assert drift.jensen_shannon(reference, current) == pytest.approx(
        VALUES["nannyml_jensen_shannon"][name], rel=1e-9
    )
    known = [side[~np.isnan(side)] for side in (reference, current)]
    evidently = drift.psi(*known, bins="sturges", edges="pooled_width", floor=None)
    assert evidently == pytest.approx(VALUES["evidently_psi"][name], rel=1e-9)


@pytest.mark.parametrize("name", CATEGORICAL)
def test_categories_agree_with_the_peers(pair, name):
    reference, current = column(pair, name)
    statistic, p = VALUES["scipy_chi2"][name]
    assert drift.chi2(reference, current) == pytest.approx(statistic, rel=1e-9)
    assert drift.chi2_test(reference, current)[1] == pytest.approx(p, rel=1e-9, abs=1e-300)
    assert drift.jensen_shannon(reference, current) == pytest.approx(
        VALUES["nannyml_jensen_shannon"][name], rel=1e-9
    )
    assert drift.jensen_shannon(reference, current, base=np.e) == pytest.approx(
        VALUES["evidently_jensen_shannon"][name], rel=1e-9
    )


def test_psi_without_its_binning_rule_is_not_a_number(pair):
    undrifted = column(pair, "n01")
    evidently = drift.psi(*undrifted, bins="sturges", edges="pooled_width", floor=None)
    frouros = drift.psi(*undrifted, edges="pooled_width", floor=np.finfo(float).tiny)
    assert (round(evidently, 4), round(frouros, 3)) == (0.0010, 0.028)


def test_only_psi_and_the_missing_rate_see_a_doubled_missing_rate():
    full = np.random.default_rng(0).normal(size=20_000)
    holes, more = full.copy(), full.copy()
    holes[::10], more[::5] = np.nan, np.nan
    assert drift.ks(holes, more) < 0.01
    assert drift.psi(holes, more) > 0.05


# --- scipy as the oracle, and what must hold for any two samples ---------------------------------


def oracle_ks(reference, current):
    """The statistic alone: scipy's p-values warn about samples of a few rows."""
    points = np.concatenate([reference, current])
    shares = [scipy.stats.ecdf(side).cdf.evaluate(points) for side in (reference, current)]
    return np.abs(shares[0] - shares[1]).max()


@settings(max_examples=75, deadline=None)
@given(samples, samples)
def test_scipy_agrees(reference, current):
    assert drift.ks(reference, current) == pytest.approx(oracle_ks(reference, current), abs=1e-12)
    expected = scipy.stats.wasserstein_distance(reference, current)
    assert drift.wasserstein(reference, current) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@settings(max_examples=75, deadline=None)
@given(
    st.lists(st.sampled_from("abcde"), min_size=1), st.lists(st.sampled_from("abcde"), min_size=1)
)
def test_categories_agree_with_scipy(reference, current):
    words = sorted(set(reference) | set(current))
    table = np.array([[side.count(word) for word in words] for side in (reference, current)])
    distance = scipy.spatial.distance.jensenshannon(table[0], table[1], base=2)
    assert drift.jensen_shannon(reference, current) == pytest.approx(distance, abs=1e-7)
    oracle = scipy.stats.chi2_contingency(table, correction=False)
    statistic, p = drift.chi2_test(reference, current)
    assert statistic == pytest.approx(oracle.statistic, abs=1e-9)
    assert p == pytest.approx(oracle.pvalue, abs=1e-9)


@settings(max_examples=75, deadline=None)
@given(samples, samples)
def test_statistics_are_finite_not_negative_and_zero_on_equal_samples(reference, current):
    for statistic in STATISTICS:
        assert 0 <= statistic(reference, current) < np.inf
        assert statistic(reference, reference) == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=75, deadline=None)
@given(samples, samples)
def test_symmetric_statistics(reference, current):
    for statistic in (drift.ks, drift.wasserstein, drift.chi2, drift.l_infinity):
        forth, back = statistic(reference, current), statistic(current, reference)
        assert forth == pytest.approx(back, rel=1e-9, abs=1e-9)
    words = [pd.Series(side).round(-5).astype(str) for side in (reference, current)]
    for statistic in (drift.jensen_shannon, drift.psi):  # numeric bins depend on the reference
        assert statistic(*words) == pytest.approx(statistic(*words[::-1]), abs=1e-7)


@settings(max_examples=50, deadline=None)
@given(samples, samples)
def test_bounds_and_order_of_rows(reference, current):
    shuffled = np.random.default_rng(0).permutation(current)
    assert drift.ks(reference, current) <= 1
    assert drift.jensen_shannon(reference, current) <= 1
    assert drift.psi(reference, shuffled) == drift.psi(reference, current)


def test_types_of_one_column_give_one_answer():
    numbers, words = [1.0, 2.0, None, 4.0], ["a", "b", None, "a"]
    forms = [np.array([1, 2, np.nan, 4]), pd.Series(numbers), pd.array([1, 2, None, 4], "Int64")]
    assert {drift.psi(form, form[:2]) for form in [numbers, *forms]} == {
        drift.psi(numbers, [1.0, 2.0])
    }
    forms = [pd.Series(words), pd.Categorical(words), np.array(words, dtype=object)]
    assert {drift.chi2(form, ["a", "b"]) for form in forms} == {drift.chi2(words, ["a", "b"])}
    unused = pd.Categorical(["a"], categories=["z", "a"])
    assert drift.jensen_shannon(unused, ["a"]) == 0.0
    assert drift.psi([True, False], [True, True]) == drift.psi(["t", "f"], ["t", "t"])


@settings(max_examples=75, deadline=None)
@given(
    st.lists(st.sampled_from("abcde"), min_size=1), st.lists(st.sampled_from("cdefg"), min_size=1)
)
def test_shares_of_categories_by_hand(reference, current):
    shares = [{word: side.count(word) / len(side) for word in "abcdefg"}
              for side in (reference, current)]  # fmt: skip
    gaps = [abs(shares[0][word] - shares[1][word]) for word in "abcdefg"]
    assert drift.l_infinity(reference, current) == pytest.approx(max(gaps), abs=1e-12)
    unseen = [word not in reference for word in current]
    assert drift.unseen_rate(reference, current) == pytest.approx(np.mean(unseen), abs=1e-12)


def test_a_missing_rate_is_said_of_any_column():
    times = np.array(["2025-01-01", "NaT"], dtype="datetime64[ms]")
    assert drift.missing_rate_difference(times, times[:1]) == -0.5
    assert drift.missing_rate_difference(["a", None], [None, None]) == 0.5
    assert drift.missing_rate_difference([np.inf, 1.0], [np.inf]) == 0.0
    for bad in ([], "abc", None, np.ones((2, 2))):
        with pytest.raises(InputError):
            drift.missing_rate_difference(bad, [1.0])


def test_a_value_with_more_than_a_bins_mass_gets_its_own_bin():
    reference = np.repeat([0.0, 1.0], [200, 800])
    assert drift.psi(reference, np.ones(1000)) > 0.5
    assert drift.psi(1 - reference, np.zeros(1000)) > 0.5


def test_scaled_wasserstein_has_no_unit():
    rng = np.random.default_rng(3)
    euros, later = rng.lognormal(3, 1, 500), rng.lognormal(3.2, 1, 500)
    in_cents = drift.wasserstein(100 * euros, 100 * later, scaled=True)
    assert drift.wasserstein(euros, later, scaled=True) == pytest.approx(in_cents)
    assert drift.wasserstein(euros, later, scaled=True) * euros.std() == pytest.approx(
        drift.wasserstein(euros, later)
    )


BAD = [
    [], np.array([]), pd.Series([], dtype=float), [1.0, np.inf], np.ones((2, 2)), [[1, 2], [3, 4]],
    None, 5.0, "abc", b"abc", {1: 2}, pd.DataFrame({"a": [1.0]}), np.array([1 + 2j]), ["a", 1.0],
    np.array(["2025-01-01"], dtype="datetime64[ms]"),
]  # fmt: skip


@pytest.mark.parametrize("statistic", [*STATISTICS, drift.ks_test, drift.chi2_test])
@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_bad_input_is_one_clear_sentence(statistic, bad):
    for pair in ((bad, [1.0, 2.0]), ([1.0, 2.0], bad)):
        with pytest.raises(InputError) as caught:
            statistic(*pair)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: drift.psi([1.0], [2.0], bins=1),
        lambda: drift.psi([1.0], [2.0], bins="sturges"),
        lambda: drift.psi([1.0], [2.0], bins="nonsense", edges="pooled_width"),
        lambda: drift.psi([1.0], [2.0], edges="nonsense"),
        lambda: drift.psi([1.0], [2.0], floor=0.0),
        lambda: drift.jensen_shannon([1.0], [2.0], base=1.0),
        lambda: drift.wasserstein([1.0, 1.0], [2.0], scaled=True),
        lambda: drift.ks([np.nan], [2.0]),
        lambda: drift.chi2([None, None], ["a"]),
        lambda: drift.psi([1.0], ["a"]),
    ],
)
def test_conventions_that_do_not_exist(call):
    with pytest.raises(InputError):
        call()


# --- facts ---------------------------------------------------------------------------------------


def test_fact_unit_bug_is_seen_by_the_mean_and_not_by_psi():
    rng = np.random.default_rng(0)
    reference, current = rng.lognormal(3, 1, (2, 200_000))
    broken = np.where(rng.random(200_000) < 0.01, current * 100, current)
    assert broken.mean() / reference.mean() == pytest.approx(1.99, abs=0.1)
    assert np.median(broken) / np.median(reference) == pytest.approx(1.01, abs=0.01)
    assert drift.psi(reference, broken) == pytest.approx(0.001, abs=0.0005)
    assert drift.ks(reference, broken) < 0.015


@pytest.mark.parametrize(("n", "m"), [(400, 400), (300, 1500)])
def test_fact_psi_under_no_drift(n, m):
    rng = np.random.default_rng(1)
    measured = np.mean([drift.psi(rng.random(n), rng.random(m)) for _ in range(400)])
    assert measured == pytest.approx(9 * (1 / n + 1 / m), rel=0.1)


def test_fact_psi_of_a_hundred_rows_cries_wolf():
    rng = np.random.default_rng(2)
    measured = np.mean([drift.psi(rng.random(100), rng.random(100)) for _ in range(400)])
    assert measured == pytest.approx(0.18, abs=0.03)


def test_fact_many_metrics():
    rng = np.random.default_rng(3)
    days = rng.integers(0, 2, size=(2, 150, 20, 2_000), dtype=np.int8)
    alarms = [
        any(drift.chi2_test(days[0, day, k], days[1, day, k])[1] < 0.05 for k in range(20))
        for day in range(150)
    ]
    assert np.mean(alarms) == pytest.approx(1 - 0.95**20, abs=0.12)


def test_the_smallest_of_spreads_has_a_number_of_bins():
    """The cube of a spread below 1e-108 is zero in floats, and the skewness of it is not."""
    tiny = np.array([0.0, 0.0, 2.7e-154])
    assert drift.jensen_shannon(tiny, tiny) == 0.0
    assert drift.jensen_shannon(tiny, tiny[::-1] * 2) == drift.jensen_shannon(
        tiny * 1e150, tiny[::-1] * 2e150
    )


# --- goodness of fit ------------------------------------------------------------------------------


def test_goodness_of_fit_is_scipy_s_on_the_scaled_reference():
    luck = np.random.default_rng(8)
    for size in (2, 7, 40):
        first, second = luck.integers(0, size, 5_000), luck.integers(0, size, 3_000)
        expected = np.bincount(first, minlength=size) * 3_000 / 5_000
        theirs = scipy.stats.chisquare(np.bincount(second, minlength=size), expected)
        ours = drift.chi2_goodness_of_fit(first, second)
        assert ours == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)


def test_goodness_of_fit_of_a_new_value_and_of_a_constant():
    assert drift.chi2_goodness_of_fit(["a"], ["a", "b"]) == (float("inf"), 0.0)
    assert drift.chi2_goodness_of_fit(["a", "a"], ["a"]) == (0.0, 1.0)
