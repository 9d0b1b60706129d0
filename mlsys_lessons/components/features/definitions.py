"""What each feature is: pure functions from a payment and its history to numbers.

This is the one definition that training and serving share. It holds no state: what happened before
a row comes from event_store.py, what labels say of a merchant from risk.py, and features.py joins
the three. A number that cannot be computed is NaN; nothing here guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.features.event_store import (
    DAY,
    HOUR,
    MONTH,
    WEEK,
    WINDOWS_MS,
    Attempts,
    History,
    read_attempts,
)
from mlsys_lessons.components.features.risk_tables import RiskTable
from mlsys_lessons.records import DAY_MS, HOUR_MS, milliseconds
from mlsys_lessons.worlds.payments.domain import (
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    CHANNELS,
    COUNTRY_DTYPE,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_AMOUNT = 1e9  # euros; more is no amount, and keeps running totals of cents far from 2^63
_ONLINE = CHANNELS.index("online")
_VOCABULARIES = {
    "card_country": COUNTRY_DTYPE,
    "category": CATEGORY_DTYPE,
    "country": COUNTRY_DTYPE,
    "channel": CHANNEL_DTYPE,
}
RISKS = {"merchant_risk": "merchant_id", "country_risk": "country", "category_risk": "category"}

HISTORY = (
    "count_1h", "count_24h", "count_7d", "sum_24h", "sum_7d", "recency_hours", "amount_to_habit",
)  # fmt: skip
DERIVED: dict[str, tuple[str, ...]] = {  # raw field -> the features that stand on it
    "request_id": (),
    "event_time": ("hour_sin", "hour_cos", "account_age_days", *HISTORY),
    "arrival_time": (),
    "customer_id": HISTORY,
    "account_opened": ("account_age_days",),
    "card_country": ("is_foreign",),
    "merchant_id": ("merchant_risk",),
    "category": ("category_risk",),
    "country": ("is_foreign", "country_risk"),
    "channel": ("is_online",),
    "amount": ("log_amount", "sum_24h", "sum_7d", "amount_to_habit"),
}


@dataclass(frozen=True)
class Payments:
    """A batch of payments as plain arrays; what cannot be read is NaN or code -1."""

    attempts: Attempts
    event_ms: Floats
    opened_ms: Floats
    amount: Floats  # euros, above 0
    codes: dict[str, Ints]  # merchant_id as it is; the others by their vocabulary in records


def read_payments(frame: pd.DataFrame) -> Payments:
    """The raw columns of a frame of requests.

    A row enters the state when it is not quarantined and its customer, time and amount are
    legible: a payment of unknown size would distort every sum and every habit after it.
    """
    amount = frame["amount"].to_numpy(dtype=np.float64)
    amount = np.where((amount > 0) & (amount <= MAX_AMOUNT) & ~_in_doubt(frame), amount, np.nan)
    cents = np.rint(np.nan_to_num(amount) * 100).astype(np.int64)
    event_time = frame["event_time"].to_numpy()
    enters = cents > 0
    if "is_quarantined" in frame.columns:
        enters &= ~frame["is_quarantined"].to_numpy(dtype=bool)
    customer = frame["customer_id"].to_numpy(dtype=np.int64)
    return Payments(
        attempts=read_attempts(customer, milliseconds(event_time), cents, enters=enters),
        event_ms=_elapsed(event_time),
        opened_ms=_elapsed(frame["account_opened"].to_numpy()),
        amount=amount,
        codes={name: codes_of(frame, name) for name in ("merchant_id", *_VOCABULARIES)},
    )


def _in_doubt(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows quarantined for their amount: the number is there, but not to be read."""
    if "quarantine_reason" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    reasons = frame["quarantine_reason"].array
    about = np.array([reason.startswith("amount") for reason in reasons.categories], dtype=bool)
    return np.asarray(np.append(about, False)[reasons.codes])


def codes_of(frame: pd.DataFrame, name: str) -> Ints:
    """A column as whole numbers: its place in its vocabulary, -1 for any word outside it.

    Numbers pass as they are: a merchant's id, or codes that somebody has looked up already.
    """
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.array.codes
        if column.dtype == _VOCABULARIES[name]:
            return np.asarray(codes, dtype=np.int64)
        known = _VOCABULARIES[name].categories.get_indexer(column.dtype.categories)
        return np.asarray(np.append(known, -1)[codes], dtype=np.int64)
    if column.dtype.kind in "iu":
        return column.to_numpy(dtype=np.int64)
    return np.asarray(_VOCABULARIES[name].categories.get_indexer(pd.Index(column)), dtype=np.int64)


def feature_columns(
    payments: Payments, history: History, risks: Mapping[str, RiskTable]
) -> dict[str, Floats]:
    """Every feature of every row, by name.

    | feature | what it is |
    |---|---|
    | log_amount | ln(euros) |
    | hour_sin, hour_cos | the event's hour on a 24 hour dial |
    | is_online, is_foreign | 1 or 0; foreign: the merchant's country is not the card's |
    | account_age_days | from the account's opening to the event |
    | count_1h, count_24h, count_7d | the customer's earlier attempts in the window |
    | sum_24h, sum_7d | ln(1 + euros attempted in the window) |
    | recency_hours | since the customer's previous attempt, 720 when there is none in 30 days |
    | amount_to_habit | ln(amount / mean of the customer's last 30 days), 0 without a habit |
    | merchant_risk, country_risk, category_risk | smoothed rate of matured fraud |
    """
    return {
        "log_amount": np.log(payments.amount),
        **_clock(payments),
        **_place(payments.codes),
        **_habits(payments, history),
        **{name: risks[key].rate(payments.codes[key]) for name, key in RISKS.items()},
    }


def _clock(payments: Payments) -> dict[str, Floats]:
    angle = np.mod(payments.event_ms, DAY_MS) * (2 * np.pi / DAY_MS)
    age = (payments.event_ms - payments.opened_ms) / DAY_MS
    return {"hour_sin": np.sin(angle), "hour_cos": np.cos(angle), "account_age_days": age}


def _place(codes: dict[str, Ints]) -> dict[str, Floats]:
    channel, country, home = codes["channel"], codes["country"], codes["card_country"]
    return {
        "is_online": np.where(channel < 0, np.nan, channel == _ONLINE),
        "is_foreign": np.where((country < 0) | (home < 0), np.nan, country != home),
    }


def _habits(payments: Payments, history: History) -> dict[str, Floats]:
    """What the customer has done lately, and how this amount compares."""
    counts = np.where(payments.attempts.readable[:, None], history.counts, np.nan)
    euros = history.cents / 100.0
    attempts = counts[:, MONTH]
    usual = np.where(attempts > 0, euros[:, MONTH] / np.maximum(attempts, 1), payments.amount)
    gap = np.minimum(history.gap_ms, WINDOWS_MS[MONTH]) / HOUR_MS
    unknown = np.isnan(attempts)
    return {
        "count_1h": counts[:, HOUR],
        "count_24h": counts[:, DAY],
        "count_7d": counts[:, WEEK],
        "sum_24h": np.where(unknown, np.nan, np.log1p(euros[:, DAY])),
        "sum_7d": np.where(unknown, np.nan, np.log1p(euros[:, WEEK])),
        "recency_hours": np.where(unknown, np.nan, gap),
        "amount_to_habit": np.where(unknown, np.nan, np.log(payments.amount / usual)),
    }


def _elapsed(times: NDArray[np.datetime64]) -> Floats:
    """Milliseconds since day 0 opened as numbers that can say "no time": NaN."""
    return np.where(np.isnat(times), np.nan, milliseconds(times))
