"""The policy of the resilient level: its knobs, its rules, and the arithmetic of expected cents.

Pure functions of scores and amounts; what is done with them is told in stages.py.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.domain import BusinessRule, Costs, Domain, vocabulary
from mlsys_lessons.frames import array_of, categorical

SIGNS = {">=": operator.ge, ">": operator.gt, "<": operator.lt}
Cents = NDArray[np.float64]


@dataclass(frozen=True)
class Policy:
    """The knobs of the resilient level, all in units a manager can discuss."""

    explore_share: float = 0.02  # of the would-be blocks that are let through to learn from
    explore_below: float = 100.0  # euros; nobody buys a lesson at any price
    reviewer_slip: float = 0.1  # how often a reviewer is expected to be wrong, either way
    review_minutes: float = 6.0
    typical_genuine: float = DEFAULT_DOMAIN.typical_genuine  # euros; for an amount that cannot
    typical_harmful: float = DEFAULT_DOMAIN.typical_harmful  # be trusted: the history's means
    rules: tuple[BusinessRule, ...] = DEFAULT_DOMAIN.rules
    costs: Costs = DEFAULT_DOMAIN.costs

    @classmethod
    def of(cls, domain: Domain) -> Policy:
        """The policy of a domain: its rules, its prices."""
        return cls(
            typical_genuine=domain.typical_genuine, typical_harmful=domain.typical_harmful,
            rules=domain.rules, costs=domain.costs,
        )  # fmt: skip

    def expected_cents(
        self, harm: Cents, genuine: NDArray[np.int64], harmful: NDArray[np.int64]
    ) -> tuple[Cents, Cents, Cents]:
        """Expected cents of approving, blocking and reviewing rows with these probabilities.

        `genuine` and `harmful` are the cents at stake if the row does no harm, and if it does.

        >>> stake = np.array([5_000])
        >>> [float(c[0].round()) for c in Policy().expected_cents(np.array([0.5]), stake, stake)]
        [-3195.0, -250.0, -680.0]
        """
        costs, slip = self.costs, self.reviewer_slip
        margin, loss = costs.margin(genuine), costs.loss(harmful)
        approve = (1 - harm) * margin - harm * loss
        block = -(1 - harm) * costs.friction
        work = self.review_minutes * costs.review_minute
        review = (1 - slip) * (1 - harm) * margin + slip * (block - harm * loss)
        return approve, block, review - costs.delay - work


@lru_cache(maxsize=64)
def policy_version(policy: Policy, cut: float) -> str:
    """A short name of a policy and its cut: equal ones share it, and any other number changes it.

    Why it matters: a log that does not say which policy took a decision can be used to judge no
    other policy, for the propensities in it belong to one.

    >>> policy_version(Policy(), np.inf) == policy_version(Policy(), np.inf)
    True
    >>> policy_version(Policy(explore_share=0.1), np.inf) == policy_version(Policy(), np.inf)
    False
    """
    return f"costs-{sha256(repr((policy, float(cut))).encode()).hexdigest()[:8]}"


def version_column(version: str, rows: int) -> pd.Categorical:
    """What says of every row which policy has decided it.

    >>> version_column("cut-0.5", 2).tolist()
    ['cut-0.5', 'cut-0.5']
    """
    return categorical(np.zeros(rows, dtype=np.int8), vocabulary((version,)))


def holds(rule: BusinessRule, columns: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
    """Which rows a business rule speaks of: those within all of its limits."""
    masks = [SIGNS[sign](np.asarray(columns[name]), limit) for name, sign, limit in rule.limits]
    return np.asarray(np.logical_and.reduce(masks))


def amount_features(domain: Domain) -> list[str]:
    """The features that are the amount itself: missing where it is not to be trusted."""
    return [feature.name for feature in domain.features if feature.formula == "log"]


def trusted_amount(frame: pd.DataFrame, domain: Domain) -> NDArray[np.float64]:
    """The domain's measure, 0 without one; NaN where it is missing, or not to be trusted.

    The features have judged it: where it is in doubt, what stands on it is missing.
    """
    if not domain.measure:
        return np.zeros(len(frame))
    amount, judged = array_of(frame, domain.measure), amount_features(domain)
    gaps = [np.isnan(array_of(frame, name)) for name in judged]
    doubted = np.logical_or.reduce(gaps) if gaps else array_of(frame, "is_quarantined")
    return np.where(doubted, np.nan, amount)


def amount_cents(frame: pd.DataFrame, domain: Domain, typical: float) -> NDArray[np.int64]:
    """The amount at stake; a typical one where none is known."""
    amount = trusted_amount(frame, domain)
    return np.rint(np.where(np.isnan(amount), typical, amount) * 100).astype(np.int64)
