"""Who visits and what there is to show: hidden tastes and qualities, and when each came.

Everybody who may ever come is drawn at once, by luck keyed by identity, so a world of one seed has
the same people whatever is asked of it. Nothing happens here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields
from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.records import LAST_TICK
from mlsys_lessons.worlds.recommender.domain import GENRES
from mlsys_lessons.worlds.recommender.knobs import Habits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DIMENSIONS = 4  # of a taste; two genres each, one at either end (assumed)
LOOKBACK = 180  # days of history that can be asked for
YEAR = 365
_TWO_YEARS = 2 * YEAR  # those who are there at the start have come within them (assumed)
_LOUD_BAIT, _LOUD = 0.7, 0.15  # share of loud covers, of clickbait and of all else (assumed)
_EARLY_SPREAD, _EARLY_MERIT = 1.0, 0.5  # of early clicks, in log points: luck and quality (assumed)
EARLY_CLICKS = 20.0  # an item's clicks at the start, in the median (assumed)
COMPONENT = BitFields("one", dimension=4)  # the key of luck for one number of a vector


@dataclass(frozen=True, eq=False)
class Population:
    """Users and items as arrays; `came` and `added` are the days on which each is first there."""

    tastes: Floats  # user x dimension
    came: Ints
    home_genre: NDArray[np.int8]
    misjudged_user: Floats  # user x dimension: how retrieval errs about a stranger
    traits: Floats  # item x dimension
    quality: Floats
    bait: NDArray[np.bool_]
    loud: NDArray[np.int8]
    genre: NDArray[np.int8]
    added: Ints
    misjudged_item: Floats  # item x dimension
    early: Floats  # item: clicks before day 0

    def __repr__(self) -> str:
        return f"Population({len(self.came):,} users and {len(self.added):,} items in all)"


@lru_cache(maxsize=8)
def populate(seed: int, early: int, users: int, items: int, habits: Habits) -> Population:
    """Everybody who may ever come, and everything that may ever be shown.

    `early` seeds the luck of the clicks before day 0, and nothing else: worlds that differ in it
    alone are parallel worlds of the same qualities.
    """
    came = _arrivals(seed, "user", users, habits.user_growth)
    added = _arrivals(seed, "item", items, habits.item_growth)
    tastes = _vectors(seed, "taste", len(came))
    traits = _vectors(seed, "trait", len(added)) * habits.taste / np.sqrt(DIMENSIONS)
    ids = np.arange(len(added))
    quality = habits.quality * normal_luck(seed, "quality", ids)
    bait = luck(seed, "bait", ids) < habits.clickbait
    chance = np.where(bait, _LOUD_BAIT, _LOUD)
    luck_early = _EARLY_SPREAD * normal_luck(early, "early clicks", ids)
    there = added <= 0
    return Population(
        tastes=tastes, came=came, home_genre=_genre(tastes),
        misjudged_user=_vectors(seed, "misjudged user", len(came)) * habits.blur,
        traits=traits, quality=quality, bait=bait, genre=_genre(traits), added=added,
        loud=(luck(seed, "loud", ids) < chance).astype(np.int8),
        misjudged_item=_vectors(seed, "misjudged item", len(added)) * habits.blur
        * habits.taste / np.sqrt(DIMENSIONS),
        early=np.where(there, EARLY_CLICKS * np.exp(luck_early + _EARLY_MERIT * quality), 0.0),
    )  # fmt: skip


def _arrivals(seed: int, what: str, count: int, growth: float) -> Ints:
    """The day on which each is first there: those of the start, then the new ones in order."""
    more = int(growth * count * LAST_TICK / YEAR)
    before = -LOOKBACK - (luck(seed, f"{what} since", np.arange(count)) * _TWO_YEARS).astype(int)
    after = np.arange(1, more + 1) * YEAR / (growth * count) if more else np.empty(0)
    return np.concatenate([before, np.ceil(after).astype(np.int64)])


def _vectors(seed: int, what: str, count: int) -> Floats:
    """A standard normal vector for each; equal for each identity, however many there are."""
    one, dimension = np.indices((count, DIMENSIONS))
    return normal_luck(seed, what, COMPONENT.pack(one=one, dimension=dimension))


def _genre(vectors: Floats) -> NDArray[np.int8]:
    """The end of a dimension at which each vector lies furthest out."""
    dimension = np.abs(vectors).argmax(axis=1)
    side = vectors[np.arange(len(vectors)), dimension] > 0
    return (2 * dimension + side).astype(np.int8) % len(GENRES)
