"""People held to closed forms: trust, rare targets, appeals; off by default, to the byte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsys_lessons.errors import InputError
from mlsys_lessons.worlds.payments.appeals import Appeals
from mlsys_lessons.worlds.payments.people import Reviewers
from mlsys_lessons.worlds.payments.trust import Trust, rarer

SHARES = st.floats(0.01, 0.99)


@given(SHARES, SHARES, SHARES)
def test_trust_settles_where_its_mean_step_is_zero(gain: float, loss: float, error: float) -> None:
    trust = Trust(gain=gain, loss=loss)
    rest = trust.rest(error)
    step = (1 - error) * gain * (1 - rest) - error * loss * rest
    assert step == pytest.approx(0, abs=1e-12)


def test_a_long_life_with_a_score_comes_to_rest() -> None:
    right = np.random.default_rng(3).random(200_000) >= 0.05
    path = Trust(0.1).path(right)
    assert path[1_000:].mean() == pytest.approx(Trust().rest(0.05), abs=0.005)


def test_only_right_answers_by_closed_form_and_one_error_undoes_several() -> None:
    trust = Trust(0.2, gain=0.02, loss=0.1)
    np.testing.assert_allclose(trust.path([True] * 50), 1 - 0.8 * 0.98 ** np.arange(51))
    before = trust.after([True] * 50)
    assert before.after([False, True, True, True]).level < before.level
    assert trust.after([]).level == trust.level


@pytest.mark.parametrize("name", ["level", "gain", "loss", "most"])
def test_no_share_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        Trust(**{name: 1.5})


@pytest.mark.parametrize(("prevalence", "missed"), [(0.5, 0.07), (0.1, 0.16), (0.01, 0.30)])
def test_rare_targets_are_missed_as_published(prevalence: float, missed: float) -> None:
    """Wolfe, Horowitz and Kenner 2005: 7, 16 and 30 % at a prevalence of 50, 10 and 1 %."""
    slip = rarer(np.array([0.07]), np.array([True]), prevalence, usual=0.5, rarity=0.38)
    assert slip[0] == pytest.approx(missed, abs=0.015)


@given(SHARES, SHARES, st.booleans())
def test_without_rarity_not_a_bit_changes(slip: float, seen: float, fraud: bool) -> None:
    given_slip = np.array([slip])
    assert rarer(given_slip, np.array([fraud]), seen, usual=0.5, rarity=0.0)[0] == slip


def test_reviewers_miss_more_frauds_in_a_queue_of_false_alarms() -> None:
    ids = np.arange(1, 4_001)
    picks = pd.DataFrame({"request_id": ids, "score": np.full(len(ids), 0.5)})
    found = {}
    for share in (0.5, 0.02):
        fraud = np.arange(len(ids)) < share * len(ids)
        fresh = Reviewers(len(ids), fatigue=0.0, deference=0.0, rarity=0.38)
        label = fresh.judge(5, picks, fraud, fraud.astype(float)).label.to_numpy()
        found[share] = 1 - label[fraud].mean()
    expected = rarer(np.array([0.1]), np.array([True]), 0.02, usual=0.5, rarity=0.38)[0]
    assert found[0.5] == pytest.approx(0.10, abs=0.02)
    assert found[0.02] == pytest.approx(expected, abs=0.12)


def test_nobody_appeals_by_default_and_luck_is_order_free() -> None:
    ids, fraud = np.arange(1, 20_001), np.arange(20_000) % 4 == 0
    assert Appeals().heard(1, ids, fraud).empty
    some = Appeals(genuine=0.3, fraud=0.1)
    heard = some.heard(1, ids, fraud)
    again = some.heard(1, ids[::-1], fraud[::-1]).iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(heard, again)


def test_appeals_by_closed_form() -> None:
    ids, fraud = np.arange(1, 200_001), np.arange(200_000) % 2 == 0
    some = Appeals(genuine=0.3, fraud=0.1)
    heard = some.heard(9, ids, fraud)
    guilty = fraud[heard["request_id"].to_numpy() - 1]
    assert len(heard) / len(ids) == pytest.approx(0.2, abs=0.005)
    assert guilty[heard["upheld"]].mean() == pytest.approx(some.wrong_labels(0.5), abs=0.005)
    assert heard["days"].median() == pytest.approx(3.0, rel=0.03)
    assert (heard["label"] == 1 - heard["upheld"]).all()
    for wrong in ({"genuine": 2.0}, {"median_days": -1.0}):
        with pytest.raises(InputError):
            replace(some, **wrong)
