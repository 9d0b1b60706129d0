"""A domain as plain data: payments is what its contract has always been, and nonsense is refused.

The expected tuples are written out by hand from the tables that stood beside the contract, the
features, the monitors and the ledger before there was one domain.
"""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from toy import SHELF

from mlsys_lessons.components.response import Mitigation
from mlsys_lessons.domain import (
    DIRECTIONS,
    OVERHEAD_ITEMS,
    SCALES,
    SEVERITIES,
    AlertRule,
    BusinessRule,
    Costs,
    Feature,
    Field,
    Share,
)
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import LAYERS
from mlsys_lessons.worlds.payments.domain import (
    CATEGORIES,
    COUNTRIES,
    PAYMENTS,
    PaymentCosts,
)

AMOUNT = PAYMENTS.field("amount")
LATE = AlertRule("inputs", "late_rate", "all", "up", "data producer", "ticket")

# --- payments, written out ----------------------------------------------------------------------

HISTORY = (
    "count_1h", "count_24h", "count_7d", "sum_24h", "sum_7d", "recency_hours", "amount_to_habit",
)  # fmt: skip


def test_the_columns_of_a_payment_in_their_order() -> None:
    assert PAYMENTS.columns == (
        "request_id", "event_time", "arrival_time", "customer_id", "account_opened",
        "card_country", "merchant_id", "category", "country", "channel", "amount",
    )  # fmt: skip
    assert PAYMENTS.identity == ("request_id",)


def test_the_contract_promises_what_it_always_has_ids_first() -> None:
    years = np.datetime64("2000-01-01"), np.datetime64("2100-01-01")
    promised = [
        (field.name, field.dtype, field.owner, field.minimum, field.maximum)
        for field in PAYMENTS.promised
    ]
    assert promised == [
        ("request_id", "int64", "payments gateway", 0, None),
        ("customer_id", "int64", "accounts", 0, 2**24 - 1),
        ("merchant_id", "int64", "merchant desk", 0, 2**20 - 1),
        ("event_time", "datetime64[ms]", "payments gateway", *years),
        ("arrival_time", "datetime64[ms]", "payments gateway", *years),
        ("account_opened", "datetime64[ms]", "accounts", np.datetime64("1900-01-01"), None),
        ("card_country", "category", "accounts", None, None),
        ("category", "category", "merchant desk", None, None),
        ("country", "category", "merchant desk", None, None),
        ("channel", "category", "terminals", None, None),
        ("amount", "float64", "payments gateway", 0.01, 20_000.0),
    ]
    strict = [field.name for field in PAYMENTS.promised if field.on_breach == "quarantine"]
    assert strict == ["request_id", "customer_id"]  # any other row is worth an answer
    assert [field.name for field in PAYMENTS.promised if field.unique] == ["request_id"]
    assert (AMOUNT.unit, AMOUNT.null_rate, AMOUNT.unit_rate) == ("EUR", 0.001, 0.01)
    assert {field.null_rate for field in PAYMENTS.promised[:-1]} == {0.0}


def test_the_words_of_each_category_field() -> None:
    words = {name: tuple(dtype.categories) for name, dtype in PAYMENTS.vocabularies.items()}
    countries = ("DE", "ES", "FR", "IT", "NL", "PL", "NO")
    assert words == {
        "card_country": countries,
        "category": (
            "grocery", "fuel", "restaurant", "fashion", "electronics", "travel", "gaming",
            "gift_cards",
        ),
        "country": countries,
        "channel": ("chip", "contactless", "online"),
    }  # fmt: skip
    assert (countries, words["category"]) == (COUNTRIES, CATEGORIES)


def test_the_gaps_that_are_watched() -> None:
    assert PAYMENTS.nullable == (
        "card_country", "category", "country", "channel", "amount", "account_opened",
    )  # fmt: skip


def test_the_features_and_how_a_linear_model_looks_at_them() -> None:
    assert PAYMENTS.inputs == {
        "log_amount": "", "hour_sin": "", "hour_cos": "", "is_online": "", "is_foreign": "",
        "account_age_days": "log1p", "count_1h": "log1p", "count_24h": "log1p",
        "count_7d": "log1p", "sum_24h": "", "sum_7d": "", "recency_hours": "log1p",
        "amount_to_habit": "", "merchant_risk": "log", "country_risk": "log",
        "category_risk": "log",
    }  # fmt: skip
    assert list(PAYMENTS.inputs)[:2] == ["log_amount", "hour_sin"]
    assert PAYMENTS.history == HISTORY


