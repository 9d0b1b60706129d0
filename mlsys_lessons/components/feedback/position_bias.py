"""What clicks say about documents once their places are paid for, from the log alone.

Inverse propensity scoring weighs each click with 1 / examination of its place, and a small share of
swapped pages tells what examination is. It ranks nothing, and knows no world: rows of a log.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.reading import columns
from mlsys_lessons.records import positive

LEAST_CLICKS = 10  # of a place in swapped pages; under this its interval is a guess
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ips_relevance(clicks: ArrayLike, positions: ArrayLike, examination: ArrayLike) -> Floats:
    """Each row's click, weighted with 1 / examination of its place: on average its attraction.

    Why it matters: the mean click of a document says where it was shown. The mean of these says
    what it is, wherever it was shown, as long as each place is looked at now and then.

    clicks
        0 or 1 of each row.
    positions
        The place of each row, 0 at the top.
    examination
        Chance that each place is looked at, in (0, 1], or relative to the top place: then the
        answers are relative too, and rank alike.

    Errors: InputError for lengths that differ, a place without a chance, a chance of 0 or less.

    >>> ips_relevance([1, 1, 0], [0, 2, 2], [0.5, 0.25, 0.1]).tolist()
    [2.0, 10.0, 0.0]

    Source: Joachims, Swaminathan and Schnabel, Unbiased learning-to-rank with biased feedback,
    2017.
    """
    clicked, place = columns(clicks=clicks, positions=positions)
    (looked_at,) = columns(examination=examination)
    if not (looked_at > 0).all():
        raise InputError(
            "examination holds a chance of 0 or less; a place nobody sees has no weight."
        )
    return clicked / looked_at[_places(place, len(looked_at))]


@dataclass(frozen=True)
class Propensities:
    """How often each place is looked at relative to the top place, with intervals.

    >>> Propensities(np.array([1.0, 0.5]), np.array([1.0, 0.4]), np.array([1.0, 0.6]), 900)
    Propensities: 1.00, 0.50 [0.40, 0.60] from 900 swapped pages
    """

    relative: Floats  # place 0 is 1
    low: Floats
    high: Floats
    pages: int

    def __repr__(self) -> str:
        told = (
            f"{value:.2f} [{low:.2f}, {high:.2f}]"
            for value, low, high in zip(self.relative[1:], self.low[1:], self.high[1:], strict=True)
        )
        listed = ", ".join(("1.00", *told))
        return f"Propensities: {listed} from {self.pages:,} swapped pages"


def swap_propensities(
    partner: ArrayLike, swapped: ArrayLike, top_clicks: ArrayLike, partner_clicks: ArrayLike,
    *, level: float = 0.95,
) -> Propensities:  # fmt: skip
    """Examination of each place relative to the top one, from pages swapped by a coin.

    For each page a partner place is drawn, and a coin says whether its document and the top one
    change places. Over both sides of the coin the two places have held the same documents, so
    their clicks differ by examination alone:

        ratio = (partner's clicks | swapped + | not) / (top's clicks | swapped + | not), of means

    Why it matters: the one number that IPS needs is not in any click log; it is bought with a
    small share of slightly worse pages.

    partner
        The place, from 1 on, that each page's coin was about; all from 1 to the largest occur.
    swapped
        1 where the two documents did change places; any coin will do, also an unfair one.
    top_clicks, partner_clicks
        0 or 1: clicks of the top place and of the partner place of each page, as shown.
    level
        Of the intervals: normal, on the log of the ratio, by the delta method.

    Errors: InputError for lengths that differ, a partner of 0, a place with fewer than 10 clicks or
    fewer than two pages on one side of its coin, a level outside (0, 1).

    >>> one_in = np.arange(400)
    >>> log = np.ones(400), one_in % 2, one_in % 4 < 2, one_in % 8 < 2
    >>> swap_propensities(*log)
    Propensities: 1.00, 0.50 [0.44, 0.57] from 400 swapped pages

    Source: Joachims, Swaminathan and Schnabel, 2017, section 5.
    """
    from scipy.special import ndtri

    if not 0 < positive("level", level) < 1:
        raise InputError(f"level={level!r} must lie between 0 and 1; .95 is usual.")
    place, coin, top, other = columns(
        partner=partner, swapped=swapped, top_clicks=top_clicks, partner_clicks=partner_clicks
    )
    if not len(place) or place.min() < 1:
        raise InputError("partner holds a place below 1; the top place is 0 and swaps with others.")
    found = [_ratio(place == k, coin == 1, top, other, k) for k in range(1, int(place.max()) + 1)]
    ratio, error = np.array([(1.0, 0.0), *found]).T
    reach = np.exp(float(ndtri((1 + level) / 2)) * error)
    return Propensities(ratio, ratio / reach, ratio * reach, len(place))


def _ratio(
    here: NDArray[np.bool_], coin: NDArray[np.bool_], top: Floats, other: Floats, place: int
) -> tuple[float, float]:
    """One place against the top: the ratio of summed means, and the standard error of its log."""
    sides = [here & coin, here & ~coin]
    fewest = min(top[here].sum(), other[here].sum())
    if fewest < LEAST_CLICKS or min(side.sum() for side in sides) < 2:
        raise InputError(
            f"place {place} has {fewest:.0f} clicks in its swapped pages, and {LEAST_CLICKS} on "
            "two sides of a coin are needed; swap longer, or fewer places."
        )
    above = sum(other[side].mean() for side in sides)
    below = sum(top[side].mean() for side in sides)
    spread = sum((other[s] / above - top[s] / below).var(ddof=1) / s.sum() for s in sides)
    return float(above / below), float(np.sqrt(spread))


def _places(positions: Floats, places: int) -> Ints:
    """Positions as whole numbers, if each is a place of the curve."""
    place = positions.astype(np.int64)
    odd = (place != positions) | (place < 0) | (place >= places)
    if odd.any():
        wrong = f"position {positions[odd][0]!r} is none of the {places} places of examination"
        raise InputError(f"{wrong}; count from 0 at the top.")
    return place
