"""From a probability to an action: against brute force over the ledger's own cents."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_curve
from strategies import batch_sizes, cut, ended, scored

from mlsys_lessons.components.decisions import CostDecisions, Policy, ScoreCut, best_f1_cut
from mlsys_lessons.components.response import Mitigation
from mlsys_lessons.simulation.ledger import effects
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.worlds.payments.domain import ACTIONS, COSTS, ITEMS, PaymentCosts

CALM = Policy(explore_share=0.0, rules=())


def decided(frame: pd.DataFrame, policy: Policy = CALM, capacity: int = 0) -> pd.DataFrame:
    return CostDecisions(seed=3, policy=policy, capacity=capacity)(frame)


def priced(scores: list[float], euros: list[float]) -> pd.DataFrame:
    """Scored rows with chosen scores and amounts."""
    frame = scored(len(scores))
    return frame.assign(score=scores, amount=euros, log_amount=np.log(euros))


# --- costs --------------------------------------------------------------------------------------


def outcome(action: str, fraud: bool, cents: int, costs: PaymentCosts) -> int:
    """What the ledger will write for one settled request."""
    code = np.array([ACTIONS.index(action)], dtype=np.int8)
    return int(effects(code, np.array([fraud]), np.array([cents]), costs)[1][0])


def expected(action: str, chance: float, cents: int, policy: Policy) -> float:
    """Expected cents of an action, over every way it can end."""
    total = 0.0
    for fraud, slips in product((False, True), (False, True)):
        weight = chance if fraud else 1 - chance
        weight *= policy.reviewer_slip if slips else 1 - policy.reviewer_slip
        final, extra = action, 0.0
        if action == "review":
            final = "block" if fraud != slips else "approve"
            extra = -policy.review_minutes * policy.costs.review_minute
            extra -= policy.costs.delay
        total += weight * (outcome(final, fraud, cents, policy.costs) + extra)
    return total


policies = st.builds(
    Policy,
    explore_share=st.just(0.0),
    rules=st.just(()),
    reviewer_slip=st.floats(0, 0.4),
    review_minutes=st.floats(0, 20),
    costs=st.builds(
        PaymentCosts,
        margin_rate=st.floats(0, 0.1),
        margin_fixed=st.integers(0, 200),
        chargeback_fee=st.integers(0, 5_000),
        friction=st.integers(0, 3_000),
        delay=st.integers(0, 200),
        review_minute=st.integers(0, 200),
    ),
)
payments = st.lists(
    st.tuples(st.floats(0, 1), st.integers(1, 500_000)), min_size=1, max_size=12
)  # chance, cents


@settings(max_examples=150, deadline=None)
@given(policy=policies, payments=payments, capacity=st.sampled_from([0, 3]))
def test_the_action_is_the_cheapest_over_every_way_it_can_end(
    policy: Policy, payments: list[tuple[float, int]], capacity: int
) -> None:
    frame = priced([chance for chance, _ in payments], [cents / 100 for _, cents in payments])
    answered = decided(frame, policy, capacity)
    allowed = ("approve", "block", "review") if capacity else ("approve", "block")
    for (chance, cents), action in zip(payments, answered["action"], strict=True):
        value = {each: expected(each, chance, cents, policy) for each in ACTIONS[:3]}
        best = max(value[each] for each in allowed)
        assert action in allowed
        assert value[action] >= best - 1e-6 * (1 + abs(best))


@settings(max_examples=100, deadline=None)
@given(policy=policies, payments=payments)
def test_the_review_value_is_what_a_review_adds_in_cents(
    policy: Policy, payments: list[tuple[float, int]]
) -> None:
    frame = priced([chance for chance, _ in payments], [cents / 100 for _, cents in payments])
    values = decided(frame, policy)["review_value"]
    for (chance, cents), found in zip(payments, values, strict=True):
        without = max(expected(each, chance, cents, policy) for each in ("approve", "block"))
        gain = expected("review", chance, cents, policy) - without
        assert found == pytest.approx(gain, rel=1e-9, abs=1e-6)


def elkan(friction: int) -> Policy:
    """Only two errors cost anything: a false alarm, and the amount that is lost."""
    costs = PaymentCosts(margin_rate=0.0, margin_fixed=0, chargeback_fee=0, friction=friction)
    return Policy(explore_share=0.0, rules=(), costs=costs)


def test_threshold_from_costs_of_5_and_100_is_one_in_twenty_one() -> None:
    """Elkan (2001): with a false positive at 5 and a false negative at 100, block above .0476."""
    chances = np.arange(0.0, 0.1, 1e-4).tolist()
    action = decided(priced(chances, [100.0] * len(chances)), elkan(500))["action"]
    first = chances[int(np.argmax(action == "block"))]
    assert first == pytest.approx(5 / 105, abs=1e-4)
    assert round(5 / 105, 4) == 0.0476


@settings(max_examples=150, deadline=None)
@given(friction=st.integers(1, 10_000), cents=st.integers(1, 1_000_000), gap=st.floats(1e-6, 0.2))
def test_the_cut_knows_the_amount(friction: int, cents: int, gap: float) -> None:
    """Block if and only if p > c / (c + amount)."""
    threshold = friction / (friction + cents)
    for chance, action in ((threshold + gap, "block"), (threshold - gap, "approve")):
        if 0 <= chance <= 1:
            answered = decided(priced([chance], [cents / 100]), elkan(friction))
            assert answered["action"].tolist() == [action]


def test_an_amount_that_cannot_be_trusted_is_replaced_by_the_typical_one() -> None:
    frame = priced([0.05] * 4, [9_000.0] * 4)
    frame.loc[0, ["amount", "log_amount"]] = np.nan
    frame.loc[1:2, "log_amount"] = np.nan  # the contract, or somebody, distrusts the field
    answered = decided(frame)
    policy, costs = Policy(), Policy().costs
    margin = costs.margin(np.array([round(policy.typical_genuine * 100)]))[0]
    loss = costs.fraud_loss(np.array([round(policy.typical_harmful * 100)]))[0]
    approve, block = 0.95 * margin - 0.05 * loss, -0.95 * costs.friction
    typical = "approve" if approve >= block else "block"
    assert answered["action"].tolist() == [typical] * 3 + ["block"]
    assert answered["review_value"].iloc[:3].nunique() == 1


# --- no answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [ScoreCut(0.5), CostDecisions(3, CALM), CostDecisions(3)])
def test_a_row_without_a_score_is_approved_and_says_why(stage: ScoreCut | CostDecisions) -> None:
    """Serving at its naive level returns no score when the call fails: the error approves."""
    frame = scored(6).assign(score=np.nan, count_1h=0.0)
    answered = stage(frame)
    assert set(answered["action"]) == {"approve"}
    assert set(answered["reason"]) == {"no answer"}
    assert set(answered["propensity"]) == {1.0}


# --- rules --------------------------------------------------------------------------------------


def test_the_rules_hold_whatever_the_model_says() -> None:
    frame = priced([0.0, 0.0, 0.0, 0.0, 0.0], [600.0, 500.0, 600.0, 20.0, 600.0])
    frame["account_age_days"] = [2.9, 2.9, 3.0, 900.0, 2.9]
    frame["count_1h"] = [0.0, 0.0, 7.0, 8.0, 8.0]
    answered = CostDecisions(seed=3, capacity=5)(frame)
    assert answered["action"].tolist() == ["review", "approve", "approve", "block", "block"]
    reasons = ["new account", "score", "score", "velocity", "velocity"]
    assert answered["reason"].tolist() == reasons


def test_no_rule_softens_a_block() -> None:
    """A new account that is almost surely fraud must not be held, forgotten and then approved."""
    frame = priced([0.99], [600.0]).assign(account_age_days=1.0, count_1h=0.0)
    assert CostDecisions(seed=3, capacity=5, price=1e6)(frame)["action"].tolist() == ["block"]


def test_missing_inputs_break_no_rule() -> None:
    frame = priced([0.001], [10.0]).assign(account_age_days=np.nan, count_1h=np.nan)
    assert decided(frame, Policy(explore_share=0.0))["action"].tolist() == ["approve"]


# --- the price of a review ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 60), capacity=st.integers(0, 20), sizes=batch_sizes())
def test_the_price_is_the_capacitys_most_valuable_case(
    rows: int, capacity: int, sizes: list[int]
) -> None:
    stage = CostDecisions(seed=3, policy=CALM, capacity=capacity)
    frame = scored(rows) if rows else scored(3).iloc[:0]
    values = [value for batch in cut(frame, sizes) for value in stage(batch)["review_value"]]
    stage.step(ended(0))
    offers = sorted((value for value in values if value > 0), reverse=True)
    expected_price = offers[capacity - 1] if 0 < capacity < len(offers) else 0.0
    assert stage.price == expected_price
    if capacity and len(offers) > capacity:
        held = int((stage(frame)["action"] == "review").sum())
        assert held == sum(value > expected_price for value in values) <= capacity


def test_yesterdays_offers_are_forgotten() -> None:
    stage = CostDecisions(seed=3, policy=CALM, capacity=2)
    stage(scored(200))
    stage.step(ended(0))
    assert stage.price > 0
    stage.step(ended(1))
    assert stage.price == 0.0


def test_nobody_is_held_where_nobody_reviews() -> None:
    answered = decided(scored(500), Policy(explore_share=0.0), capacity=0)
    assert "review" not in set(answered["action"])


# --- exploration --------------------------------------------------------------------------------


def test_exploration_is_rare_small_logged_and_unbiased() -> None:
    frame = priced([0.9] * 40_000, [50.0] * 40_000).assign(count_1h=0.0)
    answered = CostDecisions(seed=3)(frame)
    let = answered["action"] == "approve"
    share = Policy().explore_share
    assert let.mean() == pytest.approx(share, abs=5 * np.sqrt(share / len(frame)))
    assert set(answered.loc[let, "reason"]) == {"exploration"}
    assert set(answered.loc[let, "propensity"]) == {share}
    assert set(answered.loc[~let, "propensity"]) == {1 - share}
    weighted = (let / answered["propensity"]).sum()
    assert weighted == pytest.approx(len(frame), rel=0.2)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 50), share=st.floats(0.01, 0.99))
def test_the_propensities_of_a_rows_possible_actions_sum_to_one(seed: int, share: float) -> None:
    """Explored or not, a row knows how likely each of its two answers was."""
    frame = scored(60, seed=seed)
    policy = Policy(explore_share=share)
    answered = CostDecisions(seed=seed, policy=policy, capacity=4)(frame)
    certain = CostDecisions(seed=seed, policy=CALM, capacity=4)(frame)["action"]
    for row in answered.assign(certain=certain).itertuples():
        assert 0 < row.propensity <= 1
        if row.reason == "exploration":
            assert (row.certain, row.action, row.propensity) == ("block", "approve", share)
        elif row.propensity < 1:
            assert (row.action, row.reason) == ("block", "score")
            assert row.propensity == pytest.approx(1 - share)


def test_neither_large_amounts_nor_rules_are_explored() -> None:
    policy = Policy(explore_share=1.0)
    frame = priced([0.99] * 4, [99.99, 100.0, 20.0, 20.0]).assign(account_age_days=900.0)
    frame["count_1h"] = [0.0, 0.0, 9.0, 0.0]
    answered = CostDecisions(seed=3, policy=policy)(frame)
    assert answered["reason"].tolist() == ["exploration", "score", "velocity", "exploration"]
    assert answered["action"].tolist() == ["approve", "block", "block", "approve"]


@settings(max_examples=40, deadline=None)
@given(sizes=batch_sizes(), turn=st.integers(0, 1_000))
def test_decisions_do_not_depend_on_cut_or_order(sizes: list[int], turn: int) -> None:
    frame = scored(120).assign(amount=20.0, log_amount=np.log(20.0))
    policy = Policy(explore_share=0.3)
    whole = CostDecisions(seed=3, policy=policy, capacity=3, price=50.0)(frame)
    stage = CostDecisions(seed=3, policy=policy, capacity=3, price=50.0)
    shuffled = frame.iloc[np.random.default_rng(turn).permutation(len(frame))]
    pieces = pd.concat([stage(batch) for batch in cut(shuffled, sizes)])
    pd.testing.assert_frame_equal(pieces.loc[whole.index], whole)


# --- the naive cut ------------------------------------------------------------------------------

scores_and_labels = st.lists(
    st.tuples(st.integers(0, 8).map(lambda tenth: tenth / 8), st.booleans()),
    min_size=2,
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(scores_and_labels)
def test_the_f1_cut_is_scikit_learns(rows: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in rows])
    labels = np.array([float(label) for _, label in rows])
    found = best_f1_cut(scores, labels)
    if not labels.any() or scores.min() == scores.max():
        assert found == np.inf
        return
    precision, recall, cuts = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    assert f1_score(labels, scores >= found, zero_division=0) == pytest.approx(f1[:-1].max())
    assert found in cuts


def test_no_rows_have_no_cut() -> None:
    assert best_f1_cut(np.empty(0), np.empty(0)) == np.inf


def test_the_cut_blocks_from_its_own_value_on() -> None:
    answered = ScoreCut(0.5)(scored(3).assign(score=[0.49999, 0.5, 1.0]))
    assert answered["action"].tolist() == ["approve", "block", "block"]
    assert answered["review_value"].isna().all()
    assert set(answered["reason"]) == {"score"}


def test_both_levels_add_the_same_columns_of_the_same_types() -> None:
    frame = scored(4)
    naive, resilient = ScoreCut(0.5)(frame), CostDecisions(3)(frame)
    assert naive.dtypes.astype(str).to_dict() == resilient.dtypes.astype(str).to_dict()
    assert len(ITEMS) == 5
    assert Policy().costs == COSTS


def test_each_row_says_which_policy_decided_it() -> None:
    frame = scored(4)
    usual, other = CostDecisions(3), CostDecisions(3, Policy(explore_share=0.1))
    assert set(usual(frame)["policy_version"]) == {usual.version}
    assert usual.version == CostDecisions(4, capacity=9).version != other.version
    assert set(ScoreCut(0.5)(frame)["policy_version"]) == {"cut-0.5"}


def test_a_threshold_is_another_policy_and_taking_it_back_is_the_old_one() -> None:
    system = resilient_system(seed=3)
    before = system.decisions.version
    threshold = Mitigation("set_threshold", 0.4)
    assert system.apply(threshold)
    assert system.decisions.version != before
    assert system.apply(threshold.undo())
    assert system.decisions.version == before