def test_each_field_says_which_features_stand_on_it() -> None:
    assert PAYMENTS.derived == {
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


def test_the_risks_and_how_much_evidence_the_average_weighs() -> None:
    risks = [(field, risk.name, risk.value) for field, risk in PAYMENTS.risks.items()]
    assert risks == [
        ("merchant_id", "merchant_risk", 300.0),
        ("country", "country_risk", 1_000.0),
        ("category", "category_risk", 1_000.0),
    ]


def test_the_words_for_codes() -> None:
    assert tuple(PAYMENTS.action_dtype.categories) == ("approve", "review", "block", "shed")
    assert tuple(PAYMENTS.source_dtype.categories) == (
        "investigator", "cardholder", "matured", "late",
    )  # fmt: skip
    assert tuple(PAYMENTS.reason_dtype.categories) == (
        "score", "velocity", "new account", "exploration", "no answer",
    )  # fmt: skip
    assert tuple(PAYMENTS.item_dtype.categories) == (
        "margin", "fraud_loss", "fraud_blocked", "friction", "shed_sale",
        "review", "delay", "quarantine", "page", "on_call", "response", "retraining", "upkeep",
    )  # fmt: skip
    assert PAYMENTS.item_dtype.categories[5:].tolist() == list(OVERHEAD_ITEMS)


def test_the_rules_and_the_questions() -> None:
    rules = [(rule.reason, rule.action, rule.limits) for rule in PAYMENTS.rules]
    assert rules == [
        ("new account", "review", (("account_age_days", "<", 3.0), ("amount", ">", 500.0))),
        ("velocity", "block", (("count_1h", ">=", 8.0),)),
    ]
    assert PAYMENTS.questions == (
        ("amount_to_habit", 1.0), ("count_24h", 2.5), ("is_online", 0.5),
        ("merchant_risk", 0.015), ("is_foreign", 0.5),
    )  # fmt: skip
    assert (PAYMENTS.typical_genuine, PAYMENTS.typical_harmful) == (45.0, 150.0)


def test_the_prices() -> None:
    costs = PAYMENTS.costs
    assert costs == PaymentCosts(
        margin_rate=0.02, margin_fixed=10, chargeback_fee=1_500, friction=500, shed=100,
        review_minute=60, delay=20, quarantine=10, page=2_500, on_call_day=500, retraining=3_000,
        upkeep_component_year=240_000, upkeep_feature_year=12_000,
    )  # fmt: skip
    cents = np.array([1, 10_000])
    assert costs.margin(cents).tolist() == [10, 210]
    assert costs.loss(cents).tolist() == costs.fraud_loss(cents).tolist() == [1_501, 11_500]


def test_who_is_called() -> None:
    assert len(PAYMENTS.alert_rules) == 39
    owners = {rule.owner for rule in PAYMENTS.alert_rules}
    assert owners == {
        "payments platform", "data producer", "ML team", "fraud operations", "finance",
    }  # fmt: skip
    lines = [line for rule in PAYMENTS.alert_rules for line in rule.runbook]
    assert all(Mitigation(name, value or None) for name, value in lines)  # each is on the list
    asked = {PAYMENTS.owner_of(value) for name, value in lines if name == "ask_owner"}
    assert asked >= {"payments gateway", "merchant desk", "terminals", "accounts"}


def test_another_domain_is_told_by_its_own_data() -> None:
    assert SHELF.identity == ("request_id", "position")
    assert [field.name for field in SHELF.promised] == [
        "request_id", "position", "visitor_id", "event_time", "arrival_time", "item",
    ]  # fmt: skip
    assert SHELF.nullable == ("item",)
    assert SHELF.history == ("seen_24h", "away_hours")
    assert SHELF.derived["event_time"] == ("hour_sin", "seen_24h", "away_hours")
    assert list(SHELF.risks) == ["item"]


def test_nobody_changes_a_domain() -> None:
    assert copy.deepcopy(PAYMENTS) is PAYMENTS
    with pytest.raises(FrozenInstanceError):
        PAYMENTS.name = "other"
    assert repr(PAYMENTS) == "Domain('payments': 11 fields, 16 features)"
    assert PAYMENTS.field("amount") is PAYMENTS.fields[-1]


# --- nonsense -----------------------------------------------------------------------------------


def refused(change: object, *named: str) -> None:
    """One sentence that names the value, the rule and the way out."""
    with pytest.raises(InputError) as caught:
        change()
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith("."), sentence
    assert [word for word in named if word not in sentence] == [], sentence


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"on_breach": "drop"}, ("on_breach='drop'", "quarantine", "degrade")),
        ({"role": "key"}, ("role='key'", "entity")),
        ({"dtype": "string"}, ("dtype='string'", "category")),
        ({"owner": ""}, ("owner is empty", "name the team")),
        ({"minimum": 5.0, "maximum": 1.0}, ("minimum=5.0", "maximum=1.0", "swap")),
        ({"null_rate": 1.5}, ("null_rate=1.5", "0..1")),
        ({"null_rate": -0.1}, ("null_rate=-0.1", "0..1")),
        ({"null_rate": float("nan")}, ("null_rate=nan", "0..1")),
    ],
)
def test_a_field_that_nobody_could_keep_is_refused(
    change: dict[str, object], named: tuple[str, ...]
) -> None:
    refused(lambda: replace(AMOUNT, **change), "field 'amount': ", *named)


