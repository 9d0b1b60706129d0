"""Decision curves against brute force, closed forms and the world's own reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import Policy
from mlsys_lessons.components.decisions.curves import (
    best_possible,
    cents_by_cut,
    net_benefit,
    worth_reviewing,
)
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons.lesson01.answers import cut_cases, money_cut

rows = st.integers(0, 40)


def columns(seed: int, n: int) -> tuple[Any, ...]:
    luck = np.random.default_rng(seed)
    scores = np.round(luck.random(n), 1)  # many ties
    scores[luck.random(n) < 0.1] = np.nan
    return scores, luck.integers(-900, 100, n), luck.integers(-300, 1, n), luck.integers(-99, 99, n)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=rows)
def test_each_point_is_what_blocking_from_there_on_earns(seed: int, n: int) -> None:
    scores, approve, block, _ = columns(seed, n)
    curve = cents_by_cut(scores, approve, block)
    assert curve.index.is_monotonic_increasing and curve.index[-1] == np.inf
    assert list(curve.index[:-1]) == sorted(set(scores[~np.isnan(scores)]))
    for cut, cents in curve.items():
        assert cents == np.where(scores >= cut, block, approve).sum()


def test_its_top_is_lesson_one_s_cut() -> None:
    for case in cut_cases(np.random.default_rng(4)):
        cents = np.rint(case["amount"] * 100).astype(np.int64)
        fraud = case["label"] == 1
        approve = np.where(fraud, -mls.COSTS.fraud_loss(cents), mls.COSTS.margin(cents))
        block = np.where(fraud, 0, -mls.COSTS.friction)
        curve = cents_by_cut(case["score"], approve, block)
        ours = np.where(case["score"] >= money_cut(**case), block, approve).sum()
        assert curve.max() == pytest.approx(ours)


def test_the_best_cut_of_a_calibrated_score_is_the_break_even_of_its_prices() -> None:
    """With one amount, blocking pays from p = (margin + friction) / (margin + friction + loss)."""
    chances = np.linspace(0.0005, 0.9995, 1_000)
    cents = np.full(1_000, 5_000)
    approve, block, _ = Policy().expected_cents(chances, cents, cents)
    curve = cents_by_cut(chances, approve, block)
    kept, lost = float(mls.COSTS.margin(cents)[0]) + mls.COSTS.friction, mls.COSTS.loss(cents)[0]
    assert curve.idxmax() == pytest.approx(kept / (kept + float(lost)), abs=0.001)
    assert curve.max() == pytest.approx(best_possible(approve, block))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 60))
def test_net_benefit_is_that_of_the_confusion_matrix(seed: int, n: int) -> None:
    luck = np.random.default_rng(seed)
    scores, labels = np.round(luck.random(n), 1), luck.integers(0, 2, n)
    for limit, found in zip((0.0, 0.2, 0.5, 0.9), net_benefit(scores, labels, [0, 0.2, 0.5, 0.9]),
                            strict=True):  # fmt: skip
        _, false, _, hits = confusion_matrix(labels, scores >= limit, labels=[0, 1]).ravel()
        assert found == pytest.approx(hits / n - false / n * limit / (1 - limit))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=rows, capacity=st.integers(0, 12))
def test_no_other_choice_of_reviews_is_worth_more(seed: int, n: int, capacity: int) -> None:
    _, approve, block, review = columns(seed, n)
    chosen = worth_reviewing(approve, block, review, capacity=capacity)
    value = review - np.maximum(approve, block)
    assert chosen.sum() <= capacity and (value[chosen] > 0).all()
    assert value[chosen].sum() == np.sort(np.maximum(value, 0))[::-1][:capacity].sum()


@pytest.mark.parametrize(
    "call",
    [
        lambda: cents_by_cut([0.1], [1, 2], [1, 2]),
        lambda: cents_by_cut(["x"], [1], [1]),
        lambda: cents_by_cut([[0.1]], [[1]], [[1]]),
        lambda: net_benefit([0.1, 0.2], [0, 2], [0.5]),
        lambda: net_benefit([0.1, 0.2], [0, np.nan], [0.5]),
        lambda: net_benefit([0.1, 0.2], [0, 1], [1.0]),
        lambda: worth_reviewing([1], [1], [1], capacity=-1),
    ],
)
def test_bad_input_gets_one_line(call: Any) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_nobody_came() -> None:
    assert cents_by_cut([], [], []).to_dict() == {np.inf: 0.0}
    assert net_benefit([], [], [0.5]).tolist() == [0.0]
    assert not worth_reviewing([], [], [], capacity=3).any()
    assert best_possible() == best_possible([]) == 0.0
