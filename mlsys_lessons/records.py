"""The nouns: column vocabularies, the cost table, the data classes of control, the error tree.

Everything that two modules must agree on is written here once. There is no behaviour in this
file beyond converting clocks: what happens to a request is told by the stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# --- errors ------------------------------------------------------------------------------------
#
#   LessonError
#   ├── InputError       a value from a learner, a file, the network or the shell breaks a rule
#   ├── NotFittedError   a model or a table is used before it has learned anything
#   ├── StateError       the call is right but comes at the wrong moment
#   └── StorageError     a file or a folder cannot be read or written


class LessonError(Exception):
    """Whatever goes wrong on purpose; the message names value, rule and way out."""


class InputError(LessonError, ValueError):
    """A value that breaks a stated rule."""


class NotFittedError(LessonError):
    """A model or a table that has not learned anything yet."""


class StateError(LessonError):
    """A right call at the wrong moment."""


class StorageError(LessonError, OSError):
    """A file or a folder that cannot be read or written."""


def whole_number(name: str, value: int, low: int, high: int) -> int:
    """Return a whole number inside its range, or raise InputError.

    >>> whole_number("days", 60, 1, 730)
    60
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InputError(f"{name}={value!r} must be a whole number; try {name}={low}.")
    if not low <= value <= high:
        raise InputError(f"{name}={value} must lie in {low}..{high}; try the nearer end.")
    return int(value)


# --- the clock ---------------------------------------------------------------------------------

EPOCH = np.datetime64("2025-01-01", "ms")  # midnight that opens day 0, a Wednesday
SLOT_MS = 60_000  # one minute: the grain of anything remembered between requests inside a tick
HOUR_MS = 3_600_000
DAY_MS = 86_400_000  # one tick
MATURITY_DAYS = 45  # an approved request with no report by then is taken for genuine


def milliseconds(times: NDArray[np.datetime64] | pd.Series) -> NDArray[np.int64]:
    """Milliseconds since day 0 opened, from timestamps.

    >>> milliseconds(np.array(["2025-01-02"], dtype="datetime64[ms]"))
    array([86400000])
    """
    stamps = np.asarray(times, dtype="datetime64[ms]").view(np.int64)
    return stamps - EPOCH.view(np.int64)  # type: ignore[no-any-return]


def timestamps(elapsed: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Timestamps from milliseconds since day 0 opened; the inverse of `milliseconds`.

    >>> timestamps(np.array([86_400_000]))
    array(['2025-01-02T00:00:00.000'], dtype='datetime64[ms]')
    """
    return (np.asarray(elapsed, dtype=np.int64) + EPOCH.view(np.int64)).view("datetime64[ms]")


def ticks(times: NDArray[np.datetime64] | pd.Series) -> NDArray[np.int64]:
    """Day index of each timestamp; days before day 0 are negative.

    >>> ticks(np.array(["2024-12-31T23:59", "2025-01-01"], dtype="datetime64[ms]"))
    array([-1,  0])
    """
    return milliseconds(times) // DAY_MS


# --- vocabularies ------------------------------------------------------------------------------

LAYERS = ("operations", "inputs", "outputs", "decisions", "business")


# --- money -------------------------------------------------------------------------------------


# --- what the monitors may know of a day -------------------------------------------------------


@dataclass(frozen=True)
class DayFacts:
    """What the business knows at a tick edge beyond the day's log."""

    tick: int
    books_cents: dict[str, int]  # ledger items that became known today
    labels: pd.DataFrame  # request_id, label, source, score: labels that became known today
    held: int  # requests that waited for a reviewer
    reviewed: int  # of these, how many a reviewer reached
    retrained: bool = False
    extra: dict[str, float] = field(default_factory=dict)
