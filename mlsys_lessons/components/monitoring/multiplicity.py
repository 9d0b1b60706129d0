"""Many p-values at once: what each is worth when twenty columns are looked at every day.

Adjusted p-values for the tests of drift.py, to be held against the level one wanted for the whole
family. It tests nothing itself and decides no alert.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar, overload

import numpy as np

from mlsys_lessons.components.monitoring.samples import Floats
from mlsys_lessons.errors import InputError

Name = TypeVar("Name", bound=Hashable)


@overload
def bonferroni(p_values: Mapping[Name, float]) -> dict[Name, float]: ...
@overload
def bonferroni(p_values: Floats | list[float]) -> Floats: ...
def bonferroni(p_values: Mapping[Name, float] | Floats | list[float]) -> dict[Name, float] | Floats:
    """Bonferroni's adjusted p-values: each times their number, at most 1.

    Why it matters: twenty undrifted columns at 5 % cry wolf on two days out of three. Adjusted,
    the share of days with any false alarm stays below 5 %, whatever the columns share.

    Parameters: one p-value in 0..1 for each test, by name or as a one-dimensional array; the
    answer has the same form. InputError for anything else, NaN included.

    >>> bonferroni({"amount": 0.01, "country": 0.8})
    {'amount': 0.02, 'country': 1.0}

    Source: Dunn, Multiple comparisons among means, 1961.
    """
    values = _checked(p_values)
    return _in_the_form_of(p_values, np.minimum(values * len(values), 1.0))


@overload
def benjamini_hochberg(p_values: Mapping[Name, float]) -> dict[Name, float]: ...
@overload
def benjamini_hochberg(p_values: Floats | list[float]) -> Floats: ...
def benjamini_hochberg(
    p_values: Mapping[Name, float] | Floats | list[float],
) -> dict[Name, float] | Floats:
    """Adjusted p-values of Benjamini and Hochberg, which bound the false discovery rate.

    Why it matters: whoever looks at every alarm anyway asks how many of them are false. Held
    against 5 %, at most one alarm in twenty is, on average; independent or positively dependent
    tests are assumed. It finds more than Bonferroni where several columns have moved.

    Parameters: one p-value in 0..1 for each test, by name or as a one-dimensional array; the
    answer has the same form. InputError for anything else, NaN included.

    >>> benjamini_hochberg({"amount": 0.01, "country": 0.8, "hour": 0.02})
    {'amount': 0.03, 'country': 0.8, 'hour': 0.03}

    Source: Benjamini and Hochberg, Controlling the false discovery rate, 1995.
    """
    from scipy.stats import false_discovery_control

    values = _checked(p_values)
    adjusted = false_discovery_control(values) if len(values) else values
    return _in_the_form_of(p_values, adjusted)


def _checked(p_values: Mapping[Name, float] | Floats | list[float]) -> Floats:
    given = list(p_values.values()) if isinstance(p_values, Mapping) else p_values
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            f"p_values={p_values!r} must be numbers in 0..1, in one row or by name; drop a test "
            "that gave none."
        )
    return values


def _in_the_form_of(
    p_values: Mapping[Name, float] | Floats | list[float], adjusted: Floats
) -> dict[Name, float] | Floats:
    if isinstance(p_values, Mapping):
        return dict(zip(p_values, adjusted.tolist(), strict=True))
    return adjusted
