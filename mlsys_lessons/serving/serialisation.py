"""A payment in three forms: the caller's values, a frame for the system, an entry of the log.

A row is the raw values of one payment; an entry is the row with its row_id before it and the
decision behind it. Conversions only: what a caller may send is written in schemas.py, what is kept
in decision_log.py. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import categorical
from mlsys_lessons.records import EPOCH
from mlsys_lessons.worlds.payments.domain import PAYMENTS, RAW_COLUMNS

# --- columns and types: the domain's fields, and what the edge keeps of a decision ---------------

TIMES = tuple(field.name for field in PAYMENTS.fields if field.dtype == "datetime64[ms]")
REALS = tuple(field.name for field in PAYMENTS.fields if field.dtype == "float64")
CATEGORY_DTYPES = PAYMENTS.vocabularies  # every other raw column is a whole number
DECISION_COLUMNS = (
    "action", "score", "reason", "quarantine_reason", "model_version", "is_fallback",
    "fallback_reason", "is_duplicate",
)  # fmt: skip
ENTRY_COLUMNS = ("row_id", *RAW_COLUMNS, *DECISION_COLUMNS)

Row = tuple[Any, ...]  # the values of RAW_COLUMNS
Entry = tuple[Any, ...]  # the values of ENTRY_COLUMNS
EVENT_TIME, ARRIVAL_TIME = map(RAW_COLUMNS.index, ("event_time", "arrival_time"))  # in a row
ROW_ID, REQUEST_ID, ACTION, IS_FALLBACK = map(
    ENTRY_COLUMNS.index, ("row_id", "request_id", "action", "is_fallback")
)  # in an entry

# --- conversions ---------------------------------------------------------------------------------

EPOCH_MS = int(EPOCH.astype(np.int64))  # day 0 of the simulation, in milliseconds since 1970
_CATEGORY_CODES = {
    name: {word: code for code, word in enumerate(dtype.categories)}
    for name, dtype in CATEGORY_DTYPES.items()
}


def frame_of(rows: Sequence[Row], *, shift_ms: int) -> pd.DataFrame:
    """Rows as the frame that the system takes; `shift_ms` is subtracted from every time."""
    columns = zip(RAW_COLUMNS, zip(*rows, strict=True), strict=True)
    return pd.DataFrame(
        {name: _column(name, values, shift_ms) for name, values in columns}, copy=False
    )


def _column(name: str, values: tuple[Any, ...], shift_ms: int) -> Any:
    """One column as an array; with an unknown word in it, it stays text for the contract to judge.

    Category codes are looked up here: pandas' own way is slow for the few rows of a request.
    """
    if name in TIMES:
        return (np.array(values, dtype=np.int64) - shift_ms).view("datetime64[ms]")
    if name not in CATEGORY_DTYPES:
        return np.array(values, dtype=np.float64 if name in REALS else np.int64)
    known = _CATEGORY_CODES[name]
    codes = [known.get(word, -1) for word in values]
    if -1 in codes:
        return np.array(values, dtype=object)
    return categorical(np.array(codes, dtype=np.int8), CATEGORY_DTYPES[name])


def entries_of(rows: Sequence[Row], decisions: pd.DataFrame) -> list[Entry]:
    """The log entries of rows, given the frame that the system made of them (index row_id)."""
    columns = [_python_values(decisions[name]) for name in DECISION_COLUMNS]
    lines = zip(decisions.index.tolist(), rows, *columns, strict=True)
    return [(row_id, *row, *decision) for row_id, row, *decision in lines]


def _python_values(column: pd.Series) -> list[Any]:
    """A column as plain Python values; a missing value is None."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        words = [*column.cat.categories.tolist(), None]  # the code of a missing word is -1
        return [words[code] for code in column.array.codes.tolist()]
    values: NDArray[Any] = column.to_numpy()
    if values.dtype.kind == "f":
        return [None if value != value else value for value in values.tolist()]
    return values.tolist()


def row_of(entry: Entry) -> Row:
    """The row in a log entry."""
    return entry[1 : 1 + len(RAW_COLUMNS)]


def decision_of(entry: Entry, policy_version: str) -> dict[str, Any]:
    """The decision in a log entry, as the caller gets it; a log is of one policy, its `about`."""
    action, score, reason, quarantine, version, is_fallback, failure, is_duplicate = entry[
        -len(DECISION_COLUMNS) :
    ]
    return {
        "request_id": entry[REQUEST_ID],
        "row_id": entry[ROW_ID],
        "action": action,
        "score": score,
        "reasons": [reason] if quarantine is None else [reason, quarantine],
        "model_version": version,
        "policy_version": policy_version,
        "is_fallback": is_fallback,
        "fallback_reason": failure,
        "is_duplicate": is_duplicate,
    }
