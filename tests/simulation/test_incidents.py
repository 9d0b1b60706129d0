"""Incidents last until somebody ends them: who notices, what is done, what must still hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_invariants import _ledger_reconciles, _rows_are_conserved, _truth_is_hidden

import mlsys_lessons as mls
from mlsys_lessons import response
from mlsys_lessons.components.monitoring.monitor import Monitor
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.errors import InputError
from mlsys_lessons.simulation.investigations import Investigations, worked
from mlsys_lessons.system.faults import CATALOGUE

PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
Observation = response.Observation


def run_of(
    name: str, days: int, *faults: mls.faults.Fault, seed: int = 7, daily: int = 200, **how: object
) -> mls.Run:
    world = mls.payments_world(seed=seed, daily=daily)
    system = PRESETS[name](seed=7, **{k: how.pop(k) for k in ("responder",) if k in how})
    return mls.simulate(world, system, days=days, faults=faults, **how)


def same(a: mls.Run, b: mls.Run) -> None:
    """Two runs, byte for byte: rows, money, books, labels, alerts, cases."""
    assert a.actions_sha256 == b.actions_sha256
    assert (a.value, a.expected_value) == (b.value, b.expected_value)
    for frame in ("log", "ledger", "books", "labels", "alerts", "metrics", "cases"):
        pd.testing.assert_frame_equal(getattr(a, frame), getattr(b, frame))


# --- the clock of people -----------------------------------------------------------------------


@given(st.floats(0, 30), st.floats(0.01, 100))
@example(16.32 / 24, 0.68)  # exactly until closing time
def test_working_hours_are_counted_as_a_calendar_counts_them(start: float, hours: float) -> None:
    """Against a walk in steps of a hundredth of an hour: as many are worked, and it ends at work.

    Closing time and the next morning are the same moment of work, so hours are compared, not dates.
    """
    step, end = 0.01, worked(start, hours) * 24
    moments = np.arange(start * 24, end, step)
    hour, weekday = moments % 24, (moments // 24 + 2) % 7
    working = (hour >= 9) & (hour < 17) & (weekday < 5)
    assert np.count_nonzero(working) * step == pytest.approx(hours, abs=0.3)
    assert 9 - 1e-6 <= end % 24 <= 17 + 1e-6 and (end // 24 + 2) % 7 < 5


def test_delays_are_lognormal_around_their_stated_median() -> None:
    hours = [Investigations(seed=0).hours("diagnose_scores", key, "x") for key in range(4_000)]
    assert np.median(hours) == pytest.approx(FIGURES["diagnose_scores"], rel=0.08)
    assert np.std(np.log(hours)) == pytest.approx(FIGURES["spread"], rel=0.05)


# --- how long it lasts -------------------------------------------------------------------------


def test_a_fault_with_an_end_ends_then_whoever_notices() -> None:
    fault = mls.faults.unit_change(start=20, end=26)
    ends = [run_of(name, 34, fault).incidents["ended"][0] for name in PRESETS]
    assert ends == [26.0, 26.0]


def test_a_fault_without_an_end_lasts_until_its_remedy() -> None:
    fault = mls.faults.unit_change(start=20)
    looking_on = run_of("naive", 40, fault, responder=None)
    assert np.isnan(looking_on.incidents["ended"][0]) and looking_on.faults[0].end == np.inf

    def wrong(observation: Observation) -> list[response.Mitigation]:
        return [response.roll_back(), response.rebuild_table()] if observation.tick == 25 else []

    assert np.isnan(run_of("naive", 40, fault, responder=wrong).incidents["ended"][0])

    def right(observation: Observation) -> list[response.Mitigation]:
        return [response.ask_owner("amount")] if observation.tick == 25 else []

    cured = run_of("naive", 40, fault, responder=right)
    end = cured.incidents["ended"][0]
    assert 26 < end < 40
    day = pd.to_datetime("2025-01-01") + pd.Timedelta(days=end)
    before, after = (cured.log["amount"][m].mean() for m in (
        (cured.log["event_time"] < day) & (cured.log["event_time"] > day - pd.Timedelta(days=4)),
        cured.log["event_time"] > day,
    ))  # fmt: skip
    assert before > 3 * after  # the producers send euros again


def test_a_field_and_its_owner_are_one_source() -> None:
    domain = mls.payments_world(seed=7, daily=200).domain
    fault = mls.faults.renamed_category(start=3)
    assert fault.ended_by(response.ask_owner("category"), domain)
    assert fault.ended_by(response.ask_owner("merchant desk"), domain)
    assert not fault.ended_by(response.ask_owner("amount"), domain)
    assert not fault.ended_by(response.ask_owner("category").undo(), domain)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_fault_says_what_ends_it(name: str) -> None:
    fault = CATALOGUE[name](start=3)
    assert fault.open_ended and fault.remedies
    domain = mls.payments_world(seed=7, daily=200).domain
    assert all(fault.ended_by(remedy, domain) for remedy in fault.remedies)
    sources = [one.value for one in fault.remedies if one.name == "ask_owner"]
    assert set(sources) <= set(domain.sources)


# --- who notices -------------------------------------------------------------------------------


def test_an_alert_with_an_owner_beats_till_customers_and_chance() -> None:
    fault = mls.faults.unit_change(start=40)
    naive, resilient = (run_of(name, 150, fault, daily=500).incidents.iloc[0] for name in PRESETS)
    assert resilient["noticed_by"] == "alert" and resilient["noticed"] <= 42
    assert naive["noticed_by"] in ("till", "customers", "chance", "nobody")
    assert not naive["noticed"] <= resilient["noticed"]


def test_delays_belong_to_the_incident_and_twins_share_them() -> None:
    fault = mls.faults.unit_change(start=20)

    def at(tick: int) -> Callable[[Observation], list[response.Mitigation]]:
        return lambda seen: [response.ask_owner("amount")] if seen.tick == tick else []

    ends = [run_of("naive", 60, fault, responder=at(t)).incidents["ended"][0] for t in (22, 29)]
    assert ends[1] - ends[0] == pytest.approx(7.0)


def test_a_healthy_world_has_false_alarms_only_and_their_cost_is_in_the_ledger() -> None:
    world = mls.payments_world(seed=3, daily=300, drift=mls.Drift.none())
    run = mls.simulate(world, mls.resilient_system(seed=3), days=150)
    closed = run.cases[run.cases["closed"].notna()]
    assert set(closed["cause"]) <= {"false alarm"}
    spent = -run.ledger.loc[run.ledger["item"] == "response", "cents"].sum()
    looked = run.cases["diagnosed"].notna().sum()
    assert spent >= looked * FIGURES["work_named"] * FIGURES["hour"]
    assert (spent > 0) == (len(closed) > 0)


# --- what must hold, whatever a responder does --------------------------------------------------


def test_a_responder_that_never_acts_equals_none_byte_for_byte() -> None:
    faults = [mls.faults.null_flood(start=18), mls.faults.wrong_model(start=22, end=25)]
    for name in PRESETS:
        runs = [run_of(name, 30, *faults, responder=who) for who in (None, lambda seen: [])]
        same(*runs)


def expected_by_responder(
    name: str, seed: int, days: int, daily: int, faults: tuple[mls.faults.Fault, ...] | None = None
) -> dict[str, float]:
    """Expected cents by who answers; of an ordinary year at four times its incidents, or of faults.

    The omniscient one does the true remedy of whatever is broken at the first midnight.
    """
    if faults is None:
        calendar = mls.scenarios.incident_calendar(seed, days=days, rate=4.0)
        faults = tuple(fault for fault in calendar if fault.open_ended)

    def omniscient(seen: Observation) -> list[response.Mitigation]:
        broken = [fault for fault in faults if seen.tick <= fault.start < seen.tick + 1]
        return [fault.remedies[0] for fault in broken]

    omniscient.takes_alerts = False  # whoever knows need not be called
    who = {
        "omniscient": omniscient, "never": None, "nobody": response.Nobody(),
        "on call": response.OnCall(),
    }  # fmt: skip
    world = mls.payments_world(seed=seed, daily=daily)
    return {
        word: mls.simulate(
            world, PRESETS[name](seed=seed, responder=one), days=days, faults=faults, keep="metrics"
        ).expected_value
        for word, one in who.items()
    }


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_whoever_knows_the_remedy_at_once_is_below_nobody(name: str) -> None:
    """One fault in one world here; calendars of incidents in twenty in the soak."""
    earned = expected_by_responder(name, 7, 36, 300, (mls.faults.silent_fallback(start=16),))
    assert earned["omniscient"] == max(earned.values()) > earned["never"], earned


MOVES = st.sampled_from([
    response.ask_owner("amount"), response.ask_owner("payments platform"),
    *(response.quarantine(name) for name in ("amount", "event_time", "channel")),
    response.rebuild_table(), response.roll_back(), response.fall_back(), response.scale_out(),
    response.set_threshold(0.02), response.set_threshold(0.5), response.widen_review(5),
    response.retrain(60), response.explore(0.3), response.nothing(),
])  # fmt: skip
PLANS = st.lists(
    st.tuples(st.integers(0, 3), MOVES, st.booleans()), min_size=1, max_size=8
)  # tick, what, undone


def acting(plan: list[tuple[int, response.Mitigation, bool]]) -> Callable[..., object]:
    """A responder with a plan and no eyes."""

    def responder(observation: Observation) -> list[response.Mitigation]:
        return [m.undo() if back else m for tick, m, back in plan if tick == observation.tick]

    return responder


@given(
    name=st.sampled_from(sorted(PRESETS)), plan=PLANS,
    fault=st.sampled_from(sorted(CATALOGUE)), batch=st.sampled_from([7, 60]),
)  # fmt: skip
@settings(
    max_examples=14, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_invariants_hold_whatever_is_done(
    name: str, plan: list[tuple[int, response.Mitigation, bool]], fault: str, batch: int
) -> None:
    run = run_of(name, 4, CATALOGUE[fault](start=0.5), daily=120, responder=acting(plan))
    _rows_are_conserved(run)
    _ledger_reconciles(run)
    _truth_is_hidden(run)
    cut = run_of(
        name, 4, CATALOGUE[fault](start=0.5), daily=120, responder=acting(plan), batch_size=batch
    )
    same(run, cut)


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("move", [
    response.quarantine("amount"), response.fall_back(), response.set_threshold(0.05),
    response.widen_review(3), response.scale_out(), response.explore(0.4), response.roll_back(),
], ids=repr)  # fmt: skip
def test_what_is_undone_leaves_no_trace(name: str, move: response.Mitigation) -> None:
    """A system that was changed and changed back answers like one that never was."""
    world = mls.payments_world(seed=7, daily=200)
    requests = world.day(0, world.start()).requests
    one, other = (PRESETS[name](seed=7) for _ in range(2))
    one.apply(move)
    one.apply(move.undo())
    assert not one.in_force
    pd.testing.assert_frame_equal(one.handle(requests), other.handle(requests))


def test_the_levers_change_what_they_say() -> None:
    world = mls.payments_world(seed=7, daily=300)
    requests = world.day(0, world.start()).requests
    system = mls.resilient_system(seed=7)
    system.staff(world.reviewers.capacity)
    usual = mls.resilient_system(seed=7).handle(requests)
    assert system.apply(response.fall_back()) and not system.apply(response.fall_back())
    answered = system.handle(requests.assign(request_id=requests["request_id"] + 1))
    assert (answered["fallback_reason"] == "bypassed").all()
    assert not (usual["fallback_reason"] == "bypassed").any()
    assert system.apply(response.set_threshold(0.5)) and system.apply(response.set_threshold(0.0))
    assert list(system.in_force) == [response.fall_back(), response.set_threshold(0.0)]
    blocked = system.handle(requests.assign(request_id=requests["request_id"] + 2))
    explored = blocked["reason"] == "exploration"
    assert (blocked["action"] == "block")[~explored].all() and explored.mean() < 0.1
    capacity = system.reviews.capacity
    assert system.apply(response.widen_review(4)) and system.reviews.capacity == capacity + 4
    assert not mls.naive_system(seed=7).apply(response.explore(0.1))  # it has no such knob


def test_an_undo_says_whether_anything_came_back() -> None:
    """A roll-back that a newer model has overtaken has nothing to give back."""
    system = mls.resilient_system(seed=7)
    registry = system.inference.registry
    registry.promote(registry.model)
    assert system.apply(response.roll_back()) and registry.champion.label == "boosted-1"
    registry.promote(registry.model)
    assert not system.apply(response.roll_back().undo())
    assert registry.champion.label == "boosted-3"
    assert system.apply(response.roll_back()) and system.apply(response.roll_back().undo())
    assert registry.champion.label == "boosted-3"


def test_a_model_that_a_responder_put_in_service_is_announced(monkeypatch) -> None:
    told = []
    monkeypatch.setattr(Monitor, "expect_new_model", lambda self: told.append(self._days))
    move = [(tick, response.roll_back(), back) for tick, back in ((2, False), (4, True))]
    world = mls.payments_world(seed=7, daily=120)
    system = mls.resilient_system(seed=7, retraining=None, responder=acting(move))
    registry = system.inference.registry
    registry.promote(registry.model)
    mls.simulate(world, system, days=6)
    assert told == [3, 5]


def test_what_is_not_there_is_refused_with_a_sentence() -> None:
    system = mls.naive_system(seed=7)
    with pytest.raises(InputError, match="iban"):
        system.apply(response.quarantine("iban"))
    with pytest.raises(InputError, match="nobody answers for 'the moon'"):
        system.apply(response.ask_owner("the moon"))
    with pytest.raises(InputError, match="cannot be asked"):
        mls.naive_system(seed=7, responder=3)


def test_a_run_goes_on_from_where_its_incidents_stand() -> None:
    fault = mls.faults.stale_features(start=12)
    whole = run_of("resilient", 30, fault)
    halves = mls.resume(run_of("resilient", 14, fault), days=16)
    same(whole, halves)
    pd.testing.assert_frame_equal(whole.incidents, halves.incidents)


def test_a_price_needs_a_twin_of_the_same_days() -> None:
    run, shorter = (run_of("naive", days, mls.faults.latency(start=1, end=2)) for days in (4, 3))
    assert len(run.life(0, twin=run).cents) == 3 and not run.life(0, twin=run).cents.any()
    for stranger in (shorter, "a run"):
        with pytest.raises(InputError, match="is no twin of"):
            run.life(0, twin=stranger)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="incident 7 is not in this run"):
        run.life(7)


def test_a_learners_responder_of_ten_lines_plugs_in() -> None:
    class Mine:
        """Calls the owner of whatever field an alert names."""

        takes_alerts = True

        def __call__(self, observation: Observation) -> list[response.Mitigation]:
            named = [alert.segment for alert in observation.alerts if alert.metric == "null_rate"]
            return [response.ask_owner(name) for name in named]

    run = run_of("resilient", 30, mls.faults.null_flood(start=18), responder=Mine())
    assert run.cases["applied"].str.contains("ask_owner").any()
    assert run.incidents["ended"][0] < 30 and dataclasses.is_dataclass(run.system.response)
    swapped = mls.resilient_system(seed=7).with_(responder=Mine())
    assert isinstance(swapped.response.responder, Mine)
