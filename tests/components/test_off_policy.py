"""Off-policy evaluation: brute force, invariances, coverage at three overlaps, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from mlsys_lessons.components.feedback.off_policy import (
    PolicyValue,
    effective_rows,
    inverse_propensity,
    self_normalised,
)
from mlsys_lessons.errors import InputError

METHODS = (inverse_propensity, self_normalised)
OVERLAPS = {"the same policy but for luck": 0.0, "some": 1.0, "little": 2.5}
REPLICATIONS = 200  # 1,000 in `make soak`


def mean_reward(action, x):
    """What an action brings on average in a context: both slopes differ."""
    return np.where(action, 0.3 + 0.2 * np.tanh(x), 0.2 - 0.1 * np.tanh(x))


def target_chance(x, gap):
    """The chance of action 1 under the policy that is asked about."""
    return 1 / (1 + np.exp(gap * x))


def log_of(rng, gap, rows=2_000):
    """Rewards, logged chances and the target's chances of the actions taken."""
    x = rng.normal(size=rows)
    logged, target = 1 / (1 + np.exp(-x)), target_chance(x, gap)
    action = rng.random(rows) < logged
    reward = (rng.random(rows) < mean_reward(action, x)).astype(float)
    return reward, np.where(action, logged, 1 - logged), np.where(action, target, 1 - target)


def true_value(gap):
    """The integral over contexts, by Gauss-Hermite quadrature."""
    x, weight = np.polynomial.hermite_e.hermegauss(80)
    chance = target_chance(x, gap)
    value = chance * mean_reward(True, x) + (1 - chance) * mean_reward(False, x)
    return float((weight * value).sum() / weight.sum())


def coverage(method, gap, replications):
    """The share of logs whose 95 % interval holds the truth."""
    truth = true_value(gap)
    found = (method(*log_of(np.random.default_rng([7, seed]), gap)) for seed in range(replications))
    return sum(each.low <= truth <= each.high for each in found) / replications


@pytest.mark.parametrize("gap", OVERLAPS.values(), ids=OVERLAPS)
@pytest.mark.parametrize("method", METHODS)
def test_intervals_hold_the_truth_as_often_as_they_say(method, gap):
    hits = round(coverage(method, gap, REPLICATIONS) * REPLICATIONS)
    assert scipy.stats.binomtest(hits, REPLICATIONS, 0.95).pvalue > 0.001


def test_one_in_fifty_let_through_says_what_all_would_have_brought():
    """A pass-through: a tenth of the rows cost thirty times what the others bring."""
    rng, hits = np.random.default_rng(5), 0
    for _ in range(REPLICATIONS):
        passed = rng.random(10_000) < 0.02
        reward = np.where(passed, np.where(rng.random(10_000) < 0.1, -30.0, 1.0), 0.0)
        found = self_normalised(reward, np.where(passed, 0.02, 0.98), passed.astype(float))
        hits += found.low <= 1 - 31 * 0.1 <= found.high
    assert scipy.stats.binomtest(hits, REPLICATIONS, 0.95).pvalue > 0.001


@given(st.integers(0, 2**32 - 1))
def test_estimates_by_brute_force(seed):
    rewards, logged, target = log_of(np.random.default_rng(seed), 1.0, rows=600)
    total = weights = 0.0
    for reward, chance, wanted in zip(rewards, logged, target, strict=True):
        total += wanted / chance * reward
        weights += wanted / chance
    assert inverse_propensity(rewards, logged, target).value == pytest.approx(total / 600)
    assert self_normalised(rewards, logged, target).value == pytest.approx(total / weights)


@given(st.floats(-50, 50), st.floats(0.01, 100))
def test_another_unit_and_another_zero_move_the_answer_along(shift, scale):
    rewards, logged, target = log_of(np.random.default_rng(1), 1.0)
    plain = self_normalised(rewards, logged, target)
    moved = self_normalised(scale * rewards + shift, logged, target)
    for name in ("value", "low", "high"):
        expected = scale * getattr(plain, name) + shift
        assert getattr(moved, name) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_policy_that_ran_gets_its_own_mean_and_student_t():
    rewards, logged, _ = log_of(np.random.default_rng(2), 0.0)
    found = self_normalised(rewards, logged, logged)
    assert found.value == pytest.approx(rewards.mean()) and found.effective_rows == 2_000
    low, high = scipy.stats.t.interval(
        0.95, 1_999, rewards.mean(), rewards.std(ddof=1) / np.sqrt(2_000)
    )
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.01)


def test_rewards_without_a_difference_have_no_width():
    _, logged, target = log_of(np.random.default_rng(3), 1.0)
    found = self_normalised(np.full(2_000, 4.0), logged, target)
    assert (found.low, found.value, found.high) == pytest.approx((4.0, 4.0, 4.0))


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_effective_rows_lie_between_none_and_all(weights):
    assert 0 <= effective_rows(weights) <= len(weights) + 1e-6


def test_too_little_overlap_is_refused_with_its_number():
    rewards, logged, target = log_of(np.random.default_rng(4), 2.5, rows=250)
    with pytest.raises(InputError, match=r"of 250 rows \d+ count, and 100 are needed"):
        self_normalised(rewards, logged, target)


def test_a_log_without_the_other_action_is_refused():
    """Everybody was approved; a policy that blocks half of them was never seen at work."""
    with pytest.raises(InputError, match=r"mean is 0\.5 and should be 1"):
        self_normalised(np.ones(500), np.ones(500), np.full(500, 0.5))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("change", "words"),
    [({"logged": 0.0}, "above 0"), ({"logged": 1.5}, "outside"), ({"target": -0.1}, "outside 0..1"),
     ({"target": float("nan")}, "outside 0..1"), ({"rewards": float("inf")}, "no numbers"),
     ({"level": 1.0}, "level=1.0"), ({"level": 0.0}, "level=0.0")],
)  # fmt: skip
def test_what_is_no_log_is_refused(method, change, words):
    log = {"rewards": np.ones(400), "logged": np.full(400, 0.5), "target": np.full(400, 0.5)}
    log |= {name: np.full(400, value) for name, value in change.items() if name != "level"}
    log |= {name: value for name, value in change.items() if name == "level"}
    with pytest.raises(InputError, match=words):
        method(**log)


def test_lengths_that_differ_and_an_empty_log_are_refused():
    with pytest.raises(InputError, match="lengths differ"):
        self_normalised([1.0], [0.5, 0.5], [0.5, 0.5])
    with pytest.raises(InputError, match="of 0 rows 0 count"):
        self_normalised([], [], [])


def test_what_it_says_of_itself():
    assert repr(PolicyValue(1.0, 0.5, 1.5, 120.2, 9_000)) == "1 [0.5, 1.5], of 9,000 rows 120 count"
