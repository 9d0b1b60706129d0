"""Reading frames: times, numbers and words in their types, whoever wrote them.

The one reader of each kind: `handle`, both feature pipelines and the HTTP edge read through here.
Nothing is guessed. A value that cannot be read is missing (an id: -1) and changes nothing about how
its neighbours are read; a column of which nothing can be read is the caller's mistake and stops the
call. Judging what was read is the contract's work. Longer than most: one reader for each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.domain import ARRIVAL, EVENT, Domain, Field
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of

_ILLEGIBLE = (TypeError, ValueError, OverflowError)
_MISSING = {"i": -1, "f": np.nan}  # by kind of dtype
_NO_TIME = np.datetime64("NaT", "ms")
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = 2.0**53  # up to here a float holds every whole number
SECONDS = (10**8, 10**10 - 1)  # a clock in seconds says these, one in milliseconds none of them


# --- frames ------------------------------------------------------------------------------------


def requests(frame: pd.DataFrame, domain: Domain) -> pd.DataFrame:
    """The raw columns of requests in their types; a column that has its type is left alone.

    A value outside its vocabulary or range passes. Without the column `arrival_time` each row gets
    its event's own time, and a gap in it the latest of the frame. Raises InputError for a column
    that is absent, comes twice, holds nothing that can be read, or times with and without a zone.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"requests came as {type(frame).__name__}; pass a pandas DataFrame.")
    hidden = [str(name) for name in frame.columns if str(name).startswith("true_")]
    if hidden:
        raise InputError(f"column {hidden[0]!r} is the world's secret; drop it before handle().")
    event, arrival = (
        next(field.name for field in domain.fields if field.role == role)
        for role in (EVENT, ARRIVAL)
    )
    if arrival not in frame.columns and event in frame.columns:
        frame = frame.assign(**{arrival: frame[event]})
    _check_columns("requests", frame, domain.columns)
    if _are_read(frame, domain) and not pd.isna(array_of(frame, arrival)).any():
        return frame
    columns = {field.name: typed(field, frame[field.name]) for field in domain.fields}
    columns[arrival] = _stamped(columns[arrival])
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _are_read(frame: pd.DataFrame, domain: Domain) -> bool:
    """Whether the frame is the raw columns in their types: a day of the world's own, say."""
    return [*frame.columns] == [field.name for field in domain.fields] and all(
        _has_its_type(field, array_of(frame, field.name)) for field in domain.fields
    )


def labels(frame: pd.DataFrame, identity: Collection[str]) -> pd.DataFrame:
    """Labels with their identity, `label` and `label_time` in their types; the rest is left alone.

    0 and 1 may be numbers, booleans or text; a missing one says nothing yet, and its row is left
    out. Raises InputError for an absent column, for a label that is neither, and for a label that
    became known at no time.

    >>> told = {"request_id": ["7"], "label": ["1"], "label_time": ["2025-01-31T10:00:00Z"]}
    >>> labels(pd.DataFrame(told), ("request_id",))
       request_id  label          label_time
    0           7    1.0 2025-01-31 10:00:00
    """
    _check_columns("labels", frame, (*identity, "label", "label_time"))
    label, time = frame["label"], typed(_LABEL_TIME, frame["label_time"])
    if label.dtype != np.int64:
        label = numbers(label, "float64")
    odd = label.notna() & ~label.isin((0, 1)) | label.isna() & frame["label"].notna()
    if odd.any():
        value = frame["label"][odd].iloc[0]
        raise InputError(f"label {value!r} is neither 0 nor 1; write 1 for harm, 0 for none.")
    if time.isna().any():
        row = frame.index[time.isna()][0]
        raise InputError(
            f"label_time is missing or illegible in row {row!r}; a label counts from the time at "
            "which it became known, so write that, or drop the row."
        )
    keys = {name: typed(Field(name, "int64", "us"), frame[name]) for name in identity}
    read = frame.assign(**keys, label=label, label_time=time)
    return read[label.notna()] if label.isna().any() else read


