"""Control limits hold their stated rate, on any scale, weekend or not."""

from __future__ import annotations

import numpy as np
import pytest

from mlsys_lessons.components.monitoring.control_limits import (
    LEAST_DAYS,
    TRANSFORMS,
    ControlChart,
    limits,
)
from mlsys_lessons.domain import AlertRule
from mlsys_lessons.errors import InputError


def alarm_share(values, cycle, rate, noise=None):
    """Share of alarms of two-sided limits on (days, metrics) of healthy values."""
    chart = ControlChart(np.full(values.shape[1], cycle))
    noise = np.zeros(values.shape) if noise is None else noise
    tail = np.full(values.shape[1], rate / 2)
    alarms = []
    for tick, today in enumerate(values):
        low, high = limits(chart.forecast(tick, noise[tick]), tail, tail)
        fires = (today < low) | (today > high)
        chart.add(tick, today, fires)
        alarms.append(fires)
    assert not np.any(alarms[:LEAST_DAYS])
    return float(np.mean(alarms[2 * LEAST_DAYS :]))


def test_limits_hold_their_rate_from_estimated_baselines():
    rng = np.random.default_rng(0)
    day = np.arange(200)[:, None]
    noise = rng.normal(size=(200, 800))
    weekly = noise + 10 * np.sin(day * 2 * np.pi / 7)
    assert alarm_share(noise, 1, 0.001) == pytest.approx(0.001, abs=0.0003)
    assert alarm_share(weekly, 7, 0.001) == pytest.approx(0.001, abs=0.0003)
    assert alarm_share(weekly + 0.2 * day, 7, 0.001) == pytest.approx(0.001, abs=0.0003)


def test_rare_shares_do_not_alarm_more_often_than_stated():
    rng = np.random.default_rng(1)
    for expected in (0.0, 0.5, 3.0, 50.0):
        shares = rng.poisson(expected, size=(150, 300)) / 1_000
        scale = TRANSFORMS["share"]
        values = np.vectorize(lambda share, scale=scale: scale.apply(share, 1_000))(shares)
        noise = np.full(values.shape, scale.noise(0.0, 1_000))
        assert alarm_share(values, 1, 0.01, noise) <= 0.0125


def test_a_stated_monthly_rate_is_the_share_of_months_with_an_alert():
    rule = AlertRule("inputs", "late_rate", "all", "both", "owner", "ticket", monthly_rate=0.2)
    rng = np.random.default_rng(2)
    chart = ControlChart(np.ones(1_500, dtype=np.int64))
    tail = np.full(1_500, rule.daily_rate / 2)
    month = np.zeros(1_500, dtype=bool)
    for tick in range(60):
        today = rng.normal(size=1_500)
        low, high = limits(chart.forecast(tick, np.zeros(1_500)), tail, tail)
        fires = (today < low) | (today > high)
        chart.add(tick, today, fires)
        month |= fires & (tick >= 30)
    assert month.mean() == pytest.approx(0.2, abs=0.035)


def test_a_lasting_shift_is_alerted_and_then_becomes_the_baseline():
    rng = np.random.default_rng(3)
    chart, fired = ControlChart(np.array([1])), []
    for tick in range(120):
        today = rng.normal(size=1) + (20.0 if tick >= 40 else 0.0)
        low, high = limits(chart.forecast(tick, np.zeros(1)), np.full(1, 1e-4), np.full(1, 1e-4))
        fired.append(bool((today < low) | (today > high)))
        chart.add(tick, today, np.array([fired[-1]]))
    assert np.flatnonzero(fired).tolist() == list(range(40, 68))


@pytest.mark.parametrize(("scale", "value"), [
    ("identity", 3.2), ("log", 0.7), ("share", 0.031), ("cube_root", 0.004),
])  # fmt: skip
def test_scales_have_a_way_back(scale, value):
    transform = TRANSFORMS[scale]
    assert transform.invert(transform.apply(value, 500), 500) == pytest.approx(value)


def test_fact_season_and_the_three_sigma_limit():
    """A weekend of -20 %: two naive baselines against one that knows the weekday."""
    weekday = (np.arange(7 * 60) + 2) % 7
    mean = np.where(weekday >= 5, 8_000.0, 10_000.0)
    requests = np.random.default_rng(4).poisson(mean, size=(200, len(mean))).T.astype(float)

    def alarmed_days(baseline):
        outside = np.abs(requests - baseline) > 3 * np.sqrt(baseline)
        return outside.mean() * 7

    assert alarmed_days(10_000.0) == pytest.approx(2, abs=0.05)
    assert alarmed_days(mean[:7].mean()) == pytest.approx(7, abs=0.05)
    assert alarm_share(np.sqrt(requests), 7, 0.0027) == pytest.approx(0.0027, abs=0.0006)


@pytest.mark.parametrize("word", ["layer", "direction", "severity", "transform", "monthly_rate"])
def test_a_rule_with_a_word_nobody_knows(word):
    words = {"layer": "inputs", "direction": "up", "severity": "page"} | {word: 7.0}
    with pytest.raises(InputError):
        AlertRule(metric="late_rate", segment="all", owner="somebody", **words)
