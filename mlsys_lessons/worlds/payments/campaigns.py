"""Campaigns: one stolen card in the hands of one ring, from the first attempt to the last.

At least one attempt on the day it starts, then some on the next days at the pace of its scheme,
which luck picks from the ring's mix. Everything about a campaign is luck with a key of its own, so
a policy that stops one re-deals no other. Starts and attempts are made by adding exponential gaps
until an intensity is reached: a higher intensity keeps all earlier ones and adds some. Which
campaigns are stopped is decided elsewhere. The keys of luck, each the one before and a few bits:

| key | fields and their bits | of what |
|---|---|---|
| `CAMPAIGN` | ring, cohort 2, day 14, number 17 | one of a ring's starts of a day in a cohort |
| `SITTING` | campaign, offset 4 | a campaign on one of its days, from 0 |
| `ATTEMPT` | sitting, number 6 | one payment |
| `COIN` | attempt, coin 4 | one of its random numbers |

All fit: a world has at most 200 rings and 3 cohorts, a campaign 10 days with 12 attempts in the
mean, and with every knob at its end for three years a ring starts 10^5 campaigns a day. A request
id (randomness.REQUEST_ID) is made of an entity and a count. An attempt's entity is its `THIEF`
(thief, ring 8, cohort 2, offset 4, batch 13), whose top bit no customer id reaches; its count is
its `ORDINAL` (place 4, attempt 6); batch and place are the campaign's number in two parts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields, Ints
from mlsys_lessons.randomness import DAY_BITS, DAY_OFFSET, Floats, luck, opaque_id
from mlsys_lessons.records import DAY_MS, HOUR_MS
from mlsys_lessons.worlds.payments.calendars import is_weekend, time_of_day
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
from mlsys_lessons.worlds.payments.purchases import (
    DELAY_MS,
    MIN_DELAY_MS,
    Payments,
    choose_channel,
    to_cents,
)
from mlsys_lessons.worlds.payments.schemes import HABIT

SITTING_SHARE = 0.6  # of attempts fall into the one hour in which the thief sits down that day
_COINS = np.arange(12)  # random numbers of an attempt

CAMPAIGN = BitFields("ring", cohort=2, day=DAY_BITS, number=17)
SITTING = BitFields("campaign", offset=4)
ATTEMPT = BitFields("sitting", number=6)
COIN = BitFields("attempt", coin=4)
NUMBER = BitFields("batch", place=4)  # of a campaign, in two parts
THIEF = BitFields("thief", ring=8, cohort=2, offset=4, batch=13)  # from 2^27; customers: < 2^24
ORDINAL = BitFields("place", attempt=6)


class Campaigns(NamedTuple):
    """Stolen cards in use, as parallel arrays."""

    key: Ints  # a CAMPAIGN
    ring: Ints
    seat: Ints
    start: Ints  # day
    scheme: Ints

    def take(self, rows: NDArray[Any]) -> Campaigns:
        """Select campaigns by mask or position."""
        return Campaigns(*(column[rows] for column in self))


def together(first: Campaigns, second: Campaigns) -> Campaigns:
    """Put campaigns one after another."""
    return Campaigns(*map(np.concatenate, zip(first, second, strict=True)))


def start_campaigns(
    population: Population, rings: Rings, days: Ints, gone: NDArray[np.bool_]
) -> Campaigns:
    """Start all campaigns of some days.

    Candidates come from the full potential population at the highest possible exposure and
    are thinned: the result is Poisson with the rate of each card and scheme, and no card's
    absence moves a campaign to another card.
    """
    candidates = _candidates(population, rings, days)
    seat, start = candidates.seat, candidates.start
    youth = population.youth(start - population.account(seat, start)[1])
    young = rings.book.young[candidates.scheme]
    acceptance = (1.0 + young * youth) / (1.0 + young)
    accepted = luck(population.seed, "campaign.taken", candidates.key) < acceptance
    present = (population.joined[seat] <= start) & ~gone[seat]
    return candidates.take(accepted & present)


def _candidates(population: Population, rings: Rings, days: Ints) -> Campaigns:
    """Draw candidates: Poisson by day, cohort and ring, weighted by vulnerability."""
    numbers = np.array([cohort.number for cohort in population.cohorts])
    edges = np.array([0, *(cohort.stop for cohort in population.cohorts)])
    below = np.append(0.0, population.cumulated)[edges]
    by_scheme = np.cumsum(campaign_rates(population, rings, days) * (1.0 + rings.book.young), -1)
    rates = by_scheme[:, None, :, -1] * np.diff(below)[:, None]
    keys = CAMPAIGN.pack(  # shape (days, cohorts, rings, starts)
        ring=np.arange(len(rings.level))[:, None],
        cohort=numbers[:, None, None],
        day=(days + DAY_OFFSET)[:, None, None, None],
        number=np.arange(_room(rates)),
    )
    gaps = -np.log(luck(population.seed, "campaign.gap", keys))
    starts = np.cumsum(gaps, axis=-1) < rates[..., None]
    key, (date, cohort, ring, _) = keys[starts], np.nonzero(starts)
    up_to = by_scheme[date, ring]
    choice = luck(population.seed, "campaign.scheme", key) * (1 - 1e-12)
    scheme = (up_to <= (choice * up_to[:, -1])[:, None]).sum(axis=1)
    victim = luck(population.seed, "campaign.victim", key) * (1 - 1e-12)
    weight = below[cohort] + victim * np.diff(below)[cohort]
    seat = np.searchsorted(population.cumulated, weight, side="right")
    return Campaigns(key, ring, seat, days[date], scheme)


def _room(mean: Floats) -> int:
    """More than a Poisson number of the largest mean ever reaches."""
    most = float(mean.max(initial=0.0))
    return int(most + 8.0 * np.sqrt(most) + 16.0)


def attempted_payments(
    population: Population, rings: Rings, campaigns: Campaigns, offset: Ints
) -> tuple[Payments, Campaigns]:
    """Make the attempts of each campaign on day start + offset, each with its campaign."""
    sitting = SITTING.pack(campaign=campaigns.key, offset=offset)
    mean = rings.book.pace[campaigns.scheme, offset]
    keys = ATTEMPT.pack(sitting=sitting[:, None], number=np.arange(_room(mean)))
    gaps = -np.log(luck(population.seed, "attempt.gap", keys))
    first = offset == 0  # when a campaign has one probe before the counting begins
    gaps[first, 0], gaps[first, 1] = -1.0, gaps[first, 1] + 1.0
    attempts = np.cumsum(gaps, axis=1) < mean[:, None]
    row, number = np.nonzero(attempts)
    owners, day = campaigns.take(row), offset[row]
    payments = _payments(population, rings, owners, keys[attempts])
    request_id = _request_ids(owners, day, number)
    time = payments.time + (owners.start + day) * DAY_MS
    return payments._replace(request_id=request_id, time=time), owners


def _request_ids(campaigns: Campaigns, offset: Ints, number: Ints) -> Ints:
    """Ids of attempts: the number-th of each campaign on day start + offset."""
    cohort, ordinal = (CAMPAIGN.get(campaigns.key, field) for field in ("cohort", "number"))
    batch, place = (NUMBER.get(ordinal, field) for field in ("batch", "place"))
    thief = THIEF.pack(thief=1, ring=campaigns.ring, cohort=cohort, offset=offset, batch=batch)
    return opaque_id(thief, campaigns.start, ORDINAL.pack(place=place, attempt=number))


def _payments(population: Population, rings: Rings, owners: Campaigns, key: Ints) -> Payments:
    """Draw the marks of each attempt: the scheme's, or the victim's own where it copies.

    Times are still those of a day that begins at 0, and the keys of luck stand for request ids.
    """
    from scipy.special import ndtri

    sitting = ATTEMPT.get(key, "sitting")
    offset = SITTING.get(sitting, "offset")
    day = owners.start + offset
    coins = luck(population.seed, "attempt", COIN.pack(attempt=key, coin=_COINS[:, None]))
    copy, target, place, travel, shop, hour, minute, stay, web, tap, delay, size = coins
    book, scheme = rings.book, owners.scheme
    copies = copy < book.copying_share(scheme, drifted_copying(population, day))
    merchant = _shops(population, rings, owners, copies, (target, place, travel, shop))
    scale, spread = _own_amounts(population, rings, owners, key, offset)
    scale = np.where(copies, population.log_basket(owners.seat, merchant, day), scale)
    spread = np.where(copies, BASKET_SD, spread)
    cents = to_cents(scale + spread * ndtri(size))
    own_share = population.online_share(owners.seat, merchant, day)
    online = web < np.where(copies, own_share, ring_online(population, book, scheme, day))
    shared = luck(population.seed, "attempt.sitting", sitting)
    hour = np.where(stay < SITTING_SHARE, shared, hour)
    profile = np.where(copies, is_weekend(day), book.hours[scheme])
    return Payments(
        key, owners.seat, *population.account(owners.seat, day),
        time=_time_at_work(profile, hour, minute),
        delay=MIN_DELAY_MS + (delay * DELAY_MS).astype(np.int64),
        merchant=merchant, channel=choose_channel(online, cents, tap), cents=cents,
    )  # fmt: skip


def _own_amounts(
    population: Population, rings: Rings, owners: Campaigns, key: Ints, offset: Ints
) -> tuple[Floats, Floats]:
    """Log median and spread of the amounts that are a ring's choice; some first ones are tests."""
    pairs, later = (owners.ring, owners.scheme), (offset > 0).astype(np.int64)
    day = owners.start + offset
    scale = log_amount(population, rings, pairs, later, day)
    spread = log_spread(population, rings, pairs, later)
    if not population.drift.probing:
        return scale, spread
    tests = luck(population.seed, "attempt.tests", key) < population.drift.probing
    tests &= (offset == 0) & (day >= 0)
    asked = log_test(population, rings, pairs, day)
    return np.where(tests, asked, scale), np.where(tests, TEST_SPREAD, spread)


