"""The arithmetic of control limits: in what range today's value lies if nothing has changed.

A self-starting Shewhart chart. For each metric the last 28 quiet days give a mean for each weekday
(where it has a weekly cycle), one common slope, so that the baseline follows a season, and the
variance that these leave unexplained: an analysis of covariance. Today's limits are its forecast
and a t quantile times the standard error. A day outside its limits does not enter the baseline; a
shift that has lasted 28 days becomes the new baseline. The chart needs 14 quiet days before it has
limits, and a week after a change of our own making (a new model). All metrics are computed
together, as arrays. What a breach means, and who is called, is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOW_DAYS = 28  # four whole weeks
LEAST_DAYS = 14  # before this a limit would be a guess
SETTLING_DAYS = 7  # after a change of our own making the new level is taken from a whole week
LEAST_SAME_DAYS = 2  # a weekday's own mean needs two of its kind


@dataclass(frozen=True)
class Transform:
    """A scale on which daily noise is about normal, its way back, and the least noise there is."""

    apply: Callable[[float, float], float]  # (value, n) -> on the scale
    invert: Callable[[float, float], float]  # (on the scale, n) -> value
    noise: Callable[[float, float], float]  # (value, n) -> sampling sd on the scale, at least


def _arcsine(value: float, n: float) -> float:
    if not n:
        return float("nan")
    return float(np.arcsin(np.sqrt(min((value * n + 0.375) / (n + 0.75), 1.0))))


def _from_arcsine(y: float, n: float) -> float:
    sine = np.sin(np.clip(y, 0, np.pi / 2)) ** 2
    return float(np.clip((sine * (n + 0.75) - 0.375) / max(n, 1), 0, 1))


def _log(value: float, n: float) -> float:
    return float(np.log(value)) if value > 0 else float("nan")


# Anscombe, 1948, for shares; Wilson and Hilferty, 1931, for the chi-square that a PSI is.
TRANSFORMS = {
    "identity": Transform(lambda v, n: v, lambda y, n: y, lambda v, n: 0.0),
    "log": Transform(_log, lambda y, n: float(np.exp(y)), lambda v, n: 0.0),
    "share": Transform(_arcsine, _from_arcsine, lambda v, n: 0.5 / float(np.sqrt(n + 0.5))),
    "cube_root": Transform(
        lambda v, n: float(np.cbrt(v)), lambda y, n: max(y, 0.0) ** 3, lambda v, n: 0.0
    ),
}


@dataclass(frozen=True)
class Forecast:
    """For each metric: the expected value today, its standard error, degrees of freedom."""

    center: Floats
    error: Floats  # NaN while the chart has too few quiet days to speak
    freedom: Floats

    def widened(self, factor: Floats) -> Forecast:
        """The same forecast with each standard error times a factor."""
        return replace(self, error=self.error * factor)


class QuietDays(NamedTuple):
    """The window that a forecast stands on, shape (metrics, days), grouped by weekday.

    A metric without a weekly cycle has one group. Days without a value belong to none.
    """

    known: NDArray[np.bool_]
    ago: Floats  # days since today: below 0; 0 where nothing is known
    values: Floats  # 0 where nothing is known
    member: NDArray[np.bool_]  # (metrics, days, groups): which group a day belongs to
    size: NDArray[np.int64]  # (metrics, groups): days of each group

    def group_means(self, column: Floats) -> Floats:
        """Mean of a column in each group, shape (metrics, groups); 0 in an empty one."""
        return np.asarray((column[:, :, None] * self.member).sum(axis=1) / np.maximum(self.size, 1))

    def within_groups(self, column: Floats, means: Floats) -> Floats:
        """A column less the mean of each day's group; 0 where nothing is known."""
        return np.where(self.known, column - (self.member * means[:, None]).sum(axis=2), 0.0)

    def residual_freedom(self) -> Floats:
        """Days that are left after a mean for each group and one slope."""
        return np.asarray(self.known.sum(axis=1) - (self.size > 0).sum(axis=1) - 1.0)


