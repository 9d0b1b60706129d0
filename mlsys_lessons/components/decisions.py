"""Decisions: from a probability to an action, with its price, its reason and its propensity.

Fourth stage: inference -> decisions -> the world. A score is an opinion; this stage turns it into
approve, review or block by what each would cost. It fits no model and learns one number a day: the
price of a reviewer's time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import categorical, extend
from mlsys_lessons.randomness import luck
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, ACTIONS, COSTS, Costs

APPROVE, REVIEW, BLOCK, SHED = range(len(ACTIONS))
REASONS = ("score", "velocity", "new account", "exploration", "no answer")
REASON_DTYPE = pd.CategoricalDtype(REASONS)
_SCORE, _VELOCITY, _NEW_ACCOUNT, _EXPLORATION, _NO_ANSWER = range(len(REASONS))


@dataclass
class ScoreCut:
    """Naive level: block above one cut, chosen for the best F1 score; no answer means approve."""

    cut: float

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add action, reason and propensity."""
        scores = frame["score"].to_numpy()
        action = np.where(scores >= self.cut, BLOCK, APPROVE).astype(np.int8)
        reason = np.where(np.isnan(scores), _NO_ANSWER, _SCORE).astype(np.int8)
        nothing = np.full(len(frame), np.nan)
        return extend(frame, _decision(action, reason, np.ones(len(frame)), nothing))

    def step(self, tick: int) -> None:
        """The cut was chosen in the notebook and stays."""


