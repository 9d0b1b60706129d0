"""The monitors: layers on odd days, alerts that find what broke, calls that are opened once."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from strategies import ended

import mlsys_lessons as mls
from mlsys_lessons.components.monitoring import Monitor, OperationsOnly, layers
from mlsys_lessons.components.monitoring.alerts import Alerts
from mlsys_lessons.components.monitoring.performance import cbpe
from mlsys_lessons.components.monitoring.references import Reference
from mlsys_lessons.domain import AlertRule
from mlsys_lessons.records import DAY_MS, LAYERS, DayFacts, timestamps
from mlsys_lessons.worlds.payments.domain import (
    ACTION_DTYPE,
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    COSTS,
    COUNTRY_DTYPE,
    FEATURES,
    PAYMENTS,
    SOURCE_DTYPE,
)
from mlsys_lessons.worlds.payments.domain import ALERT_RULES as RULES

ASIDE = pd.CategoricalDtype(["amount: odd"])
REASONS = pd.CategoricalDtype(["dependency", "deadline", "breaker", "quarantined", "repeat"])


def day_log(tick, rows=600, seed=0):
    """A healthy day as the system would close it: weekends are quieter, nothing else moves."""
    rng = np.random.default_rng([seed, tick])
    rows = rng.poisson(rows * (0.75 if (tick + 2) % 7 >= 5 else 1.0))
    clock = np.sort(rng.integers(0, DAY_MS, rows)) + tick * DAY_MS
    score = 1 / (1 + np.exp(-rng.normal(-6, 1.5, rows)))
    action = np.where(score > 0.1, 2, np.where(score > 0.05, 1, 0))
    codes = {name: rng.integers(0, 3, rows) for name in ("card_country", "country", "channel")}
    return pd.DataFrame({
        "request_id": np.arange(rows) + tick * 10**6,
        "event_time": timestamps(clock),
        "arrival_time": timestamps(clock + 50),
        "account_opened": timestamps(clock - 100 * DAY_MS),
        "card_country": pd.Categorical.from_codes(codes["card_country"], dtype=COUNTRY_DTYPE),
        "category": pd.Categorical.from_codes(rng.integers(0, 8, rows), dtype=CATEGORY_DTYPE),
        "country": pd.Categorical.from_codes(codes["country"], dtype=COUNTRY_DTYPE),
        "channel": pd.Categorical.from_codes(codes["channel"], dtype=CHANNEL_DTYPE),
        "amount": np.round(rng.lognormal(3, 1, rows), 2),
        "latency_ms": rng.lognormal(3, 0.3, rows),
        "customer_id": np.arange(rows),
        "is_duplicate": rng.random(rows) < 0.003,
        "is_late": rng.random(rows) < 0.003,
        "quarantine_reason": pd.Categorical.from_codes(np.full(rows, -1), dtype=ASIDE),
        **{name: rng.exponential(40, rows) for name in FEATURES},
        "score": score,
        "is_fallback": np.zeros(rows, dtype=bool),
        "fallback_reason": pd.Categorical.from_codes(np.full(rows, -1), dtype=REASONS),
        "action": pd.Categorical.from_codes(action, dtype=ACTION_DTYPE),
        "final_action": pd.Categorical.from_codes(
            np.where(action == 1, 0, action), dtype=ACTION_DTYPE
        ),
    })  # fmt: skip


def facts(tick, seed=0):
    rng = np.random.default_rng([seed, tick, 1])
    sources = ["cardholder"] * rng.poisson(4) + ["investigator"] * 10
    label = np.r_[np.ones(len(sources) - 10), rng.random(10) < 0.4].astype(np.int8)
    labels = pd.DataFrame({
        "request_id": np.arange(len(sources)),
        "label": label,
        "source": pd.Categorical(sources, dtype=SOURCE_DTYPE),
    })  # fmt: skip
    books = {"margin": int(rng.normal(60_000, 2_000)), "fraud_loss": -4_000}
    return DayFacts(tick, books, labels, held=12, reviewed=10)


def watch(days, change=lambda tick, log: log, monitor=None, start=0):
    """A monitor after some days; `change` may break a day's log."""
    monitor = monitor or Monitor()
    for tick in range(start, start + days):
        monitor.look(tick, change(tick, day_log(tick)), facts(tick))
    return monitor


@pytest.fixture(scope="module")
def healthy():
    return watch(45)


