"""A prepared reference against the plain functions, on every odd column that a frame can hold."""

from __future__ import annotations

import json
import runpy
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.monitoring import PreparedReference, chunks_by_count, drift
from mlsys_lessons.components.monitoring.prepared import STATISTICS
from mlsys_lessons.components.monitoring.ranks import CELLS, Ordered
from mlsys_lessons.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"
PEER = runpy.run_path(str(GOLDEN / "peer_data.py"))
OF_CATEGORIES = {"chi2", "l_infinity", "unseen_rate"}
OF_NUMBERS = {"ks"}

values = st.one_of(st.just(np.nan), st.sampled_from([0.0, -0.0, 1.0]), st.floats(-1e9, 1e9))
words = st.one_of(st.none(), st.sampled_from("abcdefgh"))


@st.composite
def frames(draw, most=80):
    rows = draw(st.integers(1, most))
    numbers = draw(st.lists(values, min_size=rows, max_size=rows))
    named = draw(st.lists(words, min_size=rows, max_size=rows))
    constant = draw(st.sampled_from([3.0, np.nan]))
    return pd.DataFrame(
        {
            "amount": np.array(numbers, dtype=np.float64),
            "constant": np.full(rows, constant),
            "count": np.arange(rows) % 3,
            "country": pd.Series(named, dtype=object),
            "device": pd.Categorical(named, categories=list("hgfedcba")),
        }
    )


def plainly(reference, chunk):
    """Every statistic that the plain functions can give, one call each."""
    found = {}
    for name in reference.columns:
        numeric = name not in ("country", "device")
        for statistic in STATISTICS:
            if statistic in (OF_CATEGORIES if numeric else OF_NUMBERS):
                continue
            try:
                value = getattr(drift, statistic)(reference[name], chunk[name])
            except InputError:
                continue  # all missing
            found[name, statistic] = value
    return found


def measured(reference, chunk, **options):
    table = PreparedReference.of(reference).compare(chunk, **options)
    return {(row.column, row.statistic): row.value for row in table.itertuples()}


@settings(max_examples=120, deadline=None)
@given(frames(), frames())
def test_prepared_and_plain_are_one(reference, chunk):
    found, expected = measured(reference, chunk), plainly(reference, chunk)
    assert found.keys() == expected.keys()
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-12, abs=1e-12)
    assert np.isfinite(list(found.values())).all()


def every_rank(reference, current):
    """The gap by a look at every row."""
    points = np.concatenate([reference, current])
    shares = [np.searchsorted(side, points, side="right") / len(side)
              for side in (reference, current)]  # fmt: skip
    return np.abs(shares[0] - shares[1]).max()


@pytest.mark.parametrize("decimals", [0, 1, 12])
@pytest.mark.parametrize("shift", [0.0, 0.05, 3.0])
@pytest.mark.parametrize("rows", [1, 2, 10, 1_000, 2 * CELLS])
@pytest.mark.parametrize("shape", [lambda x: x, np.exp, lambda x: np.sign(x) * np.exp(40 * abs(x))])
def test_cells_that_are_skipped_never_hold_the_largest_gap(rows, shift, decimals, shape):
    rng = np.random.default_rng(rows)
    for _ in range(8):
        pair = rng.normal(size=1_500), rng.normal(shift, 1.2, size=rows)
        reference, current = (shape(side.round(decimals)) for side in pair)
        expected = every_rank(np.sort(reference), np.sort(current))
        assert Ordered.of(reference).gap(current) == expected
        assert Ordered.of(current).gap(reference) == expected


def test_cells_of_no_width_and_of_the_widest():
    tiny, wide = np.array([0.0, 5e-324, 1e-300]), np.array([-1e100, 0.0, 1e100])
    for pair in ((tiny, wide), (wide, tiny), (tiny, tiny[:1]), (wide, wide[1:]), (wide, tiny[:1])):
        assert Ordered.of(pair[0]).gap(pair[1]) == every_rank(*pair)


def categorical(codes):
    return pd.DataFrame(
        {
            name: pd.Categorical.from_codes(codes[name], [f"v{i:02d}" for i in range(size)])
            for name, size in PEER["SIZES"].items()
        }
    )


