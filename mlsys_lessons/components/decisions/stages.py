"""Decisions: from a probability to an action, with its price, its reason and its propensity.

Fourth stage: inference -> decisions -> the world. A score is an opinion; this stage turns it into
approve, review or block by what each would cost. It fits no model and learns one number a day: the
price of a reviewer's time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Columns, Component
from mlsys_lessons.components.decisions.policy import (
    Cents,
    Policy,
    amount_cents,
    amount_features,
    holds,
    policy_version,
    trusted_amount,
    version_column,
)
from mlsys_lessons.domain import Domain
from mlsys_lessons.frames import array_of, categorical, extend
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import APPROVE, BLOCK, REVIEW, ClosedDay

SCORE, EXPLORATION, NO_ANSWER = "score", "exploration", "no answer"  # reasons of every domain
DECISION = ("action", "reason", "propensity", "review_value", "policy_version")
Codes = NDArray[np.int8]


@dataclass
class ScoreCut(Component):
    """Naive level: block above one cut, chosen for the best F1 score; no answer means approve."""

    cut: float
    domain: Domain = field(default=DEFAULT_DOMAIN, repr=False)
    plugs_into = "decisions"
    resilient = False

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add action, reason and propensity."""
        scores = array_of(frame, "score")
        action = np.where(scores >= self.cut, BLOCK, APPROVE).astype(np.int8)
        by_score, silent = (self.domain.reasons.index(word) for word in (SCORE, NO_ANSWER))
        reason = np.where(np.isnan(scores), silent, by_score).astype(np.int8)
        nothing = np.full(len(frame), np.nan)
        made = action, reason, np.ones(len(frame)), nothing
        return extend(frame, _decision(self.domain, *made, self.version))

    @property
    def needs(self) -> Columns:
        """A score."""
        return ("score",)

    @property
    def adds(self) -> Columns:
        """What is done, why, how likely that was, and what a review is worth."""
        return DECISION

    @property
    def version(self) -> str:
        """Which policy this is: its cut."""
        return f"cut-{self.cut:.6g}"

    def staff(self, capacity: int) -> None:
        """Hear how many cases people can look at in a day: this level sends them none."""

    def step(self, day: ClosedDay) -> None:
        """Take a closed day over midnight: the cut was chosen in the notebook and stays."""


@dataclass
class CostDecisions(Component):
    """Resilient level: the cheapest action in expectation, rules, a review queue, exploration.

    Why it matters: half a point of AUC changes a few rows; charging each error what it costs
    changes most of the money. See Elkan, The foundations of cost-sensitive learning, 2001.
    """

    seed: int
    policy: Policy = field(default_factory=Policy)
    capacity: int = 0  # cases a day that reviewers can reach
    price: float = 0.0  # cents a case must be worth to be queued; fixed at midnight
    cut: float = np.inf  # a score from which on everything is blocked, whatever it would cost
    domain: Domain = field(default=DEFAULT_DOMAIN, repr=False)
    plugs_into = "decisions"
    offers: list[Cents] = field(default_factory=list, repr=False)  # what today's reviews are worth

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add action, reason, propensity, a review's value in cents."""
        approve, block, review = self.expected_cents(frame)
        value = review - np.maximum(approve, block)
        self.offers.append(value[value > 0])
        action = np.where(approve >= block, APPROVE, BLOCK).astype(np.int8)
        action[(value > self.price) & (self.capacity > 0)] = REVIEW
        action[array_of(frame, "score") >= self.cut] = BLOCK
        silent = np.isnan(array_of(frame, "score"))
        action[silent] = APPROVE
        reason = np.where(silent, self._reason(NO_ANSWER), self._reason(SCORE)).astype(np.int8)
        self._apply_rules(frame, action, reason)
        propensity = self._explore(frame, action, reason)
        made = action, reason, propensity, value
        return extend(frame, _decision(self.domain, *made, self.version))

    @property
    def needs(self) -> Columns:
        """A score, what is at stake, and what the rules look at."""
        of_rules = [limit[0] for rule in self.policy.rules for limit in rule.limits]
        judged = amount_features(self.domain) or ["is_quarantined"]
        stake = [self.domain.measure, *judged] if self.domain.measure else []
        return tuple(dict.fromkeys((*self.domain.identity, "score", *stake, *of_rules)))

    @property
    def adds(self) -> Columns:
        """What is done, why, how likely that was, and what a review is worth."""
        return DECISION

    def expected_cents(self, frame: pd.DataFrame) -> tuple[Cents, Cents, Cents]:
        """Expected cents of approving, blocking and reviewing each row."""
        typical = self.policy.typical_genuine, self.policy.typical_harmful
        genuine, harmful = (amount_cents(frame, self.domain, euros) for euros in typical)
        return self.policy.expected_cents(array_of(frame, "score"), genuine, harmful)

    def _reason(self, word: str) -> int:
        return self.domain.reasons.index(word)

    def _apply_rules(self, frame: pd.DataFrame, action: Codes, reason: Codes) -> None:
        """Let the rules overrule the score. They stop what was let through and free nothing."""
        columns = {name: frame[name] for rule in self.policy.rules for name, _, _ in rule.limits}
        if self.domain.measure in columns:
            columns[self.domain.measure] = trusted_amount(frame, self.domain)
        for rule in self.policy.rules:
            code = self.domain.actions.index(rule.action)
            reachable = code == BLOCK or ((action == APPROVE) & (self.capacity > 0))
            here = holds(rule, columns) & reachable
            action[here], reason[here] = code, self._reason(rule.reason)

    def _explore(self, frame: pd.DataFrame, action: Codes, reason: Codes) -> NDArray[np.float64]:
        """Let a few small would-be blocks through, and write down how likely that was."""
        share = self.policy.explore_share
        candidate = (action == BLOCK) & (reason == self._reason(SCORE))
        if self.domain.measure:
            candidate &= trusted_amount(frame, self.domain) < self.policy.explore_below
        rows = np.flatnonzero(candidate)
        propensity = np.ones(len(frame))
        propensity[rows] = 1 - share
        keys = row_keys(frame, self.domain.identity)[rows]
        lucky = rows[luck(self.seed, "explore", keys) < share]
        action[lucky], reason[lucky] = APPROVE, self._reason(EXPLORATION)
        propensity[lucky] = share
        return propensity

    @property
    def version(self) -> str:
        """Which policy this is; an undone change is the old one."""
        return policy_version(self.policy, self.cut)

    def staff(self, capacity: int) -> None:
        """Hear how many cases people can look at in a day."""
        self.capacity = capacity

    def step(self, day: ClosedDay) -> None:
        """Fix tomorrow's price: what the C-th most valuable case of today was worth."""
        offers = np.concatenate(self.offers) if self.offers else np.empty(0)
        self.offers = []
        if len(offers) > self.capacity > 0:
            self.price = float(np.sort(offers)[-self.capacity])
        else:
            self.price = 0.0


def _decision(
    domain: Domain,
    action: Codes,
    reason: Codes,
    propensity: NDArray[np.float64],
    review_value: Cents,
    version: str,
) -> dict[str, object]:
    columns = (
        categorical(action, domain.action_dtype), categorical(reason, domain.reason_dtype),
        propensity, review_value, version_column(version, len(action)),
    )  # fmt: skip
    return dict(zip(DECISION, columns, strict=True))
