"""From a score that only ranks to a probability: isotonic calibration on rows with known labels.

Estimates without labels stand on calibrated probabilities. Whether a score is calibrated, and what
makes it so, is told here. No model is fitted, and nobody calibrates behind a caller's back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from mlsys_lessons.components.monitoring.bins import quantile_edges
from mlsys_lessons.components.monitoring.probabilities import Floats
from mlsys_lessons.errors import InputError
from mlsys_lessons.reading import column, columns
from mlsys_lessons.records import whole_number


@dataclass(frozen=True, eq=False)
class Calibration:
    """A non-decreasing map from scores to probabilities: straight lines between knots.

    Outside the reference's scores it stays at the nearest knot; a missing score stays missing.

    >>> Calibration(np.array([0.0, 1.0]), np.array([0.0, 0.4]))([0.5, 2.0, np.nan])
    array([0.2, 0.4, nan])
    """

    scores: Floats = field(repr=False)
    probabilities: Floats = field(repr=False)

    def __call__(self, scores: ArrayLike) -> Floats:
        """Calibrated probabilities of scores, in their order."""
        return np.interp(column(scores, "scores"), self.scores, self.probabilities)


def calibrated(reference_scores: ArrayLike, reference_labels: ArrayLike) -> Calibration:
    """What turns scores into probabilities, learned from a reference whose labels are known.

    Why it matters: CBPE on the scores of a boosted tree or a reweighted model estimates a
    performance that nobody will ever see. Calibrate on rows the model was not trained on.

    It calibrates whenever it is asked. NannyML first asks ten held-out splits whether calibration
    helps; here `expected_calibration_error` answers that for whoever wants to know.

    Parameters
    ----------
    reference_scores
        Any finite numbers that rank the rows.
    reference_labels
        0 or 1 for each; NaN (not yet known) leaves the row out, and so does a missing score.

    Errors: InputError for other labels, for infinite scores, for lengths that differ, and where
    one of the classes is missing.

    >>> to_probability = calibrated([0.1, 0.2, 0.8, 0.9], [0, 0, 0, 1])
    >>> to_probability([0.15, 0.9])
    array([0., 1.])

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
    estimates, 2002; by scikit-learn's IsotonicRegression.
    """
    from sklearn.isotonic import IsotonicRegression  # late: half of what importing this would cost

    scores, labels = _known(*columns(reference_scores=reference_scores, labels=reference_labels))
    if not np.isfinite(scores).all() or not 0 < labels.sum() < len(labels):
        raise InputError(
            f"{len(labels)} reference rows hold {labels.sum():.0f} positives and "
            f"{np.isinf(scores).sum()} infinite scores; pass finite scores and both classes."
        )
    fitted = IsotonicRegression().fit(scores, labels)
    return Calibration(fitted.X_thresholds_, fitted.y_thresholds_)


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, *, bins: int = 10
) -> float:
    """How far probabilities are from the share of positives, on average over bins of rows.

    Why it matters: it is the assumption of CBPE as a number, and the one thing that concept drift
    cannot hide from. It needs labels.

    Bins hold about equally many rows: with bins of equal width nearly all of a rare event's rows
    share the first one. Rows of one probability share a bin. Rows without a probability or a
    label (NaN) are left out.

    Errors: InputError for values outside 0..1, labels other than 0 and 1, fewer than 1 or more
    than 1,000 bins, and when nothing is left.

    >>> round(expected_calibration_error([0.25, 0.25, 0.25, 0.25], [0, 0, 1, 1]), 2)
    0.25

    Source: Guo et al., On calibration of modern neural networks, 2017; bins of equal mass as in
    Nguyen and O'Connor, Posterior calibration and exploratory analysis, 2015.
    """
    whole_number("bins", bins, 1, 1_000)
    chances, truth = _known(*columns(probabilities=probabilities, labels=labels))
    if not len(chances) or chances.min() < 0 or chances.max() > 1:
        raise InputError(
            f"{len(chances)} rows have a probability and a label, and every one must lie in 0..1; "
            "pass calibrated probabilities of labelled rows."
        )
    place = np.searchsorted(quantile_edges(chances, bins), chances)
    gaps = np.bincount(place, weights=truth - chances)
    return float(np.abs(gaps).sum() / len(chances))


def _known(scores: Floats, labels: Floats) -> tuple[Floats, Floats]:
    """The rows that have both.  Raises InputError for a label other than 0 and 1."""
    known = ~(np.isnan(scores) | np.isnan(labels))
    scores, labels = scores[known], labels[known]
    wrong = labels[(labels != 0) & (labels != 1)]
    if len(wrong):
        raise InputError(f"label {wrong[0]:g} is neither 0 nor 1; leave unknown ones as NaN.")
    return scores, labels
