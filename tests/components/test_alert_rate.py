"""Healthy months raise alerts at their stated rate, not more; a loud fault is called out.

A few months here, 204 in `make soak`. The bound is the binomial's at the rate that the rules state
together; with this few months it only catches monitors that cry wolf several times too often.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import mlsys_lessons as mls
from mlsys_lessons.components.monitoring.control_limits import LEAST_DAYS
from mlsys_lessons.domain import MONTH_DAYS
from mlsys_lessons.worlds.payments.domain import ALERT_RULES as RULES

SEEDS, MONTHS, DAILY = (11, 12, 13), 2, 500
DAYS = LEAST_DAYS + MONTHS * MONTH_DAYS
STATED = 1 - math.prod(1 - rule.monthly_rate for rule in RULES)


@pytest.fixture(scope="module")
def healthy() -> dict[int, mls.Run]:
    """A healthy world for each seed: no fault, no drift, nobody adapts."""
    return {seed: one_run(seed) for seed in SEEDS}


def one_run(seed: int, *, faults: tuple[mls.faults.Fault, ...] = (), days: int = DAYS) -> mls.Run:
    world = mls.scenarios.healthy(seed, daily=DAILY, days=days).world
    system = mls.resilient_system(seed=7, retraining=None)
    return mls.simulate(world, system, days=days, faults=faults, keep="metrics")


def by_rule(run: mls.Run) -> pd.DataFrame:
    """The alerts of a run with the month that each fell in."""
    return run.alerts.assign(month=(run.alerts["tick"] - LEAST_DAYS) // MONTH_DAYS)


def test_the_rules_together_state_a_rate_that_people_can_live_with() -> None:
    """One healthy month in six has an alert: what every rule states, added up."""
    assert len({(rule.layer, rule.metric, rule.segment) for rule in RULES}) == len(RULES)
    assert 0.10 < STATED < 0.20


def test_healthy_months_raise_alerts_at_the_stated_rate_not_more(
    healthy: dict[int, mls.Run],
) -> None:
    months = len(SEEDS) * MONTHS
    noisy = sum(by_rule(run)["month"].nunique() for run in healthy.values())
    assert binom.sf(noisy - 1, months, STATED) > 0.01, {
        seed: run.alerts.to_string() for seed, run in healthy.items()
    }


def test_no_rule_repeats_itself_on_healthy_days(healthy: dict[int, mls.Run]) -> None:
    """One rule firing in three of six months would have a chance of one in 400,000."""
    noisy = pd.concat([by_rule(run).assign(seed=seed) for seed, run in healthy.items()])
    months = noisy.drop_duplicates(["seed", "month", "layer", "metric", "segment"])
    counts = months.groupby(["layer", "metric", "segment"], observed=True).size()
    assert counts.max() <= 2 if len(counts) else True, counts


def test_nobody_is_called_in_the_first_fortnight(healthy: dict[int, mls.Run]) -> None:
    for run in healthy.values():
        assert (run.alerts["tick"] >= LEAST_DAYS).all()


def test_healthy_pages_cost_what_the_alerts_say(healthy: dict[int, mls.Run]) -> None:
    """Each page in the ledger is an alert of severity page that was quiet the day before."""
    for run in healthy.values():
        ledger = run.ledger
        paid = -int(ledger.loc[ledger["item"] == "page", "cents"].sum())
        assert paid == _pages(run.alerts) * mls.COSTS.page


def _pages(alerts: pd.DataFrame) -> int:
    loud = alerts[alerts["severity"] == "page"]
    key = list(zip(loud["layer"], loud["metric"], loud["segment"], loud["tick"], strict=True))
    open_yesterday = {(*name, tick + 1) for *name, tick in key}
    return sum(1 for each in key if each not in open_yesterday)


LOUD = {  # fault: the metric that tells, and whose it is
    "null_flood": ("null_rate", "data producer"),
    "unit_change": ("amount_mean", "data producer"),
    "renamed_category": ("unknown_category_rate", "data producer"),
    "wrong_model": ("fallback_rate", "ML team"),
    "silent_fallback": ("fallback_rate", "ML team"),
    "stale_features": ("null_rate", "payments platform"),
    "missing_features": ("unseen_rate", "payments platform"),
    "cold_start": ("unseen_rate", "payments platform"),
    "dependency_outage": ("error_rate", "payments platform"),
}


@pytest.mark.parametrize("name", LOUD)
def test_a_loud_fault_is_called_out_on_its_first_day_to_its_owner(name: str) -> None:
    start = LEAST_DAYS + 7
    fault = mls.faults.CATALOGUE[name](start=start, end=start + 2)
    run = one_run(11, faults=(fault,), days=start + 3)
    metric, owner = LOUD[name]
    said = run.alerts[run.alerts["metric"] == metric]
    assert said["tick"].tolist()[:2] == [start, start + 1]
    assert set(said["owner"]) == {owner}
    outside = np.abs(said["value"] - said["threshold"])
    assert (outside > 0).all()
    assert (run.ledger["item"] == "page").any()


def test_a_job_that_loses_reports_is_called_out_within_a_week() -> None:
    """Three reports a day are what there is at 1,000 payments: a day of silence tells nothing."""
    start = 5 * 7
    world = mls.scenarios.healthy(11, daily=1_000, days=start + 8).world
    fault = mls.faults.label_job_failure(start=start, end=start + 8)
    system = mls.resilient_system(seed=7, retraining=None)
    run = mls.simulate(world, system, days=start + 8, faults=[fault], keep="metrics")
    said = run.alerts[run.alerts["metric"] == "missing_reports"]
    assert start < said["tick"].min() <= start + 7 and set(said["owner"]) == {"ML team"}


def test_the_naive_level_calls_nobody_whatever_happens() -> None:
    world = mls.payments_world(seed=11, daily=200)
    fault = mls.faults.dependency_outage(start=15, end=16, severity=1.0)
    run = mls.simulate(world, mls.naive_system(seed=7), days=17, faults=[fault], keep="metrics")
    assert run.alerts.empty
