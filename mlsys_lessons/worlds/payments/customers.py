"""The customers: when their account began, where they shop, what they spend.

A *seat* is a place for a customer: it keeps its habits for ever, while one account in it is closed
and the next one opened. So accounts of all ages exist on every day, and there is always somebody
new (cold start). Here are pure functions of habits; population draws the habits themselves. Of
fraud this file knows only how exposed each customer is to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats
from mlsys_lessons.worlds.payments.knobs import Drift
from mlsys_lessons.worlds.payments.merchants import LOG_BASKET, ONLINE_ODDS, VISIT_SHARE, Merchants
from mlsys_lessons.worlds.payments.schemes import ABROAD, HABIT, HOME

BASKET_SD = 0.70  # log points between one customer's baskets of one category
LOOKBACK = 730  # days of history that can be asked for; generations are counted from there
YOUNG_DAYS = 60.0  # how long what a scheme likes about new accounts takes to fade
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
    activity: Floats  # payments a day in a mean week
    level: Floats  # log points on every basket
    level_slope: Floats  # log points a year for each unit of drift.ageing
    foreign: Floats  # share of payments among travellers' shops
    online_odds: Floats  # multiplies the category's odds
    vulnerability: Floats  # mean 1
    cumulated: Floats  # vulnerability of this and all earlier seats
    lifetime: Floats  # days from one account to the next in this seat
    phase: Floats  # share of a lifetime
    joined: Ints  # first day of the seat
    id_base: Ints  # customer_id of generation 0
    id_step: Ints  # from one generation to the next

    def __len__(self) -> int:
        """Count the seats."""
        return len(self.home)

    def __repr__(self) -> str:
        """Say how many seats each cohort has."""
        sizes = ", ".join(f"{cohort.stop - cohort.start} {cohort.name}" for cohort in self.cohorts)
        return f"Population({sizes}; {len(self.merchants)} merchants)"

    def youth(self, age_days: NDArray[np.integer]) -> Floats:
        """How new accounts are: 1 on their first day, fading with the days."""
        return np.asarray(np.exp(age_days / -YOUNG_DAYS))

    def account(self, seat: NDArray[np.integer], day: Ints | int) -> tuple[Ints, Ints]:
        """Return (customer_id, day the account was opened) of each seat on a day."""
        lifetime, phase = self.lifetime[seat], self.phase[seat]
        generation = np.floor((day + LOOKBACK) / lifetime + phase)
        opened = np.ceil((generation - phase) * lifetime).astype(np.int64) - LOOKBACK
        customer = self.id_base[seat] + generation.astype(np.int64) * self.id_step[seat]
        # Rounding could open an account a day after its first payment.
        return customer, np.clip(opened, self.joined[seat], day)

    @cached_property
    def mean_youth(self) -> float:
        """Mean of `youth` over the ages that accounts have in the long run."""
        turns = self.lifetime / YOUNG_DAYS
        return float(np.mean(-np.expm1(-turns) / turns))

    def choose_merchant(self, seat: NDArray[np.integer], travel: Floats, shop: Floats) -> Ints:
        """Choose a shop by the customer's own habits, from two uniform numbers each."""
        return self.merchants.pick(self.choose_country(seat, travel), shop)

    def choose_country(self, seat: NDArray[np.integer], travel: Floats) -> NDArray[np.int8]:
        """Choose a country by the customer's own habits, from one uniform number each."""
        country, foreign = self.home[seat], self.foreign[seat]
        away = np.flatnonzero(travel < foreign)
        destination = travel[away] / foreign[away] * (1 - 1e-12)  # again uniform in 0..1
        country[away] = np.searchsorted(_VISITED, destination, side="right")
        return country

    def choose_abroad(self, seat: NDArray[np.integer], travel: Floats) -> Ints:
        """Choose a country where the customer does not live, as travellers do."""
        home = self.home[seat]
        place = travel * (1.0 - VISIT_SHARE[home]) * (1 - 1e-12)
        place = place + np.where(place >= np.append(0.0, _VISITED)[home], VISIT_SHARE[home], 0.0)
        return np.searchsorted(_VISITED, place, side="right")

    def presence(
        self, seat: NDArray[np.integer], merchant: NDArray[np.integer], where: int = HABIT
    ) -> Floats:
        """P(the shop's country | customer): by habit, or of somebody who keeps home or abroad."""
        country, home = self.merchants.country[merchant], self.home[seat]
        if where == HOME:
            return (country == home).astype(np.float64)
        if where == ABROAD:
            return VISIT_SHARE[country] * (country != home) / (1.0 - VISIT_SHARE[home])
        foreign = self.foreign[seat]
        return np.asarray((1.0 - foreign) * (country == home) + foreign * VISIT_SHARE[country])

    def log_basket(
        self, seat: NDArray[np.integer], merchant: NDArray[np.integer], day: Ints | int
    ) -> Floats:
        """Median log amount of a customer at a shop on a day."""
        years = day / YEAR
        level = self.level[seat] + self.drift.ageing * self.level_slope[seat] * years
        basket = LOG_BASKET[self.merchants.category[merchant]]
        return np.asarray(basket + level + self.inflation(day))

    def online_share(
        self, seat: NDArray[np.integer], merchant: NDArray[np.integer], day: Ints | int
    ) -> Floats:
        """P(online | customer, shop) on a day."""
        odds = ONLINE_ODDS[self.merchants.category[merchant]] * self.online_odds[seat]
        odds = odds * np.exp(self.inflation(day))
        return np.asarray(odds / (1.0 + odds))

    def inflation(self, day: Ints | int) -> Floats:
        """Covariate drift so far: log points on amounts, log-odds on paying online."""
        return np.asarray(self.drift.covariate * day / YEAR)
