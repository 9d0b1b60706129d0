"""Frames: what is done to any frame, whatever its columns mean.

Adding columns at the right, putting frames on top of each other, reading a category column's codes.
Nothing here knows a stage or a domain.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.records import StateError

_PILE = 16


def pile(frames: list[pd.DataFrame], frame: pd.DataFrame) -> None:
    """Append a frame; sixteen of about one size become one, so that a day of single rows is small.

    Why it matters: a frame of one row weighs as much as one of a thousand, and a process that keeps
    a hundred thousand of them stops for seconds whenever Python looks for garbage.

    >>> frames: list[pd.DataFrame] = []
    >>> for row in range(100):
    ...     pile(frames, pd.DataFrame({"row": [row]}))
    >>> [len(each) for each in frames]
    [16, 16, 16, 16, 16, 16, 1, 1, 1, 1]
    """
    frames.append(frame)
    while len(frames) >= _PILE and len({_magnitude(each) for each in frames[-_PILE:]}) == 1:
        frames[-_PILE:] = [stacked(frames[-_PILE:])]


def _magnitude(frame: pd.DataFrame) -> int:
    return len(frame).bit_length() // (_PILE.bit_length() - 1)


def stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Frames with the same columns on top of each other; category columns keep being categories.

    >>> a = pd.DataFrame({"version": pd.Categorical(["v1"])})
    >>> b = pd.DataFrame({"version": pd.Categorical(["v2"])})
    >>> stacked([a, b])["version"].tolist(), str(stacked([a, b])["version"].dtype)
    (['v1', 'v2'], 'category')
    """
    if len(frames) == 1:
        return frames[0]
    mixed = [
        name
        for name, dtype in frames[0].dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype)
        and any(each[name].dtype != dtype for each in frames[1:])
    ]
    for name in mixed:
        values = [value for each in frames for value in each[name].cat.categories]
        union = pd.CategoricalDtype(pd.unique(np.array(values, dtype=object)))
        frames = [each.assign(**{str(name): each[name].astype(union)}) for each in frames]
    return pd.concat(frames)


def categorical(codes: NDArray[np.integer], dtype: pd.CategoricalDtype) -> pd.Categorical:
    """A categorical column from codes that are known to be good (no per-value check).

    >>> categorical(np.array([0, 2], dtype=np.int8), ACTION_DTYPE).tolist()
    ['approve', 'block']
    """
    return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)


def extend(frame: pd.DataFrame, columns: Mapping[str, object]) -> pd.DataFrame:
    """The frame with new columns at its right; editing an existing one is refused.

    Every stage adds its columns through here, so one row of the log is one request's whole life.

    >>> extend(pd.DataFrame({"a": [1]}), {"b": [2]}).to_dict("list")
    {'a': [1], 'b': [2]}
    """
    twice = [name for name in columns if name in frame.columns]
    if twice:
        raise StateError(f"column {twice[0]!r} is already there; the log only grows to the right.")
    added = pd.DataFrame(dict(columns), index=frame.index, copy=False)
    return pd.concat([frame, added], axis=1)
