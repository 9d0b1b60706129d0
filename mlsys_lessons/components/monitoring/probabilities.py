"""What every estimate without labels starts from: probabilities, what ranks them, what is flagged.

Input is judged here, once, and rows without an answer are left out. It estimates nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.reading import column

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Answered:
    """Rows that have a probability: what it is, what ranks them, and whether they are flagged."""

    chances: Floats
    ranks: Floats  # the very same array where the probability itself ranks
    flagged: Flags

    def steps(self) -> tuple[Floats, NDArray[np.intp]]:
        """Probabilities from the lowest rank up, and where each step of the ROC curve starts.

        Rows of one rank are one step. Where the probability ranks, sorting values is enough, which
        takes two thirds of the time of sorting places.
        """
        if self.ranks is self.chances:
            ascending = ranked = np.sort(self.chances)
        else:
            order = np.argsort(self.ranks)
            ascending, ranked = self.chances[order], self.ranks[order]
        return ascending, np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))


def answered(
    probabilities: ArrayLike, threshold: float | ArrayLike, scores: ArrayLike | None
) -> Answered:
    """Judge the input of an estimate and leave out the rows without an answer (NaN).

    Errors: InputError for values outside 0..1, for lengths that differ and when nothing is left.

    >>> answered([0.9, np.nan], 0.5, None).flagged
    array([ True])
    """
    chances = column(probabilities, "probabilities")
    ranks = chances if scores is None else column(scores, "scores")
    cuts = _cuts(threshold)
    if cuts.ndim > 1 or len(ranks) != len(chances) or cuts.size not in (1, len(chances)):
        raise InputError(
            f"{len(chances)} probabilities, {len(ranks)} scores, {cuts.size} thresholds; give one "
            "score per probability and one threshold, or one per row."
        )
    flagged, there = ranks >= cuts, ~(np.isnan(chances) | np.isnan(ranks))
    if not there.all():
        same, chances, flagged = ranks is chances, chances[there], flagged[there]
        ranks = chances if same else ranks[there]
    if not len(chances) or chances.min() < 0 or chances.max() > 1:
        raise InputError(
            "probabilities are empty, all missing, or leave 0..1; pass calibrated probabilities, "
            "and give anything else that ranks the rows as scores=."
        )
    return Answered(chances, ranks, flagged)


def ratio(part: float, whole: float) -> float:
    """A share, NaN where there is nothing to take a share of.

    >>> ratio(1, 4), ratio(0, 0)
    (0.25, nan)
    """
    return part / whole if whole > 0 else float("nan")


def _cuts(threshold: float | ArrayLike) -> Floats:
    try:
        cuts = np.asarray(threshold, dtype=np.float64)
    except (TypeError, ValueError):
        cuts = np.array(np.nan)
    if np.isnan(cuts).any():
        raise InputError(
            f"threshold={threshold!r} holds no number to compare with, and would flag nobody; "
            "try threshold=0.5."
        )
    return cuts
