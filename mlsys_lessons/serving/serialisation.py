"""Lines: one row of traffic as a caller's values, as a frame for the system, as a line of the log.

A row is the raw columns, an entry is the row and what was said to it. Conversions only: what may
be read is told in wire.py, what is kept in decision_log.py. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT
from mlsys_lessons.frames import categorical
from mlsys_lessons.records import EPOCH
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

Row = tuple[Any, ...]  # the values of RAW_COLUMNS
Entry = tuple[Any, ...]  # row_id, the row, then the values of SAID
SAID = (
    "action", "score", "reason", "quarantine_reason", "model_version", "is_fallback",
    "fallback_reason", "is_duplicate",
)  # fmt: skip
ARRIVAL = RAW_COLUMNS.index("arrival_time")
TIMES = ("event_time", "arrival_time", "account_opened")
EPOCH_MS = int(EPOCH.astype(np.int64))  # day 0 of the simulation on the clock of 1970
WORDS = {
    each.name: pd.CategoricalDtype(each.categories)
    for each in PAYMENTS_CONTRACT.fields
    if each.categories is not None
}
_CODES = {
    name: {word: code for code, word in enumerate(dtype.categories)}
    for name, dtype in WORDS.items()
}


def frame_of(rows: Sequence[Row], shift_ms: int) -> pd.DataFrame:
    """Rows as the system takes them; `shift_ms` is taken off every time."""
    columns = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            name: _column(name, each, shift_ms)
            for name, each in zip(RAW_COLUMNS, columns, strict=True)
        },
        copy=False,
    )


def _column(name: str, values: tuple[Any, ...], shift_ms: int) -> Any:
    """One column as an array; an unknown word leaves its column to the contract's own reader."""
    if name in TIMES:
        return (np.array(values, dtype=np.int64) - shift_ms).view("datetime64[ms]")
    if name not in _CODES:
        return np.array(values, dtype=np.float64 if name == "amount" else np.int64)
    known = _CODES[name]
    codes = [known.get(word, -1) for word in values]
    if -1 in codes:
        return np.array(values, dtype=object)
    return categorical(np.array(codes, dtype=np.int8), WORDS[name])


def entries(rows: Sequence[Row], decided: pd.DataFrame) -> list[Entry]:
    """The lines of the log for rows and what was decided on them."""
    said = [_plain(decided[name]) for name in SAID]
    lines = zip(decided.index.tolist(), rows, *said, strict=True)
    return [(row_id, *row, *answer) for row_id, row, *answer in lines]


def _plain(column: pd.Series) -> list[Any]:
    """A column as Python values; what is missing is None."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        words = [*column.cat.categories.tolist(), None]
        return [words[code] for code in column.array.codes.tolist()]
    values: NDArray[Any] = column.to_numpy()
    if values.dtype.kind == "f":
        return [None if value != value else value for value in values.tolist()]
    return values.tolist()


def answer(entry: Entry) -> dict[str, Any]:
    """What the caller is told of one line of the log."""
    action, score, reason, broken, version, fallback, why, duplicate = entry[-len(SAID) :]
    return {
        "request_id": entry[1],
        "row_id": entry[0],
        "action": action,
        "score": score,
        "reasons": [reason] if broken is None else [reason, broken],
        "model_version": version,
        "is_fallback": fallback,
        "fallback_reason": why,
        "is_duplicate": duplicate,
    }
