"""What a whole feed promises: gaps, values, units, repeats, freshness, volume.

Shares of one day's rows, counted with array masks. Single rows are judged in agreement.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.ingestion.contract.values import broken, missing
from mlsys_lessons.domain import Field
from mlsys_lessons.frames import array_of, codes, words
from mlsys_lessons.records import milliseconds

REPORT_COLUMNS = ("field", "promise", "owner", "observed", "promised", "broken")
FLAGS = ("is_duplicate", "quarantine_reason")  # of a log; a frame of requests has none
Columns = Mapping[str, Any]  # arrays, by name


class Promise(NamedTuple):
    """One promise about a day's rows: a number, and the most (or the least) that it may be."""

    field: str
    promise: str
    owner: str
    promised: float
    measure: Callable[[Columns, float], float]  # of the day and the usual rows a day
    least: bool = False

    def broken(self, observed: float) -> bool:
        """Whether it is; what could not be observed is not."""
        return observed < self.promised if self.least else observed > self.promised


def lag_ms(arrival: NDArray[np.datetime64], event: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Milliseconds from each row's event to its arrival; negative for one from the future.

    Where one of the two is missing there is no lag to judge: 0.
    """
    lag = milliseconds(arrival) - milliseconds(event)
    return np.where(np.isnat(arrival) | np.isnat(event), 0, lag)


def field_promises(field: Field) -> Iterable[Promise]:
    """What one field's owner promises of a day."""
    name, owner = field.name, field.owner

    def gaps(day: Columns, _: float) -> float:
        return _share(missing(field, day[name]))

    def outside(day: Columns, _: float) -> float:
        mask = broken(field, day[name], day["arrival_time"])
        return _share(mask & ~missing(field, day[name]))

    def repeated(day: Columns, _: float) -> float:
        flagged = name == "request_id" and "is_duplicate" in day
        return _share(day["is_duplicate"] if flagged else pd.Index(day[name]).duplicated())

    yield Promise(name, "null rate", owner, field.null_rate, gaps)
    yield Promise(name, "values", owner, 0.0, outside)
    if field.unit:
        yield Promise(name, "unit", owner, field.unit_rate, _in_another_unit(unusual(name)))
    if field.unique:
        yield Promise(name, "unique", owner, 0.0, repeated)


def feed_promises(
    owner: str, late_ms: int, late_rate: float, volume: tuple[float, float]
) -> Iterable[Promise]:
    """What is promised of a day's rows together."""

    def late(day: Columns, _: float) -> float:
        return _share(lag_ms(day["arrival_time"], day["event_time"]) > late_ms)

    def rows(day: Columns, usual_rows: float) -> float:
        return len(day["event_time"]) / usual_rows if usual_rows > 0 else float("nan")

    yield Promise("event_time", "freshness", owner, late_rate, late)
    yield Promise("(rows)", "least volume", owner, volume[0], rows, least=True)
    yield Promise("(rows)", "most volume", owner, volume[1], rows)


def observe(promises: Sequence[Promise], frame: pd.DataFrame, usual_rows: float) -> list[float]:
    """What a day's frame brought, one number a promise; each column is looked up once."""
    asked = {promise.field for promise in promises} | {"event_time", "arrival_time", *FLAGS}
    day = {name: array_of(frame, name) for name in asked if name in frame.columns}
    return [promise.measure(day, usual_rows) for promise in promises]


def as_frame(promises: Sequence[Promise], observed: Sequence[float]) -> pd.DataFrame:
    """The report of a day, one line a promise."""
    pairs = zip(promises, observed, strict=True)
    lines = [
        (*promise[:3], seen, promise.promised, promise.broken(seen)) for promise, seen in pairs
    ]
    return pd.DataFrame(lines, columns=list(REPORT_COLUMNS))


def _share(mask: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask)) / len(mask) if len(mask) else float("nan")


def unusual(name: str) -> str:
    """The reason given to a row whose value seems to be in another unit.

    >>> unusual("amount")
    "amount: not in this merchant's usual unit"
    """
    return f"{name}: not in this merchant's usual unit"


def _in_another_unit(reason: str) -> Callable[[Columns, float], float]:
    """The share that ingestion flagged with a reason; NaN where nobody has looked."""

    def share(day: Columns, _: float) -> float:
        if "quarantine_reason" not in day:
            return float("nan")
        flagged = day["quarantine_reason"]
        return _share(codes(flagged) == list(words(flagged)).index(reason))

    return share
