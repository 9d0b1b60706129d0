"""The fraudsters: rings, what each of them knows and wants, and how hard it attacks.

Rings never see the system, only what became of their own attempts (see adaptation and fashion).
Here are their habits, used twice: campaigns draw attacks from them, and truth computes
probabilities with them. What an attack looks like is its scheme's (see schemes and playbook).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields, Ints
from mlsys_lessons.randomness import Floats, luck, normal_luck
from mlsys_lessons.worlds.payments.customers import YEAR, Population
from mlsys_lessons.worlds.payments.playbook import TARGETS, Playbook, playbook
from mlsys_lessons.worlds.payments.probing import aimed, narrowed, no_idea, quantile
from mlsys_lessons.worlds.payments.schemes import KNOWN

CAMPAIGNS_PER_CUSTOMER = 4.4e-4  # a day, for a customer of exposure 1, in the first scheme
_RING_SD, _RING_SIZE_SD = 0.25, 0.5  # log points between rings' amounts and sizes
_OLD_MIX = np.array([0.55, 0.15, 0.15, 0.15])  # of attacks, by scheme of the history; assumed
_OLD_MIX_SD = 0.5  # log points between rings
_HEARSAY = 30.0  # mean days until a ring hears of a new scheme; assumed
RING_SCHEME = BitFields("ring", scheme=6)
RING_SCHEME_PLACE = BitFields("pair", place=5)  # one place of one ring's list for one scheme


@dataclass
class Rings:
    """What each ring knows and wants; the only part of a fraudster that changes."""

    book: Playbook = field(repr=False)  # does not change
    heard: Floats  # (ring, scheme): day on which it hears of it; does not change
    targets: Ints  # (ring, scheme, place in the list) -> shop
    mix: Floats  # (ring, scheme): share of its attempts
    tried: Floats  # (ring, scheme): attempts with a known end, fading
    through: Floats  # (ring, scheme): those of them that got through, fading
    level: Floats  # log points on its cash-outs
    size: Floats  # relative number of campaigns, mean 1
    hunger: Floats  # log points of campaigns, from being blocked
    belief: Floats = field(repr=False)  # (ring, cell): where it believes the cut to lie (probing)

    def __repr__(self) -> str:
        """Say how many rings there are, how far their amounts moved, how new their ways are."""
        return (
            f"Rings({len(self.level)}, mean log level {self.level.mean():+.2f}, "
            f"{self.mix[:, KNOWN:].sum(axis=1).mean():.0%} by schemes that were invented)"
        )


def gather_rings(population: Population, daily: int) -> Rings:
    """Gather one ring for every 500 payments a day, as it was before anybody stopped it.

    >>> from mlsys_lessons.worlds.payments.population import populate
    >>> from mlsys_lessons.worlds.payments.knobs import Drift
    >>> gather_rings(populate(0, 5_000, Drift.none()), 5_000).targets.shape
    (10, 4, 25)
    """
    seed, book = population.seed, playbook(population)
    ring = np.arange(max(1, round(daily / 500)))
    pairs = RING_SCHEME.pack(ring=ring[:, None], scheme=np.arange(len(book.schemes)))
    places = RING_SCHEME_PLACE.pack(pair=pairs[:, :, None], place=np.arange(TARGETS))
    size = np.exp(_RING_SIZE_SD * normal_luck(seed, "ring.size", ring))
    liking = np.exp(_OLD_MIX_SD * normal_luck(seed, "ring.mix", pairs[:, :KNOWN]))
    mix = np.pad(_OLD_MIX * liking, ((0, 0), (0, len(book.schemes) - KNOWN)))
    return Rings(
        book, heard=book.invented - _HEARSAY * np.log(luck(seed, "ring.hears", pairs)),
        targets=find_targets(book, places, luck(seed, "ring.target", places)),
        mix=mix / mix.sum(axis=1, keepdims=True), tried=np.zeros(mix.shape),
        through=np.zeros(mix.shape), level=_RING_SD * normal_luck(seed, "ring.level", ring),
        size=size / size.mean(), hunger=np.zeros(len(ring)), belief=no_idea(len(ring)),
    )  # fmt: skip


def find_targets(book: Playbook, places: Ints, uniform: Floats) -> Ints:
    """Shops that look profitable for a scheme: one for each place, by its uniform number."""
    scheme = RING_SCHEME.get(RING_SCHEME_PLACE.get(places, "pair"), "scheme")
    shops = np.empty(places.shape, dtype=np.int64)
    for number in np.unique(scheme):
        rows = scheme == number
        position = uniform[rows] * (1 - 1e-12)
        shops[rows] = np.searchsorted(book.appeal[number], position, side="right")
    return shops


def campaign_rates(population: Population, rings: Rings, day: Ints | int) -> Floats:
    """Campaigns a day for a customer of exposure 1, by (day,) ring and scheme."""
    growth = np.exp(population.drift.label * np.asarray(day)[..., None, None] / YEAR)
    share = rings.size * np.exp(rings.hunger) / len(rings.size)
    by_scheme = share[:, None] * rings.mix * rings.book.fewer
    return np.asarray(CAMPAIGNS_PER_CUSTOMER * growth * by_scheme)


def drifted_copying(population: Population, day: Ints | int) -> Floats:
    """Share of attempts that copy the victim's own habits because of concept drift so far."""
    return np.asarray(population.drift.concept * np.maximum(day, 0) / YEAR)


def log_amount(
    population: Population, rings: Rings, pairs: tuple[Ints, Ints], later: Ints, day: Ints | int
) -> Floats:
    """Log median of amounts that are the choice of a (ring, scheme): later ones know its level."""
    ring, scheme = pairs
    levels = aimed(rings.belief, rings.level) if population.drift.probing else rings.level
    level = later * levels[ring]
    return np.asarray(rings.book.log_amount[scheme, later] + level + population.inflation(day))


def log_spread(
    population: Population, rings: Rings, pairs: tuple[Ints, Ints], later: Ints
) -> Floats:
    """Standard deviation of the log of these amounts; whoever probes scatters later ones less."""
    ring, scheme = pairs
    spread = rings.book.spread[scheme, later]
    if not population.drift.probing:
        return spread
    return np.where(later == 1, narrowed(rings.belief, spread, ring), spread)


def log_test(population: Population, rings: Rings, pairs: tuple[Ints, Ints], day: Ints) -> Floats:
    """Log median of tests: the amount that halves what a ring does not know."""
    ring, scheme = pairs
    level = quantile(rings.belief, 0.5)[ring]
    return np.asarray(rings.book.log_amount[scheme, 1] + level + population.inflation(day))


def ring_online(
    population: Population, book: Playbook, scheme: NDArray[np.integer] | int, day: Ints | int
) -> Floats:
    """P(online) of attempts in a scheme's own way."""
    odds = book.odds[scheme] * np.exp(population.inflation(day))
    return np.asarray(odds / (1.0 + odds))