def best_f1_cut(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """The score cut with the best F1 on the given rows; infinity when nothing is positive.

    >>> best_f1_cut(np.array([0.1, 0.4, 0.9]), np.array([0.0, 1.0, 1.0]))
    0.4
    """
    if not labels.sum():
        return float("inf")
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(labels[order])
    last_of_ties = np.append(np.diff(scores[order]) < 0, True)
    f1 = 2 * found / (np.arange(1, len(scores) + 1) + max(labels.sum(), 1))
    best = int(np.argmax(np.where(last_of_ties, f1, -1.0)))
    cut = float(scores[order][best])
    varies = len(scores) > 0 and float(scores.max()) > float(scores.min())
    return cut if labels.sum() and varies else float("inf")


@dataclass(frozen=True)
class BusinessRule:
    """A line in the policy that holds whatever the model says."""

    reason: int
    action: int
    applies: Callable[[pd.DataFrame], NDArray[np.bool_]]


def _velocity(frame: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(frame["count_1h"].to_numpy() >= 8)


def _new_account(frame: pd.DataFrame) -> NDArray[np.bool_]:
    young = frame["account_age_days"].to_numpy() < 3
    return np.asarray(young & (frame["amount"].to_numpy() > 500))


RULES = (
    BusinessRule(_NEW_ACCOUNT, REVIEW, _new_account),
    BusinessRule(_VELOCITY, BLOCK, _velocity),
)


@dataclass(frozen=True)
class Policy:
    """The knobs of the resilient level, all in units a manager can discuss."""

    explore_share: float = 0.02  # of the would-be blocks that are let through to learn from
    explore_below: float = 100.0  # euros; nobody buys a lesson at any price
    reviewer_slip: float = 0.1  # how often a reviewer is expected to be wrong, either way
    review_minutes: float = 6.0
    typical_genuine: float = 45.0  # euros; stand in for an amount that cannot be trusted:
    typical_fraud: float = 150.0  # the means of the training history
    rules: tuple[BusinessRule, ...] = RULES
    costs: Costs = COSTS


@dataclass
class CostDecisions:
    """Resilient level: the cheapest action in expectation, rules, a review queue, exploration.

    Why it matters: half a point of AUC changes a few rows; charging each error what it costs
    changes most of the money. See Elkan, The foundations of cost-sensitive learning, 2001.
    """

    seed: int
    policy: Policy = field(default_factory=Policy)
    capacity: int = 0  # cases a day that reviewers can reach
    price: float = 0.0  # cents a case must be worth to be queued; fixed at the tick edge
    _offers: list[NDArray[np.float64]] = field(default_factory=list)

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add action, reason, propensity and the value of a review in cents."""
        approve, block, review = self._expected_cents(frame)
        value = review - np.maximum(approve, block)
        self._offers.append(value[value > 0])
        action = np.where(approve >= block, APPROVE, BLOCK).astype(np.int8)
        action[(value > self.price) & (self.capacity > 0)] = REVIEW
        silent = np.isnan(frame["score"].to_numpy())
        action[silent] = APPROVE
        reason = np.where(silent, _NO_ANSWER, _SCORE).astype(np.int8)
        for rule in self.policy.rules:
            here = rule.applies(frame) & self._allowed(rule, action)
            action[here], reason[here] = rule.action, rule.reason
        propensity = self._explore(frame, action, reason)
        return extend(frame, _decision(action, reason, propensity, value))

    def _allowed(self, rule: BusinessRule, action: NDArray[np.int8]) -> NDArray[np.bool_] | bool:
        """A rule may stop what was let through; it holds nothing back from a block."""
        return rule.action == BLOCK or ((action == APPROVE) & (self.capacity > 0))

    def step(self, tick: int) -> None:
        """Fix tomorrow's price: what the C-th most valuable case of today was worth."""
        offers = np.concatenate(self._offers) if self._offers else np.empty(0)
        self._offers = []
        if len(offers) > self.capacity > 0:
            self.price = float(np.sort(offers)[-self.capacity])
        else:
            self.price = 0.0

    def _amount_cents(self, frame: pd.DataFrame, typical: float) -> NDArray[np.int64]:
        """The amount at stake; a typical one where the field is missing or distrusted."""
        known = ~np.isnan(frame["log_amount"].to_numpy()) & ~frame["is_quarantined"].to_numpy()
        euros = np.where(known, frame["amount"].to_numpy(), typical)
        return np.rint(euros * 100).astype(np.int64)

    def _expected_cents(
        self, frame: pd.DataFrame
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Expected cents of approving, blocking and reviewing each row."""
        costs, slip = self.policy.costs, self.policy.reviewer_slip
        fraud = frame["score"].to_numpy()
        margin = costs.margin(self._amount_cents(frame, self.policy.typical_genuine))
        loss = costs.fraud_loss(self._amount_cents(frame, self.policy.typical_fraud))
        approve = (1 - fraud) * margin - fraud * loss
        block = -(1 - fraud) * costs.friction
        work = self.policy.review_minutes * costs.review_minute
        review = (1 - slip) * (1 - fraud) * margin + slip * (block - fraud * loss)
        return approve, block, review - costs.delay - work

    def _explore(
        self, frame: pd.DataFrame, action: NDArray[np.int8], reason: NDArray[np.int8]
    ) -> NDArray[np.float64]:
        """Let a few small would-be blocks through, and write down how likely that was."""
        share = self.policy.explore_share
        small = frame["amount"].to_numpy() < self.policy.explore_below
        rows = np.flatnonzero((action == BLOCK) & (reason == _SCORE) & small)
        propensity = np.ones(len(frame))
        propensity[rows] = 1 - share
        ids = frame["request_id"].to_numpy()[rows]
        lucky = rows[luck(self.seed, "explore", ids) < share]
        action[lucky], reason[lucky], propensity[lucky] = APPROVE, _EXPLORATION, share
        return propensity


def _decision(
    action: NDArray[np.int8],
    reason: NDArray[np.int8],
    propensity: NDArray[np.float64],
    review_value: NDArray[np.float64],
) -> dict[str, object]:
    return {
        "action": categorical(action, ACTION_DTYPE),
        "reason": categorical(reason, REASON_DTYPE),
        "propensity": propensity,
        "review_value": review_value,
    }
