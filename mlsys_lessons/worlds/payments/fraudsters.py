"""The fraudsters: rings, what each of them knows and wants, and how hard it attacks.

Rings never see the system, only what became of their own attempts (see adaptation). Here are their
habits, used twice: campaigns draw attacks from them, and truth computes probabilities with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.worlds.payments.customers import MAX_EXPOSURE, YEAR, Population

CAMPAIGNS_PER_CUSTOMER = 4.4e-4  # a day, for a customer of exposure 1
LOG_PROBE, PROBE_SD = np.log(6.0), 0.8  # euros
LOG_CASH, CASH_SD = np.log(120.0), 0.75  # euros; a ring's own level is added
ONLINE_SHARE = 0.75
TARGETS = 25  # shops a ring knows to work
TARGET_SHARE = 0.5  # of attempts; the rest go where the victim would go
_RANKED = np.arange(1, TARGETS + 1) ** -0.7
TARGET_WEIGHT = _RANKED / _RANKED.sum()
_RING_SD, _RING_SIZE_SD = 0.25, 0.5  # log points between rings' amounts and sizes
_MAX_CANDIDATES = 14.0  # a ring and day; campaigns has room for 32
COPYING_SHARE = 0.08  # of attempts copy the victim's own habits even without concept drift
_MAX_COPYING = 0.95


@dataclass
class Rings:
    """What each ring knows and wants; the only part of a fraudster that changes."""

    targets: NDArray[np.int64]  # (ring, place in the list) -> shop
    level: NDArray[np.float64]  # log points on its cash-outs
    size: NDArray[np.float64]  # relative number of campaigns, mean 1
    hunger: NDArray[np.float64] = field(repr=False)  # log points of campaigns, from being blocked

    def __repr__(self) -> str:
        """Say how many rings there are and how far their amounts moved."""
        return f"Rings({len(self.level)}, mean log level {self.level.mean():+.2f})"


def gather_rings(population: Population, daily: int) -> Rings:
    """Gather one ring for every 500 payments a day, as it was before anybody stopped it.

    >>> from mlsys_lessons.worlds.payments.population import populate
    >>> from mlsys_lessons.worlds.payments.knobs import Drift
    >>> gather_rings(populate(0, 5_000, Drift.none()), 5_000).targets.shape
    (10, 25)
    """
    rings = np.arange(max(1, round(daily / 500)))
    places = rings[:, None] * TARGETS + np.arange(TARGETS)
    size = np.exp(_RING_SIZE_SD * normal_luck(population.seed, "ring.size", rings))
    return Rings(
        targets=find_targets(population, luck(population.seed, "ring.target", places)),
        level=_RING_SD * normal_luck(population.seed, "ring.level", rings),
        size=size / size.mean(),
        hunger=np.zeros(len(rings)),
    )


def find_targets(population: Population, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Shops that look profitable to a ring, one for each uniform number."""
    return np.searchsorted(population.merchants.appeal, uniform * (1 - 1e-12), side="right")


def campaign_rates(
    population: Population, rings: Rings, day: NDArray[np.int64] | int
) -> NDArray[np.float64]:
    """Campaigns a day for a customer of exposure 1, by (day and) ring."""
    growth = np.exp(population.drift.label * np.asarray(day)[..., None] / YEAR)
    share = rings.size * np.exp(rings.hunger) / len(rings.size)
    # The cap keeps a ring inside its table of 32 starts a day, at any drift.
    cap = _MAX_CANDIDATES / (MAX_EXPOSURE * population.cumulated[-1])
    return np.asarray(np.minimum(CAMPAIGNS_PER_CUSTOMER * growth * share, cap))


def copying_share(population: Population, day: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Share of attempts that copy the victim's own habits: some always, more by concept drift."""
    drifted = population.drift.concept * np.maximum(day, 0) / YEAR
    return np.asarray(np.minimum(COPYING_SHARE + drifted, _MAX_COPYING))


def ring_amounts(
    population: Population,
    level: NDArray[np.float64] | float,
    probing: NDArray[np.bool_] | bool,
    day: NDArray[np.int64] | int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log median and spread of amounts that are the ring's own choice."""
    scale = np.where(probing, LOG_PROBE, LOG_CASH + level) + population.inflation(day)
    return scale, np.where(probing, PROBE_SD, CASH_SD)


def ring_online(population: Population, day: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """P(online) of attempts that are the ring's own choice."""
    odds = ONLINE_SHARE / (1.0 - ONLINE_SHARE) * np.exp(population.inflation(day))
    return np.asarray(odds / (1.0 + odds))
