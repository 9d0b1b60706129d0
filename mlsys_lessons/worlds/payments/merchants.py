"""The shops: where they are, what they sell, how popular they are, what a basket costs.

A merchant has no memory and no luck of its own: customers and rings decide who visits it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats, luck
from mlsys_lessons.worlds.payments.domain import CATEGORIES, COUNTRIES

# In the order of domain.COUNTRIES. The base world never meets NO: it joins with a launch.
HOME_SHARE = np.array([0.30, 0.16, 0.20, 0.17, 0.09, 0.08, 0.0])  # where customers live
VISIT_SHARE = np.array([0.15, 0.25, 0.20, 0.20, 0.12, 0.08, 0.0])  # where travellers pay
_LAUNCH_SHARE = 0.10  # merchants of NO beside all others

# In the order of domain.CATEGORIES; all assumed, the mean basket comes out near 50 euros.
CATEGORY_SHARE = np.array([0.33, 0.11, 0.17, 0.12, 0.07, 0.05, 0.10, 0.05])  # of payments
LOG_BASKET = np.log([22.0, 42.0, 22.0, 42.0, 90.0, 120.0, 13.0, 26.0])  # median euros
_ONLINE = np.array([0.08, 0.01, 0.06, 0.45, 0.50, 0.70, 0.90, 0.75])
ONLINE_ODDS = _ONLINE / (1.0 - _ONLINE)
# What a ring looks for: goods that are easily sold again.
TARGET_APPEAL = np.array([0.5, 0.3, 0.7, 1.6, 2.6, 1.6, 2.2, 3.0])

_MIN_MERCHANTS = 60
_ZIPF = 0.8  # popularity of the k-th shop of a kind is k ** -0.8


@dataclass(frozen=True, eq=False)
class Merchants:
    """All shops, ordered by country and category; arrays are indexed by shop.

    merchant_id is a random rank inside its country group, so that its size says nothing.
    """

    merchant_id: Ints
    country: NDArray[np.int8]
    category: NDArray[np.int8]
    popularity: Floats  # P(shop | country)
    position: Floats  # country + P(shop before or at this one | country)
    appeal: Floats  # cumulated P(shop becomes a ring's target)

    def __len__(self) -> int:
        """Count the shops."""
        return len(self.merchant_id)

    def __repr__(self) -> str:
        """Say how many shops there are and where."""
        return f"Merchants({len(self)} in {len(COUNTRIES)} countries)"

    def pick(self, country: NDArray[np.integer], uniform: Floats) -> Ints:
        """Choose a shop in each country by popularity (inverse of the distribution).

        >>> shops = open_merchants(0, 1_000)
        >>> shops.country[shops.pick(np.array([0, 5]), np.array([0.1, 0.9]))]
        array([0, 5], dtype=int8)
        """
        # A hair below 1 keeps country + uniform from being rounded into the next country.
        position = country + uniform * (1 - 1e-12)
        order = np.argsort(position)  # searching in order is three times as fast
        shop = np.empty(len(position), dtype=np.int64)
        shop[order] = np.searchsorted(self.position, position[order], side="right")
        return shop


def open_merchants(seed: int, daily: int) -> Merchants:
    """Open about daily / 10 shops, at least one of each kind in each country.

    Every (country, category) has its fixed share of payments, so the mean basket does not
    depend on the scale or on which shop happens to be popular.

    >>> len(open_merchants(0, 1_000)), len(open_merchants(0, 10_000))
    (117, 1099)
    """
    total = max(_MIN_MERCHANTS, daily / 10)
    country_share = np.where(HOME_SHARE > 0, HOME_SHARE, _LAUNCH_SHARE)
    sizes = np.maximum(np.rint(total * np.outer(country_share, CATEGORY_SHARE)), 1).astype(int)
    kind = np.repeat(np.arange(sizes.size), sizes.ravel())  # country and category in one number
    country, category = np.divmod(kind, len(CATEGORIES))
    rank = np.arange(len(kind)) - np.searchsorted(kind, kind) + 1.0
    weight = rank**-_ZIPF
    popularity = weight / np.bincount(kind, weight)[kind] * CATEGORY_SHARE[category]
    base = HOME_SHARE[country] > 0
    appeal = np.cumsum(np.where(base, TARGET_APPEAL[category], 0.0))
    return Merchants(
        merchant_id=_ids(seed, base),
        country=country.astype(np.int8),
        category=category.astype(np.int8),
        popularity=popularity,
        position=_positions(country, popularity),
        appeal=appeal / appeal[-1],
    )


def _ids(seed: int, base: NDArray[np.bool_]) -> Ints:
    """Ids from 1 in random order; the shops of a launch come after all others."""
    fortune = luck(seed, "merchant.id", np.arange(len(base))) + ~base
    return np.argsort(np.argsort(fortune)) + 1


def _positions(country: NDArray[np.integer], popularity: Floats) -> Floats:
    """Cumulated popularity, one unit a country, with each country ending exactly on its unit."""
    position = np.cumsum(popularity)
    last = np.append(country[1:] != country[:-1], True)
    position[last] = country[last] + 1.0
    return position
