"""Cuts: how a notebook chooses the score above which it blocks. It knows no prices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def best_f1_cut(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """The score cut with the best F1 on the given rows; infinity when nothing is positive.

    >>> best_f1_cut(np.array([0.1, 0.4, 0.9]), np.array([0.0, 1.0, 1.0]))
    0.4
    """
    if not labels.sum():
        return float("inf")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    last_of_ties = np.append(np.diff(scores[order]) < 0, True)
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + max(labels.sum(), 1))
    best = int(np.argmax(np.where(last_of_ties, f1, -1.0)))
    varies = float(scores.max()) > float(scores.min())
    return float(scores[order][best]) if varies else float("inf")
