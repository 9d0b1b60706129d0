"""Ingestion: what may enter, what has been here before, what is late, what is put aside.

First stage of the loop: producers -> ingestion -> features. It flags rows and never drops, repairs
or reorders one: a flag with a reason is an answer that somebody can look up, a missing row is not.
It knows nothing of models or money.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.keys import SeenIds
from mlsys_lessons.records import (
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    COUNTRY_DTYPE,
    DAY_MS,
    HOUR_MS,
    RAW_COLUMNS,
    SLOT_MS,
    InputError,
    categorical,
    extend,
    milliseconds,
)

LATE_MS = HOUR_MS  # a row that took longer than this from event to arrival is called late
FUTURE_MS = 5 * SLOT_MS  # producers' clocks may run this far ahead
STALE_MS = 7 * DAY_MS  # and no claim older than this is accepted
DEDUP_DAYS = 7  # how long an answer is remembered for a repeated request


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
        if self.minimum is None or self.maximum is None:
            return ~(numbers >= self.minimum) if self.minimum is not None else pd.isna(numbers)
        return ~((numbers >= self.minimum) & (numbers <= self.maximum))


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
        return (*clocks, *(f"{each.name}: breaks its promise" for each in self.fields))

    def breaches(self, frame: pd.DataFrame) -> NDArray[np.int8]:
        """For each row the index of its first broken promise in `reasons`, or -1."""
        lag = _lag_ms(frame)
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


def _lag_ms(frame: pd.DataFrame) -> NDArray[np.int64]:
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
    columns = {name: _typed(name, frame[name]) for name in RAW_COLUMNS}
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _typed(name: str, values: pd.Series) -> pd.Series:
    wanted = _wanted_dtype(name)
    if values.dtype == wanted or (name in _VOCABULARIES and values.dtype == "category"):
        return values
    try:
        if name in _VOCABULARIES:
            seen = [str(value) for value in pd.unique(values.dropna())]
            extra = [value for value in seen if value not in _VOCABULARIES[name].categories]
            vocabulary = pd.CategoricalDtype([*_VOCABULARIES[name].categories, *extra])
            return values.astype(object).map(str, na_action="ignore").astype(vocabulary)
        return values.astype(wanted)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"column {name!r} has type {values.dtype} and cannot be read as {wanted} ({error}); "
            "convert it before handle()."
        ) from None


def _wanted_dtype(name: str) -> object:
    if name in _NUMBERS:
        return np.dtype("int64")
    if name in _TIMES:
        return np.dtype("datetime64[ms]")
    return _VOCABULARIES.get(name, np.dtype("float64"))


@dataclass
class ParsingIngestion:
    """Naive level: read the columns and pass everything on. What most notebooks ship."""

    rows_seen: int = 0

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Stamp row ids and constant flags: this level cannot tell one row from another."""
        rows = len(frame)
        frame = frame.set_axis(_row_ids(self.rows_seen, rows), axis=0)
        self.rows_seen += rows
        nothing = np.full(rows, -1, dtype=np.int8)
        return extend(frame, _flags(np.zeros((3, rows), dtype=bool), nothing, ()))

    def step(self, tick: int) -> None:
        """Nothing is remembered between days at this level."""


@dataclass
class ContractIngestion:
    """Resilient level: contract, duplicates, late rows, quarantine with reasons.

    Why it matters: a model answers any row, also one whose amount is in cents or whose category
    nobody has seen. Whoever wants no answer to nonsense has to say what nonsense is.
    """

    contract: Contract = PAYMENTS_CONTRACT
    rows_seen: int = 0
    seen: SeenIds = field(default_factory=lambda: SeenIds(days=DEDUP_DAYS))

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Flag each row: duplicate, late, quarantined and why."""
        rows = len(frame)
        frame = frame.set_axis(_row_ids(self.rows_seen, rows), axis=0)
        self.rows_seen += rows
        reason = self.contract.breaches(frame)
        duplicate = self.seen.add(frame["request_id"].to_numpy())
        late = _lag_ms(frame) > LATE_MS
        flags = np.stack([duplicate, late, (reason >= 0) & ~duplicate])
        return extend(frame, _flags(flags, reason, self.contract.reasons))

    def step(self, tick: int) -> None:
        """Close the day: forget answers older than the dedup window."""
        self.seen.close_day()


def _row_ids(start: int, rows: int) -> pd.RangeIndex:
    return pd.RangeIndex(start, start + rows, name="row_id")


def _flags(
    flags: NDArray[np.bool_], reason: NDArray[np.int8], reasons: tuple[str, ...]
) -> dict[str, object]:
    reason = np.where(flags[2], reason, np.int8(-1))
    return {
        "is_duplicate": flags[0],
        "is_late": flags[1],
        "is_quarantined": flags[2],
        "quarantine_reason": categorical(reason, _reason_dtype(reasons)),
    }


def _reason_dtype(reasons: tuple[str, ...]) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(list(reasons or PAYMENTS_CONTRACT.reasons))
