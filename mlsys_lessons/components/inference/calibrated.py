"""A model with its scores brought back to probabilities, on rows that it was not fitted on.

Whoever prices an action multiplies a score by money, and needs a probability for that. Which of two
scores is higher does not change here; what a score means does. The inner models are in models.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.inference.models import LEAST_RATE
from mlsys_lessons.errors import InputError, NotFittedError
from mlsys_lessons.records import within

Scores = NDArray[np.float64]


class CalibratedModel:
    """Another model, and a curve from its scores to the rates that were observed at them.

    Why it matters: a model that was fitted on balanced, reweighted or old rows may rank well and
    still be wrong about every price. The curve is learned on the latest rows, which are nearest to
    the service, and the model on those before them.

    Parameters
    ----------
    model
        The inner model; fitted anew by `fit`.
    held_out
        Share of the rows, from the end, that the curve is learned on. Rows are in order of time.

    >>> from mlsys_lessons.components.inference.models import LogisticModel
    >>> CalibratedModel(LogisticModel())
    CalibratedModel(LogisticModel(strength=1.0, fitted=False), curve on the last 25 %)

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
    estimates, 2002.
    """

    name = "calibrated"

    def __init__(self, model: Model, held_out: float = 0.25) -> None:
        self.model = model
        self.held_out = within("held_out", held_out, low=0.01, high=0.9)
        self.curve_: tuple[Scores, Scores] | None = None  # scores, and the rate at each

    def __repr__(self) -> str:
        return f"CalibratedModel({self.model!r}, curve on the last {100 * self.held_out:g} %)"

    @property
    def inputs(self) -> Any:
        """What the inner model reads."""
        return getattr(self.model, "inputs", ())

    def fit(
        self, frame: pd.DataFrame, labels: Scores, weights: Scores | None = None
    ) -> CalibratedModel:
        """Fit the model on the earlier rows and the curve on the later ones; both see their own.

        Raises InputError where the later rows hold one class only.
        """
        from sklearn.isotonic import IsotonicRegression

        start = round(len(frame) * (1 - self.held_out))
        of = [None, None] if weights is None else [weights[:start], weights[start:]]
        late = labels[start:]
        if not 0 < np.sum(late) < len(late):
            raise InputError(
                f"the last {len(late):,} rows hold {np.sum(late):.0f} positives; a curve needs "
                "both classes: give more rows, or a larger held_out."
            )
        self.model.fit(frame.iloc[:start], labels[:start], of[0])
        scores = self.model.predict(frame.iloc[start:])
        curve = IsotonicRegression(y_min=LEAST_RATE, y_max=1 - LEAST_RATE)
        curve.fit(scores, late, sample_weight=of[1])
        self.curve_ = curve.X_thresholds_, curve.y_thresholds_
        return self

    def predict(self, frame: pd.DataFrame) -> Scores:
        """Probability of harm of each row; straight lines between the curve's knots."""
        if self.curve_ is None:
            raise NotFittedError(f"{self!r} has learned nothing yet; fit it first.")
        return np.interp(self.model.predict(frame), *self.curve_)
