"""Metrics of a model on rows whose labels are known. It fits nothing and knows no money."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative; ties count half.

    >>> auc(np.array([0.1, 0.9]), np.array([False, True]))
    1.0
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores))
