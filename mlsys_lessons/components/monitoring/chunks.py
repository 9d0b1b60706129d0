"""A frame cut into chunks, by day or by number of rows: what a statistic is taken of.

Chunks are views of the frame where its rows are in order, so a month costs no second month of
memory. Nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import whole_number

REMAINDERS = ("keep", "drop", "append")
_MOST_ROWS = 10**9


def chunks_by_count(
    frame: pd.DataFrame, rows: int, *, remainder: str = "keep"
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Chunks of `rows` rows in the frame's order, each with its number from 0.

    Why it matters: a statistic's noise depends on its rows, so chunks of one size share one
    threshold, on Sundays too.

    Parameters: `rows` >= 1; `remainder`: the last, shorter chunk is kept ("keep"), left out
    ("drop") or joined to the one before it ("append"). An empty frame has no chunks. InputError
    for other values.

    >>> frame = pd.DataFrame({"amount": range(5)})
    >>> [(number, len(chunk)) for number, chunk in chunks_by_count(frame, 2)]
    [(0, 2), (1, 2), (2, 1)]
    >>> [(number, len(chunk)) for number, chunk in chunks_by_count(frame, 2, remainder="append")]
    [(0, 2), (1, 3)]
    """
    whole_number("rows", rows, 1, _MOST_ROWS)
    if remainder not in REMAINDERS:
        raise InputError(f"remainder={remainder!r}; choose one of {REMAINDERS}.")
    bounds = [*range(0, len(frame), rows), len(frame)]
    if len(frame) % rows and remainder == "drop":
        bounds.pop()
    if len(frame) % rows and remainder == "append" and len(frame) > rows:
        del bounds[-2]
    return (
        (number, frame.iloc[start:stop]) for number, (start, stop) in enumerate(pairwise(bounds))
    )


def chunks_by_day(
    frame: pd.DataFrame, times: Hashable
) -> Iterator[tuple[pd.Timestamp, pd.DataFrame]]:
    """Chunks of one calendar day each, in order of time, each with the midnight that opens it.

    Why it matters: days are what people talk about, and every weekday has its own customers.
    Rows may come in any order and keep it within their day. A day without rows has no chunk:
    silence is a matter for the volume's alert.

    Parameters: `times` names a column of timestamps; days are those of its time zone. An empty
    frame has no chunks. InputError for a column that is not there, is of another type, or has
    missing values.

    >>> stamps = pd.to_datetime(["2025-01-02 09:00", "2025-01-01 23:59", "2025-01-02 00:00"])
    >>> frame = pd.DataFrame({"at": stamps, "amount": [1, 2, 3]})
    >>> [(str(day.date()), chunk["amount"].tolist()) for day, chunk in chunks_by_day(frame, "at")]
    [('2025-01-01', [2]), ('2025-01-02', [1, 3])]
    """
    codes, days = pd.factorize(_timestamps(frame, times).dt.normalize(), sort=True)
    ordered = bool((codes[1:] >= codes[:-1]).all())
    order = None if ordered else np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes, np.arange(len(days) + 1), sorter=order)
    return (
        (day, frame.iloc[start:stop] if order is None else frame.iloc[order[start:stop]])
        for day, start, stop in zip(days, bounds, bounds[1:], strict=False)
    )


def same_weekday(tick: int, weeks: int = 4) -> tuple[int, ...]:
    """The days that a day is fairly compared with: its own weekday, so many weeks back.

    Why it matters: with weekends a fifth quieter, a mean over all weekdays calls on each day of
    the week, and a mean over working days on every weekend.

    Parameters: `tick`, a day from 0; `weeks` >= 1. Days before day 0 are left out. InputError for
    other values.

    >>> same_weekday(30)
    (2, 9, 16, 23)

    Source: Hyndman and Athanasopoulos, Forecasting, 2021 (the seasonal naive method).
    """
    whole_number("tick", tick, 0, _MOST_ROWS)
    whole_number("weeks", weeks, 1, _MOST_ROWS)
    return tuple(day for day in range(tick - 7 * weeks, tick, 7) if day >= 0)


def _timestamps(frame: pd.DataFrame, times: Hashable) -> pd.Series:
    if list(frame.columns).count(times) != 1:
        raise InputError(f"times={times!r} must be one column of the frame, named once; name it.")
    column = frame[times]
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise InputError(
            f"column {times!r} holds {column.dtype}; days need timestamps: use pd.to_datetime."
        )
    if column.isna().any():
        raise InputError(
            f"column {times!r} lacks {int(column.isna().sum())} times; drop these rows or fill "
            "them in."
        )
    return column
