"""A p-value for any statistic of two samples: shuffle the rows and see how often chance does it.

For the statistics of drift.py that have no table of their own, and for home-made ones. It defines
no statistic, and says nothing about size: with a million rows everything is significant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.monitoring.samples import (
    Sample,
    as_series,
    is_categorical,
    numeric_pair_with_missing,
)
from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import whole_number

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
    pooled = _pooled(reference, current)
    rows, draw = len(reference), stream(seed, "permutation_test")
    observed = _measured(statistic, pooled[:rows], pooled[rows:])
    least, hits = observed - _TIE * abs(observed), 0
    for _ in range(permutations):
        mixed = pooled[draw.permutation(len(pooled))]
        hits += _measured(statistic, mixed[:rows], mixed[rows:]) >= least
    return observed, (1 + hits) / (1 + permutations)


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
