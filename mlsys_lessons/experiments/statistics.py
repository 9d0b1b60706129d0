"""Statistics of paired experiments: intervals, tests, Holm's correction, AUC. It knows no claim.

One rule for every interval, written before the first run: from 15 seeds on, the bias-corrected and
accelerated bootstrap (Efron, 1987); below that, where the bootstrap is too narrow, the hull of the
bootstrap and Student's t, with the Shapiro-Wilk check of t's assumption told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.randomness import stream
from mlsys_lessons.records import InputError

FAMILY = 28  # claims in the course, whether they have been run yet or not
LEVEL = 0.95
FEW = 15  # below so many pairs the bootstrap alone is not to be trusted
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

    A ratio of means, not a mean of ratios: one seed with a small whole must not decide. The t side
    uses the residuals part - ratio x whole (the delta method; Cochran, Sampling Techniques, 1977).

    >>> ratio_interval([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    0.5 [0.5, 0.5]
    """
    over, under = _checked(parts), _checked(wholes)
    if len(over) != len(under):
        raise InputError(f"{len(over)} parts and {len(under)} wholes; pairs need as many of both.")
    return _interval(over, under, resamples)


def _interval(parts: Values, wholes: Values, resamples: int) -> Interval:
    pairs = len(parts)
    estimate = float(parts.mean() / wholes.mean())
    residuals = parts - estimate * wholes
    if np.ptp(residuals) <= 1e-9 * max(1.0, float(np.abs(parts).max())):
        return Interval(estimate, estimate, estimate, "all pairs agree", pairs)
    low, high = _bootstrap(parts, wholes, resamples)
    if pairs >= FEW:
        return Interval(estimate, low, high, f"BCa bootstrap, {resamples} resamples", pairs)
    reach = _student_reach(residuals) / abs(float(wholes.mean()))
    hull = min(low, estimate - reach), max(high, estimate + reach)
    method = f"hull of BCa bootstrap and t ({_normality(residuals)})"
    return Interval(estimate, *hull, method, pairs)


def _bootstrap(parts: Values, wholes: Values, resamples: int) -> tuple[float, float]:
    """BCa limits; with two or three pairs these do not exist, and t alone decides."""
    from scipy.stats import bootstrap

    if len(parts) < 4:
        return np.inf, -np.inf

    def ratio(over: Values, under: Values, axis: int = -1) -> Values:
        return np.asarray(over.mean(axis=axis) / under.mean(axis=axis))

    found = bootstrap(
        (parts, wholes), ratio, paired=True, vectorized=True, method="BCa",
        n_resamples=resamples, confidence_level=LEVEL, rng=stream(0, "bootstrap"),
    ).confidence_interval  # fmt: skip
    limits = float(found.low), float(found.high)
    return limits if np.isfinite(limits).all() else (np.inf, -np.inf)


def _student_reach(residuals: Values) -> float:
    from scipy.stats import t

    pairs = len(residuals)
    error = residuals.std(ddof=1) / np.sqrt(pairs)
    return float(t.ppf((1 + LEVEL) / 2, pairs - 1) * error)


def _normality(residuals: Values) -> str:
    from scipy.stats import shapiro

    if len(residuals) < 3:
        return "too few pairs to check normality"
    return f"Shapiro-Wilk p = {shapiro(residuals).pvalue:.2f}"


def p_value(differences: ArrayLike, threshold: float = 0.0) -> float:
    """Two-sided p of a t test that the mean difference equals the threshold.

    >>> p_value([1.0, 1.0, 1.0], 0.5)
    0.0
    """
    from scipy.stats import ttest_1samp

    values = _checked(differences)
    if np.ptp(values) <= 1e-9 * max(1.0, float(np.abs(values).max())):
        return float(abs(values.mean() - threshold) <= 1e-9)
    return float(ttest_1samp(values, threshold).pvalue)


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
