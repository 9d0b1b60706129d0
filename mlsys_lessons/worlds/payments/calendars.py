"""When people pay: the hour of the day, the week, payday and the year.

Only genuine activity follows the week, payday and season; fraudsters keep the hours of their
scheme. Nothing here is random: a calendar is a density.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats
from mlsys_lessons.records import DAY_MS, EPOCH, HOUR_MS

WEEKDAY, WEEKEND, FRAUD, BOTS = range(4)  # rows of HOURS

# Relative activity in each hour from midnight; assumed, shaped like card payments anywhere.
_RELATIVE = np.array([
    [4, 2, 1, 1, 1, 3, 12, 30, 42, 44, 48, 58, 72, 62, 50, 50, 60, 76, 80, 66, 46, 32, 20, 10],
    [9, 6, 3, 2, 2, 2, 5, 12, 28, 48, 64, 74, 76, 68, 60, 58, 58, 60, 60, 54, 44, 34, 24, 15],
    [10, 10, 10, 9, 8, 7, 6, 6, 7, 8, 9, 10, 11, 11, 11, 11, 12, 13, 14, 14, 13, 13, 12, 11],
    [20, 40, 60, 80, 60, 20, 5, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4, 5, 8, 12],
])  # fmt: skip
HOURS: Floats = _RELATIVE / _RELATIVE.sum(axis=1, keepdims=True)  # P(hour)

_ENDS = np.pad(np.cumsum(HOURS, axis=1), ((0, 0), (1, 0)))
_POSITIONS = (_ENDS + np.arange(len(HOURS))[:, None]).ravel()
_EDGES = np.tile(np.arange(25) * float(HOUR_MS), len(HOURS))

_WEEK = np.array([1.04, 1.05, 1.06, 1.07, 1.14, 0.90, 0.74])  # Monday first; mean 1
_PAYDAY = {1: 1.12, 2: 1.08, 25: 1.06, 26: 1.10, 27: 1.08, 28: 1.05}  # day of month
_PAYDAY_MEAN = 1.0 + (sum(_PAYDAY.values()) - len(_PAYDAY)) / 30.4
_MONTHS = np.array([-4, -5, -2, 0, 1, 1, -5, -10, 0, 2, 7, 15]) / 100.0  # sums to zero


def is_weekend(day: Ints | int) -> NDArray[np.bool_]:
    """Whether a day is a Saturday or a Sunday (day 0 is a Wednesday).

    >>> is_weekend(np.arange(7)).astype(int)
    array([0, 0, 0, 1, 1, 0, 0])
    """
    return np.asarray((np.asarray(day) + 2) % 7 >= 5)


def time_of_day(profile: NDArray[np.integer] | int, uniform: Floats) -> Ints:
    """Milliseconds after midnight with the density of a profile (inverse of its distribution).

    The density is constant inside an hour, so its value at any moment is a row of `HOURS`.

    >>> time_of_day(WEEKDAY, np.array([0.0, 0.5])) // HOUR_MS
    array([ 0, 15])
    """
    moments = np.interp(profile + uniform, _POSITIONS, _EDGES)
    return np.minimum(moments.astype(np.int64), DAY_MS - 1)


@lru_cache(maxsize=4096)
def activity_factor(day: int, season: float) -> float:
    """How busy genuine customers are on a day; the mean over a year is 1.

    >>> activity_factor(4, 1.0) < activity_factor(5, 1.0)  # Sunday, Monday
    True
    """
    date = EPOCH.astype("datetime64[D]") + day
    month = date.astype("datetime64[M]")
    day_of_month = int((date - month).astype(int)) + 1
    year_share = int((date - date.astype("datetime64[Y]")).astype(int)) / 365.25
    yearly = np.interp(year_share * 12, np.arange(12) + 0.5, _MONTHS, period=12)
    payday = _PAYDAY.get(day_of_month, 1.0) / _PAYDAY_MEAN
    return float(_WEEK[(day + 2) % 7] * payday * (1.0 + season * yearly))
