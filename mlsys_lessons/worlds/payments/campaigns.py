"""Campaigns: one stolen card in the hands of one ring, from the first probe to the last cash-out.

At least one small probe on the day it starts, then cash-outs with falling intensity on the next
three days. Everything about a campaign is luck with a key of its own, so a policy that stops one
re-deals no other. Attempts are made by adding exponential gaps until an intensity is reached: a
higher intensity keeps all earlier attempts and adds some. Which campaigns are stopped is decided
elsewhere. The keys of luck, each the one before and a few bits more:

| key | fields and their bits | of what |
|---|---|---|
| `CAMPAIGN` | ring, cohort 2, day 14, number 5 | one of a ring's starts of a day in a cohort |
| `SITTING` | campaign, offset 2 | a campaign on its day 0, 1, 2 or 3 |
| `ATTEMPT` | sitting, number 4 | one payment |
| `COIN` | attempt, coin 4 | one of its random numbers |

All fit: a world has at most 200 rings and 3 cohorts, and the tables below hold no more starts and
attempts. A request id (randomness.REQUEST_ID) is made of an entity and a count. An attempt's entity
is its `THIEF` (thief, ring 23, cohort 2, offset 2), whose top bit no customer id reaches; its count
is its `ORDINAL` (campaign 5, attempt 5).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields
from mlsys_lessons.randomness import DAY_BITS, DAY_OFFSET, luck, opaque_id
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
_COINS = np.arange(12)  # random numbers of an attempt

CAMPAIGN = BitFields("ring", cohort=2, day=DAY_BITS, number=5)
SITTING = BitFields("campaign", offset=2)
ATTEMPT = BitFields("sitting", number=4)
COIN = BitFields("attempt", coin=4)
THIEF = BitFields("thief", ring=23, cohort=2, offset=2)  # from 2^27; customer ids end at 2^24
ORDINAL = BitFields("campaign", attempt=5)


class Campaigns(NamedTuple):
    """Stolen cards in use, as parallel arrays."""

    key: NDArray[np.int64]  # a CAMPAIGN
    ring: NDArray[np.int64]
    seat: NDArray[np.int64]
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
    candidates = _candidates(population, rings, days)
    seat, start = candidates.seat, candidates.start
    exposure = population.exposure(seat, start - population.account(seat, start)[1])
    acceptance = exposure / (population.vulnerability[seat] * MAX_EXPOSURE)
    accepted = luck(population.seed, "campaign.taken", candidates.key) < acceptance
    present = (population.joined[seat] <= start) & ~gone[seat]
    return candidates.take(accepted & present)


def _candidates(population: Population, rings: Rings, days: NDArray[np.int64]) -> Campaigns:
    """Draw candidates: Poisson by day, cohort and ring, weighted by vulnerability."""
    numbers = np.array([cohort.number for cohort in population.cohorts])
    edges = np.array([0, *(cohort.stop for cohort in population.cohorts)])
    below = np.append(0.0, population.cumulated)[edges]
    rates = campaign_rates(population, rings, days)[:, None, :] * np.diff(below)[:, None]
    keys = CAMPAIGN.pack(  # shape (days, cohorts, rings, starts)
        ring=np.arange(len(rings.level))[:, None],
        cohort=numbers[:, None, None],
        day=(days + DAY_OFFSET)[:, None, None, None],
        number=np.arange(_MAX_STARTS),
    )
    gaps = -np.log(luck(population.seed, "campaign.gap", keys))
    starts = np.cumsum(gaps, axis=-1) < (rates * MAX_EXPOSURE)[..., None]
    key, cohort = keys[starts], np.nonzero(starts)[1]
    victim = luck(population.seed, "campaign.victim", key) * (1 - 1e-12)
    weight = below[cohort] + victim * np.diff(below)[cohort]
    seat = np.searchsorted(population.cumulated, weight, side="right")
    day = CAMPAIGN.get(key, "day") - DAY_OFFSET
    return Campaigns(key, CAMPAIGN.get(key, "ring"), seat, day)


def attempted_payments(
    population: Population, rings: Rings, campaigns: Campaigns, offset: NDArray[np.int64]
) -> tuple[Payments, Campaigns]:
    """Make the attempts of each campaign on day start + offset, each with its campaign."""
    sitting = SITTING.pack(campaign=campaigns.key, offset=offset)
    keys = ATTEMPT.pack(sitting=sitting[:, None], number=np.arange(_MAX_ATTEMPTS))
    gaps = -np.log(luck(population.seed, "attempt.gap", keys))
    gaps[offset == 0, 0] = 0.0  # a campaign has at least one probe
    attempts = np.cumsum(gaps, axis=1) < INTENSITY[offset][:, None]
    row, number = np.nonzero(attempts)
    owners, day = campaigns.take(row), offset[row]
    payments = _payments(population, rings, owners, keys[attempts])
    request_id = _request_ids(owners, day, number)
    time = payments.time + (owners.start + day) * DAY_MS
    return payments._replace(request_id=request_id, time=time), owners


def _request_ids(
    campaigns: Campaigns, offset: NDArray[np.int64], number: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Ids of attempts: the number-th of each campaign on day start + offset."""
    cohort, ordinal = (CAMPAIGN.get(campaigns.key, field) for field in ("cohort", "number"))
    thief = THIEF.pack(thief=1, ring=campaigns.ring, cohort=cohort, offset=offset)
    return opaque_id(thief, campaigns.start, ORDINAL.pack(campaign=ordinal, attempt=number))


