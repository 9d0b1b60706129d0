"""Two values: whether they are the same, and where they are not.

What an answer should have been is known by its caller; the sentence that a learner reads about the
idea they missed stands in a question's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.lessons.wording import describe

TOLERANCE = 1e-6  # relative and absolute: so close two numbers are the same
_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth")
_FEW = 6  # values that are read at a glance


def same(value: Any, due: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two values agree: shape, labels and numbers, within a tolerance.

    >>> same(np.array([1.0, np.nan]), [1.0, np.nan]), same([1, 2], [1, 2, 3]), same("a", 1)
    (True, False, False)
    """
    if isinstance(due, pd.DataFrame | pd.Series):
        return _same_table(value, due, tolerance)
    if isinstance(due, Mapping):
        return (
            isinstance(value, Mapping)
            and set(value) == set(due)
            and all(same(value[key], due[key], tolerance) for key in due)
        )
    if isinstance(due, tuple) and any(np.ndim(part) for part in due):
        return (
            isinstance(value, tuple | list | np.ndarray)
            and len(value) == len(due)
            and all(same(one, other, tolerance) for one, other in zip(value, due, strict=True))
        )
    try:
        a, b = np.asarray(value), np.asarray(due)
    except ValueError:  # ragged: no array at all
        return False
    return a.shape == b.shape and not _differs(a, b, tolerance).any()


def _same_table(value: Any, due: pd.DataFrame | pd.Series, tolerance: float) -> bool:
    """The same for a frame or a series: type, index and columns as well; columns in any order."""
    labels = type(value) is type(due) and value.index.equals(due.index)
    if not labels or (isinstance(due, pd.DataFrame) and set(value) != set(due)):
        return False
    frames = [f.to_frame() if isinstance(f, pd.Series) else f[[*due]] for f in (value, due)]
    pairs = zip(*([f.iloc[:, i] for i in range(f.shape[1])] for f in frames), strict=True)
    return all(same(a.to_numpy(), b.to_numpy(), tolerance) for a, b in pairs)


def told_apart(value: Any, due: Any, tolerance: float = TOLERANCE) -> str:
    """Where an answer differs from what is due: the part, the row, both values.

    >>> told_apart(np.r_[np.zeros(59), 1.0], np.zeros(60))
    'yours gives 1 at [59] where 0 is due (1 of 60 values)'
    >>> told_apart({"D": 1, "M": 3}, {"D": 1, "M": 2})
    "under 'M' yours gives 3 where 2 is due"
    >>> told_apart((1, 5), (1, 2)), told_apart(3, 4)
    ('in the second of the 2 yours gives 5 where 2 is due', 'yours gives 3 where 4 is due')
    """
    for where, one, other in _parts(value, due):
        if not same(one, other, tolerance):
            return f"{where} {told_apart(one, other, tolerance)}"
    if isinstance(value, np.ndarray | pd.Series) and np.shape(value) == np.shape(due):
        a, b = np.asarray(value), np.asarray(due)
        rows = np.flatnonzero(_differs(a, b, tolerance))
        if a.ndim == 1 and len(a) > _FEW and len(rows):
            at = rows[0]
            both = f"yours gives {describe(a[at])} at [{at}] where {describe(b[at])} is due"
            return f"{both} ({len(rows):,} of {len(a):,} values)"
    return f"yours gives {describe(value)} where {describe(due)} is due"


def _parts(value: Any, due: Any) -> list[tuple[str, Any, Any]]:
    """The parts of two values that are made alike, with the words for each."""
    if isinstance(value, tuple) and isinstance(due, tuple) and 1 < len(value) == len(due) <= _FEW:
        places = [f"in the {place} of the {len(due)}" for place in _PLACES]
        return list(zip(places, value, due, strict=False))
    if isinstance(value, Mapping) and isinstance(due, Mapping) and set(value) == set(due):
        return [(f"under {key!r}", value[key], due[key]) for key in due]
    if isinstance(value, pd.Series) and isinstance(due, pd.Series):
        return [("in the index", value.index.to_numpy(), due.index.to_numpy())]
    if isinstance(value, pd.DataFrame) and isinstance(due, pd.DataFrame):
        names = [("in the columns", *(np.array(sorted(map(str, f))) for f in (value, due)))]
        both = [name for name in due if name in value]
        return names + [(f"in column {name!r}", value[name], due[name]) for name in both]
    return []


def _differs(a: NDArray[Any], b: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    if a.dtype.kind in "biuf" and b.dtype.kind in "biuf":
        return ~np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    return np.asarray(a != b, dtype=bool)