def test_a_field_with_equal_limits_is_a_promise() -> None:
    constant = replace(AMOUNT, minimum=1.0, maximum=1.0, null_rate=1.0)
    assert not constant.is_id and not constant.is_clock and constant.words is None


def test_roles_say_what_a_field_is_to_the_machinery() -> None:
    ids = [field.name for field in PAYMENTS.fields if field.is_id]
    clocks = [field.name for field in PAYMENTS.fields if field.is_clock]
    assert (ids, clocks) == (
        ["request_id", "customer_id", "merchant_id"], ["event_time", "arrival_time"],
    )  # fmt: skip
    assert Field("place", "int64", "somebody", role="position").is_id


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"layer": "cellar"}, ("'cellar'", *LAYERS)),
        ({"direction": "sideways"}, ("'sideways'", *DIRECTIONS)),
        ({"severity": "shout"}, ("'shout'", *SEVERITIES)),
        ({"transform": "square"}, ("'square'", *SCALES)),
        ({"cycle": 30}, ("30", "7")),
        ({"monthly_rate": 0.0}, ("monthly_rate=0.0", "between 0 and 1")),
        ({"monthly_rate": 1.0}, ("monthly_rate=1.0", "between 0 and 1")),
        ({"monthly_rate": float("nan")}, ("monthly_rate=nan", "between 0 and 1")),
    ],
)
def test_an_alert_rule_outside_its_vocabulary_is_refused(
    change: dict[str, object], named: tuple[str, ...]
) -> None:
    refused(lambda: replace(LATE, **change), *named)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"scale": "sqrt"}, ("scale='sqrt'", "log1p")),
        ({"reads": ()}, ("reads is empty", "raw fields")),
    ],
)
def test_a_feature_that_stands_on_nothing_is_refused(
    change: dict[str, object], named: tuple[str, ...]
) -> None:
    refused(lambda: replace(PAYMENTS.features[0], **change), "feature 'log_amount': ", *named)


UNKNOWN: dict[str, dict[str, object]] = {
    "actor": {"actor": "iban"},
    "measure": {"measure": "iban"},
    "usual_by": {"usual_by": "iban"},
    "feature 'x'": {"features": (*PAYMENTS.features, Feature("x", "log", ("iban",), "nothing"))},
    "rule: column": {"rules": (BusinessRule("velocity", "block", (("iban", ">", 1.0),)),)},
    "rule: action": {"rules": (BusinessRule("velocity", "iban", ()),)},
    "rule: reason": {"rules": (BusinessRule("iban", "block", ()),)},
    "question": {"questions": (("iban", 1.0),)},
    "share 'share_x'": {"shares": (Share("share_x", "country", differs_from="iban"),)},
    "alert rule": {"alert_rules": (replace(LATE, runbook=(("quarantine", "iban"),)),)},
    "traced": {"traced": ("iban",)},
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_a_domain_that_refers_to_nothing_is_refused(what: str) -> None:
    refused(
        lambda: replace(PAYMENTS, **UNKNOWN[what]),
        "domain 'payments': ", what, "'iban' is not there; choose one of (",
    )  # fmt: skip


IMPOSSIBLE: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "no request": ({"fields": tuple(replace(field, role="") if field.role == "request" else field
                                    for field in PAYMENTS.fields)}, ("request", "clocks")),
    "two arrivals": ({"fields": (*PAYMENTS.fields, Field("b", "datetime64[ms]", "us",
                                                         role="arrival clock"))}, ("clocks",)),
    "a field twice": ({"fields": (*PAYMENTS.fields, AMOUNT)}, ("twice", "one of its own")),
    "a feature as a field": (
        {"fields": (*PAYMENTS.fields, Field("count_1h", "int64", "us"))}, ("twice",),
    ),
    "an actor without a past": ({"actor": "channel", "features": PAYMENTS.features[:3],
                                 "rules": (), "questions": (), "traced": ()},
                                ("actor 'channel'", "add one")),
}  # fmt: skip


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_a_domain_that_the_machinery_could_not_serve_is_refused(what: str) -> None:
    change, named = IMPOSSIBLE[what]
    refused(lambda: replace(PAYMENTS, **change), "domain 'payments': ", *named)


def test_a_monthly_rate_is_thirty_daily_ones() -> None:
    for rate in (0.001, 0.005, 0.5):
        daily = replace(LATE, monthly_rate=rate).daily_rate
        assert 1 - (1 - daily) ** 30 == pytest.approx(rate)


def test_a_field_that_is_not_there_is_named_with_those_that_are() -> None:
    refused(lambda: PAYMENTS.field("iban"), "field 'iban'", "payments", "customer_id")


def test_costs_without_a_business_have_no_price_of_a_decision() -> None:
    with pytest.raises(TypeError, match="loss, margin"):
        Costs()
    assert (Costs.friction, Costs.shed, Costs.page) == (0, 0, 2_500)