def metric_rows(log, tick=0):
    references = {name: Reference() for name in ("amount", "hour", "score")}
    return {
        (metric, segment): (value, n)
        for rows in (
            layers.operations(log),
            layers.inputs(log, references, PAYMENTS),
            layers.outputs(log, references),
            layers.decisions(log, facts(tick), PAYMENTS),
            layers.business(log, facts(tick), PAYMENTS),
        )
        for metric, segment, value, n in rows
    }


# --- layers --------------------------------------------------------------------------------------


def test_layers_count_what_they_say():
    log = day_log(3).assign(is_duplicate=False)
    log.loc[:9, "amount"] = np.nan
    log.loc[5:24, "latency_ms"] = 5_000.0
    log.loc[0:4, "country"] = None
    seen = metric_rows(log)
    rows = len(log)
    assert seen["requests", "all"] == (rows, rows)
    assert seen["null_rate", "amount"] == (10 / rows, rows)
    assert seen["null_rate", "country"] == (5 / rows, rows)
    assert seen["error_rate", "all"][0] == 20 / rows
    assert seen["availability", "all"][0] == pytest.approx(1 - 20 / rows)
    assert seen["amount_mean", "all"] == (pytest.approx(log["amount"].mean()), rows - 10)
    assert seen["block_rate", "all"][0] == (log["action"] == "block").mean()
    blocked = log.loc[log["final_action"] == "block", "amount"].sum()
    assert seen["blocked_cents", "all"][0] == pytest.approx(100 * blocked)
    estimate = cbpe(log["score"].to_numpy(), threshold=0.05)
    assert seen["estimated_recall", "all"][0] == pytest.approx(estimate.recall, rel=1e-4)
    assert seen["estimated_precision", "all"][0] == pytest.approx(estimate.precision, rel=1e-4)
    assert seen["booked_cents", "all"][0] == sum(facts(0).books_cents.values())
    assert seen["review_reached", "all"] == (10 / 12, 12)


def test_a_new_word_is_unknown_and_not_missing():
    log = day_log(3)
    words = log["category"].cat.rename_categories({"electronics": "consumer_electronics"})
    seen = metric_rows(log.assign(category=words))
    assert seen["unknown_category_rate", "category"][0] == (log["category"] == "electronics").mean()
    assert seen["null_rate", "category"][0] == 0
    seen = metric_rows(log.assign(country=log["country"].cat.rename_categories({"DE": "GER"})))
    assert seen["share_foreign", "all"][0] > metric_rows(log)["share_foreign", "all"][0]


def test_an_outage_is_an_error_whether_or_not_a_fallback_covers_for_it():
    log = day_log(3)
    down = pd.Categorical(["dependency"] * len(log), dtype=REASONS)
    bare = metric_rows(log.assign(fallback_reason=down, score=np.nan))
    ladder = metric_rows(log.assign(fallback_reason=down, is_fallback=True))
    assert bare["error_rate", "all"][0] == ladder["error_rate", "all"][0] == 1.0
    assert bare["availability", "all"][0] == 0.0
    assert ladder["availability", "all"][0] == 1.0
    assert np.isnan(ladder["score_log_odds", "all"][0])


def constant(log, word, dtype):
    return pd.Categorical([word] * len(log), dtype=dtype)


ODD_DAYS = {
    "empty": lambda log: log.iloc[:0],
    "one row": lambda log: log.iloc[:1],
    "all quarantined": lambda log: log.assign(
        quarantine_reason=constant(log, "amount: odd", ASIDE), is_fallback=True
    ),
    "all duplicates": lambda log: log.assign(is_duplicate=True),
    "no amounts": lambda log: log.assign(amount=np.nan),
    "no scores": lambda log: log.assign(score=np.nan),
    "no categories": lambda log: log.assign(category=constant(log, None, CATEGORY_DTYPE)),
    "no latency": lambda log: log.assign(latency_ms=np.nan),
    "infinite amounts": lambda log: log.assign(amount=np.inf),
    "certain scores": lambda log: log.assign(score=1.0),
    "all shed": lambda log: log.assign(action=constant(log, "shed", ACTION_DTYPE)),
}  # fmt: skip


@pytest.mark.parametrize("change", ODD_DAYS.values(), ids=ODD_DAYS.keys())
@pytest.mark.filterwarnings("error")
def test_no_day_is_too_odd(healthy, change):
    log = day_log(45)
    monitor = copy.deepcopy(healthy)
    monitor.look(45, change(log), facts(45))
    monitor.look(46, day_log(46), facts(46))
    today = monitor.metrics.query("tick == 45")
    assert len(today) == len(healthy.metrics.query("tick == 44"))
    assert np.isfinite(today["value"].dropna()).all()
    assert Monitor().look(0, change(log), facts(0)) is None


