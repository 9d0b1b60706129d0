"""Canary statistics: scipy, published tables, and simulated canaries that are looked at daily."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from mlsys_lessons.components.inference.canary import (
    Arm,
    difference,
    difference_at_any_look,
    rows_needed,
    sample_ratio_p,
    smallest_rise,
)
from mlsys_lessons.errors import InputError

CANARIES, LOOKS, DAY = 160, 30, 2_000


def test_fact_one_per_cent_and_a_tenth_of_it():
    """FACTS: n = 16 p (1 - p) / delta^2, 158 thousand rows an arm."""
    assert rows_needed(0.01, 0.001) == pytest.approx(158_400, rel=0.05)


@pytest.mark.parametrize(("rate", "change"), [(0.05, 0.02), (0.2, -0.08), (0.01, 0.01)])
def test_so_many_rows_do_see_the_change_that_often(rate, change):
    rows = rows_needed(rate, change, power=0.9)
    draw = np.random.default_rng(1)
    old, new = draw.binomial(rows, rate, 4_000) / rows, draw.binomial(rows, rate + change, 4_000)
    new, middle = new / rows, (old + new / rows) / 2
    z = (new - old) / np.sqrt(2 * middle * (1 - middle) / rows)
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.9, abs=0.02)


@given(st.floats(0.001, 0.5), st.integers(50, 10**6))
def test_the_smallest_rise_is_where_the_rows_are_just_enough(rate, rows):
    rise = smallest_rise(rate, rows)
    if math.isnan(rise):
        assert rows_needed(rate, (1 - rate) * (1 - 1e-9)) > rows
        return
    assert rows_needed(rate, rise) <= rows
    assert rows_needed(rate, rise * 0.999) >= rows


def test_newcombe_published_examples():
    """56/70 - 48/80 and 9/10 - 3/10 of his table II, method 10."""
    first, second = difference(Arm(48, 80), Arm(56, 70)), difference(Arm(3, 10), Arm(9, 10))
    assert (first.low, first.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert (second.low, second.high) == pytest.approx((0.1705, 0.8090), abs=5e-5)


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_swapping_the_arms_turns_the_sign(old_rows, new_rows, data):
    old = Arm(data.draw(st.integers(0, old_rows)), old_rows)
    new = Arm(data.draw(st.integers(0, new_rows)), new_rows)
    for made in (difference, difference_at_any_look):
        there, back = made(old, new), made(new, old)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)
        assert there.low - 1e-9 <= there.estimate <= there.high + 1e-9
    once = difference(old, new)
    assert once.low >= -1 - 1e-9 and once.high <= 1 + 1e-9


@pytest.fixture(scope="module")
def false_alarms():
    """Shares of canaries without a difference in which some evening of thirty was "clear"."""
    draw = np.random.default_rng(2)
    hits = draw.binomial(DAY, 0.03, (2, CANARIES, LOOKS)).cumsum(axis=2)
    found = {}
    for name, made in (("once", difference), ("any", difference_at_any_look)):
        clear = [
            any(
                made(Arm(int(old), rows), Arm(int(new), rows)).is_clear
                for rows, old, new in zip(range(DAY, DAY * 31, DAY), *pair, strict=True)
            )
            for pair in zip(*hits, strict=True)
        ]
        found[name] = float(np.mean(clear))
    return found


def test_looking_every_evening_is_wrong_far_more_often_than_stated(false_alarms):
    assert false_alarms["once"] > 0.2


def test_the_interval_for_any_look_keeps_its_word_at_all_of_them(false_alarms):
    assert false_alarms["any"] <= 0.05


def test_and_it_does_see_what_is_there():
    """Twice a rate of 1 %, a hundred thousand rows: always clear, within what it costs."""
    draw = np.random.default_rng(3)
    pairs = zip(draw.binomial(50_000, 0.01, 200), draw.binomial(50_000, 0.02, 200), strict=True)
    found = [difference_at_any_look(Arm(int(a), 50_000), Arm(int(b), 50_000)) for a, b in pairs]
    assert all(each.is_clear for each in found)
    assert np.mean([each.low <= 0.01 <= each.high for each in found]) > 0.95


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=5))
def test_a_split_by_scipy(rows):
    shares = [1 / len(rows)] * len(rows)
    assert sample_ratio_p(rows, shares) == pytest.approx(scipy.stats.chisquare(rows).pvalue)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rows_needed(0.0, 0.1), "rate=0.0"),
        (lambda: rows_needed(0.9, 0.2), r"rate \+ change=1.1"),
        (lambda: rows_needed(0.5, 0.0), "can never be seen"),
        (lambda: rows_needed(0.5, 0.1, power=1.0), "power=1.0"),
        (lambda: rows_needed(0.5, 0.1, alpha=float("nan")), "alpha=nan"),
        (lambda: smallest_rise(0.5, 0), "rows=0"),
        (lambda: difference(Arm(3, 2), Arm(1, 2)), "hits=3"),
        (lambda: difference(Arm(0, 0), Arm(1, 2)), "rows=0"),
        (lambda: difference_at_any_look(Arm(0, 1), Arm(1, 2), tuned_to=1), "tuned_to=1"),
        (lambda: difference_at_any_look(Arm(0, 1), Arm(1, 2), level=1.0), "level=1.0"),
        (lambda: sample_ratio_p([1], [1.0]), "two or more"),
        (lambda: sample_ratio_p([1, 2], [0.5, 0.4]), "add up to 1"),
        (lambda: sample_ratio_p([0, 0], [0.5, 0.5]), "of one row or more"),
        (lambda: sample_ratio_p([1, -1], [0.5, 0.5]), "rows=-1"),
    ],
)
def test_what_is_no_canary_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
