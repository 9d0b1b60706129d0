"""Retraining that waits for a sign: when it speaks, when it rests, what it is told."""

from __future__ import annotations

import numpy as np
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.feedback.retraining import Retraining, RetrainingPolicy, Seen
from mlsys_lessons.components.feedback.triggers import (
    OnDrift,
    OnEstimatedHarm,
    OnRealisedHarm,
    Triggered,
)

SIGNS = [(OnDrift, 0.02, 0.3), (OnEstimatedHarm, 0.8, 0.7), (OnRealisedHarm, 0.004, 0.006)]


def nights(before: float, now: float) -> tuple[float, ...]:
    return (before,) * 28 + (now,) * 14


@pytest.mark.parametrize(("kind", "calm", "bad"), SIGNS)
def test_a_sign_is_a_move_of_the_last_two_weeks(kind, calm, bad) -> None:
    policy = kind(first=1)
    assert policy.due(100, Seen(nights(calm, bad)))
    assert not policy.due(100, Seen(nights(calm, calm)))
    assert not policy.due(100, Seen(nights(bad, calm)))
    assert not policy.due(100, Seen(nights(calm, bad)[1:]))  # too few nights
    assert not policy.due(100)


@pytest.mark.parametrize(("kind", "calm", "bad"), SIGNS)
def test_it_rests_and_waits_for_its_first_day(kind, calm, bad) -> None:
    policy, seen = kind(), nights(calm, bad)
    assert not policy.due(policy.first - 2, Seen(seen))
    assert policy.due(policy.first - 1, Seen(seen))
    assert not policy.due(150, Seen(seen, last_fit=150 - policy.rest + 1))
    assert policy.due(150, Seen(seen, last_fit=150 - policy.rest))


@pytest.mark.parametrize(("kind", "calm", "bad"), SIGNS)
def test_nights_without_a_value_count_for_neither(kind, calm, bad) -> None:
    policy, seen = kind(first=1), np.array(nights(calm, bad))
    seen[[3, 30]] = np.nan
    assert policy.due(100, Seen(tuple(seen)))
    seen[-14:] = np.nan
    assert not policy.due(100, Seen(tuple(seen)))


def test_one_that_never_speaks() -> None:
    assert not Triggered(first=1).due(100, Seen(nights(0, 9)))
    assert RetrainingPolicy().watches == Triggered().watches == ""


def test_what_is_watched_is_measured_by_the_course_s_own_monitor() -> None:
    system, world = mls.resilient_system(seed=5), mls.payments_world(seed=5, daily=100)
    run = mls.simulate(world, system, days=2)
    paths = {path for path, _ in run.system.monitor.today}
    assert {kind().watches for kind, _, _ in SIGNS} <= paths


def test_a_system_tells_its_policy_every_night_and_charges_each_fit_once() -> None:
    world = mls.payments_world(seed=5, daily=100)
    policy = OnDrift(first=1, recent=2, usual=2, rest=5, limit=-1.0)  # whatever the score does
    run = mls.simulate(world, mls.resilient_system(seed=5, retraining=policy), days=24)
    measured = run.metrics.query("metric == 'psi_score'")["value"].to_numpy()
    assert np.array_equal(run.system.retraining.seen.nights, measured[:-1], equal_nan=True)
    spent = run.ledger[(run.ledger["item"] == "retraining") & (run.ledger["cents"] != 0)]
    gaps = np.diff(spent["tick"])
    assert len(spent) >= 2 and (gaps == 5).all()


def test_the_calendar_is_told_nothing_and_charges_as_before() -> None:
    retraining = Retraining(RetrainingPolicy(every=10, first=30), seed=1)
    assert retraining.seen == Seen()
    assert [t for t in range(60) if retraining.policy.due(t, Seen((1.0,) * 99))] == [29, 39, 49, 59]
