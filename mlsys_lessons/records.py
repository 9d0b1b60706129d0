"""The nouns that every part of the house uses: limits, the clock, codes of actions, a day's end.

What one business is made of (its fields, words and prices) is a `Domain`, see domain.py; what
happens to a request is told by the stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.errors import InputError

# --- limits ------------------------------------------------------------------------------------


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


def positive(name: str, value: float) -> float:
    """Return a finite number above 0, or raise InputError.

    >>> positive("rate", 2.0)
    2.0
    """
    if not _is_number(value) or not 0 < value < np.inf:
        raise InputError(f"{name}={value!r} must be a finite number above 0.")
    return float(value)


def within(name: str, value: float, low: float = 0.0, high: float = 1e9) -> float:
    """Return a number inside its range, or raise InputError.

    >>> within("budget", 0.1, 0, 1)
    0.1
    """
    if not _is_number(value) or not low <= value <= high:
        rule = f"must be a number in {low:g}..{high:g}; pick one inside"
        raise InputError(f"{name}={value!r} {rule}.")
    return float(value)


def _is_number(value: object) -> bool:
    numbers = (int, float, np.integer, np.floating)
    return isinstance(value, numbers) and not isinstance(value, bool)


# --- the clock ---------------------------------------------------------------------------------

EPOCH = np.datetime64("2025-01-01", "ms")  # midnight that opens day 0, a Wednesday
SLOT_MS = 60_000  # one minute: the grain of anything remembered between requests inside a tick
HOUR_MS = 3_600_000
DAY_MS = 86_400_000  # one tick
LAST_TICK = 1_095  # three years: for so long a world deals ids, and a system's days are numbered
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


# --- actions and labels ------------------------------------------------------------------------

# What can be done with a row, as codes; a domain has its own four words for them, in this order.
APPROVE, REVIEW, BLOCK, SHED = range(4)
# What can become of a settled row, as codes; a domain has its own words for them, in this order.
GAINED, HARMED, PREVENTED, WRONGED, TURNED_AWAY = range(5)
# Where a label comes from, as codes; a domain has its own four words for them, in this order.
INVESTIGATOR, CARDHOLDER, MATURED, LATE = range(4)

LAYERS = ("operations", "inputs", "outputs", "decisions", "business")  # of monitoring
FAILURES = (  # of a model call; then answers that may not be used, and a model taken out of service
    "dependency", "deadline", "breaker", "quarantined", "refused", "version", "artefact",
    "bypassed",
)  # fmt: skip


# --- what is written down ------------------------------------------------------------------------


Line = TypeVar("Line")


class Written(list[Line]):
    """Lines that nobody changes once they are written: a copied list shares them.

    Why it matters: a run is copied for every twin, and most of what it holds is such lines.

    >>> import copy
    >>> lines = Written([(1, "psi", 0.2)])
    >>> copy.deepcopy(lines) == lines, copy.deepcopy(lines) is lines
    (True, False)
    """

    def __deepcopy__(self, memo: dict[int, object]) -> Written[Line]:
        return Written(self)


# --- a day's end -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClosedDay:
    """A day that has taken its last request: every row with its final action.

    `System.close` makes it, the ledger settles it, `System.step` takes it over midnight.
    """

    tick: int
    log: pd.DataFrame = field(repr=False)  # every row of the day, all stages' columns
    verdicts: pd.DataFrame = field(repr=False)  # of reviewers: identity, label, minutes
    held: int  # rows that waited for a reviewer

    def __deepcopy__(self, memo: dict[int, object]) -> ClosedDay:
        """Return the day itself: nobody changes it, and a copied system knows it as its own."""
        return self

    @cached_property
    def firsts(self) -> pd.DataFrame:
        """The day's log without repeated requests."""
        repeated = self.log["is_duplicate"]
        return self.log[~repeated] if repeated.any() else self.log


@dataclass(frozen=True)
class News:
    """What people told the business since the last midnight, beside the reviewers' verdicts."""

    reports: pd.DataFrame | None = field(default=None, repr=False)  # identity, event_tick, label
    books_cents: dict[str, int] = field(default_factory=dict)  # ledger items that became known
    tips: tuple[str, ...] = ()  # metrics' paths that somebody has stumbled upon
    findings: tuple[Any, ...] = ()  # of colleagues who work on cases: components/response's Finding


@dataclass(frozen=True)
class DayFacts:
    """What the monitors may know of a day beyond its log."""

    tick: int
    books_cents: dict[str, int]  # ledger items that became known today
    labels: pd.DataFrame  # identity, label, source, score: labels that became known today
    held: int  # requests that waited for a reviewer
    reviewed: int  # of these, how many a reviewer reached
