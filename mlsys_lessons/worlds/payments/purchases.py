"""Genuine purchases: one day of payments by the customers, drawn for all of them, then masked.

Customers who have not joined yet or are gone for good are drawn like all others and left out
afterwards, so an absence changes nobody else's luck. That is why this file alone may draw numbers
in sequence from a stream; everywhere else each request has luck of its own. Thieves pay in
campaigns; what both kinds of payment have in common (`Payments`, cents, channels) stands here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats, opaque_id, stream
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.worlds.payments.calendars import (
    WEEKDAY,
    WEEKEND,
    activity_factor,
    is_weekend,
    time_of_day,
)
from mlsys_lessons.worlds.payments.customers import BASKET_SD, Cohort, Population
from mlsys_lessons.worlds.payments.domain import CHANNELS

CHIP, CONTACTLESS, ONLINE = range(len(CHANNELS))
_CONTACTLESS_LIMIT, _CONTACTLESS_SHARE = 50.0, 0.85  # euros; share below it, offline
MIN_DELAY_MS, DELAY_MS = 50, 450  # from the terminal to us


class Payments(NamedTuple):
    """Attempted payments, genuine or not, as parallel arrays."""

    request_id: Ints
    seat: Ints
    customer: Ints  # id of the seat's account of that day
    opened: Ints  # day the account was opened
    time: Ints  # milliseconds since day 0 opened
    delay: Ints  # milliseconds until it arrives
    merchant: Ints  # index of the shop
    channel: NDArray[np.int8]
    cents: Ints

    def take(self, rows: NDArray[Any]) -> Payments:
        """Select rows by mask or position."""
        return Payments(*(column[rows] for column in self))


def join(parts: list[Payments]) -> Payments:
    """Put payments one after another."""
    return Payments(*map(np.concatenate, zip(*parts, strict=True)))


def choose_channel(online: NDArray[np.bool_], cents: Ints, uniform: Floats) -> NDArray[np.int8]:
    """Channel of each payment; at the counter small amounts are mostly contactless.

    >>> choose_channel(np.array([True, False, False]), np.array([1, 1, 9_000]), np.full(3, 0.5))
    array([2, 1, 0], dtype=int8)
    """
    tapped = (cents <= 100 * _CONTACTLESS_LIMIT) & (uniform < _CONTACTLESS_SHARE)
    return np.where(online, ONLINE, tapped).astype(np.int8)  # False is CHIP, True CONTACTLESS


def to_cents(log_amount: Floats) -> Ints:
    """Whole cents of each log amount in euros, at least one.

    >>> to_cents(np.log([12.344, 0.001]))
    array([1234,    1])
    """
    return np.maximum(np.rint(np.exp(log_amount) * 100.0), 1.0).astype(np.int64)


class Visits(NamedTuple):
    """Who pays on a day, and the coins that decide what, as parallel arrays."""

    request_id: Ints
    seat: Ints
    customer: Ints
    opened: Ints
    noise: Floats  # standard normal
    coins: Floats  # six uniform numbers a visit

    def take(self, rows: NDArray[Any]) -> Visits:
        """Select visits by mask or position."""
        return Visits(*(column[rows] for column in self))


@lru_cache(maxsize=4)
def visits(population: Population, cohort: Cohort, day: int) -> Visits:
    """Draw who pays on a day, among all customers of a cohort who may ever do so.

    The last draws are kept: when customers leave in the evening, the day's visits are needed again.
    """
    generator = stream(population.seed, f"traffic.{cohort.name}", day)  # the name is luck: keep it
    busy = activity_factor(day, population.drift.season)
    counts = generator.poisson(population.activity[cohort.start : cohort.stop] * busy)
    seat = np.repeat(np.arange(cohort.start, cohort.stop), counts)
    first_row = np.cumsum(counts) - counts
    ordinal = np.arange(len(seat)) - first_row[seat - cohort.start]
    customer, opened = population.account(seat, day)
    return Visits(
        request_id=opaque_id(customer, day, ordinal),
        seat=seat,
        customer=customer,
        opened=opened,
        noise=generator.standard_normal(len(seat)),
        coins=generator.random((len(seat), 6)),
    )


def genuine_payments(population: Population, day: int, gone: NDArray[np.bool_]) -> Payments:
    """One day of genuine payments of every customer who has joined and is not gone.

    >>> from mlsys_lessons.worlds.payments.population import populate
    >>> from mlsys_lessons.worlds.payments.knobs import Drift
    >>> people = populate(0, 1_000, Drift.none())
    >>> len(genuine_payments(people, 0, np.zeros(len(people), bool)).seat)
    1228
    """
    parts = []
    for cohort in population.cohorts:
        if population.joined[cohort.start : cohort.stop].min() <= day:
            everybody = visits(population, cohort, day)
            present = (population.joined[everybody.seat] <= day) & ~gone[everybody.seat]
            parts.append(everybody if present.all() else everybody.take(present))
    return _spend(population, Visits(*map(np.concatenate, zip(*parts, strict=True))), day)


def _spend(population: Population, visitors: Visits, day: int) -> Payments:
    """Turn visits into payments: each coin decides one mark."""
    seat = visitors.seat
    moment, travel, shop, web, tap, delay = visitors.coins.T
    merchant = population.choose_merchant(seat, travel, shop)
    cents = to_cents(population.log_basket(seat, merchant, day) + BASKET_SD * visitors.noise)
    online = web < population.online_share(seat, merchant, day)
    return Payments(
        request_id=visitors.request_id,
        seat=seat,
        customer=visitors.customer,
        opened=visitors.opened,
        time=day * DAY_MS + time_of_day(WEEKEND if is_weekend(day) else WEEKDAY, moment),
        delay=MIN_DELAY_MS + (delay * DELAY_MS).astype(np.int64),
        merchant=merchant,
        channel=choose_channel(online, cents, tap),
        cents=cents,
    )
