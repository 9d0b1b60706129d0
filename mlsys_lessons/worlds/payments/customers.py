"""The customers: when their account began, where they shop, what they spend.

A *seat* is a place for a customer: it keeps its habits for ever, while one account in it is closed
and the next one opened. So accounts of all ages exist on every day, and there is always somebody
new (cold start). Here are pure functions of habits; population draws the habits themselves. Of
fraud this file knows only how exposed each customer is to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.worlds.payments.knobs import Drift
from mlsys_lessons.worlds.payments.merchants import LOG_BASKET, ONLINE_ODDS, VISIT_SHARE, Merchants

BASKET_SD = 0.70  # log points between one customer's baskets of one category
LOOKBACK = 730  # days of history that can be asked for; generations are counted from there
YOUNG_BONUS, YOUNG_DAYS = 2.0, 60.0  # a new account is 1 + 2 times as exposed, fading away
MAX_EXPOSURE = 1.0 + YOUNG_BONUS
YEAR = 365.0
COHORTS = ("base", "growth", "launch")
_VISITED = np.cumsum(VISIT_SHARE[:-1])  # distribution over countries; nobody travels to NO


@dataclass(frozen=True)
class Cohort:
    """Seats that came together; each cohort draws from streams of its own name."""

    name: str
    start: int
    stop: int

    @property
    def number(self) -> int:
        """The cohort's own number, whichever others exist."""
        return COHORTS.index(self.name)


@dataclass(frozen=True, eq=False)
class Population:
    """All potential customers; arrays are indexed by seat."""

    seed: int
    drift: Drift
    merchants: Merchants
    cohorts: tuple[Cohort, ...]
    home: NDArray[np.int8]
    activity: NDArray[np.float64]  # payments a day in a mean week
    level: NDArray[np.float64]  # log points on every basket
    level_slope: NDArray[np.float64]  # log points a year for each unit of drift.ageing
    foreign: NDArray[np.float64]  # share of payments among travellers' shops
    online_odds: NDArray[np.float64]  # multiplies the category's odds
    vulnerability: NDArray[np.float64]  # mean 1
    cumulated: NDArray[np.float64]  # vulnerability of this and all earlier seats
    lifetime: NDArray[np.float64]  # days from one account to the next in this seat
    phase: NDArray[np.float64]  # share of a lifetime
    joined: NDArray[np.int64]  # first day of the seat
    id_base: NDArray[np.int64]  # customer_id of generation 0
    id_step: NDArray[np.int64]  # from one generation to the next

    def __len__(self) -> int:
        """Count the seats."""
        return len(self.home)

    def __repr__(self) -> str:
        """Say how many seats each cohort has."""
        sizes = ", ".join(f"{cohort.stop - cohort.start} {cohort.name}" for cohort in self.cohorts)
        return f"Population({sizes}; {len(self.merchants)} merchants)"

    def account(
        self, seat: NDArray[np.integer], day: NDArray[np.int64] | int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (customer_id, day the account was opened) of each seat on a day."""
        lifetime, phase = self.lifetime[seat], self.phase[seat]
        generation = np.floor((day + LOOKBACK) / lifetime + phase)
        opened = np.ceil((generation - phase) * lifetime).astype(np.int64) - LOOKBACK
        customer = self.id_base[seat] + generation.astype(np.int64) * self.id_step[seat]
        # Rounding could open an account a day after its first payment.
        return customer, np.clip(opened, self.joined[seat], day)

    def exposure(
        self, seat: NDArray[np.integer], age_days: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """How exposed each customer is to attack; 1 is an average old account."""
        young = YOUNG_BONUS * np.exp(age_days / -YOUNG_DAYS)
        return np.asarray(self.vulnerability[seat] * (1.0 + young))

    def choose_merchant(
        self, seat: NDArray[np.integer], travel: NDArray[np.float64], shop: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Choose a shop by the customer's own habits, from two uniform numbers each."""
        country, foreign = self.home[seat], self.foreign[seat]
        away = np.flatnonzero(travel < foreign)
        destination = travel[away] / foreign[away] * (1 - 1e-12)  # again uniform in 0..1
        country[away] = np.searchsorted(_VISITED, destination, side="right")
        return self.merchants.pick(country, shop)

    def merchant_share(
        self, seat: NDArray[np.integer], merchant: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """P(shop | customer), the density of `choose_merchant`."""
        country, foreign = self.merchants.country[merchant], self.foreign[seat]
        presence = (1.0 - foreign) * (country == self.home[seat]) + foreign * VISIT_SHARE[country]
        return np.asarray(presence * self.merchants.popularity[merchant])

    def log_basket(
        self,
        seat: NDArray[np.integer],
        merchant: NDArray[np.integer],
        day: NDArray[np.int64] | int,
    ) -> NDArray[np.float64]:
        """Median log amount of a customer at a shop on a day."""
        years = day / YEAR
        level = self.level[seat] + self.drift.ageing * self.level_slope[seat] * years
        basket = LOG_BASKET[self.merchants.category[merchant]]
        return np.asarray(basket + level + self.inflation(day))

    def online_share(
        self,
        seat: NDArray[np.integer],
        merchant: NDArray[np.integer],
        day: NDArray[np.int64] | int,
    ) -> NDArray[np.float64]:
        """P(online | customer, shop) on a day."""
        odds = ONLINE_ODDS[self.merchants.category[merchant]] * self.online_odds[seat]
        odds = odds * np.exp(self.inflation(day))
        return np.asarray(odds / (1.0 + odds))

    def inflation(self, day: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """Covariate drift so far: log points on amounts, log-odds on paying online."""
        return np.asarray(self.drift.covariate * day / YEAR)
