"""Campaigns: one stolen card in the hands of one ring, from the first probe to the last cash-out.

At least one small probe on the day it starts, then cash-outs with falling intensity on the next
three days. Everything about a campaign is luck keyed by (ring, day, campaign, attempt), so a
policy that stops one re-deals no other. Arrivals are made by adding exponential gaps until an
intensity is reached: a higher intensity keeps all earlier attempts and adds some. Which
campaigns are stopped is decided elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.randomness import DAY_OFFSET, luck, opaque_id
from mlsys_lessons.records import DAY_MS, HOUR_MS
from mlsys_lessons.worlds.payments.calendars import FRAUD, is_weekend, time_of_day
from mlsys_lessons.worlds.payments.customers import BASKET_SD, MAX_EXPOSURE, Population
from mlsys_lessons.worlds.payments.fraudsters import (
    TARGET_SHARE,
    TARGET_WEIGHT,
    Rings,
    campaign_rates,
    copying_share,
    ring_amounts,
    ring_online,
)
from mlsys_lessons.worlds.payments.purchases import (
    DELAY_MS,
    MIN_DELAY_MS,
    Payments,
    choose_channel,
    to_cents,
)

INTENSITY = np.array([0.3, 1.5, 1.0, 0.5])  # attempts on day 0 (beyond the first), 1, 2, 3
ATTEMPTS = np.array([1.3, 1.5, 1.0, 0.5])  # mean attempts on each day of a campaign
LAST_DAY = len(INTENSITY) - 1
SITTING_SHARE = 0.6  # of attempts fall into the one hour in which the thief sits down that day
_MAX_STARTS, _MAX_ATTEMPTS = 32, 16  # a ring and day, a campaign and day: far in the tails
_RING_BIT = 1 << 27  # genuine entities are customer ids below 2 ** 24


class Campaigns(NamedTuple):
    """Stolen cards in use, as parallel arrays."""

    key: NDArray[np.int64]  # packed (ring, cohort, start day, number)
    ring: NDArray[np.int64]
    slot: NDArray[np.int64]
    start: NDArray[np.int64]  # day

    def take(self, rows: NDArray[Any]) -> Campaigns:
        """Select campaigns by mask or position."""
        return Campaigns(*(column[rows] for column in self))


def together(first: Campaigns, second: Campaigns) -> Campaigns:
    """Put campaigns one after another."""
    return Campaigns(*map(np.concatenate, zip(first, second, strict=True)))


def start_campaigns(
    population: Population, rings: Rings, days: NDArray[np.int64], gone: NDArray[np.bool_]
) -> Campaigns:
    """Start all campaigns of some days.

    Candidates come from the full potential population at the highest possible exposure and
    are thinned: the result is Poisson with the rate of each card, and no card's absence
    moves a campaign to another card.
    """
    campaigns = _candidates(population, rings, days)
    opened = population.account(campaigns.slot, campaigns.start)[1]
    exposure = population.exposure(campaigns.slot, campaigns.start - opened)
    accepted = exposure / (population.vulnerability[campaigns.slot] * MAX_EXPOSURE)
    taken = luck(population.seed, "campaign.taken", campaigns.key) < accepted
    there = (population.joined[campaigns.slot] <= campaigns.start) & ~gone[campaigns.slot]
    return campaigns.take(taken & there)


def _candidates(population: Population, rings: Rings, days: NDArray[np.int64]) -> Campaigns:
    """Draw candidates: Poisson by day, cohort and ring, weighted by vulnerability."""
    numbers = np.array([cohort.number for cohort in population.cohorts])
    edges = np.array([0, *(cohort.stop for cohort in population.cohorts)])
    below = np.append(0.0, population.cumulated)[edges]
    rates = campaign_rates(population, rings, days)[:, None, :] * np.diff(below)[:, None]
    place = np.arange(len(rings.level)) * 4 + numbers[:, None]
    day_keys = place << 14 | days[:, None, None] + DAY_OFFSET
    keys = day_keys[..., None] << 5 | np.arange(_MAX_STARTS)
    gaps = -np.log(luck(population.seed, "campaign.gap", keys))
    begun = np.cumsum(gaps, axis=-1) < (rates * MAX_EXPOSURE)[..., None]
    key, cohort = keys[begun], np.nonzero(begun)[1]
    victim = luck(population.seed, "campaign.victim", key) * (1 - 1e-12)
    weight = below[cohort] + victim * np.diff(below)[cohort]
    slot = np.searchsorted(population.cumulated, weight, side="right")
    return Campaigns(key, key >> 21, slot, (key >> 5 & 0x3FFF) - DAY_OFFSET)


def attempted_payments(
    population: Population, rings: Rings, campaigns: Campaigns, offset: NDArray[np.int64]
) -> tuple[Payments, Campaigns]:
    """Make the attempts of each campaign on day start + offset, each with its campaign."""
    keys = (campaigns.key << 2 | offset)[:, None] << 4 | np.arange(_MAX_ATTEMPTS)
    gaps = -np.log(luck(population.seed, "attempt.gap", keys))
    gaps[offset == 0, 0] = 0.0  # a campaign has at least one probe
    made = np.cumsum(gaps, axis=1) < INTENSITY[offset][:, None]
    owner, number = np.nonzero(made)
    mine, probing = campaigns.take(owner), offset[owner] == 0
    payments = _attempts(population, rings, mine, keys[made], probing)
    day = mine.start + offset[owner]
    # The campaign's number takes the high bits of the count, the attempt's the low ones.
    entity = _RING_BIT | (mine.key >> 19) << 2 | offset[owner]
    request_id = opaque_id(entity, mine.start, (mine.key & 31) << 5 | number)
    times = payments.time + day * DAY_MS
    return payments._replace(request_id=request_id, time=times), mine


def _attempts(
    population: Population,
    rings: Rings,
    mine: Campaigns,
    key: NDArray[np.int64],
    probing: NDArray[np.bool_],
) -> Payments:
    """Draw the marks of each attempt: the ring's way, or the victim's own where it copies."""
    from scipy.special import ndtri

    day = mine.start + (key >> 4 & 3)
    coins = luck(population.seed, "attempt", key[:, None] << 4 | np.arange(12)).T
    copied, targeted, place, travel, shop, hour, minute, stays, web, tap, delay, size = coins
    copies = copied < copying_share(population, day)
    aimed = rings.targets[mine.ring, np.searchsorted(np.cumsum(TARGET_WEIGHT), place * (1 - 1e-12))]
    habitual = population.choose_merchant(mine.slot, travel, shop)
    merchant = np.where((targeted < TARGET_SHARE) & ~copies, aimed, habitual)
    scale, spread = ring_amounts(population, rings.level[mine.ring], probing, day)
    scale = np.where(copies, population.log_basket(mine.slot, merchant, day), scale)
    cents = to_cents(scale + np.where(copies, BASKET_SD, spread) * ndtri(size))
    share = np.where(
        copies, population.online_share(mine.slot, merchant, day), ring_online(population, day)
    )
    profile = np.where(copies, is_weekend(day), FRAUD)
    sitting = luck(population.seed, "attempt.sitting", key >> 4)  # of the campaign on that day
    hour = np.where(stays < SITTING_SHARE, sitting, hour)
    return Payments(
        key,
        mine.slot,
        *population.account(mine.slot, day),
        time=_time_at_work(profile, hour, minute),
        delay=MIN_DELAY_MS + (delay * DELAY_MS).astype(np.int64),
        merchant=merchant,
        channel=choose_channel(web < share, cents, tap),
        cents=cents,
    )


def _time_at_work(
    profile: NDArray[np.integer], hour: NDArray[np.float64], minute: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Milliseconds after midnight, from one coin for the hour and one for the minute.

    A thief sits down once a day and mostly stays for the hour: attempts of a sitting share their
    hour coin. Each attempt alone is distributed as if it had its own.
    """
    start = time_of_day(profile, hour) // HOUR_MS * HOUR_MS
    return start + (minute * HOUR_MS).astype(np.int64)
