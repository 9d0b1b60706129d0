"""The statistics of a canary: how many rows it takes, who saw which version, when one may look.

A canary answers a share of the traffic with a new version. These functions say what it could have
seen, whether the split was the one that was asked for, and what holds however often somebody looks.
They route nothing and decide nothing; rates are shares of rows, a fraud or block rate say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import positive, whole_number, within

MOST_ROWS = 2**53  # of an arm; a float counts no farther
TUNED_TO_ROWS = 10_000  # the size at which an interval for every look is narrowest (assumed)


class Arm(NamedTuple):
    """What one version did: rows, and how many of them counted as a hit."""

    hits: int
    rows: int


class Difference(NamedTuple):
    """The new version's rate less the old one's, with its interval."""

    estimate: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0 or self.high < 0


def rows_needed(rate: float, change: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Rows in each arm so that a two-sided test sees this change of a rate with this power.

    Why it matters: a rate of 1 % that rises by a tenth takes 163,000 rows in *each* arm. A canary
    of one per cent of a small business is clean because it is blind.

    `rate` and `rate + change` in 0..1 (both excluded), `change` not 0. Raises InputError otherwise.

    >>> rows_needed(0.01, 0.001)
    163095
    >>> round(16 * 0.01 * 0.99 / 0.001**2)  # the rule of thumb
    158400

    Source: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 2003; the rule of
    thumb: van Belle, Statistical Rules of Thumb, 2008.
    """
    other = _rate("rate + change", _rate("rate", rate) + change)
    if not change:
        raise InputError("change=0 can never be seen; name the smallest change that would hurt.")
    middle = (rate + other) / 2
    alone = _quantile(1 - _rate("alpha", alpha) / 2) * math.sqrt(2 * middle * (1 - middle))
    together = _quantile(_rate("power", power))
    together *= math.sqrt(rate * (1 - rate) + other * (1 - other))
    return max(1, math.ceil((alone + together) ** 2 / change**2))


def smallest_rise(rate: float, rows: int, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest rise of a rate that this many rows in each arm can see; NaN where they see none.

    Why it matters: it is what "the canary was clean" means: no rise larger than this.

    >>> round(smallest_rise(0.01, 163_095), 6), round(smallest_rise(0.01, 2_000), 3)
    (0.001, 0.011)
    """
    whole_number("rows", rows, 1, MOST_ROWS)
    low, high = 0.0, (1 - _rate("rate", rate)) * (1 - 1e-9)
    if rows_needed(rate, high, power=power, alpha=alpha) > rows:
        return float("nan")
    for _ in range(60):
        middle = (low + high) / 2
        seen = middle > 0 and rows_needed(rate, middle, power=power, alpha=alpha) <= rows
        low, high = (low, middle) if seen else (middle, high)
    return high


def difference(old: Arm, new: Arm, *, level: float = 0.95) -> Difference:
    """The new rate less the old one, with Newcombe's interval; for one look, agreed beforehand.

    >>> difference(Arm(10, 1_000), Arm(20, 1_000)).is_clear
    False

    Source: Newcombe, Interval estimation for the difference between proportions, method 10, 1998.
    """
    from scipy.stats import binomtest

    _rate("level", level)
    ends = []
    for hits, rows in (_arm(old), _arm(new)):
        limits = binomtest(hits, rows).proportion_ci(level, method="wilson")
        ends.append((hits / rows, limits.low, limits.high))
    (before, before_low, before_high), (now, now_low, now_high) = ends
    down = math.hypot(now - now_low, before_high - before)
    up = math.hypot(now_high - now, before - before_low)
    return Difference(now - before, now - before - down, now - before + up)


def difference_at_any_look(
    old: Arm, new: Arm, *, level: float = 0.95, tuned_to: int = TUNED_TO_ROWS
) -> Difference:
    """The same with an interval that holds at *every* look together: peek as often as you like.

    Why it matters: who looks each evening and stops at the first "significant" one is wrong far
    more often than one time in twenty. This interval is wider and never lies; `tuned_to` is the
    number of rows (of both arms) at which it is narrowest.

    >>> once, always = (f(Arm(10, 1_000), Arm(27, 1_000)) for f in (difference,
    ...                                                            difference_at_any_look))
    >>> once.is_clear, always.is_clear, always.low < once.low
    (True, False, True)

    Source: Johari and others, Peeking at A/B tests, 2017; Howard and others, Time-uniform
    confidence sequences, 2021 (normal mixture, asymptotic).
    """
    alpha = 1 - _rate("level", level)
    whole_number("tuned_to", tuned_to, 2, MOST_ROWS)
    (before, old_rows), (now, new_rows) = _arm(old), _arm(new)
    estimate, variance = now / new_rows - before / old_rows, 0.0
    for hits, rows in ((before, old_rows), (now, new_rows)):
        rate = (hits + 0.5) / (rows + 1)  # no arm without a hit is certain
        variance += rate * (1 - rate) / rows
    rows = old_rows + new_rows
    scale = 2 * math.log(1 / alpha) + math.log(1 + 2 * math.log(1 / alpha))
    relative = rows / tuned_to * scale  # rows x mixing variance, in units of one row's variance
    reach = math.sqrt(variance * (1 + 1 / relative) * math.log((1 + relative) / alpha**2))
    return Difference(estimate, estimate - reach, estimate + reach)


def sample_ratio_p(rows: Sequence[int], shares: Sequence[float]) -> float:
    """The p-value of a split that should have been in these shares (chi-square).

    Why it matters: a version that loses one row in a hundred, a crash or a timeout, loses the worst
    ones, and its rates look better for it. Below .0005 no rate of this canary means anything.

    `rows` and `shares` have one entry a version; shares add up to 1. Raises InputError otherwise.

    >>> round(sample_ratio_p([9_900, 100], [0.99, 0.01]), 2)
    1.0
    >>> sample_ratio_p([50_600, 49_400], [0.5, 0.5]) < 0.0005
    True

    Source: Fabijan and others, Diagnosing sample ratio mismatch, 2019.
    """
    from scipy.stats import chisquare

    if len(rows) != len(shares) or len(rows) < 2:
        raise InputError(f"{len(rows)} counts and {len(shares)} shares; pass two or more, as many.")
    counts = np.array([whole_number("rows", each, 0, MOST_ROWS) for each in rows], dtype=float)
    wanted = np.array([_rate("shares", each) for each in shares])
    if abs(wanted.sum() - 1) > 1e-9 or not counts.sum():
        raise InputError(f"shares={list(shares)!r} of {counts.sum():,.0f} rows; "
                         "shares must add up to 1, of one row or more.")  # fmt: skip
    return float(chisquare(counts, wanted * counts.sum()).pvalue)


def _arm(arm: Arm) -> tuple[int, int]:
    hits, rows = arm
    whole_number("rows", rows, 1, MOST_ROWS)
    return whole_number("hits", hits, 0, rows), rows


def _rate(name: str, value: float) -> float:
    """A share that is neither 0 nor 1."""
    if not 0 < positive(name, value) < 1:
        raise InputError(f"{name}={value!r} must lie between 0 and 1.")
    return within(name, value)


def _quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
