"""Healthy months raise alerts at their stated rate; a loud fault is called out.

24 months here, each of a world of its own, 204 in `make soak`. The bound is the binomial's at the
rate that the rules state together, on both sides: a monitor that is more cautious than its label
hides faults. Two dozen months catch only those that are wrong several times over, and none that is
too quiet; the soak does both.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import mlsys_lessons as mls
from mlsys_lessons.components.monitoring.alerts import COOL_DOWN_DAYS, healthy_rate
from mlsys_lessons.components.monitoring.control_limits import LEAST_DAYS, WINDOW_DAYS
from mlsys_lessons.domain import MONTH_DAYS
from mlsys_lessons.worlds.payments.domain import ALERT_RULES as RULES

SEEDS, DAILY = range(11, 35), 500
DAYS = WINDOW_DAYS + MONTH_DAYS
STATED = healthy_rate(RULES)


@pytest.fixture(scope="module")
def healthy() -> dict[int, mls.Run]:
    """A healthy world for each seed: no fault, no drift, nobody adapts."""
    return {seed: one_run(seed) for seed in SEEDS}


def one_run(seed: int, *, faults: tuple[mls.faults.Fault, ...] = (), days: int = DAYS) -> mls.Run:
    world = mls.scenarios.healthy(seed, daily=DAILY, days=days).world
    system = mls.resilient_system(seed=7, retraining=None)
    return mls.simulate(world, system, days=days, faults=faults, keep="metrics")


def of_the_month(run: mls.Run) -> pd.DataFrame:
    """The alerts of the month after the four weeks from which the limits are taken."""
    return run.alerts[run.alerts["tick"] >= WINDOW_DAYS]


def test_the_rules_together_state_a_rate_that_people_can_live_with() -> None:
    """One healthy month in ten has an alert: what every rule states, added up."""
    assert len({(rule.layer, rule.metric, rule.segment) for rule in RULES}) == len(RULES)
    assert 0.05 < STATED < 0.15


def test_a_rule_that_cannot_cry_wolf_is_about_nothing_while_all_is_well(
    healthy: dict[int, mls.Run],
) -> None:
    """Rules that add nothing to the stated rate: their numbers never move in two dozen months."""
    metrics = pd.concat([run.metrics for run in healthy.values()])
    seen = metrics.groupby(["layer", "metric", "segment"], observed=True)["value"].nunique()
    silent = [rule for rule in RULES if not rule.varies]
    assert len(silent) < len(RULES)
    for rule in silent:
        assert seen.loc[(rule.layer, rule.metric, rule.segment)] <= 1, rule


def test_healthy_months_raise_alerts_at_the_stated_rate(healthy: dict[int, mls.Run]) -> None:
    noisy = sum(len(of_the_month(run)) > 0 for run in healthy.values())
    assert binom.sf(noisy - 1, len(SEEDS), STATED) > 0.005, noisy
    assert binom.cdf(noisy, len(SEEDS), STATED) > 0.005, noisy


def test_the_whole_board_pages_at_most_twice_a_month(healthy: dict[int, mls.Run]) -> None:
    for run in healthy.values():
        assert _pages(of_the_month(run)) <= 2


def test_no_rule_repeats_itself_on_healthy_days(healthy: dict[int, mls.Run]) -> None:
    """One rule firing in four of two dozen months would have a chance of one in 175,000."""
    noisy = pd.concat([of_the_month(run).assign(seed=seed) for seed, run in healthy.items()])
    months = noisy.drop_duplicates(["seed", "layer", "metric", "segment"])
    counts = months.groupby(["layer", "metric", "segment"], observed=True).size()
    assert counts.max() <= 3 if len(counts) else True, counts


def test_nobody_is_called_in_the_first_fortnight(healthy: dict[int, mls.Run]) -> None:
    for run in healthy.values():
        assert (run.alerts["tick"] >= LEAST_DAYS).all()


def test_healthy_pages_cost_what_the_alerts_say(healthy: dict[int, mls.Run]) -> None:
    """A page in the ledger is a night on which somebody's rules call, however many."""
    for run in healthy.values():
        ledger = run.ledger
        paid = -int(ledger.loc[ledger["item"] == "page", "cents"].sum())
        assert paid == _pages(run.alerts) * mls.COSTS.page


def _pages(alerts: pd.DataFrame) -> int:
    """Owners called, a night each, by brute force: a spell calls once, after the cool-down."""
    loud = alerts[alerts["severity"] == "page"]
    called, nights = {}, set()
    waiting: dict[tuple[str, ...], bool] = {}
    fired: dict[tuple[str, ...], int] = {}
    columns = (loud[name] for name in ("tick", "owner", "layer", "metric", "segment"))
    for tick, owner, *words in zip(*columns, strict=True):
        name = tuple(words)
        begins = fired.get(name) != tick - 1
        waiting[name] = begins or waiting[name]
        if waiting[name] and tick - called.get(name, -COOL_DOWN_DAYS) >= COOL_DOWN_DAYS:
            called[name], waiting[name] = tick, False
            nights.add((tick, owner))
        fired[name] = tick
    return len(nights)


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
