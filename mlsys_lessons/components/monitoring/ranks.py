"""The largest gap between two distribution functions: exact, with only one of the samples sorted.

The core of Kolmogorov-Smirnov. It knows no columns, no missing values and no p-values; drift.py
does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlsys_lessons.components.monitoring.samples import Codes, Floats

CELLS = 4_096  # enough that a cell holds less than the noise of the statistic
_STEEPEST = 1e200  # cells per unit: values up to 1e100 stay finite when they are multiplied


@dataclass(frozen=True)
class Ordered:
    """A sample sorted and counted in cells of equal width, to be compared with unsorted ones.

    Why it matters: sorting a chunk costs about fifteen times as much as counting it in cells.
    Distribution functions only rise, so the counts at a cell's ends bound the gap inside it; only
    cells whose bound beats the best end are looked into, row by row. Nothing is approximated.

    >>> Ordered.of(np.array([1.0, 2.0, 3.0, 4.0])).gap(np.array([6.0, 3.0, 5.0, 4.0]))
    0.5

    Source: Hodges, The significance probability of the Smirnov two-sample test, 1958.
    """

    values: Floats
    low: float  # where cells begin to be narrow; what lies below is in the first
    scale: float  # cells per unit
    upto: Codes  # values up to the end of each cell, 0 first

    @classmethod
    def of(cls, values: Floats) -> Ordered:
        """Sort at least one number, none of them NaN or beyond 1e100."""
        ordered = np.sort(values)
        tail = len(ordered) // 100
        low, high = float(ordered[tail]), float(ordered[-1 - tail])
        scale = min(CELLS / (high - low), _STEEPEST) if high > low else 0.0
        return cls(ordered, low, scale, _cumulated(_cells(ordered, low, scale)))

    def gap(self, values: Floats) -> float:
        """Kolmogorov-Smirnov statistic to a sample in any order, in 0..1.

        One pass over the rows; where all cells are promising, it sorts them as everybody does.
        """
        cells = _cells(values, self.low, self.scale)
        upto = _cumulated(cells)
        ours, theirs = self.upto / len(self.values), upto / len(values)
        best = float(np.abs(ours - theirs).max())
        bounds = np.maximum(theirs[1:] - ours[:-1], ours[1:] - theirs[:-1])
        promising = bounds > best
        if not promising.any():
            return best
        points = np.sort(values[promising[cells]])
        if not len(points):
            return best
        elsewhere = np.cumsum(np.where(promising, 0, np.diff(upto)))
        ranks = np.arange(len(points)) + elsewhere[_cells(points, self.low, self.scale)]
        return max(best, self._gap_at(points, ranks, len(values)))

    def _gap_at(self, points: Floats, ranks: Codes, rows: int) -> float:
        """Largest gap just after these jumps of the other sample, or just before them.

        Inside a cell both suprema are attained there, or at the cell's ends.
        """
        jumps = points[1:] != points[:-1]
        first, last = np.append(True, jumps), np.append(jumps, True)
        points = points[first]
        after = np.searchsorted(self.values, points, side="right")
        before, tied = after.copy(), self.values[after - 1] == points
        before[tied] = np.searchsorted(self.values, points[tied])
        above = (ranks[last] + 1) / rows - after / len(self.values)
        below = before / len(self.values) - ranks[first] / rows
        return float(max(above.max(initial=0.0), below.max(initial=0.0)))


def _cells(values: Floats, low: float, scale: float) -> Codes:
    """The cell of each value. Rounding keeps the order, which is all that exactness needs."""
    places = values - low
    places *= scale
    return np.clip(places, 0, CELLS - 1, out=places).astype(np.int64)


def _cumulated(cells: Codes) -> Codes:
    return np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=CELLS))])