_LABEL_TIME = Field("label_time", "datetime64[ms]", "us")


def _check_columns(what: str, frame: pd.DataFrame, needed: Collection[str]) -> None:
    absent = [name for name in needed if name not in frame.columns]
    if absent:
        raise InputError(f"column {absent[0]!r} is absent; {what} need {list(needed)}.")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(f"column {twice[0]!r} comes twice; keep one of them.")


def _stamped(arrival: pd.Series) -> pd.Series:
    """Arrival times without a gap."""
    gaps = arrival.isna()
    if not gaps.any():
        return arrival
    if gaps.all():
        raise InputError(
            "every arrival_time is missing; send one, or leave the column out to have the "
            "event_time stand in for it."
        )
    return arrival.fillna(arrival.max())


# --- columns -----------------------------------------------------------------------------------


def typed(field: Field, values: pd.Series) -> pd.Series:
    """One column in its field's type. Raises InputError where none of its values can be read."""
    if _has_its_type(field, values):
        return values
    if field.categories is not None:
        agreed = field.categories
        return _column(field.name, values, lambda column: words(column, agreed))
    if field.is_time:
        return _column(field.name, values, times)
    return _column(field.name, values, lambda column: numbers(column, field.dtype))


def _has_its_type(field: Field, values: Any) -> bool:
    """Whether a column, or the array under one, need not be read again."""
    if field.categories is None:
        return bool(values.dtype == field.dtype)
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return False
    if values.dtype is field.words:
        return True
    vocabulary = values.dtype.categories
    return tuple(vocabulary[: len(field.categories)]) == field.categories


def _column(name: str, values: pd.Series, read: Callable[[pd.Series], pd.Series]) -> pd.Series:
    try:
        column = read(values)
    except ValueError as error:
        raise InputError(f"column {name!r}: {error}.") from None
    if column is values:  # it had its type
        return values
    given = values.notna()
    legible = column.ne(-1) if column.dtype.kind == "i" else column.notna()
    needed = given if column.dtype.kind != "i" else np.ones(len(values), dtype=bool)  # an id is
    if needed.any() and not legible.any():
        raise InputError(
            f"column {name!r} has type {values.dtype} and cannot be read as {column.dtype} (its "
            f"first value is {_quoted(values[needed].iloc[0])}); {_WAY_OUT[column.dtype.kind]}."
        )
    return column


_WAY_OUT = {
    "M": "write ISO 8601, 2025-01-31T09:30:00Z say, or whole milliseconds (not seconds) since 1970",
    "i": "write whole numbers",
    "f": "write numbers with a point, 12.5 say",
    "O": "write words",
}


def _quoted(value: object) -> str:
    try:
        return repr(value.item() if isinstance(value, np.generic) else value)[:40]
    except Exception:  # a value may be anything
        return f"a {type(value).__name__}"


