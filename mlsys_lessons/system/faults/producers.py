"""Faults of those who send data: other units, gaps, copies, delays, clocks and words.

Each is a change of the requests on their way in; no component knows of it. Fields are those of
payments unless a caller names those of another domain.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd

from mlsys_lessons.components.response import ask_owner
from mlsys_lessons.frames import array_of
from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.records import HOUR_MS, SLOT_MS, milliseconds, timestamps
from mlsys_lessons.system.faults.fault import Fault, Mask, made, on_rows, share

_RENAMED = "consumer_{word}"
_MAX_DELAY_MS = 36 * HOUR_MS


def unit_change(
    *, start: float, end: float | None = None, severity: float = 0.25, field: str = "amount",
    sender: str = "merchant_id",
) -> Fault:  # fmt: skip
    """A share of merchants starts to send cents where euros were agreed.

    >>> unit_change(start=60, end=90)
    unit_change(start=60, end=90, severity=0.25)
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & share(frame, fault, sender)
        return frame.assign(**{field: np.where(hit, frame[field] * 100, frame[field])})

    return made(
        ("unit_change", "requests", "share of merchants"), (start, end), severity, on_rows(change),
        f"inputs.{field}_mean", ("operations.error_rate", f"inputs.null_rate.{field}"),
        remedies=(ask_owner(field),),
    )  # fmt: skip


def null_flood(
    *, start: float, end: float | None = None, severity: float = 0.3, field: str = "amount"
) -> Fault:
    """A producer's new release leaves the amount empty in a share of requests."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & share(frame, fault)
        return frame.assign(**{field: np.where(hit, np.nan, frame[field])})

    return made(
        ("null_flood", "requests", "share of requests"), (start, end), severity, on_rows(change),
        f"inputs.null_rate.{field}", ("operations.error_rate", "inputs.late_rate"),
        remedies=(ask_owner(field),),
    )  # fmt: skip


def duplicate_replay(*, start: float, end: float | None = None, severity: float = 0.2) -> Fault:
    """A queue redelivers a share of requests, minutes to hours later."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        again = frame[inside & share(frame, fault)]
        gap = luck(0, "replay gap", array_of(again, "request_id")) * 2 * HOUR_MS + SLOT_MS
        arrival = milliseconds(array_of(again, "arrival_time")) + gap.astype(np.int64)
        return pd.concat([frame, again.assign(arrival_time=timestamps(arrival))])

    return made(
        ("duplicate_replay", "requests", "share of requests"), (start, end), severity,
        on_rows(change), "inputs.duplicate_rate",
        ("operations.error_rate", "inputs.null_rate.amount"),
        remedies=(ask_owner("request_id"),),
    )  # fmt: skip


def late_rows(*, start: float, end: float | None = None, severity: float = 0.2) -> Fault:
    """A share of requests waits in somebody's buffer: a median of six hours, at most 36."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & share(frame, fault)
        wait = 6 * HOUR_MS * np.exp(0.8 * normal_luck(0, "buffer", array_of(frame, "request_id")))
        wait = np.minimum(wait, _MAX_DELAY_MS).astype(np.int64)
        arrival = milliseconds(array_of(frame, "arrival_time")) + np.where(hit, wait, 0)
        return frame.assign(arrival_time=timestamps(arrival))

    return made(
        ("late_rows", "requests", "share of requests"), (start, end), severity, on_rows(change),
        "inputs.late_rate", ("operations.error_rate", "inputs.null_rate.amount"),
        remedies=(ask_owner("event_time"),),
    )  # fmt: skip


def time_zone_shift(
    *, start: float, end: float | None = None, severity: float = 6.0, sender: str = "merchant_id"
) -> Fault:
    """Half of the merchants stamp events with local time: so many hours behind, or ahead below 0.

    A stamp from the future is another sign than a late row, so the sign of `severity` says which
    metric moves.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & (luck(0, fault.name, array_of(frame, sender)) < 0.5)
        shift = int(fault.severity * HOUR_MS)
        event = milliseconds(array_of(frame, "event_time")) - np.where(hit, shift, 0)
        return frame.assign(event_time=timestamps(event))

    ahead = isinstance(severity, Real) and severity < 0
    return made(
        ("time_zone_shift", "requests", "number of hours"), (start, end), severity,
        on_rows(change), "inputs.future_rate" if ahead else "inputs.late_rate",
        ("operations.error_rate", "inputs.null_rate.amount"), (-12.0, 12.0),
        remedies=(ask_owner("event_time"),),
    )  # fmt: skip


def renamed_category(
    *, start: float, end: float | None = None, severity: float = 1.0, field: str = "category",
    word: str = "electronics",
) -> Fault:  # fmt: skip
    """The merchant desk renames a category, and tells nobody."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        category, new = frame[field].array, _RENAMED.format(word=word)
        hit = inside & np.asarray(category == word) & share(frame, fault)
        if new not in category.categories:
            category = category.add_categories([new])
        codes = np.where(hit, category.categories.get_loc(new), category.codes)
        renamed = pd.Categorical.from_codes(codes, dtype=category.dtype)
        return frame.assign(**{field: renamed})

    return made(
        ("renamed_category", "requests", "share of the category's rows"), (start, end), severity,
        on_rows(change), f"inputs.unknown_category_rate.{field}",
        ("operations.error_rate", "inputs.null_rate.amount"),
        remedies=(ask_owner(field),),
    )  # fmt: skip
