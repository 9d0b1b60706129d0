"""Payments as plain data: fields and their owners, words, features, costs, rules, who is called.

The one place that says what a payment is. Readers, columns, SQL and JSON types, metrics and alerts
are derived from it. Nothing is computed here, and nothing here knows the truth; reality is in
world.py. Longer than most: data, line by line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.domain import (
    ARRIVAL,
    ENTITY,
    EVENT,
    REQUEST,
    AlertRule,
    BusinessRule,
    Costs,
    Domain,
    Feature,
    Field,
    Share,
    vocabulary,
)

# --- words -------------------------------------------------------------------------------------

COUNTRIES = ("DE", "ES", "FR", "IT", "NL", "PL", "NO")  # NO is where the business may launch
CATEGORIES = (
    "grocery", "fuel", "restaurant", "fashion", "electronics", "travel", "gaming", "gift_cards",
)  # fmt: skip
CHANNELS = ("chip", "contactless", "online")
ACTIONS = ("approve", "review", "block", "shed")
LABEL_SOURCES = ("investigator", "cardholder", "matured", "late")

COUNTRY_DTYPE = vocabulary(COUNTRIES)
CATEGORY_DTYPE = vocabulary(CATEGORIES)
CHANNEL_DTYPE = vocabulary(CHANNELS)
ACTION_DTYPE = vocabulary(ACTIONS)
SOURCE_DTYPE = vocabulary(LABEL_SOURCES)

# --- who answers -------------------------------------------------------------------------------

GATEWAY, ACCOUNTS, DESK, TERMINALS = "payments gateway", "accounts", "merchant desk", "terminals"
PLATFORM = "payments platform"
PRODUCER = "data producer"
MODELS = "ML team"
FRAUD = "fraud operations"
FINANCE = "finance"

# --- fields ------------------------------------------------------------------------------------

# A clock that is not set says a time far from here (limits assumed).
FIRST_TIME, LAST_TIME = np.datetime64("2000-01-01", "ms"), np.datetime64("2100-01-01", "ms")
FIRST_ACCOUNT = np.datetime64("1900-01-01", "ms")

FIELDS = (  # who a row belongs to must be known; without any other field it is worth an answer
    Field(
        "request_id", "int64", GATEWAY, minimum=0, unique=True, role=REQUEST, example=1,
        about="the caller's own id; repeated within 7 days it gets the first answer again, and is "
        "refused with 409 for another payment",
    ),
    Field(
        "event_time", "datetime64[ms]", GATEWAY, minimum=FIRST_TIME, maximum=LAST_TIME,
        on_breach="degrade", role=EVENT,
        example="2025-01-01T09:30:00Z",
        about="when the payment was made: ISO 8601 (UTC if no zone) or ms since 1970",
    ),
    Field(
        "arrival_time", "datetime64[ms]", GATEWAY, minimum=FIRST_TIME, maximum=LAST_TIME,
        on_breach="degrade", role=ARRIVAL,
        about="virtual time only: when it reached us; never before an earlier arrival",
    ),
    Field(
        "customer_id", "int64", ACCOUNTS, minimum=0, maximum=2**24 - 1, role=ENTITY, example=17
    ),
    Field(
        "account_opened", "datetime64[ms]", ACCOUNTS, minimum=FIRST_ACCOUNT, past=True,
        on_breach="degrade", example="2023-06-01",
        about="ISO 8601 or ms since 1970",
    ),
    Field(
        "card_country", "category", ACCOUNTS, categories=COUNTRIES, on_breach="degrade",
        example="DE",
    ),
    Field(
        "merchant_id", "int64", DESK, minimum=0, maximum=2**20 - 1, on_breach="degrade",
        role=ENTITY, example=5,
    ),
    Field(
        "category", "category", DESK, categories=CATEGORIES, on_breach="degrade", example="grocery"
    ),
    Field("country", "category", DESK, categories=COUNTRIES, on_breach="degrade", example="DE"),
    Field(
        "channel", "category", TERMINALS, categories=CHANNELS, on_breach="degrade", example="chip"
    ),
    Field(
        "amount", "float64", GATEWAY, unit="EUR", minimum=0.01, maximum=20_000.0, null_rate=0.001,
        on_breach="degrade", example=23.5,
    ),
)  # fmt: skip
RAW_COLUMNS = tuple(one.name for one in FIELDS)

# --- features ----------------------------------------------------------------------------------

_PAST = ("customer_id", "event_time")
_SUMS = (*_PAST, "amount")
_IN_WINDOW = "the customer's earlier attempts in the window"
_SUM = "ln(1 + euros attempted in the window)"
_RATE = "smoothed rate of matured fraud"

# A prior says how many requests of evidence the overall rate weighs against a key's own.
FEATURE_LIST = (
    Feature("log_amount", "log", ("amount",), "ln(euros)"),
    Feature("hour_sin", "hour_sin", ("event_time",), "the event's hour on a 24 hour dial"),
    Feature("hour_cos", "hour_cos", ("event_time",), "the event's hour on a 24 hour dial"),
    Feature("is_online", "equals", ("channel",), "1 or 0", "online"),
    Feature("is_foreign", "differs", ("country", "card_country"), "1 or 0: not the card's country"),
    Feature(
        "account_age_days", "days_since", ("event_time", "account_opened"),
        "from the account's opening to the event", scale="log1p",
    ),
    Feature("count_1h", "count", _PAST, _IN_WINDOW, "hour", scale="log1p"),
    Feature("count_24h", "count", _PAST, _IN_WINDOW, "day", scale="log1p"),
    Feature("count_7d", "count", _PAST, _IN_WINDOW, "week", scale="log1p"),
    Feature("sum_24h", "log_sum", _SUMS, _SUM, "day"),
    Feature("sum_7d", "log_sum", _SUMS, _SUM, "week"),
    Feature(
        "recency_hours", "recency", _PAST,
        "since the customer's previous attempt, 720 when there is none in 30 days", scale="log1p",
    ),
    Feature(
        "amount_to_habit", "to_habit", _SUMS,
        "ln(amount / mean of the customer's last 30 days), 0 without a habit",
    ),
    Feature("merchant_risk", "risk", ("merchant_id",), _RATE, 300.0, scale="log"),
    Feature("country_risk", "risk", ("country",), _RATE, 1_000.0, scale="log"),
    Feature("category_risk", "risk", ("category",), _RATE, 1_000.0, scale="log"),
)  # fmt: skip
FEATURES = tuple(one.name for one in FEATURE_LIST)

QUESTIONS = (  # five that a fraud analyst would ask
    ("amount_to_habit", 1.0),  # more than e times what this customer usually spends
    ("count_24h", 2.5),  # the third payment within a day
    ("is_online", 0.5),
    ("merchant_risk", 0.015),  # the merchant is several times as risky as the average
    ("is_foreign", 0.5),
)

# --- money -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PaymentCosts(Costs):
    """The one cost table; all money is integer cents, shares are per unit of amount.

    Every number is an assumption of this business, stated here once, shared by all worlds,
    systems and claims, and swept where a verdict hangs on it.
    """

    margin_rate: float = 0.02  # share of an approved genuine amount that the business keeps
    margin_fixed: int = 10  # and cents a payment
    chargeback_fee: int = 1_500  # on top of the amount, for each approved fraud
    friction: int = 500  # a genuine customer is blocked: calls, apologies
    shed: int = 100  # a payment that found the system too busy

    def margin(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents earned by approving each genuine amount.

        >>> PaymentCosts().margin(np.array([10_000]))
        array([210])
        """
        rate = np.rint(np.asarray(amount_cents) * self.margin_rate).astype(np.int64)
        return rate + self.margin_fixed

    def fraud_loss(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents lost by approving each fraudulent amount.

        >>> PaymentCosts().fraud_loss(np.array([10_000]))
        array([11500])
        """
        return np.asarray(amount_cents, dtype=np.int64) + self.chargeback_fee

    def loss(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same under the name that every domain has for it."""
        return self.fraud_loss(amount_cents)


COSTS = PaymentCosts()
ITEMS = ("margin", "fraud_loss", "fraud_blocked", "friction", "shed_sale")

# --- decisions ---------------------------------------------------------------------------------

REASONS = ("score", "velocity", "new account", "exploration", "no answer")
RULES = (
    BusinessRule(
        "new account", "review", (("account_age_days", "<", 3.0), ("amount", ">", 500.0))
    ),
    BusinessRule("velocity", "block", (("count_1h", ">=", 8.0),)),
)  # fmt: skip

# --- monitoring --------------------------------------------------------------------------------

SHARES = (
    Share("share_online", "channel", equals="online"),
    Share("share_foreign", "country", differs_from="card_country"),
)


def _weekly(layer: str, metric: str, direction: str, transform: str, owner: str) -> AlertRule:
    """A ticket about a metric with a weekly cycle."""
    return AlertRule(layer, metric, "all", direction, owner, "ticket", transform=transform, cycle=7)


def _field(metric: str, name: str) -> AlertRule:
    """A page about one raw field that has lost its values or its vocabulary."""
    call = (("ask_owner", name),)
    return AlertRule("inputs", metric, name, "up", PRODUCER, "page", varies=False, runbook=call)


_NULLABLE = ("amount", "category", "country", "card_country", "channel", "account_opened")
_WORDED = ("category", "country", "card_country", "channel")

ALERT_RULES: tuple[AlertRule, ...] = (
    AlertRule("operations", "requests", "all", "both", PLATFORM, "page", transform="log", cycle=7),
    AlertRule("operations", "latency_p99", "all", "up", PLATFORM, "ticket", transform="log"),
    AlertRule(
        "operations", "error_rate", "all", "up", PLATFORM, "page", varies=False,
        runbook=(("ask_owner", PLATFORM),),
    ),
    AlertRule("operations", "shed_rate", "all", "up", PLATFORM, "page", varies=False),
    AlertRule(
        "operations", "fallback_rate", "all", "up", MODELS, "page", varies=False,
        runbook=(("roll_back", ""),),
    ),
    *(_field("null_rate", name) for name in _NULLABLE),
    *(_field("unknown_category_rate", name) for name in _WORDED),
    *(
        AlertRule(
            "inputs", rate, "all", "up", PRODUCER, "ticket", varies=False,
            runbook=(("ask_owner", name),),
        )
        for rate, name in (("duplicate_rate", "request_id"), ("late_rate", "event_time"))
    ),
    AlertRule(
        "inputs", "null_rate", "history", "up", PLATFORM, "page", varies=False,
        runbook=(("ask_owner", PLATFORM),),
    ),
    AlertRule(  # never, while the state is whole: a single row is one too many
        "inputs", "unseen_rate", "history", "up", PLATFORM, "page", transform="identity",
        varies=False, runbook=(("ask_owner", PLATFORM),),
    ),
    AlertRule("inputs", "quarantine_rate", "all", "up", PRODUCER, "ticket"),
    AlertRule(
        "inputs", "future_rate", "all", "up", PRODUCER, "page", varies=False,
        runbook=(("quarantine", "event_time"), ("ask_owner", "event_time")),
    ),
    AlertRule(
        "inputs", "amount_median", "all", "both", PRODUCER, "page",
        transform="log", cycle=7, runbook=(("ask_owner", "amount"),),
    ),
    AlertRule(
        "inputs", "amount_mean", "all", "both", PRODUCER, "page",
        transform="log", cycle=7, runbook=(("ask_owner", "amount"),),
    ),
    _weekly("inputs", "psi_amount", "up", "cube_root", PRODUCER),
    AlertRule(
        "inputs", "psi_hour", "all", "up", PRODUCER, "page",
        transform="cube_root", cycle=7, runbook=(("ask_owner", "event_time"),),
    ),
    AlertRule(  # paydays bring customers back early; a stale table shows as days, not hours
        "inputs", "recency_median", "all", "up", MODELS, "ticket",
        transform="log", cycle=7, caution=1.2, runbook=(("rebuild_table", ""),),
    ),
    _weekly("inputs", "share_night", "both", "share", PRODUCER),
    _weekly("inputs", "share_online", "both", "share", PRODUCER),
    _weekly("inputs", "share_foreign", "both", "share", PRODUCER),
    AlertRule(
        "outputs", "score_log_odds", "all", "both", MODELS, "page", transform="identity", cycle=7,
        runbook=(("roll_back", ""),),
    ),
    AlertRule(  # a few high scores more or less are most of what it sees
        "outputs", "psi_score", "all", "up", MODELS, "ticket",
        transform="cube_root", cycle=7, caution=1.3,
    ),
    _weekly("outputs", "share_flagged", "both", "share", MODELS),
    AlertRule("decisions", "block_rate", "all", "both", FRAUD, "page", cycle=7),
    _weekly("decisions", "approve_rate", "down", "share", FRAUD),
    _weekly("decisions", "blocked_cents", "up", "log", FINANCE),
    AlertRule("business", "reported_fraud_rate", "all", "up", FRAUD, "page"),
    AlertRule(
        "business", "missing_reports", "all", "up", MODELS, "page", transform="identity",
        runbook=(("ask_owner", MODELS),),
    ),
    AlertRule(  # a few reported frauds are most of its noise: the lower tail is long
        "business", "booked_cents", "all", "down", FINANCE, "ticket",
        monthly_rate=0.01, transform="identity", cycle=7, caution=1.8,
    ),
    AlertRule("business", "precision_reviewed", "all", "down", FRAUD, "ticket"),
)  # fmt: skip

# --- the whole ---------------------------------------------------------------------------------

PAYMENTS = Domain(
    name="payments",
    fields=FIELDS,
    features=FEATURE_LIST,
    costs=COSTS,
    items=ITEMS,
    actions=ACTIONS,
    reasons=REASONS,
    label_sources=LABEL_SOURCES,
    harm="fraud",
    actor="customer_id",
    measure="amount",
    usual_by="merchant_id",
    feed_owner=GATEWAY,
    rules=RULES,
    typical_genuine=45.0,  # euros: the means of the training history
    typical_harmful=150.0,
    questions=QUESTIONS,
    shares=SHARES,
    alert_rules=ALERT_RULES,
    caption="{amount:.2f} EUR · {category} in {country} · {channel}",
    traced=("count_24h", "recency_hours", "amount_to_habit", "merchant_risk"),
)
HISTORY = PAYMENTS.history  # the features that stand on what the customer did before