def times(values: pd.Series) -> pd.Series:
    """A column of times as datetime64[ms] in UTC; what is no time is missing.

    Raises ValueError where some times have a zone and some have none: whether these are UTC or
    somebody's local time, only their writer knows.

    >>> times(pd.Series(["2025-01-31T10:00+01:00", "31.01.2025"])).tolist()
    [Timestamp('2025-01-31 09:00:00'), NaT]
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    if values.dtype.kind == "M":
        return values.astype("datetime64[ms]")
    read, zones = np.full(len(values), _NO_TIME), set()
    for row, value in enumerate(values.astype(object).tolist()):
        with suppress(*_ILLEGIBLE):
            moment = _moment(value)
            read[row] = np.datetime64(_since_1970(moment), "ms")
            if isinstance(moment, datetime):
                zones.add(moment.tzinfo is None)
    if len(zones) > 1:
        raise ValueError("some of its times have a zone and some have none; write one for all")
    return pd.Series(read, index=values.index, name=values.name)


def epoch_ms(value: Any) -> int:
    """Milliseconds since 1970, from a number of them, ISO 8601 or a Python time; naive is UTC.

    Numbers that are seconds since some day of 1973 to 2286 are no milliseconds of spring 1970:
    whoever sends them counts in another unit. Raises ValueError for these and for all else.

    >>> epoch_ms("1970-01-01T01:00:00+01:00"), epoch_ms("1970-01-02"), epoch_ms(5)
    (0, 86400000, 5)
    """
    try:
        return _since_1970(_moment(value))
    except _ILLEGIBLE:
        rule = "should be a time: 2025-01-01T09:30:00Z, say, or whole milliseconds since 1970"
        raise ValueError(rule) from None


def _moment(value: Any) -> datetime | int:
    """What a value says: a moment, with its zone or without, or milliseconds since 1970."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[ms]").astype(np.int64))
    if isinstance(value, bool) or not -_EXACT < value < _EXACT or value != int(value):
        raise ValueError(value)
    if SECONDS[0] <= value <= SECONDS[1]:
        raise ValueError(value)
    return int(value)


def _since_1970(moment: datetime | int) -> int:
    if isinstance(moment, int):
        return moment
    since = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _1970
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def numbers(values: pd.Series, dtype: str) -> pd.Series:
    """A column of int64 or float64; what is no number is missing, and so is a fraction of an id.

    >>> numbers(pd.Series(["12.50", "twelve", 12.5]), "float64").tolist()
    [12.5, nan, 12.5]
    """
    wanted = np.dtype(dtype)
    if values.dtype.kind not in "mMc":  # a time is no number, though numpy would make it one
        with suppress(*_ILLEGIBLE):
            return _exactly(values, wanted)
    read = [_number(value, wanted) for value in values.astype(object).tolist()]
    return pd.Series(read, index=values.index, name=values.name, dtype=wanted)


def _exactly(values: pd.Series, wanted: np.dtype) -> pd.Series:
    column = values.astype(wanted)
    if wanted.kind == "i" and values.dtype.kind in "fu" and bool((column != values).any()):
        raise ValueError("it holds fractions")
    return column


def _number(value: Any, wanted: np.dtype) -> float | int:
    with suppress(*_ILLEGIBLE):
        if wanted.kind == "f":
            return float(value)
        number = int(value)
        if isinstance(value, str) or number == value:
            return int(np.int64(number))
    return _MISSING[wanted.kind]


def words(values: pd.Series, agreed: tuple[str, ...]) -> pd.Series:
    """A category column that begins with the agreed vocabulary; unknown words may follow.

    >>> words(pd.Series(["chip", "fax", None]), ("chip", "online")).cat.categories.tolist()
    ['chip', 'online', 'fax']
    """
    text = values.astype(object).map(_word, na_action="ignore")
    extra = [word for word in pd.unique(text.dropna()) if word not in agreed]
    return text.astype(pd.CategoricalDtype([*agreed, *extra]))


def _word(value: Any) -> str | None:
    try:
        return str(value)
    except Exception:  # a value may be anything, and what cannot be said is missing
        return None


# --- what a caller passes to a function ----------------------------------------------------------


def column(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """One column of numbers.  Raises InputError for anything else.

    >>> column([1, 0], "labels")
    array([1., 0.])
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} are not numbers; pass a one-dimensional array.") from None
    if numbers.ndim != 1:
        raise InputError(f"{name} have {numbers.ndim} dimensions; pass a one-dimensional array.")
    return numbers


def columns(**named: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Columns of one length, in the order given.  Raises InputError where lengths differ.

    >>> columns(scores=[0.2, 0.9], labels=[False, True])[1]
    array([0., 1.])
    """
    made = tuple(column(values, name) for name, values in named.items())
    lengths = {name: len(values) for name, values in zip(named, made, strict=True)}
    if len(set(lengths.values())) > 1:
        raise InputError(f"lengths differ, {lengths}; pass one value per row in each.")
    return made