def _shops(
    population: Population, rings: Rings, owners: Campaigns, copies: NDArray[np.bool_],
    coins: tuple[Floats, Floats, Floats, Floats],
) -> Ints:  # fmt: skip
    """The shop of each attempt: of the ring's list, or where the scheme, or the victim, goes."""
    book, scheme, (target, place, travel, shop) = rings.book, owners.scheme, coins
    up_to = np.cumsum(book.ranked, axis=1)[scheme]
    rank = (up_to[:, :-1] < place[:, None]).sum(axis=1)
    countries = (
        population.choose_country(owners.seat, travel),
        population.home[owners.seat],
        population.choose_abroad(owners.seat, travel),
    )  # in the order of HABIT, HOME, ABROAD
    country = np.choose(np.where(copies, HABIT, book.where[scheme]), countries)
    taste = np.where(copies, shop, book.tilted(scheme, shop))
    elsewhere = population.merchants.pick(np.asarray(country, dtype=np.int64), taste)
    aimed = (target < book.aimed[scheme]) & ~copies
    return np.where(aimed, rings.targets[owners.ring, scheme, rank], elsewhere)


def _time_at_work(profile: NDArray[np.integer], hour: Floats, minute: Floats) -> Ints:
    """Milliseconds after midnight, from one coin for the hour and one for the minute.

    A thief sits down once a day and mostly stays for the hour: attempts of a sitting share their
    hour coin. Each attempt alone is distributed as if it had its own.
    """
    start = time_of_day(profile, hour) // HOUR_MS * HOUR_MS
    return start + (minute * HOUR_MS).astype(np.int64)
