"""Reading requests: the raw columns in their types, whatever the caller brought.

A column of which nothing can be read is the caller's mistake and stops the call. A single value is
not: what cannot be read is missing, and what breaks a promise passes. Judging rows is the
contract's work, so one bad row never stops good ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.domain import Domain, Field
from mlsys_lessons.records import InputError

_ILLEGIBLE = (TypeError, ValueError, OverflowError)
_MISSING = {"i": -1, "M": np.datetime64("NaT", "ms"), "f": np.nan}  # by kind of dtype


def parse(frame: pd.DataFrame, domain: Domain = DEFAULT_DOMAIN) -> pd.DataFrame:
    """The raw columns in their types, whatever the caller brought; legible values are left alone.

    A value outside its vocabulary or range passes. Among legible ones an illegible value becomes
    missing (an id: -1), which the contract will notice. Without the column `arrival_time` each row
    gets its event's own time, and a gap in it the latest of the frame. Raises InputError for a
    column that is absent, comes twice, or holds nothing that can be read.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> frame = world.day(0, world.start()).requests.head(3)
    >>> parse(frame.assign(amount=["12.50", "twelve", 12.5]))["amount"].tolist()
    [12.5, nan, 12.5]
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"requests came as {type(frame).__name__}; pass a pandas DataFrame.")
    hidden = [str(name) for name in frame.columns if str(name).startswith("true_")]
    if hidden:
        raise InputError(f"column {hidden[0]!r} is the world's secret; drop it before handle().")
    if "arrival_time" not in frame.columns and "event_time" in frame.columns:
        frame = frame.assign(arrival_time=frame["event_time"])
    absent = [name for name in domain.columns if name not in frame.columns]
    if absent:
        raise InputError(f"column {absent[0]!r} is absent; requests need {list(domain.columns)}.")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(f"column {twice[0]!r} comes twice; keep one of them.")
    columns = {field.name: _typed(field, frame[field.name]) for field in domain.fields}
    columns["arrival_time"] = _stamped(columns["arrival_time"])
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _stamped(arrival: pd.Series) -> pd.Series:
    """Arrival times without a gap."""
    if len(arrival) and arrival.isna().all():
        raise InputError(
            "every arrival_time is missing; send one, or leave the column out to have the "
            "event_time stand in for it."
        )
    return arrival.fillna(arrival.max()) if arrival.isna().any() else arrival


def _typed(field: Field, values: pd.Series) -> pd.Series:
    if field.categories is not None:
        return _worded(field.categories, values)
    wanted = np.dtype(field.dtype)
    if values.dtype == wanted:
        return values
    try:
        return _converted(values, wanted)
    except _ILLEGIBLE as error:
        legible = _salvaged(values, wanted)
        if bool((legible.isna() | (legible == _MISSING[wanted.kind])).all()):
            raise InputError(
                f"column {field.name!r} has type {values.dtype} and cannot be read as {wanted} "
                f"({error}); convert it before handle()."
            ) from None
        return legible


def _worded(agreed: tuple[str, ...], values: pd.Series) -> pd.Series:
    """A category column that begins with the agreed vocabulary; unknown words may follow."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        vocabulary = values.dtype.categories
        if tuple(vocabulary[: len(agreed)]) == agreed:
            return values
    text = values.astype(object).map(str, na_action="ignore")
    extra = [word for word in pd.unique(text.dropna()) if word not in agreed]
    return text.astype(pd.CategoricalDtype([*agreed, *extra]))


def _converted(values: pd.Series, wanted: np.dtype) -> pd.Series:
    typed = values.astype(wanted)
    if wanted.kind == "i" and values.dtype.kind == "f" and bool((typed != values).any()):
        raise ValueError("it holds fractions")
    return typed


def _salvaged(values: pd.Series, wanted: np.dtype) -> pd.Series:
    """The column, halved until a piece is legible or a single value that is not: it is missing."""
    try:
        return _converted(values, wanted)
    except _ILLEGIBLE:
        if len(values) == 1:
            return pd.Series([_MISSING[wanted.kind]], index=values.index, dtype=wanted)
        middle = len(values) // 2
        halves = (values.iloc[:middle], values.iloc[middle:])
        return pd.concat([_salvaged(half, wanted) for half in halves])
