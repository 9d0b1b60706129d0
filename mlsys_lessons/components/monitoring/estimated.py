"""How good the model is today, before a single label has arrived.

If a score is a calibrated probability it carries its own confusion matrix: among rows scored .2 a
fifth are positive. That is confidence-based performance estimation (CBPE). It assumes calibration
and does not test it: it follows a change of the inputs (covariate shift), and sees nothing of a
change of what the inputs mean (concept drift).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.components.monitoring.probabilities import Answered, answered, ratio
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import within

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EstimatedPerformance:
    """Expected confusion matrix (counts, as floats) and metrics; NaN where undefined.

    >>> EstimatedPerformance(tp=8.0, fp=2.0, fn=2.0, tn=88.0, auc=0.9, brier=0.02).f1
    0.8
    """

    tp: float
    fp: float
    fn: float
    tn: float
    auc: float
    brier: float

    @property
    def n(self) -> float:
        """Rows that had a probability."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def precision(self) -> float:
        """Share of the flagged that are expected to be positive."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the expected positives that are flagged."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def accuracy(self) -> float:
        """Share expected to be right: on rare events a very flattering number."""
        return ratio(self.tp + self.tn, self.n)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, from the expected counts."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def cbpe(
    probabilities: ArrayLike,
    *,
    threshold: float | ArrayLike = 0.5,
    scores: ArrayLike | None = None,
) -> EstimatedPerformance:
    """Expected confusion matrix and metrics from calibrated probabilities, without labels.

    Why it matters: labels come in weeks, this number tonight. It sees covariate shift. It cannot
    see concept drift, and when a ranking gets worse while its confidence does not, it reports an
    improvement.

    Parameters
    ----------
    probabilities
        Calibrated P(positive) of each row, in 0..1. NaN (no answer) is left out.
    threshold
        A row is flagged when its score is at least this; one number, or one per row where the cut
        depends on the amount.
    scores
        What is cut and what ranks, where that is not the calibrated probability itself.

    Errors: InputError for values outside 0..1, for lengths that differ and when nothing is left.

    >>> round(cbpe([0.9, 0.8, 0.1, 0.0], threshold=0.5).precision, 2)
    0.85

    Source: Bialek et al., Estimating model performance under covariate shift without labels, 2024.
    """
    rows = answered(probabilities, threshold, scores)
    chances = rows.chances
    brier = float(np.mean(chances * (1 - chances)))
    return EstimatedPerformance(*expected_confusion(chances, rows.flagged), _auc(rows), brier)


def expected_confusion(
    probabilities: Floats, flagged: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """Expected tp, fp, fn, tn of decisions: the heart of `cbpe`, for the monitors' hot path.

    >>> expected_confusion(np.array([0.75, 0.25]), np.array([True, False]))
    (0.75, 0.25, 0.25, 0.75)
    """
    positives = float(probabilities.sum())
    tp = float(probabilities[flagged].sum())
    fp = float(np.count_nonzero(flagged)) - tp
    fn = positives - tp
    return tp, fp, fn, len(probabilities) - tp - fp - fn


def bbse(flagged_share: float, *, recall: float, false_positive_rate: float) -> float:
    """Share of positives behind a flagged share, if only the mix of the classes has moved.

    Why it matters: under label shift the flagged share understates the change: a prevalence of
    2 % -> 6 % moves it from .065 to .095 only. Black-box shift estimation inverts that.

    Errors: InputError when a share leaves 0..1 or the flag does not separate the classes.

    >>> round(bbse(0.095, recall=0.8, false_positive_rate=0.05), 3)
    0.06

    Source: Lipton, Wang and Smola, Detecting and correcting for label shift, 2018.
    """
    within("flagged_share", flagged_share, high=1.0)
    within("recall", recall, high=1.0), within("false_positive_rate", false_positive_rate, high=1.0)
    if recall <= false_positive_rate:
        raise InputError(
            f"{recall=}, {false_positive_rate=}; the recall is above the false-positive rate, or "
            "the flag says nothing about the classes."
        )
    share = (flagged_share - false_positive_rate) / (recall - false_positive_rate)
    return float(np.clip(share, 0, 1))


def _auc(rows: Answered) -> float:
    """Expected area under the ROC curve; rows of one score are one step of the curve.

    scikit-learn's roc_auc_score takes no probability for a label. It gives the same number from
    each row twice, as a positive and as a negative with weights, and makes CBPE many times as slow.
    """
    chances, starts = rows.steps()
    positives, negatives = np.add.reduceat(chances, starts), np.add.reduceat(1 - chances, starts)
    area = np.sum(positives * (np.cumsum(negatives) - negatives / 2))
    return ratio(float(area), float(positives.sum() * negatives.sum()))
