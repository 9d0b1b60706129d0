"""The largest gap between two distribution functions, exact, from few binary searches.

The core of Kolmogorov-Smirnov on samples that are sorted already. It knows no columns, no missing
values and no p-values; drift.py does.
"""

from __future__ import annotations

import numpy as np

from mlsys_lessons.components.monitoring.samples import Codes, Floats

STRIDE = 32  # rows between two knots: few knots to search for, few rows to look at again


def largest_gap(reference: Floats, current: Floats) -> float:
    """Kolmogorov-Smirnov statistic of two sorted samples without missing values, in 0..1.

    Why it matters: searching for every row costs as much as sorting them. Distribution functions
    only rise, so two knots bound the gap at every row between them; only where that bound beats
    the best knot are the rows looked at. The answer is the same to the last bit.

    >>> largest_gap(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0]))
    0.5

    Source: Hodges, The significance probability of the Smirnov two-sample test, 1958.
    """
    few, many = sorted((reference, current), key=len)
    knots = np.append(np.arange(0, len(few) - 1, STRIDE), len(few) - 1)
    before, upto = _ranks(many, few[knots])
    best = _gap_at(knots, before, upto, len(few), len(many))
    above = knots[1:] / len(few) - upto[:-1] / len(many)
    below = before[1:] / len(many) - (knots[:-1] + 1) / len(few)
    promising = knots[:-1][np.maximum(above, below) > best]
    if not len(promising):
        return best
    rows = (promising[:, np.newaxis] + np.arange(1, STRIDE)).ravel()
    rows = rows[rows < len(few)]
    return max(best, _gap_at(rows, *_ranks(many, few[rows]), len(few), len(many)))


def _ranks(ordered: Floats, points: Floats) -> tuple[Codes, Codes]:
    """How many values lie below each point, and how many at or below it."""
    return np.searchsorted(ordered, points), np.searchsorted(ordered, points, side="right")


def _gap_at(rows: Codes, before: Codes, upto: Codes, n: int, m: int) -> float:
    """Largest gap at these rows, just after their jumps or just before them; 0 where there is none.

    Both suprema are attained at points of one sample, so the other's need no look.
    """
    above, below = (rows + 1) / n - upto / m, before / m - rows / n
    return float(max(above.max(initial=0.0), below.max(initial=0.0)))
