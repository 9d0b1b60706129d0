"""The data contract: what each field promises, who answers for it, and how a frame is read.

Data, evaluated with array masks; ingestion.py applies it to traffic. It repairs nothing: a value
outside its promise is reported as it came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.records import (
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    COUNTRY_DTYPE,
    DAY_MS,
    RAW_COLUMNS,
    SLOT_MS,
    InputError,
    milliseconds,
)

FUTURE_MS = 5 * SLOT_MS  # producers' clocks may run this far ahead
STALE_MS = 7 * DAY_MS  # and no claim older than this is accepted
UNUSUAL = "amount: not in this merchant's usual unit"


@dataclass(frozen=True)
class Field:
    """One column's promise: what it holds, in which unit and range, and who answers for it."""

    name: str
    dtype: str
    owner: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    null_rate: float = 0.0  # the share of missing values that the owner has promised to stay below

    def broken(self, values: pd.Series) -> NDArray[np.bool_]:
        """Which rows break this promise; evaluated with array masks, no per-row Python.

        >>> Field("amount", "float64", "payments gateway", minimum=0.01).broken(
        ...     pd.Series([5.0, -1.0, float("nan")])).tolist()
        [False, True, True]
        """
        if self.categories is not None:
            return _category_codes(values, self.categories) < 0
        numbers = values.to_numpy()
        if self.minimum is None and self.maximum is None:
            return pd.isna(numbers)
        kept = True if self.minimum is None else numbers >= self.minimum
        return np.asarray(~(kept if self.maximum is None else kept & (numbers <= self.maximum)))


def _category_codes(values: pd.Series, known: tuple[str, ...]) -> NDArray[np.integer]:
    """Codes in the known vocabulary, -1 for anything else."""
    categories = values.cat.categories
    codes: NDArray[np.integer] = values.cat.codes.to_numpy()
    if tuple(categories) == known:
        return codes
    lookup = np.append(pd.Index(known).get_indexer(categories), -1)
    return np.asarray(lookup[codes])


@dataclass(frozen=True)
class Contract:
    """The agreement with the producers, as data: fields, clocks, owners.

    Why it matters: most model incidents are data incidents, and a row that breaks a written
    promise has an owner to call; a row that only looks odd has none.
    """

    fields: tuple[Field, ...]
    future_ms: int = FUTURE_MS
    stale_ms: int = STALE_MS

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything a row can be quarantined for, in the order in which it is checked."""
        clocks = ("event_time: in the future", "event_time: too old")
        promises = tuple(f"{each.name}: breaks its promise" for each in self.fields)
        return (*clocks, *promises, UNUSUAL)

    def breaches(self, frame: pd.DataFrame) -> NDArray[np.int8]:
        """For each row the index of its first broken promise in `reasons`, or -1."""
        lag = lag_ms(frame)
        masks = [lag < -self.future_ms, lag > self.stale_ms]
        masks += [each.broken(frame[each.name]) for each in self.fields]
        first = np.full(len(frame), -1, dtype=np.int8)
        for reason in range(len(masks) - 1, -1, -1):
            first[masks[reason]] = reason
        return first

    def owner(self, name: str) -> str:
        """Who answers for a field.

        >>> PAYMENTS_CONTRACT.owner("amount")
        'payments gateway'
        """
        owners = {each.name: each.owner for each in self.fields}
        if name not in owners:
            raise InputError(f"field {name!r} is not in the contract; it has {sorted(owners)}.")
        return owners[name]


def lag_ms(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Milliseconds from each row's event to its arrival; negative for one from the future."""
    return milliseconds(frame["arrival_time"]) - milliseconds(frame["event_time"])


PAYMENTS_CONTRACT = Contract(
    fields=(
        Field("request_id", "int64", "payments gateway", minimum=0),
        Field("customer_id", "int64", "accounts", minimum=0, maximum=2**24 - 1),
        Field("merchant_id", "int64", "merchant desk", minimum=0, maximum=2**20 - 1),
        Field("account_opened", "datetime64[ms]", "accounts"),
        Field("card_country", "category", "accounts", categories=tuple(COUNTRY_DTYPE.categories)),
        Field("category", "category", "merchant desk", categories=tuple(CATEGORY_DTYPE.categories)),
        Field("country", "category", "merchant desk", categories=tuple(COUNTRY_DTYPE.categories)),
        Field("channel", "category", "terminals", categories=tuple(CHANNEL_DTYPE.categories)),
        Field(
            "amount", "float64", "payments gateway", unit="EUR", minimum=0.01, maximum=20_000.0,
            null_rate=0.001,
        ),
    )
)  # fmt: skip

_NUMBERS = ("request_id", "customer_id", "merchant_id")
_TIMES = ("event_time", "arrival_time", "account_opened")
_VOCABULARIES = {
    "card_country": COUNTRY_DTYPE,
    "category": CATEGORY_DTYPE,
    "country": COUNTRY_DTYPE,
    "channel": CHANNEL_DTYPE,
}


def parse(frame: pd.DataFrame) -> pd.DataFrame:
    """The raw columns in their types, whatever the caller brought; values are left alone.

    A value outside its vocabulary or range passes: judging rows is the contract's work. A column
    that is absent or cannot be read as its type is the caller's mistake and raises InputError.
    A missing `arrival_time` is stamped with the event's own time.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"requests came as {type(frame).__name__}; pass a pandas DataFrame.")
    hidden = [str(name) for name in frame.columns if str(name).startswith("true_")]
    if hidden:
        raise InputError(f"column {hidden[0]!r} is the world's secret; drop it before handle().")
    if "arrival_time" not in frame.columns and "event_time" in frame.columns:
        frame = frame.assign(arrival_time=frame["event_time"])
    absent = [name for name in RAW_COLUMNS if name not in frame.columns]
    if absent:
        raise InputError(f"column {absent[0]!r} is absent; requests need {list(RAW_COLUMNS)}.")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(f"column {twice[0]!r} comes twice; keep one of them.")
    columns = {name: _typed(name, frame[name]) for name in RAW_COLUMNS}
    if columns["arrival_time"].isna().any():
        raise InputError("an arrival_time is missing; leave the column out to have it stamped.")
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _typed(name: str, values: pd.Series) -> pd.Series:
    wanted = _wanted_dtype(name)
    if values.dtype == wanted or _worded(name, values.dtype):
        return values
    try:
        if name in _VOCABULARIES:
            seen = [str(value) for value in pd.unique(values.dropna())]
            extra = [value for value in seen if value not in _VOCABULARIES[name].categories]
            vocabulary = pd.CategoricalDtype([*_VOCABULARIES[name].categories, *extra])
            return values.astype(object).map(str, na_action="ignore").astype(vocabulary)
        typed = values.astype(wanted)
        if name in _NUMBERS and values.dtype.kind == "f" and bool((typed != values).any()):
            raise ValueError("it holds fractions")
        return typed
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"column {name!r} has type {values.dtype} and cannot be read as {wanted} ({error}); "
            "convert it before handle()."
        ) from None


def _worded(name: str, dtype: object) -> bool:
    """Whether a category column begins with the agreed vocabulary; unknown words may follow."""
    if name not in _VOCABULARIES or not isinstance(dtype, pd.CategoricalDtype):
        return False
    agreed = list(_VOCABULARIES[name].categories)
    return list(dtype.categories[: len(agreed)]) == agreed


def _wanted_dtype(name: str) -> object:
    if name in _NUMBERS:
        return np.dtype("int64")
    if name in _TIMES:
        return np.dtype("datetime64[ms]")
    return _VOCABULARIES.get(name, np.dtype("float64"))
