"""Which values of a column break its field's promise, as array masks; no per-row Python.

What a field promises is data (domain.py); what becomes of a row that breaks it is agreement.py's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import Field
from mlsys_lessons.frames import codes, codes_in

Mask = NDArray[np.bool_]


def broken(field: Field, values: pd.Series) -> Mask:
    """Which rows break a field's promise; a missing value always does.

    >>> broken(Field("amount", "float64", "payments gateway", minimum=0.01),
    ...        pd.Series([5.0, -1.0, float("nan")])).tolist()
    [False, True, True]
    """
    if field.words is not None:
        return codes_in(values, field.words.categories) < 0
    numbers = values.to_numpy()
    if field.minimum is None and field.maximum is None:
        return pd.isna(numbers)
    kept = True if field.minimum is None else numbers >= field.minimum
    return np.asarray(~(kept if field.maximum is None else kept & (numbers <= field.maximum)))


def missing(field: Field, values: pd.Series) -> Mask:
    """Which rows hold no value at all."""
    if field.words is not None:
        return np.asarray(codes(values) < 0)
    numbers = values.to_numpy()
    return np.zeros(len(numbers), bool) if numbers.dtype.kind in "iu" else pd.isna(numbers)
