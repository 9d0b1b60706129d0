"""How good an order is: discounted gain of graded documents against the best order of them.

Pure functions on arrays, pages on rows. They need grades, which a log does not hold: judges give
them, or the world's truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError

Floats = NDArray[np.float64]


def ndcg(gains: ArrayLike, scores: ArrayLike, *, places: int = 10) -> Floats:
    """Normalised discounted cumulative gain of each page, in 0..1: 1 is the best order there is.

    Gains at places 1, 2, 3... count 1, 1 / log2 3, 1 / log2 4...; the sum is divided by that of the
    documents in order of their gains. Ties in scores keep the order given. A page without any gain
    has no best order: NaN.

    Why it matters: clicks grow when a page lures, and this does not.

    gains
        Non-negative grades, or gains of them, pages x documents (or one page).
    scores
        What the documents are ranked by, the highest first; same shape.
    places
        How many places count, at least 1.

    Errors: InputError for shapes that differ, negative gains, gaps, fewer places than 1.

    >>> ndcg([[3, 2, 0], [0, 2, 3]], [[3, 2, 1], [3, 2, 1]]).round(3).tolist()
    [1.0, 0.648]

    Source: Jarvelin and Kekalainen, Cumulated gain-based evaluation, 2002, with linear gains.
    """
    gain, score = (np.atleast_2d(np.asarray(x, dtype=np.float64)) for x in (gains, scores))
    if gain.shape != score.shape or gain.ndim != 2:
        shapes = f"gains {gain.shape} and scores {score.shape}"
        raise InputError(f"{shapes} differ; pass one score for each gain, pages x documents.")
    if not (np.isfinite(gain).all() and np.isfinite(score).all() and (gain >= 0).all()):
        raise InputError("gains or scores hold gaps or negative gains; grades begin at 0.")
    if places < 1:
        raise InputError(f"places={places!r} must be at least 1; 10 is usual.")
    shown = np.take_along_axis(gain, np.argsort(-score, axis=1, kind="stable"), axis=1)
    best = -np.sort(-gain, axis=1)
    discount = 1 / np.log2(np.arange(2, gain.shape[1] + 2)) * (np.arange(gain.shape[1]) < places)
    got, possible = shown @ discount, best @ discount
    return np.divide(got, possible, out=np.full(len(got), np.nan), where=possible > 0)
