"""Payments as plain data: fields, words, costs, features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COUNTRIES = ("DE", "ES", "FR", "IT", "NL", "PL", "NO")  # NO is where the business may launch


CATEGORIES = (
    "grocery", "fuel", "restaurant", "fashion", "electronics", "travel", "gaming", "gift_cards",
)  # fmt: skip


CHANNELS = ("chip", "contactless", "online")


ACTIONS = ("approve", "review", "block", "shed")


LABEL_SOURCES = ("investigator", "cardholder", "matured", "late")


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
