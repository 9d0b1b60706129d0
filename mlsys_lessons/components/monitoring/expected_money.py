"""What decisions are expected to earn, in cents, before anybody knows which rows did harm.

It adds up and prices nothing: what an action earns is asked of the policy, which comes with the
domain's costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.components.monitoring.probabilities import Floats, ratio
from mlsys_lessons.domain import Costs
from mlsys_lessons.errors import InputError
from mlsys_lessons.reading import columns
from mlsys_lessons.records import SHED

Cents = NDArray[np.int64]
LARGEST_CENTS = 10**15  # beyond it a float no longer counts single cents


class Pricing(Protocol):
    """What is asked of a policy: cents of approving, blocking and reviewing, linear in `harm`."""

    @property
    def costs(self) -> Costs:
        """The cost table."""

    def expected_cents(
        self, harm: Floats, genuine: Cents, harmful: Cents
    ) -> tuple[Floats, Floats, Floats]:
        """Expected cents of approving, blocking and reviewing each row."""


@dataclass(frozen=True)
class ExpectedMoney:
    """Cents of all rows together, expected and give or take; rows without a probability apart.

    >>> ExpectedMoney(cents=-500.0, standard_error=90.0, rows=100, unpriced=2).cents_per_row
    -5.0
    """

    cents: float
    standard_error: float  # of `cents`, from the luck of who does harm alone
    rows: int
    unpriced: int  # rows whose probability is missing: in neither sum

    @property
    def cents_per_row(self) -> float:
        """Expected cents of one row."""
        return ratio(self.cents, self.rows)


def expected_money(
    probabilities: ArrayLike, actions: ArrayLike, amounts: ArrayLike, *, policy: Pricing
) -> ExpectedMoney:
    """Expected cents of decisions that were taken, from calibrated probabilities.

    Why it matters: precision and recall count rows, the business counts money, and labels come
    in weeks. Like CBPE it is blind to concept drift. A reviewer's slips are averaged out.

    Parameters
    ----------
    probabilities
        Calibrated P(harm) of each row, in 0..1. NaN (no answer) is counted as unpriced.
    actions
        What was done: codes of records.py (APPROVE, REVIEW, BLOCK, SHED).
    amounts
        Whole cents at stake, 0 or more; a typical amount where one is missing.
    policy
        Whoever prices actions: `Policy.of(domain)`, or `Policy(costs=mls.COSTS)`.

    Errors: InputError for values outside 0..1, for unknown codes, for amounts that are not whole
    cents, for lengths that differ and when no row has a probability.

    >>> from mlsys_lessons.components.decisions.policy import Policy
    >>> from mlsys_lessons.records import APPROVE, BLOCK
    >>> money = expected_money([0.01, 0.5], [APPROVE, BLOCK], [5_000, 5_000], policy=Policy())
    >>> round(money.cents, 1), round(money.standard_error)
    (-206.1, 704)

    Source: Elkan, The foundations of cost-sensitive learning, 2001.
    """
    chances, codes, cents = columns(probabilities=probabilities, actions=actions, amounts=amounts)
    priced = ~np.isnan(chances)
    chances, action, stake = _judged(chances[priced], codes[priced], cents[priced])
    harmless = _earned(0.0, action, stake, policy)
    harmful = _earned(1.0, action, stake, policy)
    variance = np.sum(chances * (1 - chances) * (harmful - harmless) ** 2)
    return ExpectedMoney(
        cents=float(np.sum((1 - chances) * harmless + chances * harmful)),
        standard_error=float(variance) ** 0.5,
        rows=len(chances),
        unpriced=int(np.count_nonzero(~priced)),
    )


def _earned(harm: float, action: Cents, stake: Cents, policy: Pricing) -> Floats:
    """Cents of each row's own action when every row does harm (1.0), or none (0.0)."""
    approve, block, review = policy.expected_cents(np.full(len(stake), harm), stake, stake)
    shed = np.full(len(stake), -float(policy.costs.shed))
    return np.choose(action, (approve, review, block, shed))  # in the order of the codes


def _judged(chances: Floats, codes: Floats, cents: Floats) -> tuple[Floats, Cents, Cents]:
    """The columns as numbers that can be priced, or one sentence that says what cannot."""
    if not len(chances) or chances.min() < 0 or chances.max() > 1:
        wrong = "probabilities are empty, all missing, or leave 0..1; pass calibrated ones"
    elif not np.isin(codes, np.arange(SHED + 1)).all():
        wrong = f"actions hold other codes than 0..{SHED}; those of records.py are known"
    elif not ((cents >= 0) & (cents <= LARGEST_CENTS) & (cents == np.rint(cents))).all():
        wrong = "amounts hold what is no whole number of cents from 0 up; round euros times 100"
    else:
        return chances, codes.astype(np.int64), cents.astype(np.int64)
    raise InputError(f"{wrong}.")
