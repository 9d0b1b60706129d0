"""What fills a slate: items retrieved by past clicks, some at random, the best matches taken.

Two steps, as front pages are built: a cheap draw by popularity, then a ranking by the estimated
match. Draws are luck keyed by slate, so twins with equal counts see equal slates. What becomes of
a slate is told in outcomes.py and world.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields
from mlsys_lessons.randomness import luck
from mlsys_lessons.worlds.recommender.domain import PLACES
from mlsys_lessons.worlds.recommender.knobs import Habits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POOL = 24  # items retrieved by popularity for each slate (assumed)
FLOOR = 1.0  # clicks that an item without any is taken to have: the urn's first ball
MOST_AFFINITY = 50.0  # and least: 1 / 50, the limits of what retrieval sends
_EXPLORED, _RETRIEVED, _SPARE = range(3)  # why an item is in the draw; the lower counts
_AHEAD = 1e3
_BINS = 2**15  # a power of two, so that a number's bin is exact
_DRAWN = BitFields("place", tier=2)
_DRAW = BitFields("slate", number=6)  # a slate's id has 52 bits
_PAIR = BitFields("slate", item=10)  # low bits of the item only: a key of luck, not an id


def exposure(clicks: Floats, exponent: float) -> Floats:
    """Each item's share of what is retrieved: (clicks + 1) ^ exponent, over the last axis.

    >>> exposure(np.array([0.0, 1.0, 2.0]), 1.0).round(3).tolist()
    [0.167, 0.333, 0.5]
    """
    logs = exponent * np.log(clicks + FLOOR)
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


class Believed(NamedTuple):
    """What retrieval knows at midnight: items that are there, their exposure, believed vectors."""

    there: Ints
    exposure: Floats  # of those that are there
    tastes: Floats
    traits: Floats

    def match(self, user: Ints, item: Ints) -> Floats:
        """The log odds that users and items match, users x items of each."""
        return np.asarray(np.einsum("sd,skd->sk", self.tastes[user], self.traits[item]))


def fill(
    seed: int, slate: Ints, user: Ints, believed: Believed, habits: Habits
) -> tuple[Ints, Floats]:
    """Ten different items for each slate, in the order of their places, and their affinities.

    The draw holds POOL items by popularity and ten neighbours from a place by chance, each of which
    is explored with the habits' share; the others are spare, for a draw with too few different
    items. Of what was drawn the best by match and chance are taken.
    """
    item, tier = _drawn(seed, slate, believed, habits.exploration)
    repeated = np.zeros(item.shape, dtype=bool)
    repeated[:, 1:] = item[:, 1:] == item[:, :-1]
    match = believed.match(user, item)
    chance = luck(seed, "taken", _PAIR.pack(slate=slate[:, None], item=item % 1_024))
    rank = habits.personal * match.clip(-np.log(MOST_AFFINITY), np.log(MOST_AFFINITY))
    rank -= np.log(-np.log(chance))
    rank += _AHEAD * ((tier == _EXPLORED) * 1.0 - (tier == _SPARE))
    rank[repeated] = -np.inf
    taken = np.argpartition(-rank, PLACES - 1, axis=1)[:, :PLACES]
    sent = np.exp(np.take_along_axis(match, taken, axis=1)).clip(1 / MOST_AFFINITY, MOST_AFFINITY)
    best = np.argsort(-sent, axis=1, kind="stable")
    item = np.take_along_axis(item, np.take_along_axis(taken, best, axis=1), axis=1)
    return item, np.take_along_axis(sent, best, axis=1)


def _drawn(
    seed: int, slate: Ints, believed: Believed, exploration: float
) -> tuple[Ints, NDArray[np.int64]]:
    """Items of each draw, sorted, and why each is in it: of a repeated one the best first."""
    draw = luck(seed, "draw", _DRAW.pack(slate=slate[:, None], number=np.arange(POOL + 1)))
    explored = luck(seed, "explored", _DRAW.pack(slate=slate[:, None], number=np.arange(PLACES)))
    there = believed.there
    popular = _places_among(np.cumsum(believed.exposure)[:-1], draw[:, :POOL])
    first = (draw[:, POOL:] * len(there)).astype(np.int64)
    neighbours = (first + np.arange(PLACES)) % len(there)
    tier = np.where(explored < exploration, _EXPLORED, _SPARE)
    drawn = _DRAWN.pack(place=popular, tier=_RETRIEVED), _DRAWN.pack(place=neighbours, tier=tier)
    packed = np.concatenate(drawn, axis=1)
    packed.sort(axis=1)
    return there[_DRAWN.get(packed, "place")], _DRAWN.get(packed, "tier")


def _places_among(ends: Floats, draw: Floats) -> Ints:
    """`np.searchsorted(ends, draw)` where a draw in a bin without an end needs no search.

    >>> _places_among(np.array([0.3, 0.7]), np.array([0.1, 0.3, 0.9])).tolist()
    [0, 0, 2]
    """
    ends_in = np.bincount((ends * _BINS).astype(np.int64), minlength=_BINS)
    bin_of = (draw * _BINS).astype(np.int64)
    place = (np.cumsum(ends_in) - ends_in)[bin_of]
    unsure = ends_in[bin_of] > 0
    place[unsure] = np.searchsorted(ends, draw[unsure])
    return place
