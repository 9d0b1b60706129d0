"""Columns cut into bins: quantile, equal-width and Doane's edges, categories; counts of each.

A drift statistic over bins is a formula on two rows of counts, and a convention: how the bins were
cut. All conventions are here, and none of the formulas.
"""

from __future__ import annotations

import numpy as np

from mlsys_lessons.components.monitoring.samples import Codes, Floats, Sample, category_codes
from mlsys_lessons.errors import InputError

MOST_BINS = 10_000
_TINY = 1e-100  # the cube of a smaller spread is no float any more
NUMPY_RULES = ("auto", "doane", "fd", "rice", "scott", "sqrt", "stone", "sturges")


def quantile_edges(values: Floats, bins: int) -> Floats:
    """Inner edges of `bins` bins of equal mass, closed on the right.

    A quantile that repeats is a value with more than a bin's mass: it gets a bin for itself, or
    its smaller neighbours would hide in the same one.
    """
    quantiles = np.quantile(values, np.arange(1, bins) / bins)
    heavy = quantiles[:-1][quantiles[1:] == quantiles[:-1]]
    return np.unique(np.concatenate([quantiles, np.nextafter(heavy, -np.inf)]))


def bin_counts(values: Floats, edges: Floats) -> Codes:
    """How many values lie in each bin (closed on the right), the missing ones last.

    Nine comparisons of a column are several times cheaper than one binary search a row.
    """
    below = [int(np.count_nonzero(values <= edge)) for edge in edges]
    missing = int(np.count_nonzero(np.isnan(values)))
    return np.append(np.diff([0, *below, len(values) - missing]), missing).astype(np.int64)


def numeric_counts(
    reference: Floats, current: Floats, bins: int | str, edges: str
) -> tuple[Codes, Codes]:
    """Counts of two numeric samples in common bins, the missing values in the last one."""
    first, second = (sample[~np.isnan(sample)] for sample in (reference, current))
    if edges == "reference_quantiles" or not len(first) + len(second):
        inner = quantile_edges(first, int(bins)) if len(first) else np.empty(0)
        return bin_counts(reference, inner), bin_counts(current, inner)
    grid = _pooled_edges(np.concatenate([first, second]), bins)
    counts = [np.histogram(values, grid)[0] for values in (first, second)]
    missing = len(reference) - len(first), len(current) - len(second)
    if not any(missing):  # no empty bin where nothing is missing: Evidently's fill would count it
        return counts[0], counts[1]
    return np.append(counts[0], missing[0]), np.append(counts[1], missing[1])


def _pooled_edges(values: Floats, bins: int | str) -> Floats:
    if isinstance(bins, str) and bins not in NUMPY_RULES:
        raise InputError(f"bins={bins!r} is no rule that numpy knows; one of {NUMPY_RULES} is.")
    if bins in ("fd", "auto"):
        _refuse_dust(values, str(bins))
    try:
        return np.histogram_bin_edges(values, bins=bins)
    except ValueError:  # the values differ by less than floats can cut: they are one bin
        return np.nextafter([values.min(), values.max()], [-np.inf, np.inf])


def _refuse_dust(values: Floats, rule: str) -> None:
    """Refuse a rule that looks at the middle half, where a far outlier asks it for millions."""
    low, lower, upper, high = np.quantile(values, [0, 0.25, 0.75, 1])
    width = 2 * (upper - lower) / np.cbrt(len(values))  # Freedman and Diaconis, 1981
    if width > 0 and (high - low) / width > MOST_BINS:
        raise InputError(
            f"bins={rule!r} asks for {(high - low) / width:.1g} bins: {low:g}..{high:g} is wide "
            f"beside the middle half. At most {MOST_BINS:,}: pass a number, bins=10 say."
        )


def category_counts(reference: Sample, current: Sample, *, missing: bool) -> tuple[Codes, Codes]:
    """Counts over the union of the values; with `missing` the missing ones have the first bin."""
    first, second, values = category_codes(reference, current)
    start = 0 if missing else 1
    counts = [np.bincount(codes + 1, minlength=values + 1)[start:] for codes in (first, second)]
    for role, count in zip(("reference", "current"), counts, strict=True):
        if not count.sum():
            raise InputError(f"{role} holds no value besides missing ones; nothing to compare.")
    return counts[0], counts[1]


def doane_counts(reference: Floats, current: Floats) -> tuple[Codes, Codes]:
    """Counts between Doane's edges (closed on the left), mass outside them in one bin more."""
    grid = doane_edges(reference)
    return grid_counts(reference, grid), grid_counts(current, grid)


def doane_edges(reference: Floats) -> Floats:
    """Edges of equal widths from the smallest value to the largest, Doane's number of them."""
    low, high = float(reference.min()), float(reference.max())
    if low == high:
        low, high = low - 0.5, high + 0.5  # numpy's rule for a constant
    return np.linspace(low, high, _doane_bins(reference) + 1)


def grid_counts(values: Floats, grid: Floats) -> Codes:
    """How many values lie between edges (closed on the left), those outside them last."""
    below = [int(np.count_nonzero(values < edge)) for edge in grid[:-1]]
    inside = np.diff([*below, int(np.count_nonzero(values <= grid[-1]))])
    return np.append(inside, len(values) - inside.sum())


def _doane_bins(values: Floats) -> int:
    """Sturges' number of bins and some more for the sample's skewness."""
    n, deviation = len(values), values - values.mean()
    square = deviation * deviation
    spread = float(np.sqrt(square.mean()))
    if n < 3 or spread == 0.0:
        return 1
    if spread < _TINY:
        return _doane_bins(values / spread)
    cube = np.multiply(square, deviation, out=square)  # no third copy of a long column
    skewness = float(cube.mean()) / spread**3
    error = np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    return int(np.ceil(1.0 + np.log2(n) + np.log2(1.0 + abs(skewness) / error)))
