"""The true probability of fraud of a request: the world's mixture densities, in closed form.

    P(fraud | request, the card's true history, the day's intensities) = f / (f + g)

g is the density with which genuine customers make this very payment, f the density with which
rings do: a mixture over rings and the schemes that they use. Given the state at midnight all
arrivals are Poisson (the first probe of a campaign is certain; its mean counts), so the ratio of
intensities is the probability. Who really paid never enters: a genuine payment on a stolen card
looks as bad as the thief's.

It is myopic: other payments of the same day are not looked at. Attempts of one sitting share
their hour, so a system that counts attempts within the day can know a little more than this.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats
from mlsys_lessons.records import DAY_MS, HOUR_MS
from mlsys_lessons.worlds.payments.calendars import (
    HOURS,
    WEEKDAY,
    WEEKEND,
    activity_factor,
    is_weekend,
)
from mlsys_lessons.worlds.payments.campaigns import Campaigns
from mlsys_lessons.worlds.payments.customers import BASKET_SD, Population
from mlsys_lessons.worlds.payments.fraudsters import (
    Rings,
    campaign_rates,
    drifted_copying,
    log_amount,
    log_spread,
    log_test,
    ring_online,
)
from mlsys_lessons.worlds.payments.probing import TEST_SPREAD
from mlsys_lessons.worlds.payments.purchases import ONLINE, Payments
from mlsys_lessons.worlds.payments.schemes import ABROAD, HABIT, HOME

_EDGE = 1e-9  # keeps the odds finite


class Midnight(NamedTuple):
    """What the world knows when a day begins."""

    population: Population
    rings: Rings
    live: Campaigns
    day: int


class Marks(NamedTuple):
    """What is looked at in each payment of a day, as parallel arrays."""

    seat: NDArray[Any]
    merchant: NDArray[Any]
    hour: NDArray[Any]
    online: NDArray[Any]
    log: NDArray[Any]  # of the euros
    presence: NDArray[Any]  # P(the shop's country | customer)
    own: NDArray[Any]  # density with which a card's owner makes this payment

    def take(self, rows: Ints) -> Marks:
        """Select rows by position."""
        return Marks(*(column[rows] for column in self))


def fraud_probability(midnight: Midnight, payments: Payments) -> Floats:
    """P(fraud) of each payment of a day, given what was known at midnight."""
    population, _, _, day = midnight
    marks = _marks(population, payments, day)
    busy = activity_factor(day, population.drift.season)
    genuine = population.activity[marks.seat] * busy * marks.own
    youth = population.youth(day - payments.opened)
    attack = _probe_density(midnight, marks, youth) + _cash_density(midnight, marks)
    return np.clip(attack / (attack + genuine), _EDGE, 1.0 - _EDGE)


def _normal(values: Floats, mean: Floats | float, spread: Floats | float) -> Floats:
    """Density of a normal distribution, without the constant that cancels."""
    distance = (values - mean) * (np.sqrt(0.5) / spread)
    return np.asarray(np.exp(-distance * distance) / spread)


def _marks(population: Population, payments: Payments, day: int) -> Marks:
    """The marks of each payment, and the density of (hour, shop, amount, channel) of its owner."""
    seat, merchant = payments.seat, payments.merchant
    hour, online = (payments.time - day * DAY_MS) // HOUR_MS, payments.channel == ONLINE
    log, presence = np.log(payments.cents / 100.0), population.presence(seat, merchant)
    share = population.online_share(seat, merchant, day)
    own = HOURS[WEEKEND if is_weekend(day) else WEEKDAY][hour]
    own = own * np.where(online, share, 1.0 - share)
    own *= presence * population.merchants.popularity[merchant]
    own *= _normal(log, population.log_basket(seat, merchant, day), BASKET_SD)
    return Marks(seat, merchant, hour, online, log, presence, own)


def _probe_density(midnight: Midnight, marks: Marks, youth: Floats) -> Floats:
    """Density of first-day attempts: any card can be the next victim, as it is exposed."""
    population, rings, _, day = midnight
    book, rates = rings.book, campaign_rates(population, rings, day)
    attempts = rates.sum(axis=0) * book.attempts[:, 0]
    copies = book.copying_share(np.arange(len(attempts)), float(drifted_copying(population, day)))
    copied, own_way = attempts * copies, attempts * (1.0 - copies)
    density = (copied.sum() + (copied @ book.young) * youth) * marks.own
    by_youth: dict[float, Floats] = {}  # most schemes like young accounts equally well
    presence = {HABIT: marks.presence}
    for scheme in np.flatnonzero(attempts).tolist():
        where, young = int(book.where[scheme]), float(book.young[scheme])
        if where not in presence:
            presence[where] = population.presence(marks.seat, marks.merchant, where)
        weights = own_way[scheme] * rates[:, scheme] / rates[:, scheme].sum()
        attack = _own_way(midnight, marks, scheme, weights, presence[where])
        by_youth[young] = by_youth[young] + attack if young in by_youth else attack
    for young, attack in by_youth.items():
        density += attack * (1.0 + young * youth)
    return np.asarray(population.vulnerability[marks.seat] * density)


def _own_way(
    midnight: Midnight, marks: Marks, scheme: int, weights: Floats, presence: Floats
) -> Floats:
    """Density of one scheme's first day in its own way: its probes, and each ring's tests."""
    population, rings, _, day = midnight
    probing, book = population.drift.probing, rings.book
    usual = book.log_amount[scheme, 0] + float(population.inflation(day)), book.spread[scheme, 0]
    attack = _first_attempts(midnight, marks, scheme, weights * (1.0 - probing), presence, usual)
    for ring in np.flatnonzero(weights).tolist() if probing else ():
        alone = np.where(np.arange(len(weights)) == ring, probing * weights, 0.0)
        pair = np.array([ring]), np.array([scheme])
        test = float(log_test(population, rings, pair, np.array([day]))[0]), TEST_SPREAD
        attack = attack + _first_attempts(midnight, marks, scheme, alone, presence, test)
    return attack


def _first_attempts(
    midnight: Midnight, marks: Marks, scheme: int, weights: Floats, presence: Floats,
    amounts: tuple[float, float],
) -> Floats:  # fmt: skip
    """Density of first attempts by one scheme, with a weight for each ring, all of an amount.

    `amounts` is their log median and spread. What depends on the shop alone, or on hour and
    channel, is a table.
    """
    population, rings, _, day = midnight
    book, shops = rings.book, population.merchants
    share = float(ring_online(population, book, scheme, day))
    (median, spread), aimed = amounts, book.aimed[scheme]
    places = np.outer(aimed * weights, book.ranked[scheme])
    listed = np.bincount(rings.targets[:, scheme].ravel(), places.ravel(), len(shops))
    others = (1.0 - aimed) * weights.sum() * shops.popularity * book.tilt[scheme, shops.category]
    density = presence * others[marks.merchant]
    density += listed[marks.merchant]
    table = np.outer(HOURS[book.hours[scheme]] / spread, [1.0 - share, share]).ravel()
    density *= table[2 * marks.hour + marks.online]
    exponent = marks.log - median
    exponent *= exponent
    exponent *= -0.5 / spread**2
    density *= np.exp(exponent, out=exponent)
    return density


def _cash_density(midnight: Midnight, marks: Marks) -> Floats:
    """Density of later attempts: only cards that are in a ring's hands since an earlier day."""
    population, rings, live, day = midnight
    book, stolen = rings.book, np.zeros(len(population), dtype=bool)
    stolen[live.seat] = True
    suspects = np.flatnonzero(stolen[marks.seat])
    # One line for each pair of a payment and a campaign that has its card.
    suspect, campaign = np.nonzero(marks.seat[suspects][:, None] == live.seat)
    row = suspects[suspect]
    pairs, owners = marks.take(row), live.take(campaign)
    scheme, later = owners.scheme, np.ones(len(row), dtype=np.int64)
    share = ring_online(population, book, scheme, day)
    median = log_amount(population, rings, (owners.ring, scheme), later, day)
    density = HOURS[book.hours[scheme], pairs.hour] * np.where(pairs.online, share, 1.0 - share)
    spread = log_spread(population, rings, (owners.ring, scheme), later)
    density = density * _normal(pairs.log, median, spread)
    density *= _shop_share(population, rings, owners, pairs)
    copies = book.copying_share(scheme, drifted_copying(population, day))
    mixed = (1.0 - copies) * density + copies * pairs.own
    attempts = book.attempts[scheme, day - owners.start]
    return np.bincount(row, attempts * mixed, len(marks.own)).astype(np.float64)


def _shop_share(population: Population, rings: Rings, owners: Campaigns, pairs: Marks) -> Floats:
    """P(shop | campaign) of each pair when its ring pays in its own way."""
    book, shops, scheme = rings.book, population.merchants, owners.scheme
    listed = rings.targets[owners.ring, scheme] == pairs.merchant[:, None]
    aimed = (listed * book.ranked[scheme]).sum(axis=1)
    where = [population.presence(pairs.seat, pairs.merchant, way) for way in (HABIT, HOME, ABROAD)]
    others = np.choose(book.where[scheme], where) * shops.popularity[pairs.merchant]
    others = others * book.tilt[scheme, shops.category[pairs.merchant]]
    return np.asarray(book.aimed[scheme] * aimed + (1.0 - book.aimed[scheme]) * others)