def test_a_month_of_days_agrees_with_nannyml():
    """Its chi-square statistics of thirty days, six columns each."""
    expected = json.loads((GOLDEN / "peer_values.json").read_text())["nannyml_chi2_by_day"]
    reference, month, day = PEER["month"]()
    prepared = PreparedReference.of(categorical(reference))
    frame = categorical(month)
    starts = np.flatnonzero(np.diff(day, prepend=-1))
    days = [frame.iloc[start:stop] for start, stop in zip(starts, [*starts[1:], len(day)],
                                                          strict=True)]  # fmt: skip
    tables = [prepared.compare(each, ["chi2"]).set_index("column")["value"] for each in days]
    for name, by_day in expected.items():
        assert [table[name] for table in tables] == pytest.approx(by_day, rel=1e-8)


ODD = {
    "empty": {"amount": []},
    "constant": {"amount": np.full(10, 5.0)},
    "all missing": {"amount": np.full(10, np.nan)},
    "one row": {"amount": [1.0]},
    "ten rows": {"amount": np.arange(10.0)},
    "infinite": {"amount": [1.0, np.inf]},
    "huge": {"amount": [1e300, 1.0]},
    "one category": {"amount": ["a"] * 10},
    "times": {"amount": pd.date_range("2025", periods=3)},
    "mixed": {"amount": ["a", 1.0]},
    "no column": {},
    "whole numbers": {"amount": pd.array([1, None, 3], dtype="Int64")},
    "booleans": {"amount": [True, False, True]},
}


@pytest.mark.parametrize("chunk", ODD)
@pytest.mark.parametrize("reference", ODD)
def test_an_odd_frame_gives_finite_values_or_one_sentence(reference, chunk):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            table = PreparedReference.of(pd.DataFrame(ODD[reference])).compare(
                pd.DataFrame(ODD[chunk])
            )
        except InputError as error:
            assert "\n" not in str(error) and str(error).endswith(".")
        else:
            assert len(table) >= 2 and np.isfinite(table["value"]).all()


def test_what_is_refused_is_named():
    frame = pd.DataFrame({"amount": [1.0, 2.0], "country": ["a", "b"]})
    prepared = PreparedReference.of(frame)
    broken = {
        "'amount'": frame.assign(amount=[1.0, np.inf]),
        "'country'": frame.assign(country=[1, 2]),
        "no rows": frame.iloc[:0],
        "lacks": frame[["amount"]],
        "list": [1.0],
    }
    for named, chunk in broken.items():
        with pytest.raises(InputError, match=named):
            prepared.compare(chunk)
    for statistics in (["psy"], "psi"):
        with pytest.raises(InputError, match="statistics"):
            prepared.compare(frame, statistics)
    with pytest.raises(InputError, match="each name once"):
        PreparedReference.of(pd.concat([frame, frame], axis=1))


def test_an_all_missing_day_keeps_the_figures_that_exist():
    reference = pd.DataFrame({"amount": np.arange(10.0), "country": list("ababababab")})
    chunk = pd.DataFrame(
        {"amount": np.full(5, np.nan), "country": pd.Series([None] * 5, dtype=object)}
    )
    found = measured(reference, chunk)
    assert {statistic for _, statistic in found} == {"psi", "missing_rate_difference"}
    assert found["amount", "missing_rate_difference"] == 1.0
    assert found["country", "psi"] > 5


def test_a_table_is_tidy_in_the_order_asked_for():
    frame = pd.DataFrame({"country": ["a", "b"], "amount": [1.0, 2.0]})
    table = PreparedReference.of(frame).compare(frame.assign(id=[7, 8]), ["psi", "ks"])
    assert table.to_dict("list") == {
        "column": ["country", "amount", "amount"],
        "statistic": ["psi", "psi", "ks"],
        "value": [0.0, 0.0, 0.0],
    }
    assert [*PreparedReference.of(frame).compare(frame, [])] == ["column", "statistic", "value"]


def test_nothing_is_changed_by_being_compared():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"amount": rng.normal(size=500), "country": rng.choice(list("abc"), 500)})
    before, prepared = frame.copy(deep=True), PreparedReference.of(frame)
    first, second = (
        [prepared.compare(chunk) for _, chunk in chunks_by_count(frame, 100)] for _ in range(2)
    )
    pd.testing.assert_frame_equal(frame, before)
    assert all(one.equals(other) for one, other in zip(first, second, strict=True))
