"""Expected money of decisions: against the ledger's prices, and against coins that are tossed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.decisions.policy import Policy
from mlsys_lessons.components.monitoring.performance import expected_money
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import APPROVE, BLOCK, REVIEW, SHED
from mlsys_lessons.simulation.ledger import effects, expected_cents
from mlsys_lessons.worlds.payments.domain import COSTS, PAYMENTS

POLICY = Policy.of(PAYMENTS)
ROW = st.tuples(
    st.floats(0, 1), st.sampled_from([APPROVE, REVIEW, BLOCK, SHED]), st.integers(0, 10**7)
)


def day(rows, codes=(APPROVE, BLOCK, SHED)):
    rng = np.random.default_rng(rows)
    amounts = np.rint(100 * rng.lognormal(3, 1, rows)).astype(np.int64)
    return rng.beta(0.5, 10, rows), rng.choice(codes, rows), amounts


def test_settled_rows_are_priced_as_the_ledger_does():
    chances, action, amounts = day(5_000)
    money = expected_money(chances, action, amounts, policy=POLICY)
    wanted = expected_cents(action, chances, amounts, COSTS)
    assert money.cents == pytest.approx(wanted.sum(), rel=1e-12)
    assert money.cents_per_row == pytest.approx(wanted.mean(), rel=1e-12)


def test_the_band_holds_what_the_ledger_books():
    chances, action, amounts = day(2_000)
    money = expected_money(chances, action, amounts, policy=POLICY)
    rng = np.random.default_rng(1)
    booked = np.array([
        effects(action, rng.random(2_000) < chances, amounts, COSTS)[1].sum() for _ in range(2_000)
    ])  # fmt: skip
    assert booked.mean() == pytest.approx(money.cents, abs=4 * money.standard_error / 2_000**0.5)
    assert booked.std() == pytest.approx(money.standard_error, rel=0.06)
    assert np.mean(np.abs(booked - money.cents) <= 3 * money.standard_error) >= 0.985


def test_a_review_is_priced_as_the_policy_does():
    chances, _, amounts = day(100)
    money = expected_money(chances, [REVIEW] * 100, amounts, policy=POLICY)
    assert money.cents == pytest.approx(POLICY.expected_cents(chances, amounts, amounts)[2].sum())


def test_the_cheapest_threshold_is_where_elkan_says():
    """FP 5, FN 100: acting pays from p = .0476 on."""

    class Plain:
        costs = COSTS

        def expected_cents(self, harm, genuine, harmful):
            return -100 * harm, -5 * (1 - harm), np.zeros(len(harm))

    def earned(chance, action):
        return expected_money([chance], [action], [0], policy=Plain()).cents

    assert earned(0.0475, APPROVE) > earned(0.0475, BLOCK)
    assert earned(0.0477, APPROVE) < earned(0.0477, BLOCK)


def test_rows_without_a_probability_are_counted_apart():
    money = expected_money([np.nan, 0.0], [APPROVE, APPROVE], [5_000, 5_000], policy=POLICY)
    assert (money.cents, money.standard_error, money.rows, money.unpriced) == (110.0, 0.0, 1, 1)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=20))
def test_it_is_the_sum_of_its_rows(rows):
    chances, action, amounts = (np.array(values) for values in zip(*rows, strict=True))
    money = expected_money(chances, action, amounts, policy=POLICY)
    alone = [expected_money([p], [a], [c], policy=POLICY) for p, a, c in rows]
    assert money.cents == pytest.approx(sum(one.cents for one in alone), rel=1e-9, abs=1e-6)
    assert money.standard_error**2 == pytest.approx(sum(one.standard_error**2 for one in alone))
    assert money.rows == len(rows)


@pytest.mark.parametrize(
    ("chances", "action", "amounts"),
    [
        ([], [], []),
        ([np.nan], [APPROVE], [1]),
        ([1.1], [APPROVE], [1]),
        ([-0.1], [APPROVE], [1]),
        ([0.5], [4], [1]),
        ([0.5], [-1], [1]),
        ([0.5], [np.nan], [1]),
        ([0.5], ["approve"], [1]),
        ([0.5], [APPROVE], [0.5]),
        ([0.5], [APPROVE], [-1]),
        ([0.5], [APPROVE], [np.nan]),
        ([0.5], [APPROVE], [np.inf]),
        ([0.5, 0.5], [APPROVE], [1]),
    ],
)
def test_bad_input(chances, action, amounts):
    with pytest.raises(InputError):
        expected_money(chances, action, amounts, policy=POLICY)