def test_an_empty_day_has_no_values_but_its_counts():
    seen = metric_rows(day_log(3).iloc[:0])
    counts = {name for (name, _), (value, _) in seen.items() if not np.isnan(value)}
    assert counts == {
        "requests", "blocked_cents", "review_queue", "review_reached", "booked_cents",
        "labels_known", "precision_reviewed",
    }  # fmt: skip


# --- the monitors --------------------------------------------------------------------------------


def test_metrics_and_alerts_are_tables(healthy):
    metrics = healthy.metrics
    assert list(metrics) == ["tick", "layer", "metric", "segment", "value", "n"]
    assert set(metrics["layer"]) == set(LAYERS)
    assert metrics.groupby("tick").size().nunique() == 1
    names = ["tick", "layer", "metric", "segment", "value", "threshold", "severity", "owner"]
    assert list(healthy.alerts) == list(Monitor().alerts) == names
    assert healthy.alerts.dtypes.to_dict() == Monitor().alerts.dtypes.to_dict()
    carried = set(zip(metrics["layer"], metrics["metric"], metrics["segment"], strict=True))
    assert {(rule.layer, rule.metric, rule.segment) for rule in RULES} <= carried


def test_the_naive_level_has_one_layer_and_calls_nobody():
    monitor = watch(20, lambda tick, log: log.assign(latency_ms=9_000.0), OperationsOnly())
    assert set(monitor.metrics["layer"]) == {"operations"}
    assert len(monitor.alerts) == 0
    assert not monitor.overheads(ended(20), COSTS)  # no page, and nobody on call


def test_same_days_same_bytes(healthy):
    again = watch(45)
    pd.testing.assert_frame_equal(again.metrics, healthy.metrics)
    pd.testing.assert_frame_equal(again.alerts, healthy.alerts)
    forked = copy.deepcopy(healthy)
    watch(5, monitor=forked, start=45)
    pd.testing.assert_frame_equal(forked.metrics, watch(50).metrics)


def every(log, step):
    return np.arange(len(log)) % step == 0


def in_cents(log):
    return log.assign(amount=np.where(every(log, 4), 100.0, 1.0) * log["amount"])


def renamed(log):
    return log.assign(category=log["category"].cat.rename_categories({"fuel": "petrol"}))