class ControlChart:
    """The baselines of many metrics, advanced day by day.

    Parameters
    ----------
    cycles
        For each metric 7 (each weekday has its own mean) or 1.

    >>> chart = ControlChart(np.array([1]))
    >>> for tick in range(20):
    ...     chart.add(tick, np.array([tick % 3.0]), np.array([False]))
    >>> round(float(chart.forecast(20, np.array([0.0])).center[0]), 2)
    1.01
    """

    def __init__(self, cycles: NDArray[np.int64]) -> None:
        self.cycles = np.asarray(cycles, dtype=np.int64)
        shape = (len(self.cycles), WINDOW_DAYS)
        self.values, self.days = np.full(shape, np.nan), np.zeros(shape)
        self._shifted = np.full(shape, np.nan)  # the running breach, in case it stays
        self._shifted_days = np.zeros(shape)
        self._lasting = np.zeros(len(self.cycles), dtype=np.int64)
        self._settling = np.zeros(len(self.cycles), dtype=np.int64)

    def __repr__(self) -> str:
        """Metrics and how many of them have enough quiet days."""
        ready = int((np.count_nonzero(~np.isnan(self.values), axis=1) >= LEAST_DAYS).sum())
        return f"ControlChart({len(self.cycles)} metrics, {ready} with {LEAST_DAYS} quiet days)"

    def forecast(self, tick: int, noise: Floats) -> Forecast:
        """Analysis of covariance on the quiet days: a mean for each weekday, one slope for all.

        `noise` is the least sd that sampling alone gives each metric today.
        """
        days = self._quiet_days(tick)
        mean_ago, mean_value = days.group_means(days.ago), days.group_means(days.values)
        ago = days.within_groups(days.ago, mean_ago)
        values = days.within_groups(days.values, mean_value)
        slope, ago_squares = _common_slope(ago, values)
        freedom = days.residual_freedom()
        residual_squares = ((values - slope[:, None] * ago) ** 2).sum(axis=1)
        variance = np.maximum(residual_squares / np.maximum(freedom, 1), noise**2)
        today = (np.arange(len(self.cycles)), tick % self.cycles)  # each metric's group of today
        reach = _reach(days.size[today], mean_ago[today], ago_squares)
        error = np.where(self._ready(days, today), np.sqrt(variance * reach), np.nan)
        center = mean_value[today] - slope * mean_ago[today]
        return Forecast(center, error, np.maximum(freedom, 1))

    def _quiet_days(self, tick: int) -> QuietDays:
        """The window, from the point of view of a day."""
        known = ~np.isnan(self.values)
        ago = np.where(known, self.days - tick, 0.0)
        group = np.where(known, self.days % self.cycles[:, None], -1).astype(np.int64)
        member = group[:, :, None] == np.arange(7)
        values = np.where(known, self.values, 0.0)
        return QuietDays(known, ago, values, member, member.sum(axis=1))

    def _ready(self, days: QuietDays, today: tuple[Ints, Ints]) -> NDArray[np.bool_]:
        """Which metrics have enough quiet days, enough of today's weekday, and are not settling."""
        ready = (days.known.sum(axis=1) >= LEAST_DAYS) & (days.size[today] >= LEAST_SAME_DAYS)
        return np.asarray(ready & (self._settling == 0))

    def add(self, tick: int, values: Floats, breached: NDArray[np.bool_]) -> None:
        """Close the day: quiet values enter the baseline, breached ones wait aside."""
        known, settling = ~np.isnan(values), self._settling > 0
        quiet, aside = known & ~breached & ~settling, known & (breached | settling)
        self._push(self.values, self.days, quiet, tick, values)
        self._push(self._shifted, self._shifted_days, aside, tick, values)
        self._lasting = np.where(quiet | settling, 0, self._lasting + (known & breached))
        lasted = self._lasting >= WINDOW_DAYS
        self.values[lasted], self.days[lasted] = self._shifted[lasted], self._shifted_days[lasted]
        self._lasting[lasted] = 0
        self._settling[known & settling] -= 1
        settled = settling & (self._settling == 0)
        if settled.any():
            self._move(settled)

    def settle(self, which: NDArray[np.bool_]) -> None:
        """Expect a new level of these metrics from tomorrow on; for a week they have no limits."""
        self._settling[which] = SETTLING_DAYS

    def _move(self, which: NDArray[np.bool_]) -> None:
        """Shift the old baseline by the mean distance of the new week from its forecasts."""
        week = slice(WINDOW_DAYS - SETTLING_DAYS, WINDOW_DAYS)
        jump = np.zeros((len(self.cycles), SETTLING_DAYS))
        for index in range(SETTLING_DAYS):
            days, values = self._shifted_days[:, week][:, index], self._shifted[:, week][:, index]
            for tick in np.unique(days[which]):
                center = self.forecast(int(tick), np.zeros(len(self.cycles))).center
                jump[:, index] = np.where(days == tick, values - center, jump[:, index])
        known = ~np.isnan(self.values).all(axis=1) & which
        self.values[known] += jump.mean(axis=1)[known, None]
        for index in range(SETTLING_DAYS):
            self._push(self.values, self.days, which, 0, self._shifted[:, week][:, index])
            self.days[which, -1] = self._shifted_days[which, week][:, index]

    @staticmethod
    def _push(
        values: Floats, days: Floats, which: NDArray[np.bool_], tick: int, today: Floats
    ) -> None:
        values[which, :-1], days[which, :-1] = values[which, 1:], days[which, 1:]
        values[which, -1], days[which, -1] = today[which], tick


def _common_slope(ago: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Least-squares slope of each metric within its groups, and the sum of squares of `ago`."""
    ago_squares = np.maximum((ago**2).sum(axis=1), 1e-9)
    return (ago * values).sum(axis=1) / ago_squares, ago_squares


def _reach(size: Ints, mean_ago: Floats, ago_squares: Floats) -> Floats:
    """Variance of a forecast's error, in residual variances.

    Today's own noise, the uncertainty of its group's mean, and that of the slope over the distance
    from the group's mean day to today.
    """
    return np.asarray(1 + 1 / np.maximum(size, 1) + mean_ago**2 / ago_squares)


def limits(forecast: Forecast, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Lower and upper limit on the scale, from each side's tail probability (0 = no limit)."""
    from scipy.special import stdtrit

    errors_down = stdtrit(forecast.freedom, np.where(lower > 0, lower, 0.5))
    errors_up = -stdtrit(forecast.freedom, np.where(upper > 0, upper, 0.5))
    low = np.where(lower > 0, forecast.center + errors_down * forecast.error, -np.inf)
    high = np.where(upper > 0, forecast.center + errors_up * forecast.error, np.inf)
    return low, high
