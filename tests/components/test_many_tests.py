"""Many p-values, p-values by permutation, chunks: against scipy, papers and closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from mlsys_lessons.components.monitoring import (
    benjamini_hochberg,
    bonferroni,
    chunks_by_count,
    chunks_by_day,
    drift,
    no_drift_interval,
    permutation_test,
)
from mlsys_lessons.errors import InputError

# --- multiplicity --------------------------------------------------------------------------------

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(p_values)
def test_adjusted_p_values_by_definition(given_values):
    p, m = np.array(given_values), len(given_values)
    assert bonferroni(p) == pytest.approx([min(m * each, 1.0) for each in given_values])
    by_definition = [
        min(m * other / np.sum(p <= other) for other in given_values if other >= each)
        for each in given_values
    ]
    assert benjamini_hochberg(p) == pytest.approx(by_definition, abs=1e-12)
    expected = scipy.stats.false_discovery_control(p)
    assert benjamini_hochberg(p) == pytest.approx(expected, abs=1e-12)
    assert (benjamini_hochberg(p) <= bonferroni(p) + 1e-12).all()


def test_the_example_of_benjamini_and_hochberg():
    """Fifteen tests of a heart drug: at 5 %, their procedure finds four and Bonferroni's three."""
    p = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719,
         .6528, .7590, 1.0]  # fmt: skip
    assert np.sum(benjamini_hochberg(p) <= 0.05) == 4
    assert np.sum(bonferroni(p) <= 0.05) == 3


def test_names_stay_with_their_p_values():
    named = {"b": 0.04, "a": 0.01, "c": 0.5}
    for adjust in (bonferroni, benjamini_hochberg):
        adjusted = adjust(named)
        assert list(adjusted) == list(named)
        assert list(adjusted.values()) == pytest.approx(adjust(np.array(list(named.values()))))
        assert adjust({}) == {} and len(adjust([])) == 0


@pytest.mark.parametrize("adjust", [bonferroni, benjamini_hochberg])
@pytest.mark.parametrize(
    "bad", [[1.5], [-0.1], [np.nan], [[0.1, 0.2]], 0.1, None, ["a"], {"a": None}, "0.1"], ids=repr
)
def test_what_is_no_p_value_is_refused(adjust, bad):
    with pytest.raises(InputError, match=r"0\.\.1"):
        adjust(bad)


def test_fact_twenty_undrifted_columns_cry_wolf_until_they_are_adjusted():
    p = np.random.default_rng(1).random((2_000, 20))
    assert np.mean(p.min(axis=1) < 0.05) == pytest.approx(1 - 0.95**20, abs=0.03)
    for adjust in (bonferroni, benjamini_hochberg):
        alarms = np.mean([adjust(day).min() < 0.05 for day in p])
        assert alarms == pytest.approx(0.05, abs=0.015)


# --- permutation ---------------------------------------------------------------------------------


def distance(reference, current):
    return abs(np.mean(reference) - np.mean(current))


def test_scipy_enumerates_what_the_luck_samples():
    rng = np.random.default_rng(5)
    for shift in (0.0, 1.0, 2.0):
        pair = rng.normal(size=5), rng.normal(shift, 1, size=6)
        exact = scipy.stats.permutation_test(
            pair, distance, n_resamples=np.inf, alternative="greater"
        )
        statistic, p = permutation_test(distance, *pair, permutations=4_000)
        assert statistic == pytest.approx(exact.statistic)
        error = np.sqrt(exact.pvalue * (1 - exact.pvalue) / 4_000)
        assert p == pytest.approx(exact.pvalue, abs=4 * error + 1 / 4_000)


def test_p_is_uniform_without_drift():
    rng = np.random.default_rng(6)
    p = [
        permutation_test(distance, *rng.normal(size=(2, 12)), permutations=19, seed=day)[1]
        for day in range(600)
    ]
    counts = np.bincount(np.rint(np.array(p) * 20).astype(int), minlength=21)[1:]
    assert scipy.stats.chisquare(counts).pvalue > 0.001
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_p_is_one_plus_hits_over_one_plus_permutations():
    apart = np.arange(8.0), np.arange(8.0) + 100
    assert permutation_test(drift.ks, *apart, permutations=99) == (1.0, 0.01)
    same = permutation_test(drift.ks, np.ones(5), np.ones(5), permutations=99)
    assert same == (0.0, 1.0)  # ties are hits


def test_one_quiet_day_in_forty_exceeds_an_interval_of_95_percent():
    rng = np.random.default_rng(8)
    above = 0
    for day in range(800):
        pair = rng.normal(size=(2, 12))
        above += distance(*pair) > no_drift_interval(distance, *pair, permutations=39, seed=day)[1]
    assert scipy.stats.binomtest(above, 800, 1 / 40).pvalue > 0.001


def test_the_interval_is_the_closed_form_where_there_is_one():
    """KS at 200 and 300 rows: the table of Kolmogorov's distribution."""
    rng = np.random.default_rng(9)
    low, high = no_drift_interval(
        drift.ks, rng.normal(size=200), rng.normal(size=300), level=0.9, permutations=1_999
    )
    quantiles = scipy.stats.kstwobign.ppf([0.05, 0.95]) * np.sqrt(1 / 200 + 1 / 300)
    assert (low, high) == pytest.approx(quantiles, rel=0.06)


