"""Columns cut into cells: quantile, equal-width and Doane's edges, categories; counts of each.

A drift statistic over cells is a formula on two rows of counts; its convention is how the cells
were cut. All of that is here, and none of the formulas.
"""

from __future__ import annotations

import numpy as np

from mlsys_lessons.components.monitoring.samples import Codes, Floats, Sample, category_codes
from mlsys_lessons.records import InputError


def quantile_edges(values: Floats, bins: int) -> Floats:
    """Inner edges of `bins` cells of equal mass, for cells closed on the right.

    A quantile that repeats is a value with more than a cell's mass: it gets a cell for itself,
    or everything that ties with it would hide inside.
    """
    quantiles = np.quantile(values, np.arange(1, bins) / bins)
    heavy = quantiles[:-1][quantiles[1:] == quantiles[:-1]]
    return np.unique(np.concatenate([quantiles, np.nextafter(heavy, -np.inf)]))


def cell_counts(values: Floats, edges: Floats) -> Codes:
    """How many values lie in each cell (closed on the right), the missing ones last.

    Nine comparisons of a column are several times cheaper than one binary search a row.
    """
    below = [int(np.count_nonzero(values <= edge)) for edge in edges]
    missing = int(np.count_nonzero(np.isnan(values)))
    return np.append(np.diff([0, *below, len(values) - missing]), missing).astype(np.int64)


def numeric_counts(
    reference: Floats, current: Floats, bins: int | str, edges: str
) -> tuple[Codes, Codes]:
    """Counts of two numeric samples in common cells, the missing values in the last one."""
    known, seen = reference[~np.isnan(reference)], current[~np.isnan(current)]
    if edges == "reference_quantiles" or not len(known) + len(seen):
        inner = quantile_edges(known, int(bins)) if len(known) else np.empty(0)
        return cell_counts(reference, inner), cell_counts(current, inner)
    grid = _pooled_edges(np.concatenate([known, seen]), bins)
    counts = [np.histogram(values, grid)[0] for values in (known, seen)]
    missing = len(reference) - len(known), len(current) - len(seen)
    if not any(missing):  # no cell for what nobody misses: Evidently's fill would price it
        return counts[0], counts[1]
    return np.append(counts[0], missing[0]), np.append(counts[1], missing[1])


def _pooled_edges(values: Floats, bins: int | str) -> Floats:
    try:
        return np.histogram_bin_edges(values, bins=bins)
    except ValueError as error:
        raise InputError(f"bins={bins!r} is no rule that numpy knows ({error}).") from None


def category_counts(reference: Sample, current: Sample, *, missing: bool) -> tuple[Codes, Codes]:
    """Counts over the union of the values, the missing ones first where they are wanted."""
    first, second, values = category_codes(reference, current)
    start = 0 if missing else 1
    counts = [np.bincount(codes + 1, minlength=values + 1)[start:] for codes in (first, second)]
    for role, count in zip(("reference", "current"), counts, strict=True):
        if not count.sum():
            raise InputError(f"{role} holds no value besides missing ones; nothing to compare.")
    return counts[0], counts[1]


def doane_counts(reference: Floats, current: Floats) -> tuple[Codes, Codes]:
    """Counts between Doane's edges (closed on the left), mass outside them in one cell more."""
    low, high = float(reference.min()), float(reference.max())
    if low == high:
        low, high = low - 0.5, high + 0.5  # numpy's rule for a constant
    grid = np.linspace(low, high, _doane_bins(reference) + 1)
    counts = []
    for values in (reference, current):
        below = [int(np.count_nonzero(values < edge)) for edge in grid[:-1]]
        inside = np.diff([*below, int(np.count_nonzero(values <= high))])
        counts.append(np.append(inside, len(values) - inside.sum()))
    return counts[0], counts[1]


def _doane_bins(values: Floats) -> int:
    """Sturges' number of cells plus what the sample's skewness asks for."""
    n, deviation = len(values), values - values.mean()
    square = deviation * deviation
    spread = float(np.sqrt(square.mean()))
    if n < 3 or spread == 0.0:
        return 1
    skewness = float((square * deviation).mean()) / spread**3
    error = np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    return int(np.ceil(1.0 + np.log2(n) + np.log2(1.0 + abs(skewness) / error)))
