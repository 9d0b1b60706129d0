"""From a place to an order, in closed form: looked at, clicked, content, ordered.

    P(order) = examination of the place x attraction x P(content | click) x P(order | content)

The four are functions of the same tastes and not the same function, which is all that clicks and
conversions need to part ways. Pure functions; coins are thrown in world.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.worlds.recommender.knobs import Habits

Floats = NDArray[np.float64]

# Log-odds at no match, no merit and no bait, and what a match and merit add: all assumed.
_CLICK = (-1.3, 0.8, 0.3)
_CONTENT = (0.9, 0.8, 1.0)
_ORDER = (-1.7, 0.5, 0.5)


class Chances(NamedTuple):
    """Of each row, if it is shown: a click; content after it; an order after that."""

    click: Floats
    content: Floats
    order: Floats

    @property
    def conversion(self) -> Floats:
        """Of an order."""
        return self.click * self.content * self.order


def chances(
    position: NDArray[np.integer], match: Floats, quality: Floats, bait: NDArray[np.bool_],
    habits: Habits,
) -> Chances:  # fmt: skip
    """The chances of rows, given what nobody sees: match and quality in log-odds, bait yes or no.

    Why it matters: a position-based model of clicks (examination x attraction) says why a click
    teaches position first (Craswell and others, An experimental comparison of click models, 2008).

    >>> row = np.array([0]), np.zeros(1), np.zeros(1)
    >>> plain, bait = (chances(*row, np.array([b]), Habits()) for b in (False, True))
    >>> bool(bait.click > plain.click), bool(bait.content < plain.content)
    (True, True)
    """
    looked_at, baited = np.asarray(habits.examination)[position], bait.astype(np.float64)
    click = looked_at * _logistic(_CLICK, match, quality, habits.lure * baited)
    content = _logistic(_CONTENT, match, quality, -habits.letdown * baited)
    return Chances(click, content, _logistic(_ORDER, match, quality, 0.0))


def _logistic(
    weights: tuple[float, float, float], match: Floats, quality: Floats, more: Floats | float
) -> Floats:
    base, of_match, of_quality = weights
    return np.asarray(1 / (1 + np.exp(-(base + of_match * match + of_quality * quality + more))))
