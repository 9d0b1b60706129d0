"""Any statistic of two samples against chance: shuffle the rows, and see how far that alone goes.

A p-value, or the interval without drift, for the statistics of drift.py that have no table of their
own, and for home-made ones. It defines no statistic, and says nothing about size: with a million
rows everything is significant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring.samples import (
    Sample,
    as_series,
    is_categorical,
    numeric_pair_with_missing,
)
from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import positive, whole_number, within

MOST_PERMUTATIONS = 1_000_000
_TIE = 1e-12  # relative: sums in another order differ by as much, and are ties


def permutation_test(
    statistic: Callable[[Any, Any], float],
    reference: Sample,
    current: Sample,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> tuple[float, float]:
    """A statistic and its permutation p-value, (1 + hits) / (1 + permutations).

    Why it matters: PSI and Jensen-Shannon have thresholds by custom and no p-values by theory.
    Without drift the rows are exchangeable, so shuffled samples show what chance alone does at
    just this number of rows. Whoever counts the data as one of the shuffles never reports p = 0.

    Parameters
    ----------
    statistic
        Called with two samples; large means far. It sees arrays of numbers (NaN = missing), or
        Categoricals.
    reference, current
        One column each, of one type; rows must be exchangeable (not one customer's many rows).
    permutations
        Number of shuffles, 1..1,000,000; the smallest p is 1 / (1 + permutations).
    seed
        Names the luck: the same seed gives the same p.

    Errors: InputError for samples of two types, empty or infinite ones, and a statistic that
    returns no finite number.

    >>> from mlsys_lessons.components.monitoring.drift import ks
    >>> permutation_test(ks, np.arange(10.0), np.arange(10.0) + 100)
    (1.0, 0.001)

    Source: Phipson and Smyth, Permutation p-values should never be zero, 2010.
    """
    whole_number("permutations", permutations, 1, MOST_PERMUTATIONS)
    whole_number("seed", seed, 0, 2**63 - 1)
    pooled, rows = _pooled(reference, current), len(reference)
    observed = _measured(statistic, pooled[:rows], pooled[rows:])
    by_chance = _by_chance(statistic, pooled, rows, permutations, seed)
    hits = int((by_chance >= observed - _TIE * abs(observed)).sum())
    return observed, (1 + hits) / (1 + permutations)


def no_drift_interval(
    statistic: Callable[[Any, Any], float],
    reference: Sample,
    current: Sample,
    *,
    level: float = 0.95,
    permutations: int = 999,
    seed: int = 0,
) -> tuple[float, float]:
    """In which range a statistic lies if nothing has drifted, at just these numbers of rows.

    Why it matters: .1 is a moderate change by custom, and an ordinary morning at 200 rows. The
    upper end is a limit that keeps its word: a share of (1 - level) / 2 of quiet days exceeds it.

    Parameters as in `permutation_test`; `level` is the interval's, in 0..1 (both excluded), and
    needs 2 / (1 - level) - 1 permutations at least. Errors: InputError as there, and for too few.

    >>> from mlsys_lessons.components.monitoring.drift import psi
    >>> rows = np.linspace(0, 1, 200)
    >>> low, high = no_drift_interval(psi, rows, rows, permutations=199)
    >>> bool(0.01 < low < high < 0.25)
    True

    Source: Phipson and Smyth, Permutation p-values should never be zero, 2010, read as a limit.
    """
    within("level", positive("level", level), high=1.0)
    whole_number("permutations", permutations, 1, MOST_PERMUTATIONS)
    whole_number("seed", seed, 0, 2**63 - 1)
    rank = int(round((1 - level) / 2 * (permutations + 1), 9))  # .05 is no binary fraction
    if rank < 1:
        raise InputError(
            f"permutations={permutations} cannot show a level of {level}; "
            f"take {math.ceil(2 / max(1 - level, 1e-6)) - 1:,d} or more."
        )
    pooled = _pooled(reference, current)
    values = np.sort(_by_chance(statistic, pooled, len(reference), permutations, seed))
    return float(values[rank - 1]), float(values[permutations - rank])


def _by_chance(
    statistic: Callable[[Any, Any], float], pooled: Any, rows: int, permutations: int, seed: int
) -> NDArray[np.float64]:
    """The statistic of shuffled samples, the first one with so many rows."""
    draw = stream(seed, "permutation_test")
    values = np.empty(permutations)
    for index in range(permutations):
        mixed = pooled[draw.permutation(len(pooled))]
        values[index] = _measured(statistic, mixed[:rows], mixed[rows:])
    return values


def _pooled(reference: Sample, current: Sample) -> Any:
    if not is_categorical(reference, current):
        return np.concatenate(numeric_pair_with_missing(reference, current))
    pair = as_series(reference, "reference"), as_series(current, "current")
    return pd.Categorical(np.concatenate([side.to_numpy(dtype=object) for side in pair]))


def _measured(statistic: Callable[[Any, Any], float], reference: Any, current: Any) -> float:
    value = float(statistic(reference, current))
    if not np.isfinite(value):
        raise InputError(
            f"the statistic returned {value} on {len(reference)} and {len(current)} rows; "
            "pass one that is finite on every pair of samples."
        )
    return value