def _payments(
    population: Population, rings: Rings, owners: Campaigns, key: NDArray[np.int64]
) -> Payments:
    """Draw the marks of each attempt: the ring's way, or the victim's own where it copies.

    Times are still those of a day that begins at 0, and the keys of luck stand for request ids.
    """
    from scipy.special import ndtri

    sitting = ATTEMPT.get(key, "sitting")
    offset = SITTING.get(sitting, "offset")
    day = owners.start + offset
    coins = luck(population.seed, "attempt", COIN.pack(attempt=key, coin=_COINS[:, None]))
    copy, target, place, travel, shop, hour, minute, stay, web, tap, delay, size = coins
    copies = copy < copying_share(population, day)
    aimed = _known_shops(rings, owners.ring, place)
    habitual = population.choose_merchant(owners.seat, travel, shop)
    merchant = np.where((target < TARGET_SHARE) & ~copies, aimed, habitual)
    scale, spread = ring_amounts(population, rings.level[owners.ring], offset == 0, day)
    scale = np.where(copies, population.log_basket(owners.seat, merchant, day), scale)
    cents = to_cents(scale + np.where(copies, BASKET_SD, spread) * ndtri(size))
    own_share = population.online_share(owners.seat, merchant, day)
    online = web < np.where(copies, own_share, ring_online(population, day))
    shared = luck(population.seed, "attempt.sitting", sitting)
    hour = np.where(stay < SITTING_SHARE, shared, hour)
    return Payments(
        key,
        owners.seat,
        *population.account(owners.seat, day),
        time=_time_at_work(np.where(copies, is_weekend(day), FRAUD), hour, minute),
        delay=MIN_DELAY_MS + (delay * DELAY_MS).astype(np.int64),
        merchant=merchant,
        channel=choose_channel(online, cents, tap),
        cents=cents,
    )


def _known_shops(
    rings: Rings, ring: NDArray[np.int64], place: NDArray[np.float64]
) -> NDArray[np.int64]:
    """A shop from each ring's list, the first ones most often; one uniform number each."""
    rank = np.searchsorted(np.cumsum(TARGET_WEIGHT), place * (1 - 1e-12))
    return np.asarray(rings.targets[ring, rank])


def _time_at_work(
    profile: NDArray[np.integer], hour: NDArray[np.float64], minute: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Milliseconds after midnight, from one coin for the hour and one for the minute.

    A thief sits down once a day and mostly stays for the hour: attempts of a sitting share their
    hour coin. Each attempt alone is distributed as if it had its own.
    """
    start = time_of_day(profile, hour) // HOUR_MS * HOUR_MS
    return start + (minute * HOUR_MS).astype(np.int64)