@pytest.mark.parametrize(
    ("words", "options"),
    [("take 39 or more", {"permutations": 38}), ("level=1.5", {"level": 1.5}),
     ("permutations=9 cannot show a level of 1", {"level": 1, "permutations": 9})],
)  # fmt: skip
def test_an_interval_that_so_few_shuffles_cannot_show_is_refused(words, options):
    with pytest.raises(InputError, match=words):
        no_drift_interval(distance, np.arange(5.0), np.arange(5.0), **options)


def test_one_seed_gives_one_p():
    pair = np.random.default_rng(7).normal(size=(2, 20))
    runs = [permutation_test(distance, *pair, permutations=1_999, seed=seed) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    "statistic",
    [drift.psi, drift.jensen_shannon, drift.chi2, drift.l_infinity, drift.unseen_rate,
     drift.missing_rate_difference],
)  # fmt: skip
def test_every_kind_of_column_can_be_shuffled(statistic):
    reference, current = ["a", "b", "b", "a", None] * 4, ["b", "b", "a", None] * 4
    forms = [
        (reference, current),
        (pd.Categorical(reference, list("bac")), pd.Categorical(current, list("ab"))),
        (pd.Series(reference), np.array(current, dtype=object)),
    ]
    answers = {permutation_test(statistic, *form, permutations=19) for form in forms}
    assert len(answers) == 1
    value, p = answers.pop()
    assert value == pytest.approx(statistic(reference, current)) and 0 < p <= 1


def test_what_cannot_be_shuffled_is_refused():
    fine = np.arange(5.0)
    for call in (
        lambda: permutation_test(distance, fine, ["a"]),
        lambda: permutation_test(distance, fine, []),
        lambda: permutation_test(distance, fine, [np.inf]),
        lambda: permutation_test(distance, fine, fine, permutations=0),
        lambda: permutation_test(distance, fine, fine, seed=-1),
        lambda: permutation_test(lambda a, b: np.nan, fine, fine),
    ):
        with pytest.raises(InputError):
            call()


# --- chunks --------------------------------------------------------------------------------------


def lengths(chunks):
    return [len(chunk) for _, chunk in chunks]


@given(st.integers(0, 50), st.integers(1, 60), st.sampled_from(["keep", "append", "drop"]))
def test_chunks_by_count_put_together_are_the_frame(rows, size, remainder):
    frame = pd.DataFrame({"row": np.arange(rows)})
    chunks = list(chunks_by_count(frame, size, remainder=remainder))
    kept = rows - rows % size if remainder == "drop" else rows
    assert [row for _, chunk in chunks for row in chunk["row"]] == list(range(kept))
    assert [number for number, _ in chunks] == list(range(len(chunks)))
    full = {"keep": -(-rows // size), "drop": rows // size, "append": max(rows // size, rows > 0)}
    assert len(chunks) == full[remainder]


def test_chunks_are_views_of_an_ordered_frame():
    at = pd.date_range("2025-01-01", periods=96, freq="h")
    frame = pd.DataFrame({"at": at, "amount": np.arange(96.0)})
    for chunks in (chunks_by_count(frame, 24), chunks_by_day(frame, "at")):
        for _, chunk in chunks:
            assert np.shares_memory(chunk["amount"].to_numpy(), frame["amount"].to_numpy())


@given(st.lists(st.integers(0, 9), max_size=60))
def test_unsorted_days_keep_every_row_in_its_order(days):
    at = pd.Timestamp("2025-03-01 07:00") + pd.to_timedelta(np.array(days, dtype=int), unit="D")
    frame = pd.DataFrame({"at": pd.DatetimeIndex(at), "row": np.arange(len(days))})
    found = {(day - pd.Timestamp("2025-03-01")).days: chunk["row"].tolist()
             for day, chunk in chunks_by_day(frame, "at")}  # fmt: skip
    assert list(found) == sorted(set(days))
    assert found == {day: [row for row, each in enumerate(days) if each == day] for day in found}


def test_a_day_is_one_of_its_time_zone():
    at = pd.to_datetime(["2025-01-01 23:30", "2025-01-02 00:30"]).tz_localize("UTC")
    assert lengths(chunks_by_day(pd.DataFrame({"at": at}), "at")) == [1, 1]
    at = at.tz_convert("Europe/Berlin")
    assert lengths(chunks_by_day(pd.DataFrame({"at": at}), "at")) == [2]


def test_no_rows_make_no_chunks():
    frame = pd.DataFrame({"at": pd.DatetimeIndex([])})
    assert lengths(chunks_by_day(frame, "at")) == lengths(chunks_by_count(frame, 10)) == []


def test_what_cannot_be_cut_is_refused_before_the_first_chunk():
    at = pd.to_datetime(["2025-01-01", None])
    frame = pd.DataFrame({"at": at, "amount": [1.0, 2.0]})
    for call in (
        lambda: chunks_by_count(frame, 0),
        lambda: chunks_by_count(frame, 2.5),
        lambda: chunks_by_count(frame, 2, remainder="burn"),
        lambda: chunks_by_day(frame, "when"),
        lambda: chunks_by_day(frame, "amount"),
        lambda: chunks_by_day(frame, "at"),
    ):
        with pytest.raises(InputError):
            call()
