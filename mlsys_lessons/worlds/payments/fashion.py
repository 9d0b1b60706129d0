"""Which schemes are in fashion: how each ring's mix moves at midnight.

Three things move a mix. A ring tries what is new, out of curiosity, and more of it the more of its
attempts are blocked. It does more of what got through than of the rest (a replicator). And it
copies the ring that takes most. The first goes on without adaptation; all are still without
inventions and adaptation. A mix shares out a ring's attempts and never makes more of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields
from mlsys_lessons.randomness import DAY_BITS, DAY_OFFSET, Floats, luck
from mlsys_lessons.worlds.payments.campaigns import Campaigns
from mlsys_lessons.worlds.payments.customers import Population
from mlsys_lessons.worlds.payments.fraudsters import Rings

# Of a ring's attempts, what goes over to one new scheme if nothing else moves them. Set, with the
# looks of two schemes and Drift.concept, so that a frozen model loses in a year, since its first
# month and against the same days without drift, what the field tells: recall at a fixed rate of
# false positives -4 to -12 points, PR-AUC -10 to -30 % (orders of magnitude), ROC-AUC -.01 to
# -.04, value -5 to -20 % (assumed). Without "since its first month" it loses more than that:
# attackers answer a system at once. `mlsys-lessons ageing` shows both.
CURIOSITY = 0.40
_NEW_FOR = 30.0  # days by which curiosity has faded to a third; assumed
_PRESSURE = 2.0  # a ring whose attempts are all blocked is 1 + 2 times as curious; assumed
_SWITCH = 0.05  # log points a day between a scheme that gets through and one that never does
_COPY_CHANCE, _COPY_SHARE = 0.05, 0.2  # a day, and of the mix, from the most successful; assumed
_FADES = 0.97  # what a ring still remembers of its attempts after a day; assumed
_DOUBT = 5.0  # attempts' worth of belief that a scheme does as well as the others; assumed
_FORGOTTEN = 0.001  # a smaller share of a mix is given up
RING_DAY = BitFields("ring", day=DAY_BITS)


def spread_schemes(
    population: Population,
    rings: Rings,
    tick: int,
    campaigns: Campaigns,
    fate: NDArray[np.integer],
    loot: NDArray[Any],
) -> None:
    """Move every ring's mix after a day; changes `rings`.

    `fate` is 1 for an attempt that got through, -1 for a blocked one, 0 for one that was neither;
    `loot` is what each ring took.
    """
    strength = population.drift.adaptation
    if strength == 0.0 and population.drift.invention == 0.0:
        return
    rings.through = _remembered(rings.through, campaigns.take(fate > 0))
    rings.tried = _remembered(rings.tried, campaigns.take(fate != 0))
    overall = _success(rings.through.sum(axis=1), rings.tried.sum(axis=1), 1.0)[:, None]
    success = _success(rings.through, rings.tried, overall)
    mix = rings.mix * np.exp(strength * _SWITCH * (success - overall))
    mix /= mix.sum(axis=1, keepdims=True)
    age = tick - rings.heard
    news = CURIOSITY / _NEW_FOR * np.exp(-np.maximum(age, 0.0) / _NEW_FOR) * (age >= 0)
    news *= 1.0 + strength * _PRESSURE * (1.0 - overall)
    mix = mix * np.exp(-news.sum(axis=1, keepdims=True)) + news
    if strength > 0.0 and loot.any():
        keys = RING_DAY.pack(ring=np.arange(len(mix)), day=tick + DAY_OFFSET)
        pupils = luck(population.seed, "ring.follows", keys) < strength * _COPY_CHANCE
        mix[pupils] += _COPY_SHARE * (mix[loot.argmax()] - mix[pupils])
    mix /= mix.sum(axis=1, keepdims=True)
    mix[mix < _FORGOTTEN] = 0.0
    rings.mix = mix / mix.sum(axis=1, keepdims=True)


def _remembered(memory: Floats, attempts: Campaigns) -> Floats:
    """A memory by (ring, scheme) a day later, with the day's attempts in it."""
    today = np.zeros(memory.shape)
    np.add.at(today, (attempts.ring, attempts.scheme), 1.0)
    return np.asarray(_FADES * memory + today)


def _success(through: Floats, tried: Floats, belief: Floats | float) -> Floats:
    """Share that gets through, drawn toward a belief while there is little experience."""
    return np.asarray((through + _DOUBT * belief) / (tried + _DOUBT))
