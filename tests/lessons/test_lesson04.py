"""Lesson 04 tells the truth: its surprise on unseen luck, its instruments against closed forms."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons import claims, traffic
from mlsys_lessons.claims import c7_six_failure_modes as c7
from mlsys_lessons.claims import c8_retry_storm as c8
from mlsys_lessons.claims.claim import FAILS, HOLDS, Evidence
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons.lesson04 import overload_lab, questions
from mlsys_lessons.lessons.lesson04.overload_lab import Overload, fleet
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import FAILURE_MODES
from mlsys_lessons.traffic import Policy, Retries

UNSEEN = (77, 78, 79)  # shown in no lesson, used by no claim


# --- the surprise --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", UNSEEN)
def test_retries_keep_a_stall_alive_and_only_a_bound_on_work_ends_it(seed: int) -> None:
    calls = traffic.poisson(120, 120, seed=seed)

    def answered(policy: Policy, servers: int = 4) -> float:
        return fleet(calls, policy, servers=servers, seed=seed).served_between(80, 120)

    eager = Retries(3)
    assert answered(Policy(0.5)) > 0.99
    assert answered(Policy(0.5, eager)) == 0
    assert answered(Policy(0.5, Retries(3, backoff_s=0.1))) == 0
    assert answered(Policy(0.5, eager), servers=8) == 0
    assert answered(Policy(0.5, Retries(3, budget=0.1))) > 0.99
    assert answered(Policy(0.5, eager, queue_limit=20)) > 0.99


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
@pytest.mark.parametrize("load", [0.2, 0.3, 0.4, 0.6])
def test_the_map_is_the_closed_form(load: float, retries: int) -> None:
    back = overload_lab.recovery(load, retries)
    assert back == pytest.approx(100 if load < traffic.storm_threshold(retries) else 0, abs=1)


@pytest.mark.parametrize("servers", [1, 4])
def test_the_hockey_stick_lies_on_its_line(servers: int) -> None:
    points = overload_lab.mean_waits(servers).loc[:0.8]
    np.testing.assert_allclose(points["simulated"], points["closed form"], rtol=0.2, atol=0.03)
    single = [1.0, 4.0] if servers == 1 else [0.087, 0.746]
    np.testing.assert_allclose(points.loc[[0.5, 0.8], "closed form"], single, rtol=0.01)


def test_a_deadline_is_missed_as_often_as_the_closed_form_says() -> None:
    calls = traffic.poisson(0.8, 100_000, seed=77)
    late = traffic.simulate_queue(calls, policy=Policy(timeout_s=20.0), seed=77).share("late")
    assert late == pytest.approx(traffic.late_share(0.8, 20.0), abs=0.006)


@pytest.mark.parametrize(("load", "holds"), [(0.6, True), (0.7, True), (0.8, False), (0.9, False)])
def test_four_servers_of_which_one_is_lost(load: float, holds: bool) -> None:
    calls = traffic.poisson(200 * load, 200, seed=77)
    lost = [traffic.Outage(0, 200, servers=1)]
    run = traffic.simulate_queue(calls, servers=4, service_s=0.02, outages=lost, seed=77)
    grown = run.per_second()["queue"].iloc[-20:].mean() > 200
    assert traffic.stable(load, 4, 1) is holds is not bool(grown)


def test_a_throttled_caller_asks_about_twice_as_often_as_it_is_let_in() -> None:
    crowd = traffic.poisson(2_000, 120, seed=77)
    policy = Policy(queue_limit=20, throttle=traffic.Throttle(k=2.0, window_s=20))
    run = traffic.simulate_queue(crowd, servers=4, service_s=0.02, policy=policy, seed=77)
    late = run.sent > 40  # once the window is full
    assert late.sum() <= 2.1 * (~np.isnan(run.started[late])).sum()


def test_what_is_shown_under_the_bonnet_fits_a_screen() -> None:
    source = inspect.getsource(traffic.queueing._Servers.take)
    assert len(source.splitlines()) <= 20 and "timeout" not in source


# --- instruments ---------------------------------------------------------------------------------


def test_only_answers_that_find_somebody_are_paid() -> None:
    calls = traffic.poisson(50, 100, seed=1)
    prices = overload_lab.answer_prices()
    assert prices["served"] > prices["fallback"] > 0
    calm = traffic.simulate_queue(calls, servers=9, service_s=0.02, seed=1)
    assert overload_lab.euros_earned(calm) == pytest.approx(len(calls) * prices["served"] / 100)
    waited = Policy(timeout_s=2.5, fallback=traffic.Fallback())
    nobody = [traffic.Outage(0, 99)]
    gone = traffic.simulate_queue(calls, service_s=0.02, policy=waited, outages=nobody, seed=1)
    soon = Policy(timeout_s=0.5, fallback=traffic.Fallback())
    there = traffic.simulate_queue(calls, service_s=0.02, policy=soon, outages=nobody, seed=1)
    assert overload_lab.euros_earned(gone) < 0.05 * overload_lab.euros_earned(there)
    share = there.share("fallback")
    assert overload_lab.euros_earned(there) >= share * len(calls) * prices["fallback"] / 100


def test_the_overload_lab_says_why() -> None:
    assert "the outage stays: once everything times out, 0.6 x (1 + 3) = 2.4" in repr(Overload())
    assert "comes back by itself" in repr(Overload(load=0.2))
    assert "0.66 of capacity" in repr(Overload().set(budget=True))
    assert "the timeout outlasts the stall" in repr(Overload(timeout_s=5.5))
    with pytest.raises(InputError, match=r"load=1\.5"):
        Overload(load=1.5)


def test_the_widget_is_a_view_of_the_lab() -> None:
    box = overload_lab.widget()
    parts = {next(c for c in p._dom_classes if c.startswith("mls-")): p for p in box.children}
    status, picture = parts["mls-overload-status"], parts["mls-overload-picture"]
    assert status.value == f"<pre>{Overload()!r}</pre>"
    before = bytes(picture.value)
    parts["mls-overload-load"].value = 0.2
    parts["mls-overload-retries"].value = 1
    assert status.value == f"<pre>{Overload(load=0.2, retries=1)!r}</pre>"
    after = bytes(picture.value)
    assert after != before and after.startswith(b"\x89PNG")


def test_the_design_question_names_what_a_policy_misses() -> None:
    for wrong in questions.q5.wrong_answers.values():
        assert wrong.message in questions.q5.judge(wrong.answer).message


# --- the claims ----------------------------------------------------------------------------------


def test_c7_strikes_inside_the_days_and_not_at_all_without_incidents() -> None:
    size = ClaimSize(30, 2_000)
    for rate in (1.0, 4.0):
        own = [arm for arm in c7.arms(rate).values() if isinstance(arm, c7.Struck)]
        struck = [arm for arm in own if arm.faults(1, size)]
        assert len(struck) == 2 * len(FAILURE_MODES)
        for arm in struck:
            windows = [(fault.start, fault.end) for fault in arm.faults(1, size)]
            assert len(windows) == rate and windows[0][0] >= 0 and windows[-1][1] <= size.days
            assert all(a[1] <= b[0] for a, b in pairwise(windows))
    assert not any(arm.faults(1, size) for arm in c7.arms(0.0).values())


@pytest.mark.parametrize(("saved", "verdict"), [(200.0, HOLDS), (-200.0, FAILS)])
def test_c7_counts_the_damage_of_the_struck_days(saved: float, verdict: str) -> None:
    rows = []
    for seed in range(20):
        for name in c7.arms(1.0):
            lost = 0.0 if name.startswith("no incident") else 300.0
            lost -= saved if name.endswith(", with") and lost else 0.0
            euros = 1_000 - lost * c7.WINDOW_DAYS / 30 + seed / 100
            rows.append({"seed": seed, "rate": 1.0, "arm": name, "requests": 1_000,
                         "value_cents": euros * 100, "expected_cents": euros * 100})  # fmt: skip
    result = c7.CLAIM.judge(Evidence(pd.DataFrame(rows), ClaimSize(30, 2_000)))
    assert result.verdict == verdict
    assert [effect.interval.estimate for effect in result.effects] == pytest.approx([saved] * 6)
    assert result.table["without"].tolist() == pytest.approx([300.0] * 6)
    assert result.table["pays from incidents a year"].notna().all() == (saved > 0)


def test_c8_counts_the_last_minute() -> None:
    arms = c8.arms(1.0)
    once = arms[c8.ONCE].play(5, ClaimSize())
    assert once["requests"] == 1_000 and once["expected_cents"] == 100_000
    assert arms[c8.ONCE].described() != arms[c8.STORM].described()


@pytest.mark.parametrize("name", ["C7", "C8"])
def test_the_stored_claims_are_what_the_lesson_says(name: str) -> None:
    result = claims.stored(name)
    assert len(result.seeds) >= 20
    if name == "C8":
        last = result.table.set_index("callers")["stall of 5 s"]
        assert last[c8.STORM] == 0 and last[c8.BUDGET] == pytest.approx(1_000, abs=10)
