"""The nouns: column vocabularies, the cost table, the data classes of control, the error tree.

Everything that two modules must agree on is written here once. There is no behaviour in this
file beyond converting clocks: what happens to a request is told by the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
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

COUNTRIES = ("DE", "ES", "FR", "IT", "NL", "PL", "NO")  # NO is where the business may launch
CATEGORIES = (
    "grocery", "fuel", "restaurant", "fashion", "electronics", "travel", "gaming", "gift_cards",
)  # fmt: skip
CHANNELS = ("chip", "contactless", "online")
ACTIONS = ("approve", "review", "block", "shed")
LABEL_SOURCES = ("investigator", "cardholder", "matured", "late")
LAYERS = ("operations", "inputs", "outputs", "decisions", "business")

COUNTRY_DTYPE = pd.CategoricalDtype(COUNTRIES)
CATEGORY_DTYPE = pd.CategoricalDtype(CATEGORIES)
CHANNEL_DTYPE = pd.CategoricalDtype(CHANNELS)
ACTION_DTYPE = pd.CategoricalDtype(ACTIONS)
SOURCE_DTYPE = pd.CategoricalDtype(LABEL_SOURCES)

RAW_COLUMNS = (
    "request_id", "event_time", "arrival_time", "customer_id", "account_opened", "card_country",
    "merchant_id", "category", "country", "channel", "amount",
)  # fmt: skip

FEATURES = (
    "log_amount", "hour_sin", "hour_cos", "is_online", "is_foreign", "account_age_days",
    "count_1h", "count_24h", "count_7d", "sum_24h", "sum_7d", "recency_hours", "amount_to_habit",
    "merchant_risk", "country_risk", "category_risk",
)  # fmt: skip


def categorical(codes: NDArray[np.integer], dtype: pd.CategoricalDtype) -> pd.Categorical:
    """A categorical column from codes that are known to be good (no per-value check).

    >>> categorical(np.array([0, 2], dtype=np.int8), ACTION_DTYPE).tolist()
    ['approve', 'block']
    """
    return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)


def extend(frame: pd.DataFrame, columns: Mapping[str, object]) -> pd.DataFrame:
    """The frame with new columns at its right; editing an existing one is refused.

    Every stage adds its columns through here, so one row of the log is one request's whole life.

    >>> extend(pd.DataFrame({"a": [1]}), {"b": [2]}).to_dict("list")
    {'a': [1], 'b': [2]}
    """
    twice = [name for name in columns if name in frame.columns]
    if twice:
        raise StateError(f"column {twice[0]!r} is already there; the log only grows to the right.")
    added = pd.DataFrame(dict(columns), index=frame.index, copy=False)
    return pd.concat([frame, added], axis=1)


# --- money -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Costs:
    """The one cost table; all money is integer cents, shares are per unit of amount.

    Every number is an assumption of this business, stated here once, shared by all worlds,
    systems and claims, and swept where a verdict hangs on it.
    """

    margin_rate: float = 0.02  # share of an approved genuine amount that the business keeps
    margin_fixed: int = 10  # and cents a payment
    chargeback_fee: int = 1_500  # on top of the amount, for each approved fraud
    friction: int = 500  # a genuine customer is blocked: calls, apologies
    shed: int = 100  # a payment that found the system too busy
    delay: int = 20  # a payment held until the next tick edge, whoever pays
    review_minute: int = 60  # a reviewer, all in
    quarantine: int = 10  # handling a row that broke the contract
    page: int = 2_500  # somebody is called
    on_call_day: int = 500  # somebody can be called
    retraining: int = 3_000  # one fit with its checks
    upkeep_component_year: int = 240_000  # each of six components at its resilient level
    upkeep_feature_year: int = 12_000  # each model input that must be kept alive

    def margin(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents earned by approving each genuine amount.

        >>> Costs().margin(np.array([10_000]))
        array([210])
        """
        rate = np.rint(np.asarray(amount_cents) * self.margin_rate).astype(np.int64)
        return rate + self.margin_fixed

    def fraud_loss(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents lost by approving each fraudulent amount.

        >>> Costs().fraud_loss(np.array([10_000]))
        array([11500])
        """
        return np.asarray(amount_cents, dtype=np.int64) + self.chargeback_fee


COSTS = Costs()


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
