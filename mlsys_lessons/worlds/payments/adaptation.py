"""How rings learn at midnight: move when blocked, lower the amount, share what got through, test.

A ring knows its own attempts and which were refused; nothing of scores, rules or labels. Which
schemes it uses is in fashion. It has a list of shops for each scheme; `PLACE_DAY` (a
fraudsters.RING_SCHEME_PLACE, day 14) is the key of luck for one place of one list on one day.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields, Ints
from mlsys_lessons.randomness import DAY_BITS, DAY_OFFSET, Floats, luck
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.worlds.payments.campaigns import Campaigns
from mlsys_lessons.worlds.payments.customers import Population
from mlsys_lessons.worlds.payments.fashion import spread_schemes
from mlsys_lessons.worlds.payments.fraudsters import (
    RING_SCHEME,
    RING_SCHEME_PLACE,
    Rings,
    find_targets,
)
from mlsys_lessons.worlds.payments.playbook import TARGETS
from mlsys_lessons.worlds.payments.probing import LEVELS, faded, informed, trust
from mlsys_lessons.worlds.payments.purchases import Payments

_DROP_TARGET = 0.5  # chance that a ring gives a shop up after a refusal there
_COPY_TARGET = 0.2  # chance a day that a ring copies a shop a scheme from the most successful
_BOLDER, _SHYER = 0.02, 0.04  # log points a day on cash-outs, if all got through, if none did
_HUNGRIER = 0.08  # log points a day on new campaigns, if none got through
_LEVEL_FADES, _HUNGER_FADES = 0.97, 0.85  # what is left of each after a day
_MAX_HUNGER = np.log(2.0)  # log points: a limit at any strength, as LEVELS is one of amounts
PLACE_DAY = BitFields("place", day=DAY_BITS)


def ended_campaigns(
    population: Population, campaigns: Campaigns, blocked: NDArray[np.bool_]
) -> Ints:
    """Keys of the campaigns that end because an attempt was blocked."""
    keys = np.unique(campaigns.key[blocked])
    return keys[luck(population.seed, "ring.moves", keys) < population.drift.adaptation]


def adapt(
    population: Population,
    rings: Rings,
    tick: int,
    attempts: tuple[Payments, Campaigns],
    fate: NDArray[np.integer],
) -> None:
    """Let every ring draw its conclusions from a day of attempts; changes `rings`.

    `fate` is 1 for an attempt that got through, -1 for a blocked one, 0 for one that was neither.
    """
    strength = population.drift.adaptation
    payments, campaigns = attempts
    if population.drift.probing:
        rings.belief = _tested(population, rings, attempts, fate)
    through, blocked = fate > 0, fate < 0
    count = len(rings.level)
    loot = np.bincount(campaigns.ring[through], payments.cents[through], count)
    spread_schemes(population, rings, tick, campaigns, fate, loot)
    if strength == 0.0:
        return
    successes = np.bincount(campaigns.ring[through], minlength=count)
    failures = np.bincount(campaigns.ring[blocked], minlength=count)
    lessons = np.maximum(successes + failures, 1)  # held back and shed attempts teach nothing
    step = strength * (_BOLDER * successes - _SHYER * failures) / lessons
    rings.level = np.clip(rings.level * _LEVEL_FADES + step, *LEVELS)
    hunger = rings.hunger * _HUNGER_FADES + strength * _HUNGRIER * failures / lessons
    rings.hunger = np.minimum(hunger, _MAX_HUNGER)
    shops = campaigns.ring * len(population.merchants) + payments.merchant
    _leave_targets(population, rings, tick, shops[blocked])
    if loot.any():
        _copy_targets(population, rings, tick, int(loot.argmax()))


def _tested(
    population: Population, rings: Rings, attempts: tuple[Payments, Campaigns],
    fate: NDArray[np.integer],
) -> Floats:  # fmt: skip
    """What the rings believe of the cut after a day's answers."""
    ended = fate != 0
    payments, campaigns = attempts[0].take(ended), attempts[1].take(ended)
    usual = rings.book.log_amount[campaigns.scheme, 1]
    level = np.log(payments.cents / 100.0) - usual
    level -= population.inflation(payments.time // DAY_MS)
    trusted = trust(population.drift.transparency)
    return informed(faded(rings.belief), campaigns.ring, level, fate[ended] > 0, trusted)


def _leave_targets(population: Population, rings: Rings, tick: int, refused: Ints) -> None:
    """Replace shops where a ring was blocked, each with a chance; changes `rings`.

    `refused` numbers the shops ring by ring: ring times all shops, plus shop.
    """
    offset = np.arange(len(rings.level))[:, None, None] * len(population.merchants)
    ring, scheme, place = np.nonzero(np.isin(offset + rings.targets, refused))
    pairs = RING_SCHEME.pack(ring=ring, scheme=scheme)
    places = RING_SCHEME_PLACE.pack(pair=pairs, place=place)
    keys = PLACE_DAY.pack(place=places, day=tick + DAY_OFFSET)
    leaves = luck(population.seed, "ring.leaves", keys) < _DROP_TARGET * population.drift.adaptation
    found = find_targets(rings.book, places, luck(population.seed, "ring.finds", keys))
    rings.targets = rings.targets.copy()
    rings.targets[ring[leaves], scheme[leaves], place[leaves]] = found[leaves]


def _copy_targets(population: Population, rings: Rings, tick: int, best: int) -> None:
    """Let each ring take over, with a chance, one shop of the `best` ring; changes `rings`."""
    ids = PLACE_DAY.pack(place=np.arange(len(rings.level)), day=tick + DAY_OFFSET)
    copies = luck(population.seed, "ring.copies", ids) < _COPY_TARGET * population.drift.adaptation
    pupils = np.flatnonzero(copies)
    place = (luck(population.seed, "ring.place", ids[pupils]) * TARGETS).astype(int)
    rings.targets = rings.targets.copy()
    rings.targets[pupils, :, place] = rings.targets[best, :, place]
