"""Lesson 07 tells the truth: its moved worlds, its three shifts, its reports, its explorer."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import mlsys_lessons as mls
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons.lesson07 import (
    answers,
    drift_explorer,
    four_reports,
    moved_worlds,
    three_shifts,
)
from mlsys_lessons.lessons.lesson07.drift_explorer import Explorer

UNSEEN = 77  # shown in no lesson, used by no claim


def test_in_an_unseen_world_the_largest_psi_is_not_the_largest_loss() -> None:
    psi = moved_worlds.largest_psi(UNSEEN)["PSI"].astype(float)
    lost = moved_worlds.lost(UNSEEN)
    assert psi["time zone"] > 0.25 and abs(lost["time zone"]) < 50
    assert psi["old table"] < 0.01
    assert lost.idxmax() == "old table" != psi.idxmax()


def test_the_three_shifts_are_those_of_the_facts() -> None:
    accuracy = three_shifts.shifts(11)["accuracy"]
    facts = [0.778, 0.841, 0.596, 0.222]
    np.testing.assert_allclose(accuracy, facts, atol=0.005)


def test_psi_by_hand_is_the_package_s() -> None:
    luck = np.random.default_rng(3)
    for rows, mean in ((10, 0.0), (500, 0.3), (500, 9.0)):
        pair = luck.normal(size=400), luck.normal(mean, 1, rows)
        assert answers.psi(*pair) == pytest.approx(mls.drift.psi(*pair), rel=1e-12)


def test_the_limit_keeps_its_word_where_rows_are_drawn() -> None:
    luck, limit = np.random.default_rng(4), answers.psi_limit(10, 2_000, 1_000, 0.05)
    draws = [mls.drift.psi(luck.random(2_000), luck.random(1_000)) for _ in range(1_000)]
    assert 0.03 < np.mean(np.array(draws) > limit) < 0.07


def test_alarms_are_those_of_the_package() -> None:
    luck = np.random.default_rng(5)
    for p in (luck.random(20) ** 3, np.full(4, 0.05), np.ones(3), np.zeros(2), np.array([0.01])):
        expected = mls.multiplicity.benjamini_hochberg(p) <= 0.05
        np.testing.assert_array_equal(answers.alarms(p, 0.05), expected)


def test_four_reports_disagree_on_one_pair() -> None:
    found = four_reports.flagged(*four_reports.pair(UNSEEN))
    assert not found["PSI, .1"]
    assert set(found["p, corrected"]) == set(four_reports.MOVED)
    assert set(found["p below .05"]) > set(four_reports.MOVED)


def test_the_explorer_says_what_the_formula_says() -> None:
    assert Explorer(rows=100).expected == pytest.approx(0.18)
    assert Explorer(rows=100).limit == pytest.approx(scipy.stats.chi2.ppf(0.95, 9) * 0.02)
    assert Explorer(rows=20_000, shift=0.1).psi > Explorer(rows=20_000, shift=0.1).limit
    for change in ({"rows": 3}, {"shift": -1.0}, {"rows": 1.5}):
        with pytest.raises(InputError):
            Explorer().set(**change)


def test_the_widget_shows_what_its_text_twin_says() -> None:
    form = drift_explorer.widget(seed=UNSEEN)
    rows, shift, status = form.children
    rows.value, shift.value = 5_000, 0.25
    assert repr(Explorer(rows=5_000, shift=0.25, seed=UNSEEN)) in status.value
