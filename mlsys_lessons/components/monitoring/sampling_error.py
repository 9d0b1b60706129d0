"""How far the truth may lie from an estimate by luck alone: standard errors of CBPE's metrics.

If the probabilities are right, each label is one toss of its own coin, and that is the only luck
in here. What the probabilities get wrong (concept drift, calibration) is in no band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mlsys_lessons.components.monitoring.probabilities import Answered, answered, ratio


@dataclass(frozen=True)
class SamplingError:
    """Standard errors, each in its metric's unit; NaN where the metric itself is undefined.

    >>> SamplingError(0.1, 0.1, 0.02, 0.1, 0.05, 0.01).accuracy
    0.02
    """

    precision: float
    recall: float
    accuracy: float
    f1: float
    auc: float
    brier: float


def sampling_error(
    probabilities: ArrayLike,
    *,
    threshold: float | ArrayLike = 0.5,
    scores: ArrayLike | None = None,
) -> SamplingError:
    """Standard errors of the metrics that `cbpe` estimates, for just these rows.

    Why it matters: a day with ten frauds has a recall of .6 give or take .15. Whoever acts on
    that day's dip acts on luck. Estimate plus or minus three of these is the band to draw.

    Precision, accuracy and the Brier score are sums of independent coins, which is exact. Recall,
    F1 and the area under the curve are ratios of such sums, by the delta method: good from some
    thirty expected positives on, rough below ten, and never above one half. Parameters and errors
    are those of `cbpe`.

    >>> round(sampling_error([0.5] * 100, threshold=0.5).precision, 3)
    0.05

    Source: the variance of a sum of Bernoulli variables; the delta method as in Wasserman, All of
    Statistics, 2004, section 9.9; the area's influence as in DeLong et al., 1988.
    """
    rows = answered(probabilities, threshold, scores)
    chances, flagged = rows.chances, rows.flagged
    coins = chances * (1 - chances)
    hits, misses = float(chances[flagged].sum()), float(chances[~flagged].sum())
    of_hits, of_misses = float(coins[flagged].sum()), float(coins[~flagged].sum())
    flags, positives, count = float(np.count_nonzero(flagged)), hits + misses, len(chances)
    return SamplingError(
        precision=ratio(of_hits**0.5, flags),
        recall=_at_most_half(_of_ratio(hits, positives, of_hits, of_misses)),
        accuracy=(of_hits + of_misses) ** 0.5 / count,
        f1=_at_most_half(2 * _of_ratio(hits, flags + positives, of_hits, of_misses)),
        auc=_auc_error(rows),
        brier=float(np.sum(coins * (1 - 2 * chances) ** 2)) ** 0.5 / count,
    )


def _of_ratio(hits: float, whole: float, of_hits: float, of_misses: float) -> float:
    """Standard error of hits over a whole that grows with each hit and each miss."""
    share = ratio(hits, whole)
    return ratio(((1 - share) ** 2 * of_hits + share**2 * of_misses) ** 0.5, whole)


def _at_most_half(error: float) -> float:
    """No number between 0 and 1 varies more; the delta method does not know that."""
    return error if np.isnan(error) else min(error, 0.5)


def _auc_error(rows: Answered) -> float:
    """Standard error of the area: how much each label, turned over, would move it.

    A positive wins against the negatives below its step and loses against the positives above;
    rows of its own step count by half. What it adds to one class it takes from the other.
    """
    chances, starts = rows.steps()
    coins = np.add.reduceat(chances * (1 - chances), starts)
    positives, negatives = np.add.reduceat(chances, starts), np.add.reduceat(1 - chances, starts)
    beaten = np.cumsum(negatives) - negatives / 2
    ahead = positives.sum() - (np.cumsum(positives) - positives / 2)
    all_positives, all_negatives = float(positives.sum()), float(negatives.sum())
    pairs = all_positives * all_negatives
    area = ratio(float(np.sum(positives * beaten)), pairs)
    moves = beaten - ahead - area * (all_negatives - all_positives)
    return _at_most_half(ratio(float(np.sum(coins * moves**2)) ** 0.5, pairs))
