"""Two samples made comparable: types, missing values, categories; and why others are refused.

The statistics in drift.py start from here, so that each of them is only its formula. Nothing is
measured in this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.errors import InputError

Sample: TypeAlias = NDArray[Any] | pd.Series | pd.Categorical | Sequence[Any]
Floats = NDArray[np.float64]
_LARGEST = 1e100
Codes = NDArray[np.int64]

_NUMERIC_INFERRED = {"floating", "integer", "mixed-integer-float", "decimal", "integer-na"}
_CATEGORY_INFERRED = {"string", "boolean", "empty"}


def numeric_pair(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    """Both samples as floats without missing values; anything but numbers is refused."""
    pair = numbers(reference, "reference"), numbers(current, "current")
    return _present(pair[0], "reference"), _present(pair[1], "current")


def missing_share(sample: Sample, role: str) -> float:
    """Share of missing values in a column of any type."""
    return float(pd.isna(as_series(sample, role)).mean())


def numeric_pair_with_missing(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    """Both samples as floats, missing values kept as NaN."""
    return numbers(reference, "reference"), numbers(current, "current")


def is_categorical(reference: Sample, current: Sample) -> bool:
    """Whether the pair is compared value by value; a pair of two kinds is refused.

    Categoricals, text and booleans are compared by value, numbers along their axis. Numbers that
    are only names (a merchant id) become categories by `.astype("category")`.
    """
    kinds = [kind_of(reference, "reference"), kind_of(current, "current")]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"reference is {kinds[0]} and current is {kinds[1]}; two samples of one column have "
            "one type, so convert one of them."
        )
    return kinds[0] == "categorical"


def counted(sample: Sample, role: str) -> tuple[pd.Index, Codes]:
    """The values of a column in order of appearance, and their counts behind the missing ones'."""
    codes, values = pd.factorize(as_series(sample, role))
    counts = np.bincount(codes + 1, minlength=len(values) + 1)
    return pd.Index(values).astype(object), counts.astype(np.int64)


def category_codes(reference: Sample, current: Sample) -> tuple[Codes, Codes, int]:
    """Both samples as codes into the union of their values (-1 = missing), and its size."""
    first, first_values = pd.factorize(as_series(reference, "reference"))
    second, second_values = pd.factorize(as_series(current, "current"))
    names = [pd.Index(values).astype(object) for values in (first_values, second_values)]
    union = names[0].union(names[1], sort=False)
    return _recode(first, first_values, union), _recode(second, second_values, union), len(union)


def _recode(codes: NDArray[np.intp], values: Any, union: pd.Index) -> Codes:
    lookup = np.append(union.get_indexer(pd.Index(values).astype(object)), -1)
    return np.asarray(lookup[codes], dtype=np.int64)


def present(values: Floats) -> Floats:
    """The values that are not missing; the array itself where none is."""
    missing = np.isnan(values)
    return values[~missing] if missing.any() else values


def _present(values: Floats, role: str) -> Floats:
    known = present(values)
    if not len(known):
        raise InputError(
            f"{role} holds {len(values)} values, all missing; this statistic drops missing values "
            "and needs at least one other (psi gives them a bin of their own)."
        )
    return known


def numbers(sample: Sample, role: str) -> Floats:
    """A column as floats, missing values as NaN; `role` names it in an error's sentence."""
    if isinstance(sample, np.ndarray) and sample.dtype.kind in "fiub" and sample.ndim == 1:
        values = sample.astype(np.float64, copy=False)
    else:
        series = as_series(sample, role)
        if kind_of(series, role) == "categorical" and series.dtype != bool:
            raise InputError(f"{role} is categorical; this statistic needs numbers: use chi2.")
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if not len(values):
        raise InputError(f"{role} is empty; a statistic needs at least one value on each side.")
    if max(np.fmax.reduce(values), -np.fmin.reduce(values)) > _LARGEST:  # whatever is missing
        raise InputError(
            f"{role} holds {int((np.abs(values) > _LARGEST).sum())} values that are infinite or "
            f"beyond {_LARGEST:g}, which no statistic can square; replace or drop them first "
            "(NaN stands for missing)."
        )
    return values


def as_series(sample: Sample, role: str) -> pd.Series:
    """A column as a series, whatever it came in; `role` names it in an error's sentence."""
    if isinstance(sample, (str, bytes)) or not hasattr(sample, "__len__"):
        raise InputError(f"{role} is a {type(sample).__name__}; pass a one-dimensional array.")
    if isinstance(sample, (dict, set, pd.DataFrame)) or getattr(sample, "ndim", 1) != 1:
        raise InputError(f"{role} is not one column of values; pass a one-dimensional array.")
    if not len(sample):
        raise InputError(f"{role} is empty; a statistic needs at least one value on each side.")
    if isinstance(sample, pd.Series):
        return sample
    if isinstance(sample, (np.ndarray, pd.api.extensions.ExtensionArray, pd.Index)):
        return pd.Series(sample, copy=False)
    return _from_sequence(sample, role)


def _from_sequence(sample: Sequence[Any], role: str) -> pd.Series:
    series = pd.Series(list(sample), dtype=object)
    if any(hasattr(value, "__len__") and not isinstance(value, str) for value in sample[:1]):
        raise InputError(f"{role} is nested; pass a one-dimensional array of values.")
    return series


def kind_of(sample: Sample, role: str) -> str:
    """Either "numeric" or "categorical"; other types (times, mixtures, complex) are refused."""
    series = as_series(sample, role)
    kind = getattr(series.dtype, "kind", "O")
    if isinstance(series.dtype, (pd.CategoricalDtype, pd.StringDtype)) or kind in "bSU":
        return "categorical"
    if kind in "fiu":
        return "numeric"
    inferred = pd.api.types.infer_dtype(series, skipna=True) if kind == "O" else str(series.dtype)
    if inferred in _NUMERIC_INFERRED:
        return "numeric"
    if inferred in _CATEGORY_INFERRED:
        return "categorical"
    raise InputError(
        f"{role} holds values of type {inferred}; pass numbers, text, booleans or a categorical."
    )
