"""The agreement with the producers, as data: fields, clocks, feed, owners.

Rows are judged one by one, with array masks (`violations`); a feed is judged a day at a time
(`report`). It repairs nothing: a value outside its promise is reported as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.components.ingestion.contract.feed import (
    Promise,
    as_frame,
    feed_promises,
    field_promises,
    lag_ms,
    observe,
    unusual,
)
from mlsys_lessons.components.ingestion.contract.parsing import parse
from mlsys_lessons.components.ingestion.contract.values import broken
from mlsys_lessons.domain import EVENT, Domain, Field
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of
from mlsys_lessons.records import DAY_MS, HOUR_MS, SLOT_MS

FUTURE_MS = 5 * SLOT_MS  # producers' clocks may run this far ahead
CLOCKS = 3  # reasons why a claimed time is not believed
STALE_MS = 7 * DAY_MS  # and no claim older than this is accepted
LATE_MS = HOUR_MS  # a row that took longer than this from event to arrival is called late
ZONE_MS = SLOT_MS  # late by whole hours and less than this: the clock of another zone (assumed)


def in_another_zone(lag: Any) -> Any:
    """Which lags (ms) are whole hours and next to nothing: a local clock, not a slow road.

    >>> in_another_zone(np.array([300, HOUR_MS + 300, HOUR_MS + 300_000])).tolist()
    [False, True, False]
    """
    return (lag > HOUR_MS) & (lag % HOUR_MS < ZONE_MS)


@dataclass(frozen=True)
class Contract:
    """The agreement with the producers of a domain: `Contract.of(domain)`.

    Why it matters: most model incidents are data incidents, and a row that breaks a written
    promise has an owner to call; a row that only looks odd has none.
    """

    domain: Domain
    fields: tuple[Field, ...]  # judged one by one; the two clocks against each other as well
    future_ms: int = FUTURE_MS
    stale_ms: int = STALE_MS
    feed_owner: str = ""  # answers for clocks, freshness and volume
    late_ms: int = LATE_MS
    late_rate: float = 0.01  # the share of rows that may take longer than that
    volume: tuple[float, float] = (0.5, 2.0)  # rows a day, against the usual day

    @classmethod
    def of(cls, domain: Domain) -> Contract:
        """The contract that a domain's own fields promise."""
        return cls(domain, domain.promised, feed_owner=domain.feed_owner)

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Everything a row can be reported for; `violations` counts in this order."""
        clocks = (
            "event_time: in the future", "event_time: too old", "event_time: in another zone",
        )  # fmt: skip
        promises = tuple(f"{field.name}: breaks its promise" for field in self.fields)
        units = (self.unusual, self.doubtful) if self.domain.usual_by else ()
        return (*clocks, *promises, *units)

    @property
    def unusual(self) -> str:
        """The reason for a measure that seems to be in another unit."""
        return unusual(self.domain.measure)

    @property
    def doubtful(self) -> str:
        """The reason for a measure that may be in another unit, since others of late were."""
        return f"{self.domain.measure}: of a merchant with another unit lately"

    @cached_property
    def _weights(self) -> list[int]:
        """How grave each reason is: 0 puts its row aside, 1 and 2 degrade it.

        Among degraded fields numbers come first, then the clock: they stay legible when they are
        wrong, and a wrong word does not.
        """
        of_unit = [field for field in self.fields if field.name == self.domain.measure]
        known = (*self.fields, *self.domain.fields)  # a contract may judge fewer
        clock = next(field for field in known if field.role == EVENT)
        return [
            0
            if field.on_breach == "quarantine"
            else 1 + field.is_clock + 2 * bool(field.categories)
            for field in (*[clock] * CLOCKS, *self.fields, *of_unit, *of_unit)
        ][: len(self.reasons)]

    @cached_property
    def _lightest_first(self) -> list[int]:
        """The reasons in the order in which `violations` writes them: a graver one overwrites."""
        judged = range(CLOCKS + len(self.fields))  # whether a unit is unusual, ingestion says
        return sorted(judged, key=self._weights.__getitem__)[::-1]

    @cached_property
    def puts_aside(self) -> NDArray[np.bool_]:
        """Which reasons quarantine their row; the last entry answers for -1, no reason."""
        return np.array([*(weight == 0 for weight in self._weights), False])

    def is_put_aside(self, reason: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which rows are quarantined, given each row's reason (-1: none)."""
        return self.puts_aside[reason]

    def violations(self, frame: pd.DataFrame) -> NDArray[np.int8]:
        """For each row the index of its gravest broken promise in `reasons`, or -1.

        Equally grave ones count in the order of `reasons`. Raises InputError for columns that have
        not been read yet; see `parse`.
        """
        asked = {field.name for field in (*self.domain.fields, *self.fields)}
        columns = {name: array_of(frame, name) for name in asked & {*frame.columns}}
        for field in self.domain.fields:
            if field.name in columns and not _is_read(field, columns[field.name]):
                said = frame[field.name].dtype
                raise InputError(f"column {field.name!r} is {said}; read the frame by parse(...).")
        arrival = columns["arrival_time"]
        lag = lag_ms(arrival, columns["event_time"])
        masks = [lag < -self.future_ms, lag > self.stale_ms, in_another_zone(lag)]
        masks += [broken(field, columns[field.name], arrival) for field in self.fields]
        gravest = np.full(len(frame), -1, dtype=np.int8)
        for reason in self._lightest_first:
            gravest[masks[reason]] = reason
        return gravest

    def owner(self, name: str) -> str:
        """Who answers for a field.

        >>> PAYMENTS_CONTRACT.owner("amount")
        'payments gateway'
        """
        owners = {field.name: field.owner for field in self.fields}
        owners |= dict.fromkeys(("event_time", "arrival_time"), self.feed_owner)
        if name not in owners:
            raise InputError(f"field {name!r} is not in the contract; it has {sorted(owners)}.")
        return owners[name]

    @property
    def promises(self) -> tuple[Promise, ...]:
        """What the feed as a whole has promised, one line a promise."""
        of_fields = [promise for field in self.fields for promise in field_promises(field)]
        of_rows = feed_promises(self.feed_owner, self.late_ms, self.late_rate, self.volume)
        return (*of_fields, *of_rows)

    def observe(self, frame: pd.DataFrame, usual_rows: float) -> list[float]:
        """What `report` sees, as bare numbers in the order of `promises`."""
        return observe(self.promises, frame, usual_rows)

    def judged(self, observed: list[float]) -> pd.DataFrame:
        """Observed numbers beside what was promised, one line a promise."""
        return as_frame(self.promises, observed)

    def report(self, frame: pd.DataFrame, usual_rows: float = float("nan")) -> pd.DataFrame:
        """How a day's feed kept its promises: field, promise, owner, observed, promised, broken.

        `frame` holds requests, as sent or as logged; `usual_rows` is what a day usually brings
        (unknown: volume is not judged). A log's flags are used: repeats across days, and amounts in
        an unusual unit, cannot be seen in one frame of requests. Raises InputError as `parse`.

        >>> import mlsys_lessons as mls
        >>> world = mls.payments_world(seed=7, daily=200)
        >>> bool(PAYMENTS_CONTRACT.report(world.day(0, world.start()).requests)["broken"].any())
        False
        """
        logged = "is_quarantined" in frame
        requests = frame if logged else parse(frame, self.domain)
        return self.judged(self.observe(requests, usual_rows))

    def to_pandera(self) -> Any:
        """The row promises as a pandera DataFrameSchema: it accepts the same rows as `violations`.

        For the lesson and for checks offline; pandera's checks take many times as long.
        """
        from mlsys_lessons.components.ingestion.contract.export import schema

        return schema(self.fields, self.future_ms, self.stale_ms, ZONE_MS)


def _is_read(field: Field, values: Any) -> bool:
    if field.categories is not None:
        return isinstance(values.dtype, pd.CategoricalDtype)
    return bool(values.dtype == field.dtype)


PAYMENTS_CONTRACT = Contract.of(DEFAULT_DOMAIN)
