"""Off-policy evaluation: what another policy would have earned, from the log of the one that ran.

It needs a log in which every action had a chance that was written down (a propensity), and says no
where the log cannot answer. It chooses no policy and knows no model: weights, rewards, an interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.reading import columns
from mlsys_lessons.records import positive

LEAST_EFFECTIVE_ROWS = 100.0  # under this an interval is a guess about a few heavy rows
ODD_WEIGHTS = 5.0  # standard errors by which the mean weight may miss 1
NO_SKEWNESS = 1e-6
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PolicyValue:
    """What a policy would have brought per row, with its interval, and how much log that rests on.

    >>> PolicyValue(0.25, 0.2, 0.3, effective_rows=812.4, rows=5_000)
    0.25 [0.2, 0.3], of 5,000 rows 812 count
    """

    value: float
    low: float
    high: float
    effective_rows: float
    rows: int

    def __repr__(self) -> str:
        interval = f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"
        return f"{interval}, of {self.rows:,} rows {self.effective_rows:,.0f} count"


def effective_rows(weights: ArrayLike) -> float:
    """How many equally weighted rows know as much: (sum w)^2 / sum w^2; 0 where all weights are 0.

    >>> effective_rows([1, 1, 1, 1]), effective_rows([50, 0, 0, 0])
    (4.0, 1.0)

    Source: Kish, Survey Sampling, 1965.
    """
    (w,) = columns(weights=weights)
    squares = float((w**2).sum())
    return float(w.sum() ** 2 / squares) if squares else 0.0


def inverse_propensity(
    rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, *, level: float = 0.95
) -> PolicyValue:
    """The target policy's mean reward by inverse propensity scoring (IPS): mean of w x reward.

    Why it matters: it is right on average, whatever the rewards. One row that was let through with
    a chance of 2 % stands for fifty, so one lucky row can carry the whole estimate.

    Parameters and errors as in `self_normalised`.

    >>> log = np.tile([1.0, 0.0], 200), np.full(400, 0.5), np.tile([1.0, 0.0], 200)
    >>> inverse_propensity(*log)
    1 [0.9013, 1.099], of 400 rows 200 count

    Source: Horvitz and Thompson, 1952; Li and others, Unbiased offline evaluation, 2011.
    """
    reward, weight = _checked(rewards, logged, target, level)
    value = float((weight * reward).mean())
    return _with_interval(value, weight * reward - value, weight, level)


def self_normalised(
    rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, *, level: float = 0.95
) -> PolicyValue:
    """The target policy's mean reward by self-normalised IPS: the mean of rewards weighted with w.

    Why it matters: a new threshold can be judged before anybody is declined by it. It stays within
    the rewards that were seen, and adding a constant to all of them adds it to the answer.

    Parameters
    ----------
    rewards
        What each logged action brought, any unit.
    logged
        The chance with which it was taken, in (0, 1], as the log says.
    target
        The chance with which the other policy would take *that* action, in 0..1.
    level
        Of the interval: Student's t with as many degrees of freedom as rows count, on residuals
        blown up by each row's own share of the weights, and bent by their skewness.

    Pass only the rows on which the two policies can differ: elsewhere nothing changes, and rows
    that say nothing would be counted as knowledge.

    Errors: InputError for values outside these ranges, a level outside (0, 1), fewer than 100
    effective rows, and weights whose mean is not 1: the log does not hold what the policy would do.

    >>> log = np.tile([1.0, 0.0], 200), np.full(400, 0.5), np.tile([0.75, 0.25], 200)
    >>> self_normalised(*log)
    0.75 [0.713, 0.787], of 400 rows 320 count

    Source: Swaminathan and Joachims, The self-normalized estimator, 2015; Hall, On the removal of
    skewness by transformation, 1992.
    """
    reward, weight = _checked(rewards, logged, target, level)
    total = weight.sum()
    value = float((weight * reward).sum() / total)
    own_share = np.minimum(weight / total, 0.5)
    residual = weight * (reward - value) / weight.mean() / (1 - own_share)
    return _with_interval(value, residual, weight, level)


def _with_interval(value: float, residual: Floats, weight: Floats, level: float) -> PolicyValue:
    """Student's t, bent by the residuals' skewness (Hall, 1992): heavy rows lean one way."""
    from scipy.special import stdtrit

    rows, count = len(weight), effective_rows(weight)
    spread = float(np.sqrt((residual**2).sum() / (rows - 1)))
    skewness = float((residual**3).mean() / spread**3) if spread else 0.0
    reach = float(stdtrit(count - 1, (1 + level) / 2) / np.sqrt(rows))
    low, high = (_bent(side, skewness, rows) * spread for side in (reach, -reach))
    return PolicyValue(value, value - low, value - high, count, rows)


def _bent(reach: float, skewness: float, rows: int) -> float:
    """Hall's cubic transformation of a mean, backwards; `reach` itself without skewness."""
    if abs(skewness) < NO_SKEWNESS:
        return reach
    return float(3 / skewness * (np.cbrt(1 + skewness * (reach - skewness / (6 * rows))) - 1))


def _checked(
    rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, level: float
) -> tuple[Floats, Floats]:
    """Rewards and weights of a log that can answer, or InputError."""
    reward, chance, wanted = columns(rewards=rewards, logged=logged, target=target)
    if not 0 < positive("level", level) < 1:
        raise InputError(f"level={level!r} must lie between 0 and 1; .95 is usual.")
    if not np.isfinite(reward).all():
        raise InputError("rewards hold values that are no numbers; leave out what is not known.")
    if not ((chance > 0) & (chance <= 1)).all():
        raise InputError(
            "logged holds chances outside (0, 1]; an action that was taken had a chance above 0."
        )
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise InputError("target holds chances outside 0..1; pass one probability for each row.")
    weight = wanted / chance
    count = effective_rows(weight)
    if count < LEAST_EFFECTIVE_ROWS:
        raise InputError(
            f"of {len(weight):,} rows {count:,.0f} count, and {LEAST_EFFECTIVE_ROWS:.0f} are "
            "needed; explore more, or ask for a policy nearer to the one that ran."
        )
    _covers(weight)
    return reward, weight


def _covers(weight: Floats) -> None:
    """Refuse weights whose mean is far from 1: whatever the policies, it is 1 on a whole log."""
    error = float(weight.std(ddof=1) / np.sqrt(len(weight)))
    distance = abs(float(weight.mean()) - 1)
    if distance > ODD_WEIGHTS * error + 1e-9:
        raise InputError(
            f"the weights' mean is {weight.mean():.3g} and should be 1; the log lacks actions that "
            "the policy would take, or its propensities are not the ones that were used."
        )
