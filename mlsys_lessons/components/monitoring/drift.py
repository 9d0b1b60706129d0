"""How far a column has moved: the statistics of the field, as pure functions of two samples.

Each takes (reference, current) and returns the statistic as a float, never a p-value: with a
million rows a p-value measures the number of rows. `ks_test` and `chi2_test` return both, for the
statistical question. Nothing here decides what is too far; alerts.py does. Conventions are
arguments, because a PSI without its binning rule is not a number: on one undrifted column two
libraries report .0010 and .028.

Longer than most: one short function for each statistic, whose docstring is its convention. The
formulas on counts (`*_of_counts`) also serve a reference that is prepared once (prepared.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring.bins import (
    MOST_BINS,
    category_counts,
    doane_counts,
    numeric_counts,
)
from mlsys_lessons.components.monitoring.ranks import Ordered
from mlsys_lessons.components.monitoring.samples import (
    Codes,
    Floats,
    Sample,
    is_categorical,
    missing_share,
    numeric_pair,
    numeric_pair_with_missing,
)
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import positive, whole_number, within

PSI_EDGES = ("reference_quantiles", "pooled_width")
EVIDENTLY_FILL = 1e-4


def psi(
    reference: Sample,
    current: Sample,
    *,
    bins: int | str = 10,
    floor: float | None = 1e-4,
    edges: str = "reference_quantiles",
) -> float:
    """Population stability index: the sum over bins of (c - r) ln(c / r) of the shares.

    Why it matters: the number most banks put in their reports. It sees a moved bulk and is blind
    to one row in a hundred that is a hundred times too large.

    Parameters
    ----------
    reference, current
        One column each: numbers (NaN = missing) or categories. Missing values are a bin of their
        own. Categories are compared over the union of the values.
    bins
        Number of bins of a numeric column, or a rule of `numpy.histogram_bin_edges` by name
        ("sturges", only with pooled_width).
    floor
        Shares below it count as the floor. None = Evidently's fill: only empty bins, by 1e-4 or
        by a millionth of the smallest share where that is not above 1e-4.
    edges
        "reference_quantiles": inner edges at the reference's quantiles, bins closed on the right
        (a repeated quantile gets a bin for itself). "pooled_width": equal widths over both
        samples (Evidently with bins="sturges", floor=None; Frouros with bins=10, floor=2.3e-308).

    Errors: InputError for empty, infinite or non-column input and for a convention that does not
    exist. Under no drift E[PSI] = (B - 1)(1/n + 1/m).

    >>> rng = np.random.default_rng(0)
    >>> psi(np.arange(1000.0), np.arange(1000.0))
    0.0
    >>> round(psi(rng.normal(0, 1, 5000), rng.normal(0.5, 1, 5000)), 2)
    0.27

    Source: Siddiqi, Credit Risk Scorecards, 2006; Yurdakul, 2018, for its distribution.
    """
    _check_convention(bins, floor, edges)
    if is_categorical(reference, current):
        counts = category_counts(reference, current, missing=True)
    else:
        counts = numeric_counts(*numeric_pair_with_missing(reference, current), bins, edges)
    return psi_of_counts(*counts, floor=floor)


def psi_of_counts(
    reference: NDArray[np.integer], current: NDArray[np.integer], *, floor: float | None = 1e-4
) -> float:
    """PSI from the counts of the same bins: for a reference that is a histogram, not rows.

    >>> round(psi_of_counts(np.array([50, 50]), np.array([60, 40])), 4)
    0.0405
    """
    expected = _filled(reference / reference.sum(), floor)
    actual = _filled(current / current.sum(), floor)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def ks(reference: Sample, current: Sample) -> float:
    """Kolmogorov-Smirnov: the largest gap between the two distribution functions, in 0..1.

    Why it matters: no bins, so no convention to argue about; but it looks at the bulk, and a
    broken tail of one percent moves it by one percent. Missing values are dropped: watch their
    rate by itself. Numbers only.

    >>> ks([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
    0.5

    Source: Hodges, The significance probability of the Smirnov two-sample test, 1958.
    """
    first, second = numeric_pair(reference, current)
    few, many = sorted((first, second), key=len)
    return Ordered.of(few).gap(many)


def ks_test(reference: Sample, current: Sample) -> tuple[float, float]:
    """Kolmogorov-Smirnov statistic and its two-sided p-value (scipy: exact up to 10,000 rows).

    >>> ks_test([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0])
    (0.5, 0.7714285714285716)
    """
    from scipy.stats import ks_2samp

    first, second = numeric_pair(reference, current)
    result = ks_2samp(first, second)
    return float(result.statistic), float(result.pvalue)


def jensen_shannon(reference: Sample, current: Sample, *, base: float = 2.0) -> float:
    """Jensen-Shannon distance: the root of the divergence to the mixture; 0..1 in base 2.

    Why it matters: bounded, symmetric and finite when a bin is empty, so it needs no floor.
    Numbers are cut at Doane's edges on the reference, and mass outside them is one more bin;
    categories are compared by value. Missing values are dropped. A base of e gives Evidently's
    figure, 2 gives NannyML's.

    >>> jensen_shannon(["a", "a"], ["b", "b"])
    1.0
    >>> round(jensen_shannon(["a", "b"], ["a", "a"], base=np.e), 4)
    0.4645

    Source: Endres and Schindelin, A new metric for probability distributions, 2003; Doane, 1976.
    """
    if positive("base", base) <= 1:
        raise InputError(f"base={base!r}; a logarithm's base is above 1, such as 2.")
    if is_categorical(reference, current):
        first, second = category_counts(reference, current, missing=False)
    else:
        first, second = doane_counts(*numeric_pair(reference, current))
    return jensen_shannon_of_counts(first, second, base=base)


def jensen_shannon_of_counts(
    reference: NDArray[np.integer], current: NDArray[np.integer], *, base: float = 2.0
) -> float:
    """Jensen-Shannon distance from the counts of the same bins.

    >>> jensen_shannon_of_counts(np.array([2, 0]), np.array([0, 2]))
    1.0
    """
    p, q = reference / reference.sum(), current / current.sum()
    middle = (p + q) / 2
    nats = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return float(np.sqrt(min(max(nats, 0.0), np.log(2)) / np.log(base)))


def wasserstein(reference: Sample, current: Sample, *, scaled: bool = False) -> float:
    """Earth mover's distance: the area between the two distribution functions.

    Why it matters: it is in the column's own unit (euros), so people can read it, and it grows with
    the distance that mass has moved, so it sees a unit bug that PSI does not. `scaled=True` divides
    by the reference's standard deviation. Missing values are dropped. Numbers only.

    >>> wasserstein([0.0, 1.0, 3.0], [5.0, 6.0, 8.0])
    5.0

    Source: Vallender, Calculation of the Wasserstein distance on the line, 1974.
    """
    first, second = numeric_pair(reference, current)
    unit = float(np.std(first)) if scaled else 1.0
    if unit == 0.0:
        raise InputError(
            f"reference is the constant {first[0]!r}; its sd of 0 cannot scale: use scaled=False."
        )
    points = np.concatenate([np.sort(first), np.sort(second)])
    order = np.argsort(points, kind="stable")  # merges the two sorted runs
    steps = np.where(order < len(first), 1.0 / len(first), -1.0 / len(second))
    gaps = np.diff(points[order])
    return float(np.sum(np.abs(np.cumsum(steps)[:-1]) * gaps)) / unit


def chi2(reference: Sample, current: Sample) -> float:
    """Pearson's chi-square of the contingency table of two samples, without correction.

    Why it matters: both samples are samples. The goodness-of-fit variant takes the reference for
    the truth and finds drift in its noise: p = 1e-4 where this table says .55. Missing values are
    dropped; numbers count as categories.

    >>> chi2(["a"] * 10 + ["b"] * 10, ["a"] * 15 + ["b"] * 5)
    2.666666666666667

    Source: Pearson, On the criterion, 1900.
    """
    return chi2_of_counts(*_contingency(reference, current))


def chi2_of_counts(reference: NDArray[np.integer], current: NDArray[np.integer]) -> float:
    """Pearson's chi-square from the counts of the same values, each counted at least once.

    >>> chi2_of_counts(np.array([10, 10]), np.array([15, 5]))
    2.666666666666667
    """
    table = np.array([reference, current], dtype=np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(np.sum((table - expected) ** 2 / expected))


def chi2_test(reference: Sample, current: Sample) -> tuple[float, float]:
    """The contingency chi-square and its p-value on (values - 1) degrees of freedom.

    >>> statistic, p = chi2_test(["a"] * 10 + ["b"] * 10, ["a"] * 15 + ["b"] * 5)
    >>> round(p, 4)
    0.1025
    """
    from scipy.special import chdtrc

    counts = _contingency(reference, current)
    statistic, values = chi2_of_counts(*counts), len(counts[0])
    return statistic, float(chdtrc(values - 1, statistic)) if values > 1 else 1.0


def chi2_goodness_of_fit(reference: Sample, current: Sample) -> tuple[float, float]:
    """Chi-square of the current counts against the reference taken for the truth, and its p-value.

    Why it matters: the convention of Evidently and whylogs. It forgets that the reference is a
    sample too, so with as many rows on both sides its statistic is about twice `chi2_test`'s and
    undrifted columns are called drifted. A value that the reference lacks makes it infinite, p = 0.

    >>> chi2_goodness_of_fit(["a"] * 10 + ["b"] * 10, ["a"] * 15 + ["b"] * 5)[0]
    5.0

    Errors: as in `chi2`. Source: Pearson, On the criterion, 1900; scipy.stats.chisquare.
    """
    from scipy.special import chdtrc

    first, second = _contingency(reference, current)
    if (first == 0).any():
        return float("inf"), 0.0
    expected = first / first.sum() * second.sum()
    statistic = float(np.sum((second - expected) ** 2 / expected))
    return statistic, float(chdtrc(len(first) - 1, statistic)) if len(first) > 1 else 1.0


def l_infinity(reference: Sample, current: Sample) -> float:
    """L-infinity distance: the largest difference of one value's shares, in 0..1.

    Why it matters: the first figure of a report that names its culprit, since one value has moved
    by so much; and many small moves together stay small in it. Shares are over the union of the
    values, so a new one counts with its whole share (NannyML's convention). Missing values are
    dropped; numbers count as categories.

    Errors: InputError for input that is empty, all missing or no column of one type.

    >>> l_infinity(["a", "a", "b", "b"], ["a", "b", "b", "c"])
    0.25

    Source: Breck et al., Data validation for machine learning, 2019.
    """
    return l_infinity_of_counts(*_contingency(reference, current))


def l_infinity_of_counts(reference: NDArray[np.integer], current: NDArray[np.integer]) -> float:
    """Largest difference of shares from the counts of the same values.

    >>> l_infinity_of_counts(np.array([3, 1]), np.array([1, 1]))
    0.25
    """
    return float(np.abs(reference / reference.sum() - current / current.sum()).max())


def missing_rate_difference(reference: Sample, current: Sample) -> float:
    """Share of missing values now, minus the share in the reference; in -1..1.

    Why it matters: nearly every drift statistic drops missing values, so a doubled missing rate
    shows in no other figure. A column of any type will do, and an all-missing one too.

    Errors: InputError for input that is empty or no column.

    >>> missing_rate_difference([1.0, 2.0, None, 4.0], [None, None, 3.0, 4.0])
    0.25

    Source: Schelter et al., Automating large-scale data quality verification, 2018 (completeness).
    """
    return missing_share(current, "current") - missing_share(reference, "reference")


def unseen_rate(reference: Sample, current: Sample) -> float:
    """Share of current values that the reference does not hold, in 0..1.

    Why it matters: an encoder fitted on the reference has no code for them, so the model guesses
    about just these rows. One new spelling of a country is enough. Missing values are dropped;
    numbers count as categories.

    Errors: InputError for input that is empty, all missing or no column of one type.

    >>> unseen_rate(["DE", "FR", "FR"], ["DE", "FR", "de", None, "FR"])
    0.25

    Source: Breck et al., Data validation for machine learning, 2019 (values outside the domain).
    """
    return unseen_rate_of_counts(*_contingency(reference, current))


def unseen_rate_of_counts(reference: NDArray[np.integer], current: NDArray[np.integer]) -> float:
    """Share of current values that the reference does not hold, from counts of the same values.

    >>> unseen_rate_of_counts(np.array([3, 0]), np.array([3, 1]))
    0.25
    """
    return float(current[reference == 0].sum() / current.sum())


def _check_convention(bins: int | str, floor: float | None, edges: str) -> None:
    if edges not in PSI_EDGES:
        raise InputError(f"edges={edges!r}; choose one of {PSI_EDGES}.")
    if not isinstance(bins, str):
        whole_number("bins", bins, 2, MOST_BINS)
    elif edges != "pooled_width":
        raise InputError(
            f"bins={bins!r} with edges={edges!r}; pass a whole number of at least 2, or a numpy "
            "rule by name together with edges='pooled_width'."
        )
    if floor is not None:
        within("floor", positive("floor", floor), high=1.0)


def _contingency(reference: Sample, current: Sample) -> tuple[Codes, Codes]:
    if not is_categorical(reference, current):
        numeric_pair_with_missing(reference, current)  # refuses what is no number
    return category_counts(reference, current, missing=False)


def _filled(shares: Floats, floor: float | None) -> Floats:
    if floor is not None:
        return np.maximum(shares, floor)
    smallest = float(shares[shares > 0].min())
    fill = smallest / 1e6 if smallest <= EVIDENTLY_FILL else EVIDENTLY_FILL
    return np.where(shares > 0, shares, fill)


def _relative_entropy(p: Floats, q: Floats) -> float:
    used = p > 0
    return float(np.sum(p[used] * np.log(p[used] / q[used])))
