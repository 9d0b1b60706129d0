"""Which values of a column break its field's promise, as array masks; no per-row Python.

What a field promises is data (domain.py); what becomes of a row that breaks it is agreement.py's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import Field
from mlsys_lessons.frames import codes, codes_in

Mask = NDArray[np.bool_]


def broken(field: Field, values: Any, arrival: Any = None) -> Mask:
    """Which rows break a field's promise; a missing value always does.

    `values` is a Series or the array under one. A time that is promised to be past is held against
    the row's `arrival`, where that is given.

    >>> broken(Field("amount", "float64", "payments gateway", minimum=0.01),
    ...        pd.Series([5.0, -1.0, float("nan")])).tolist()
    [False, True, True]
    """
    if field.words is not None:
        return codes_in(values, field.words.categories) < 0
    numbers = np.asarray(values)
    mask = missing(field, numbers)
    if field.minimum is not None:
        mask |= numbers < field.minimum
    if field.maximum is not None:
        mask |= numbers > field.maximum
    if field.past and arrival is not None:
        mask |= numbers > np.asarray(arrival)
    return mask


def missing(field: Field, values: Any) -> Mask:
    """Which rows hold no value at all."""
    if field.words is not None:
        return np.asarray(codes(values) < 0)
    numbers = np.asarray(values)
    return np.zeros(len(numbers), bool) if numbers.dtype.kind in "iu" else pd.isna(numbers)
