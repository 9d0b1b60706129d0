"""When a number is worth a call: rules with an owner, and limits that hold their stated rate.

A rule states how often it may cry wolf: the share of healthy months with at least one alert. The
limits (control.py has the arithmetic) make that true for any metric, weekend or not. Which metric
carries a rule, who is called and how loudly is data, in RULES. Nothing here repairs anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlsys_lessons.components.monitoring.control_limits import TRANSFORMS
from mlsys_lessons.records import LAYERS, InputError

DIRECTIONS = ("up", "down", "both")
SEVERITIES = ("page", "ticket")
MONTH_DAYS = 30

PLATFORM = "payments platform"
PRODUCER = "data producer"
MODELS = "ML team"
FRAUD = "fraud operations"
FINANCE = "finance"


@dataclass(frozen=True)
class AlertRule:
    """One metric somebody has agreed to be called for.

    Why it matters: an alert without an owner is a log line; one without a stated rate is ignored
    by the third week.

    Parameters
    ----------
    layer, metric, segment
        Which number.
    direction
        "up", "down" or "both": the side on which it hurts.
    owner, severity
        Who is called, and whether tonight ("page") or on Monday ("ticket").
    monthly_rate
        Share of healthy months with at least one alert.
    transform
        The scale on which the metric's daily noise is about normal: a name of TRANSFORMS.
    cycle
        7 for a metric with a weekly cycle (each weekday has its own baseline), else 1.
    caution
        Factor on the limits' width where the metric's tails are heavier than normal, measured on
        healthy years.
    field
        The raw field that is broken when this rule fires, "" when it says nothing about one.

    >>> AlertRule("operations", "error_rate", "all", "up", PLATFORM, "page").daily_rate < 2e-4
    True
    """

    layer: str
    metric: str
    segment: str
    direction: str
    owner: str
    severity: str
    monthly_rate: float = 0.005
    transform: str = "share"
    cycle: int = 1
    caution: float = 1.1
    field: str = ""

    def __post_init__(self) -> None:
        """Refuse a word outside its vocabulary."""
        for word, words in (
            (self.layer, LAYERS),
            (self.direction, DIRECTIONS),
            (self.severity, SEVERITIES),
            (self.transform, tuple(TRANSFORMS)),
            (self.cycle, (1, 7)),
        ):
            if word not in words:
                raise InputError(f"{word!r} is not known to an alert rule; choose one of {words}.")
        if not 0 < self.monthly_rate < 1:
            raise InputError(f"monthly_rate={self.monthly_rate!r}; a share between 0 and 1.")

    @property
    def daily_rate(self) -> float:
        """Probability of an alert on a healthy day that gives the stated rate a month."""
        return float(1 - (1 - self.monthly_rate) ** (1 / MONTH_DAYS))


def _weekly(layer: str, metric: str, direction: str, transform: str, owner: str) -> AlertRule:
    """A ticket about a metric with a weekly cycle."""
    return AlertRule(layer, metric, "all", direction, owner, "ticket", transform=transform, cycle=7)


def _field(metric: str, name: str) -> AlertRule:
    """A page about one raw field that has lost its values or its vocabulary."""
    return AlertRule("inputs", metric, name, "up", PRODUCER, "page")


NULLABLE = ("amount", "category", "country", "card_country", "channel", "account_opened")
WORDED = ("category", "country", "card_country", "channel")

RULES: tuple[AlertRule, ...] = (
    AlertRule("operations", "requests", "all", "both", PLATFORM, "page", transform="log", cycle=7),
    AlertRule("operations", "latency_p99", "all", "up", PLATFORM, "ticket", transform="log"),
    AlertRule("operations", "error_rate", "all", "up", PLATFORM, "page"),
    AlertRule("operations", "shed_rate", "all", "up", PLATFORM, "page"),
    *(_field("null_rate", name) for name in NULLABLE),
    *(_field("unknown_category_rate", name) for name in WORDED),
    AlertRule("inputs", "duplicate_rate", "all", "up", PRODUCER, "ticket"),
    AlertRule("inputs", "late_rate", "all", "up", PRODUCER, "ticket"),
    AlertRule("inputs", "quarantine_rate", "all", "up", PRODUCER, "ticket"),
    AlertRule("inputs", "future_rate", "all", "up", PRODUCER, "page", field="event_time"),
    AlertRule(
        "inputs", "amount_median", "all", "both", PRODUCER, "page",
        transform="log", cycle=7, field="amount",
    ),
    AlertRule(
        "inputs", "amount_mean", "all", "both", PRODUCER, "page",
        transform="log", cycle=7, field="amount",
    ),
    _weekly("inputs", "psi_amount", "up", "cube_root", PRODUCER),
    AlertRule(
        "inputs", "psi_hour", "all", "up", PRODUCER, "page",
        transform="cube_root", cycle=7, field="event_time",
    ),
    AlertRule(  # paydays bring customers back early; a stale table shows as days, not hours
        "inputs", "recency_median", "all", "up", MODELS, "ticket",
        transform="log", cycle=7, caution=1.4,
    ),
    _weekly("inputs", "share_night", "both", "share", PRODUCER),
    _weekly("inputs", "share_online", "both", "share", PRODUCER),
    _weekly("inputs", "share_foreign", "both", "share", PRODUCER),
    AlertRule(
        "outputs", "score_log_odds", "all", "both", MODELS, "page", transform="identity", cycle=7
    ),
    _weekly("outputs", "psi_score", "up", "cube_root", MODELS),
    _weekly("outputs", "share_flagged", "both", "share", MODELS),
    AlertRule("decisions", "block_rate", "all", "both", FRAUD, "page", cycle=7),
    _weekly("decisions", "approve_rate", "down", "share", FRAUD),
    _weekly("decisions", "blocked_cents", "up", "log", FINANCE),
    AlertRule("business", "reported_fraud_rate", "all", "up", FRAUD, "page"),
    AlertRule(  # a few reported frauds are most of its noise: the lower tail is long
        "business", "booked_cents", "all", "down", FINANCE, "ticket",
        monthly_rate=0.01, transform="identity", cycle=7, caution=1.8,
    ),
    AlertRule("business", "precision_reviewed", "all", "down", FRAUD, "ticket"),
)  # fmt: skip
