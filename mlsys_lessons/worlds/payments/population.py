"""The population: everybody who may ever pay here, drawn once for a world.

Each attribute of a customer comes from its own luck by seat, so neither a new attribute nor a
new cohort re-deals the others. What a customer does with these habits is in customers.
All numbers are assumed; they give about 0.4 payments a customer a day, of 50 euros in the mean.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats, luck, normal_luck
from mlsys_lessons.worlds.payments.customers import YEAR, Cohort, Population
from mlsys_lessons.worlds.payments.domain import COUNTRIES
from mlsys_lessons.worlds.payments.knobs import Drift
from mlsys_lessons.worlds.payments.merchants import HOME_SHARE, open_merchants

MEAN_ACTIVITY = 0.4  # payments a customer a day
_ACTIVITY_SHAPE, _MAX_ACTIVITY = 1.3, 4.0  # gamma: a few pay ten times as often as the median
_LEVEL_SD = 0.40  # log points between customers' spending levels
_FOREIGN = np.log(0.06), 0.8  # log median and sd of the share paid among travellers
_ONLINE_SD = 0.6  # log-odds between customers' liking for the web
_CARE_SD = 0.5  # log points between customers' carelessness with their cards
_EXPOSED_BY_USE = 0.7  # share of vulnerability that grows with activity: cards are stolen in use
_LIFETIME = np.log(5 * YEAR), 0.8  # log median days and sd of an account's life
_MIN_LIFETIME = 180.0  # days
_GROWTH_YEARS = 2.0  # how long growth goes on
_LAUNCH_SHARE, _LAUNCH_RAMP = 0.08, 60  # customers of a launch, days until all have joined
_ID_OFFSET = {"base": 0, "growth": 2**22, "launch": 3 * 2**22}  # room for world.MAX_DAILY


@lru_cache(maxsize=6)
def populate(seed: int, daily: int, drift: Drift) -> Population:
    """Settle a world of `daily` payments a day; equal arguments share one population.

    >>> populate(0, 1_000, Drift.none())
    Population(2500 base; 117 merchants)
    """
    base = round(daily / MEAN_ACTIVITY)
    sizes = {"base": base, "growth": int(np.ceil(_GROWTH_YEARS * drift.growth * base))}
    if drift.new_country_day is not None:
        sizes["launch"] = round(_LAUNCH_SHARE * base)
    parts = [_settle(seed, name, size, drift) for name, size in sizes.items() if size]
    stops = np.cumsum([len(part["home"]) for part in parts]).tolist()
    names = [name for name, size in sizes.items() if size]
    cohorts = tuple(map(Cohort, names, [0, *stops[:-1]], stops))
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    columns["cumulated"] = np.cumsum(columns["vulnerability"])
    return Population(seed, drift, open_merchants(seed, daily), cohorts, **columns)


def _settle(seed: int, cohort: str, size: int, drift: Drift) -> dict[str, NDArray[Any]]:
    """Draw the attributes of one cohort, each from its own luck by seat."""
    from scipy.special import gammaincinv

    seats = np.arange(size)

    def uniform(purpose: str) -> Floats:
        return luck(seed, f"{cohort}.{purpose}", seats)

    def normal(purpose: str) -> Floats:
        return normal_luck(seed, f"{cohort}.{purpose}", seats)

    activity = gammaincinv(_ACTIVITY_SHAPE, uniform("activity")) / _ACTIVITY_SHAPE
    activity = np.minimum(activity * MEAN_ACTIVITY, _MAX_ACTIVITY)
    use = 1.0 + _EXPOSED_BY_USE * (activity / MEAN_ACTIVITY - 1.0)
    care = np.exp(_CARE_SD * normal("care") - _CARE_SD**2 / 2)
    lifetime = np.exp(_LIFETIME[0] + _LIFETIME[1] * normal("lifetime"))
    return {
        "home": _homes(cohort, uniform("home")),
        "activity": activity,
        "level": _LEVEL_SD * normal("level"),
        "level_slope": normal("slope"),
        "foreign": np.clip(np.exp(_FOREIGN[0] + _FOREIGN[1] * normal("foreign")), 0.005, 0.6),
        "online_odds": np.exp(_ONLINE_SD * normal("online")),
        "vulnerability": care * use,
        "lifetime": np.maximum(lifetime, _MIN_LIFETIME),
        "phase": uniform("phase"),
        "joined": _joining_days(cohort, uniform("joined"), drift),
        "id_base": seats + 1 + _ID_OFFSET[cohort],
        "id_step": np.full(size, size),
    }


def _homes(cohort: str, uniform: Floats) -> NDArray[np.int8]:
    """Choose home countries; those of a launch all live where the launch is."""
    if cohort == "launch":
        return np.full(len(uniform), COUNTRIES.index("NO"), dtype=np.int8)
    ends = np.cumsum(HOME_SHARE[:-1])  # the last stays a hair above any uniform number below
    return np.searchsorted(ends, uniform * (1 - 1e-12)).astype(np.int8)


def _joining_days(cohort: str, uniform: Floats, drift: Drift) -> Ints:
    """First day of each seat: long ago, spread over two years, or soon after a launch."""
    if cohort == "growth":
        return (uniform * _GROWTH_YEARS * YEAR).astype(np.int64)
    if cohort == "launch":
        return (drift.new_country_day or 0) + (uniform * _LAUNCH_RAMP).astype(np.int64)
    return np.full(len(uniform), -(10**6))
