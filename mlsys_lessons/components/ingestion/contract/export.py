"""The contract as pandera writes it: for the lesson and for checks offline, never in the hot path.

A second wording of the same promises, column by column; a property test holds the two together.
What a feed promises as a whole (feed.py) has no place in it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from mlsys_lessons.domain import Field


def schema(fields: tuple[Field, ...], future_ms: int, stale_ms: int, zone_ms: int) -> Any:
    """A pandera DataFrameSchema of the row promises; owner, unit and policy are metadata."""
    from pandera.pandas import Check, DataFrameSchema

    def on_time(frame: pd.DataFrame) -> pd.Series:
        lag = frame["arrival_time"] - frame["event_time"]
        kept = lag.between(
            pd.Timedelta(milliseconds=-future_ms), pd.Timedelta(milliseconds=stale_ms)
        )
        since_hour = lag % pd.Timedelta(hours=1)
        whole = (lag > pd.Timedelta(hours=1)) & (since_hour < pd.Timedelta(milliseconds=zone_ms))
        return kept & ~whole

    def settled(frame: pd.DataFrame) -> pd.Series:
        past = [field.name for field in fields if field.past]
        return frame[past].le(frame["arrival_time"], axis=0).all(axis=1)

    columns = {field.name: _column(field) for field in fields}
    clock = Check(on_time, ignore_na=False, error="event_time: future, old, another zone")
    order = Check(settled, ignore_na=False, error="a past time lies behind the arrival")
    return DataFrameSchema(columns, checks=[clock, order])


def _column(field: Field) -> Any:
    """One field; a category column may have learned unknown words, so its words are checked."""
    from pandera.pandas import Check, Column

    checks = []
    if field.categories is not None:
        checks.append(Check.isin(field.categories))
    if field.minimum is not None:
        checks.append(Check.ge(field.minimum))
    if field.maximum is not None:
        checks.append(Check.le(field.maximum))
    promised = {"owner": field.owner, "unit": field.unit, "on_breach": field.on_breach}
    dtype = None if field.categories is not None else field.dtype
    return Column(dtype, checks, nullable=False, metadata=promised)
