"""Statistics of paired experiments: intervals, tests, Holm's correction, AUC. It knows no claim.

One rule for every interval: on either side bootstrap-t or Student's t, whichever reaches farther.
Of the candidates in intervals.py it misses the mean of real paired effects least (coverage.py).
At a stated 95 % and twenty pairs it covers 94 % of what a whole system is worth, and 90 to 92 %
where a few dear incidents make most of an effect; every other candidate misses more, so run more
seeds there. With two or three pairs there is nothing to resample, and Student's t decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.intervals import Samples, student, widest, widest_p

FAMILY = 28  # claims in the course, whether they have been run yet or not
LEVEL = 0.95
FEW = 4  # below so many pairs there is nothing to resample
RESAMPLES = 9_999

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval and how it was made."""

    estimate: float
    low: float
    high: float
    method: str
    pairs: int

    def __repr__(self) -> str:
        return f"{self.estimate:.4g} [{self.low:.4g}, {self.high:.4g}]"

    def columns(self, name: str) -> dict[str, float]:
        """The columns of a table that tell it: the estimate under its name, low and high.

        >>> mean_interval([1.0, 1.0]).columns("lost")
        {'lost': 1.0, 'low': 1.0, 'high': 1.0}
        """
        return {name: self.estimate, "low": self.low, "high": self.high}


def mean_interval(differences: ArrayLike, *, resamples: int = RESAMPLES) -> Interval:
    """The mean of paired differences with its interval.

    Why it matters: twins share their luck, so the difference is far less noisy than either side;
    an interval of two separate means would throw that away.

    Raises InputError for fewer than two pairs or values that are not finite.

    >>> mean_interval([1.0, 1.0, 1.0])
    1 [1, 1]
    """
    values = _checked(differences)
    return _interval(values, np.ones_like(values), resamples)


def ratio_interval(parts: ArrayLike, wholes: ArrayLike, *, resamples: int = RESAMPLES) -> Interval:
    """The ratio of two paired means with its interval.

    A ratio of means, not a mean of ratios: one seed with a small whole must not decide. Its error
    is that of the residuals part - ratio x whole (the delta method; Cochran, Sampling Techniques,
    1977), of each resample its own.

    >>> ratio_interval([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    0.5 [0.5, 0.5]
    """
    over, under = _checked(parts), _checked(wholes)
    if len(over) != len(under):
        raise InputError(f"{len(over)} parts and {len(under)} wholes; pairs need as many of both.")
    return _interval(over, under, resamples)


def _interval(parts: Values, wholes: Values, resamples: int) -> Interval:
    samples = Samples(parts[None], wholes[None], resamples)
    estimate, pairs = float(samples.estimate[0]), len(parts)
    if _agree(parts - estimate * wholes, parts):
        return Interval(estimate, estimate, estimate, "all pairs agree", pairs)
    limits, method = widest, f"bootstrap-t or Student's t, {resamples} resamples"
    if pairs < FEW:
        limits, method = student, "Student's t, too few pairs to resample"
    low, high = limits(samples, LEVEL)
    return Interval(estimate, float(low[0]), float(high[0]), method, pairs)


def _agree(errors: Values, values: Values) -> bool:
    """Whether there is nothing between the pairs but rounding."""
    return bool(np.ptp(errors) <= 1e-9 * max(1.0, float(np.abs(values).max())))


def p_value(differences: ArrayLike, threshold: float = 0.0, *, resamples: int = RESAMPLES) -> float:
    """Two-sided p that the mean difference equals the threshold, by the interval's own rule.

    It is never below 2 / (resamples + 1), which no correction of the course's family needs.

    >>> p_value([1.0, 1.0, 1.0], 0.5)
    0.0
    """
    from scipy.stats import ttest_1samp

    values = _checked(differences)
    if _agree(values, values):
        return float(abs(values.mean() - threshold) <= 1e-9)
    if len(values) < FEW:
        return float(ttest_1samp(values, threshold).pvalue)
    return float(
        widest_p(Samples(values[None], np.ones((1, len(values))), resamples), threshold)[0]
    )


def holm(p_values: Mapping[str, float], *, family: int = FAMILY) -> dict[str, float]:
    """Holm's adjusted p-values (1979) in a family of fixed size.

    Members of the family that are not given count as p = 1, so that a claim's verdict never gets
    worse when the next one is run. One claim alone is Bonferroni.

    >>> holm({"C2": 0.001, "C1": 0.01}, family=28)
    {'C2': 0.028, 'C1': 0.27}
    """
    if len(p_values) > family:
        raise InputError(f"{len(p_values)} p-values do not fit a family of {family}.")
    adjusted: dict[str, float] = {}
    worst = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda each: p_values[each])):
        worst = max(worst, min(1.0, (family - place) * p_values[name]))
        adjusted[name] = worst
    return adjusted


def crossing(settings: Mapping[float, float], level: float = 0.0) -> float | None:
    """Where a curve through a few settings first crosses a level, by straight lines; or None.

    >>> crossing({0.0: -1.0, 1.0: 1.0, 4.0: 2.0})
    0.5
    """
    points = sorted(settings.items())
    for (x0, y0), (x1, y1) in pairwise(points):
        if (y0 - level) * (y1 - level) < 0:
            return x0 + (x1 - x0) * (level - y0) / (y1 - y0)
    return None


def _checked(values: ArrayLike) -> Values:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all():
        raise InputError(f"{found!r} is not a list of two or more numbers; run at least two seeds.")
    return found
