"""The true probability of fraud of a request: the world's mixture densities, in closed form.

    P(fraud | request, the card's true history, the day's intensities) = f / (f + g)

g is the density with which genuine customers make this very payment, f the density with which
rings do. Given the state at midnight all arrivals are Poisson (the first probe of a campaign is
certain; its mean counts), so the ratio of intensities is the probability. Who really paid never
enters: a genuine payment on a stolen card looks as bad as the thief's.

It is myopic: other payments of the same day are not looked at. Attempts of one sitting share
their hour, so a system that counts attempts within the day can know a little more than this.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.records import DAY_MS, HOUR_MS
from mlsys_lessons.worlds.payments.calendars import (
    FRAUD,
    HOURS,
    WEEKDAY,
    WEEKEND,
    activity_factor,
    is_weekend,
)
from mlsys_lessons.worlds.payments.campaigns import ATTEMPTS, Campaigns
from mlsys_lessons.worlds.payments.customers import BASKET_SD, Population
from mlsys_lessons.worlds.payments.fraudsters import (
    TARGET_SHARE,
    TARGET_WEIGHT,
    Rings,
    campaign_rates,
    copying_share,
    ring_amounts,
    ring_online,
)
from mlsys_lessons.worlds.payments.purchases import ONLINE, Payments

_EDGE = 1e-9  # keeps the odds finite


class Midnight(NamedTuple):
    """What the world knows when a day begins."""

    population: Population
    rings: Rings
    live: Campaigns
    day: int


def fraud_probability(midnight: Midnight, payments: Payments) -> NDArray[np.float64]:
    """P(fraud) of each payment of a day, given what was known at midnight."""
    population = midnight.population
    own = _own_marks(population, payments, midnight.day)
    busy = activity_factor(midnight.day, population.drift.season)
    genuine = population.activity[payments.seat] * busy * own
    attack = _probe_density(midnight, payments, own) + _cash_density(midnight, payments, own)
    return np.clip(attack / (attack + genuine), _EDGE, 1.0 - _EDGE)


def _normal(
    values: NDArray[np.float64], mean: NDArray[np.float64], spread: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Density of a normal distribution, without the constant that cancels."""
    return np.asarray(np.exp(-0.5 * ((values - mean) / spread) ** 2) / spread)


def _own_marks(population: Population, payments: Payments, day: int) -> NDArray[np.float64]:
    """Density of (hour, shop, amount, channel) when a card's owner pays."""
    seat, merchant = payments.seat, payments.merchant
    hours = HOURS[WEEKEND if is_weekend(day) else WEEKDAY]
    online = population.online_share(seat, merchant, day)
    basket = population.log_basket(seat, merchant, day)
    marks = hours[(payments.time - day * DAY_MS) // HOUR_MS]
    marks = marks * np.where(payments.channel == ONLINE, online, 1.0 - online)
    marks *= population.merchant_share(seat, merchant)
    return np.asarray(marks * _normal(np.log(payments.cents / 100.0), basket, BASKET_SD))


def _ring_marks(
    population: Population,
    payments: Payments,
    day: int,
    amounts: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Density of (hour, amount, channel) when a ring pays in its own way."""
    online = ring_online(population, day)
    marks = HOURS[FRAUD][(payments.time - day * DAY_MS) // HOUR_MS]
    marks = marks * np.where(payments.channel == ONLINE, online, 1.0 - online)
    return np.asarray(marks * _normal(np.log(payments.cents / 100.0), *amounts))


def _probe_density(
    midnight: Midnight, payments: Payments, own: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Density of probes: any card can be the next victim, in proportion to its exposure."""
    population, rings, _, day = midnight
    seat, merchant = payments.seat, payments.merchant
    rates = campaign_rates(population, rings, day)
    aimed = np.bincount(
        rings.targets.ravel(), np.outer(rates, TARGET_WEIGHT).ravel(), len(population.merchants)
    )
    habitual = rates.sum() * population.merchant_share(seat, merchant)
    shops = TARGET_SHARE * aimed[merchant] + (1.0 - TARGET_SHARE) * habitual
    copies = copying_share(population, day)
    marks = _ring_marks(population, payments, day, ring_amounts(population, 0.0, True, day))
    exposure = population.exposure(seat, day - payments.opened)
    mixed = (1.0 - copies) * marks * shops + copies * rates.sum() * own
    return np.asarray(ATTEMPTS[0] * exposure * mixed)


def _cash_density(
    midnight: Midnight, payments: Payments, own: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Density of cash-outs: only cards that are in a ring's hands since an earlier day."""
    population, rings, live, day = midnight
    stolen = np.zeros(len(population), dtype=bool)
    stolen[live.seat] = True
    suspects = np.flatnonzero(stolen[payments.seat])
    # One line for each pair of a payment and a campaign that has its card.
    suspect, campaign = np.nonzero(payments.seat[suspects][:, None] == live.seat)
    row = suspects[suspect]
    pairs, campaigns, own_pairs = payments.take(row), live.take(campaign), own[row]
    aimed = (rings.targets[campaigns.ring] == pairs.merchant[:, None]) @ TARGET_WEIGHT
    habitual = population.merchant_share(pairs.seat, pairs.merchant)
    shops = TARGET_SHARE * aimed + (1.0 - TARGET_SHARE) * habitual
    copies = copying_share(population, day)
    amounts = ring_amounts(population, rings.level[campaigns.ring], False, day)
    marks = _ring_marks(population, pairs, day, amounts) * shops
    density = ATTEMPTS[day - campaigns.start] * ((1.0 - copies) * marks + copies * own_pairs)
    return np.bincount(row, density, len(own)).astype(np.float64)
