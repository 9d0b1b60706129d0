"""Frames: what is done to any frame, whatever its columns mean.

Adding columns at the right, putting frames on top of each other, the arrays under columns, a
category column's codes. What pandas keeps to itself is called here alone. Nothing here
knows a stage or a domain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas._libs.internals import BlockPlacement
from pandas.core.internals.blocks import get_block_type
from pandas.core.internals.managers import BlockManager

from mlsys_lessons.errors import StateError
from mlsys_lessons.records import milliseconds

_PILE = 16
_TIME = np.dtype("datetime64[ms]")  # of every column of times


def pile(frames: list[pd.DataFrame], frame: pd.DataFrame) -> None:
    """Append a frame; sixteen of about one size become one, so that a day of single rows is small.

    Why it matters: a frame of one row weighs as much as one of a thousand, and a process that keeps
    a hundred thousand of them stops for seconds whenever Python looks for garbage.

    >>> frames: list[pd.DataFrame] = []
    >>> for row in range(100):
    ...     pile(frames, pd.DataFrame({"row": [row]}))
    >>> [len(frame) for frame in frames]
    [16, 16, 16, 16, 16, 16, 1, 1, 1, 1]
    """
    frames.append(frame)
    while len(frames) >= _PILE and len({_magnitude(frame) for frame in frames[-_PILE:]}) == 1:
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
        and any(frame[name].dtype != dtype for frame in frames[1:])
    ]
    for name in mixed:
        values = [value for frame in frames for value in frame[name].cat.categories]
        union = pd.CategoricalDtype(pd.unique(np.array(values, dtype=object)))
        frames = [frame.assign(**{str(name): frame[name].astype(union)}) for frame in frames]
    return pd.concat(frames)


def categorical(codes: NDArray[np.integer], dtype: pd.CategoricalDtype) -> pd.Categorical:
    """A categorical column from codes that are known to be good (no per-value check).

    >>> words = pd.CategoricalDtype(["pay", "hold", "stop"])
    >>> categorical(np.array([0, 2], dtype=np.int8), words).tolist()
    ['pay', 'stop']
    """
    return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)


def extend(frame: pd.DataFrame, columns: Mapping[str, object]) -> pd.DataFrame:
    """The frame with new columns at its right; editing an existing one is refused.

    Every stage adds its columns through here, so one row of the log is one request's whole life.
    What `pd.concat(axis=1)` is, at a fifth of the price: the frames share their blocks, and by
    pandas' own count of who shares what, an edit in place stays in its frame.

    >>> extend(pd.DataFrame({"a": [1]}), {"b": [2]}).to_dict("list")
    {'a': [1], 'b': [2]}
    """
    names = frame.columns.tolist()
    twice = [name for name in columns if name in names]
    if twice:
        raise StateError(f"column {twice[0]!r} is already there; the log only grows to the right.")
    if not columns:
        return frame.copy(deep=False)
    left, right = frame._mgr, framed(columns, frame.index)._mgr
    kept, added = ([block.copy(deep=False) for block in one.blocks] for one in (left, right))
    for block in added:
        block.mgr_locs = block.mgr_locs.add(len(names))
    return _assembled((*kept, *added), (*names, *columns), frame.index)


def framed(columns: Mapping[str, Any], index: pd.Index | None = None) -> pd.DataFrame:
    """A frame around arrays that nobody else will change; they are neither copied nor looked into.

    What `pd.DataFrame(columns, index, copy=False)` is, at a tenth of the price; a day makes
    twenty. Columns that are not arrays of numbers, times or categories of one length go that way.

    >>> framed({"amount": np.array([2.5, 7.0]), "seen": np.array([True, False])})
       amount   seen
    0     2.5   True
    1     7.0  False
    """
    lengths = {len(column) if _is_plain(column) else None for column in columns.values()}
    if len(lengths) != 1 or None in lengths or (index is not None and len(index) not in lengths):
        return pd.DataFrame(dict(columns), index=index, copy=False)
    index = pd.RangeIndex(lengths.pop()) if index is None else index
    blocks = tuple(_block(column, place) for place, column in enumerate(columns.values()))
    return _assembled(blocks, tuple(columns), index)


def _is_plain(column: object) -> bool:
    if isinstance(column, np.ndarray):
        return column.ndim == 1 and (column.dtype.kind in "biuf" or column.dtype == _TIME)
    return isinstance(column, pd.Categorical)


def _block(column: Any, place: int) -> Any:
    """A column as a block of its own, as pandas keeps it: two-dimensional if it is an array."""
    if isinstance(column, np.ndarray):
        column = column[None, :]
        if column.dtype == _TIME:
            column = pd.arrays.DatetimeArray._simple_new(column, dtype=_TIME)
    return get_block_type(column.dtype)(
        column, placement=BlockPlacement(slice(place, place + 1)), ndim=2
    )


def _assembled(blocks: tuple[Any, ...], names: tuple[str, ...], index: pd.Index) -> pd.DataFrame:
    axes = [_named(names).view(), index]
    return pd.DataFrame._from_mgr(BlockManager(blocks, axes, verify_integrity=False), axes)


@lru_cache(maxsize=256)
def _named(names: tuple[str, ...]) -> pd.Index:
    return pd.Index(names)


def array_of(frame: pd.DataFrame, name: str, dtype: type | None = None) -> Any:
    """The array under a column: numbers and times as numpy's, nobody's to change, words as codes.

    What `frame[name].values` is, at a tenth of the price: a day asks for some two hundred columns,
    and the Series around each, made and thrown away, was a fifth of its time. Raises KeyError for
    a column that is not there.

    >>> array_of(pd.DataFrame({"amount": [2.5, 7.0]}), "amount")
    array([2.5, 7. ])
    """
    manager, place = frame._mgr, frame.columns.get_loc(name)
    held = manager.blocks[manager.blknos[place]].values
    if isinstance(held, pd.Categorical):
        return held
    if isinstance(held, pd.arrays.DatetimeArray) and held.tz is None:
        held = held._ndarray
    if not isinstance(held, np.ndarray):
        return np.asarray(frame[name], dtype=dtype)
    view = np.asarray(held[manager.blklocs[place]], dtype=dtype)
    view.setflags(write=False)
    return view


def subset(frame: pd.DataFrame, names: Iterable[str], rows: Any = slice(None)) -> pd.DataFrame:
    """Some columns of some rows, as a frame of their own whose rows are numbered from 0.

    >>> subset(pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]}), ("c", "a"), [1])
       c  a
    0  6  2
    """
    if isinstance(rows, np.ndarray) and rows.dtype == bool:
        rows = np.flatnonzero(rows)  # once, not for each column
    return framed({name: array_of(frame, name)[rows] for name in names})


def codes(column: pd.Series | pd.Categorical) -> NDArray[np.int8]:
    """The codes of a category column, -1 for a missing value: a view, not a copy.

    >>> codes(pd.Series(pd.Categorical(["b", None], ["a", "b"]))).tolist()
    [1, -1]
    """
    words = column.array if isinstance(column, pd.Series) else column
    held: NDArray[np.int8] = words.codes  # the accessor `.cat` costs ten times as much
    return held


def has_action(frame: pd.DataFrame, action: int, column: str = "action") -> NDArray[np.bool_]:
    """Which rows have one action, a code of records.py.

    >>> day = pd.DataFrame({"action": pd.Categorical(["pay", "stop"], ["pay", "hold", "stop"])})
    >>> has_action(day, 2).tolist()
    [False, True]
    """
    return np.asarray(codes(array_of(frame, column)) == action)


def words(column: pd.Series | pd.Categorical) -> pd.Index:
    """The vocabulary of a category column."""
    assert isinstance(column.dtype, pd.CategoricalDtype)
    return column.dtype.categories


def in_words(column: pd.Series | pd.Categorical, wanted: Collection[str]) -> NDArray[np.bool_]:
    """Which rows of a category column hold one of some words.

    >>> in_words(pd.Series(pd.Categorical(["b", None], ["a", "b"])), ("b", "c")).tolist()
    [True, False]
    """
    is_wanted = np.array([*(word in wanted for word in words(column).tolist()), False])  # missing
    return np.asarray(is_wanted.take(codes(column)))


def codes_in(column: Any, vocabulary: pd.Index) -> NDArray[np.int64]:
    """The place of each value in a vocabulary, -1 outside it, whatever else its column may hold.

    `column` is a Series or the array under one. Numbers pass as they are: an id, or codes that
    somebody has looked up already.

    >>> codes_in(pd.Series(["b", "x", "a"]), pd.Index(["a", "b"])).tolist()
    [1, -1, 0]
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        held = codes(column)
        own = column.dtype.categories
        if own is vocabulary or own.equals(vocabulary):
            return np.asarray(held, dtype=np.int64)
        place = np.append(vocabulary.get_indexer(own), -1)
        return np.asarray(place[held], dtype=np.int64)
    if column.dtype.kind in "iu":
        return np.asarray(column, dtype=np.int64)
    return np.asarray(vocabulary.get_indexer(pd.Index(column)), dtype=np.int64)


def in_arrival_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows by arrival time; those that arrive together stay as they came."""
    arrival = milliseconds(array_of(frame, "arrival_time"))
    if bool((arrival[1:] >= arrival[:-1]).all()):
        return frame
    return frame.iloc[np.argsort(arrival, kind="stable")]