FAULTS = {
    "unit": (in_cents, "amount_mean", "amount"),
    "nulls": (
        # each row shows by itself that it has no amount: no field is in doubt as a whole
        lambda log: log.assign(amount=log["amount"].mask(every(log, 5))), "null_rate", None,
    ),
    "time zone": (
        lambda log: log.assign(event_time=log["event_time"] + pd.Timedelta(hours=6)),
        "future_rate", "event_time",
    ),
    "new word": (renamed, "unknown_category_rate", None),
    "outage": (
        lambda log: log.assign(fallback_reason=constant(log, "deadline", REASONS)),
        "error_rate", None,
    ),
    "wrong scores": (lambda log: log.assign(score=np.sqrt(log["score"])), "score_log_odds", None),
    "twice": (lambda log: log.assign(is_duplicate=every(log, 5)), "duplicate_rate", None),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_the_day_it_comes_by_the_metric_it_moves(healthy, name):
    change, metric, field = FAULTS[name]
    monitor = copy.deepcopy(healthy)
    monitor.look(45, change(day_log(45)), facts(45))
    found = monitor.alerts.query("tick == 45")
    assert metric in set(found["metric"])
    lines = {line for rule, _ in monitor.fired for line in rule.runbook}
    assert field is None or ("ask_owner", field) in lines  # whoever is called knows whom to call
    assert {rule.metric for rule in monitor.opened} >= {metric}
    above = found["value"] > found["threshold"]
    assert above[found["metric"] == metric].all()
    assert found["owner"].str.len().min() > 0
    monitor.look(46, day_log(46), facts(46))
    assert metric not in {rule.metric for rule in monitor.opened}


def test_a_page_is_opened_once_and_the_alert_goes_on(healthy):
    monitor = copy.deepcopy(healthy)
    pages = []
    for tick in range(45, 49):
        monitor.look(tick, day_log(tick).assign(amount=np.nan), facts(tick))
        pages.append(sum(rule.severity == "page" for rule in monitor.opened))
    assert pages[0] >= 1 and pages[1:] == [0, 0, 0]
    nulls = monitor.alerts.query("metric == 'null_rate' and segment == 'amount'")
    assert nulls["tick"].tolist() == [45, 46, 47, 48]
    assert "null_rate -> data producer" in repr(monitor)


def test_a_rule_that_has_called_cools_down_and_a_spell_that_lasts_is_not_forgotten():
    """Fires on days 30, 32 and 36-40: it calls on 30; 32 is over when the week is; 37 is not."""
    rule = AlertRule("inputs", "amount_mean", "all", "up", "producer", "page", transform="identity")
    judge, called = Alerts((rule,)), []
    for tick in range(42):
        value = 1_000.0 if tick in (30, 32, 36, 37, 38, 39, 40) else tick % 3.0
        judge.judge(tick, {"inputs": [("amount_mean", "all", value, 100)]})
        assert bool(judge.open) == (value > 3)
        called += [tick] * len(judge.opened)
    assert called == [30, 37]


def test_an_announced_new_model_is_no_alarm_and_an_unannounced_one_is(healthy):
    def adopt(tick, log):
        return log.assign(score=np.sqrt(log["score"]))

    unannounced = watch(1, adopt, copy.deepcopy(healthy), start=45)
    assert "score_log_odds" in set(unannounced.alerts["metric"])
    monitor = copy.deepcopy(healthy)
    monitor.look(45, day_log(45), facts(45))
    monitor.expect_new_model()
    watch(30, adopt, monitor, start=46)
    assert monitor.alerts.query("tick >= 45 and layer in ('outputs', 'decisions')").empty
    monitor.look(76, day_log(76), facts(76))
    assert "score_log_odds" in set(monitor.alerts.query("tick == 76")["metric"])


# --- what is missing without a gap --------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), [(90, 20), (90, 2), (90, 5), (40, 0), (0, 0), (12, 0)])
def test_missing_reports_are_what_a_binomial_test_says(old: int, new: int) -> None:
    days = [(old, 900), *[(0, 900)] * 27, (new, 1_100), *[(0, 1_100)] * 6]
    share = 7 * 1_100 / (7 * 1_100 + 28 * 900)
    luck = binomtest(new, old + new, share, alternative="less").pvalue if old + new else 1.0
    found = layers.missing_reports(days)
    assert (found > 0) == (luck < layers.LEAST_LUCK)
    assert found == 0 or found == pytest.approx(old * 7_700 / 25_200 - new)


def test_before_three_weeks_no_report_is_missed() -> None:
    assert layers.missing_reports([(50, 1_000)] * 13 + [(0, 1_000)] * 7) == 0.0
    assert layers.missing_reports([]) == 0.0


@pytest.mark.parametrize("name", ["missing_features", "cold_start"])
def test_the_log_tells_when_a_history_does_not_know_the_row_before(name: str) -> None:
    """Nothing is missing and nothing looks odd: last midnight's table answers."""
    world, system = mls.payments_world(seed=7, daily=500), mls.resilient_system(seed=7)
    fault = mls.faults.CATALOGUE[name](start=1, end=2)
    seen = mls.simulate(world, system, days=3, faults=[fault]).metrics
    unseen = seen.loc[seen["metric"] == "unseen_rate", "value"].tolist()
    assert unseen[0] == unseen[2] == 0.0 and unseen[1] > 0


def test_the_same_weekday_keeps_its_stated_rate_where_the_week_s_mean_never_does():
    import mlsys_lessons as mls

    luck, means = np.random.default_rng(9), np.tile(np.r_[[10_000] * 5, [8_000] * 2], 600)
    volume, days = luck.poisson(means), np.arange(28, len(means))
    fair = np.array([volume[list(mls.same_weekday(int(day)))].mean() for day in days])
    alarms = np.abs(volume[days] - fair) > 3 * np.sqrt(1.25 * fair)  # four days are a sample too
    assert alarms.mean() < 0.006
    assert (np.abs(volume[days] - means.mean()) > 3 * np.sqrt(means.mean())).mean() > 0.98
    assert mls.same_weekday(10) == (3,) and mls.same_weekday(3) == ()
    for tick, weeks in ((-1, 4), (5, 0), (1.5, 4)):
        with pytest.raises(mls.InputError):
            mls.same_weekday(tick, weeks)
