"""The drill: the same seed is the same incident, no command breaks it, and its money is real."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.response import KINDS
from mlsys_lessons.drill import SHELF, Incident, Observation, names, scenario
from mlsys_lessons.drill.incident import MINUTES
from mlsys_lessons.drill.play import play
from mlsys_lessons.drill.policies import POLICIES, do_nothing, omniscient
from mlsys_lessons.drill.runs import Script, lived
from mlsys_lessons.drill.scenario import PAGE_DAY, QUIET_DAYS, drawn, mitigation_of
from mlsys_lessons.drill.score import Score
from mlsys_lessons.drill.text import BEGIN, converse, help_text, page_of
from mlsys_lessons.errors import InputError, LessonError, StateError
from mlsys_lessons.worlds.payments.domain import PAYMENTS

SEED = 3


# --- scenarios ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_a_scenario_is_whole(name: str) -> None:
    what = scenario(name)
    assert 1 <= what.days <= 30 and what.page and what.told and what.lesson
    assert set(what.looks_like) <= set(names()) - {name}
    assert bool(what.remedies) != what.quiet
    for told, fault in zip(what.faults, what.happening(), strict=True):
        assert QUIET_DAYS <= fault.start < PAGE_DAY and fault.open_ended
        innocent = told.get("log_odds") == 0.0  # a suspect that does no harm needs no remedy
        assert innocent or any(fault.ended_by(item, PAYMENTS) for item in what.remedies)
    watched = {f"{rule.layer}.{rule.metric}" for rule in PAYMENTS.alert_rules}
    assert {".".join(path.split(".")[:2]) for path in what.shown_by} <= watched


def test_there_are_many_and_some_are_quiet() -> None:
    assert len(names()) >= 16
    assert sum(scenario(name).quiet for name in names()) >= 3
    alike = [set(scenario(name).looks_like) for name in names()]
    assert all(alike)
    with pytest.raises(InputError, match="unit_change"):
        scenario("earthquake")


# --- the state machine --------------------------------------------------------------------------


def test_the_same_seed_is_the_same_incident_and_looking_changes_nothing() -> None:
    looked, blind = Incident("unit_change", SEED), Incident("unit_change", SEED)
    for kind, item in SHELF.items():
        assert looked.inspect(kind, "country" if item.about else "")
    assert looked.observation.alerts == blind.observation.alerts
    assert looked.minutes == sum(item.minutes for item in SHELF.values())
    assert looked.advance(2).alerts == blind.advance(2).alerts
    assert looked._run.expected_value == blind._run.expected_value


def test_another_players_actions_do_not_reach_mine() -> None:
    mine, other = Incident("stale_table", SEED), Incident("stale_table", SEED)
    other.act("fall_back")
    other.advance(3)
    assert mine.advance(3).in_force == () and other.observation.in_force == ("fall_back",)
    assert mine._run.actions_sha256 != other._run.actions_sha256


def test_an_action_changes_the_future_and_the_score() -> None:
    idle = play(Incident("stale_table", SEED), do_nothing)
    known = play(Incident("stale_table", SEED), omniscient(scenario("stale_table")))
    assert idle.score.points < known.score.points
    assert known.actions == 1 and idle.actions == 0


def test_a_finished_drill_replays_to_the_same_ledger() -> None:
    incident = Incident("unit_change", SEED)
    incident.act("quarantine amount")
    incident.advance()
    incident.act("ask_owner amount")
    incident.advance(3)
    incident.act("undo quarantine amount")
    incident.advance(incident.scenario.days)
    assert incident.is_over
    again = incident.replay()
    pd.testing.assert_frame_equal(again.ledger, incident._run.ledger)
    assert again.actions_sha256 == incident._run.actions_sha256


def test_days_that_others_have_lived_are_no_different_days() -> None:
    ahead, late = Incident("unlucky_day", SEED), Incident("unlucky_day", SEED)
    ahead.advance(5)
    late.advance(2)
    late.inspect("inputs")  # the shared run is beyond this day: the player has one of his own now
    late.act("fall_back")
    assert late.advance().in_force == ("fall_back",) and ahead.observation.in_force == ()
    late.advance(99)
    again = late.replay()
    pd.testing.assert_frame_equal(again.ledger, late._run.ledger)
    assert late.plan == {PAGE_DAY + 2: (mitigation_of("fall_back"),)}
    ahead.advance(99)
    assert ahead.score.points == 100.0 and ahead._run is lived("unlucky_day", SEED)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("inspect", "choose one of"),
        ("inspect crystal_ball", "choose one of operations"),
        ("inspect slice", "by one of card_country"),
        ("inspect slice amount", "choose one of"),
        ("inspect inputs amount", "say inspect inputs alone"),
        ("restart", "not on the list"),
        ("", "not on the list"),
        ("ask_owner", "a source: one of .*, finance"),
        ("ask_owner moon", "nobody answers for 'moon'"),
        ("quarantine moon", "moon"),
        ("set_threshold 7", "0..1"),
        ("undo fall_back", "in force"),
        ("advance 0", "days=0"),
        ("advance soon", "number of days"),
        ("advance -1", "number of days"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(command: str, words: str) -> None:
    incident = Incident("unit_change", SEED)
    before = incident.observation
    with pytest.raises((InputError, StateError), match=words) as mistake:
        incident.do(command)
    assert "\n" not in str(mistake.value)
    assert incident.observation == before


def test_a_day_has_only_so_many_minutes() -> None:
    incident = Incident("unit_change", SEED)
    for _ in range(MINUTES // SHELF["labels"].minutes):
        incident.inspect("labels")
    with pytest.raises(StateError, match="advance"):
        incident.inspect("labels")
    assert incident.advance().minutes_left == MINUTES


def test_after_the_end_there_is_only_the_debrief() -> None:
    incident = Incident("unlucky_day", SEED)
    with pytest.raises(StateError, match="days left"):
        incident.debrief()
    incident.advance(99)
    for command in ("inspect inputs", "roll_back", "advance"):
        with pytest.raises(StateError, match="over"):
            incident.do(command)
    told = incident.debrief()
    assert told.score.points == 100.0
    assert "the page" in told.text and told.postmortem.startswith("# Postmortem")


_VALUES = st.sampled_from(["", "amount", "country", "60", "0.4", "-1", "1e9", "nan", "moon"])
_COMMANDS = st.one_of(
    st.builds(
        lambda *words: " ".join(words), st.sampled_from(["", "undo"]), st.sampled_from([*KINDS]),
        _VALUES,
    ),
    st.builds("inspect {} {}".format, st.sampled_from([*SHELF, "x"]), _VALUES),
    st.builds("advance {}".format, st.sampled_from(["", "1", "2", "x"])),
    st.text(max_size=12),
)  # fmt: skip


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["stale_table", "reviewers_away", "canary_one_segment", "unlucky_day"]),
    st.lists(_COMMANDS, max_size=25),
)
def test_any_commands_in_any_order_leave_a_valid_state(name: str, commands: list[str]) -> None:
    incident = Incident(name, SEED)
    for command in commands:
        try:
            incident.do(command)
        except LessonError as mistake:
            assert str(mistake) and "\n" not in str(mistake)
        seen = incident.observation
        assert 0 <= seen.day <= incident.scenario.days and seen.minutes_left >= 0
        assert Observation.of(json.loads(json.dumps(seen.plain(), default=str))) is not None
    if not incident.is_over:
        incident.advance(99)
    assert 0.0 <= incident.score.points <= 100.0
    run = incident._run
    assert int(run.ledger["cents"].sum()) == run.value
    assert int(run.books["cents"].sum()) + run.outstanding == run.value


# --- what a player may know ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["unit_change", "wrong_model", "season_peak"])
def test_an_observation_is_plain_and_gives_nothing_away(name: str) -> None:
    incident = Incident(name, SEED)
    for kind, item in SHELF.items():
        incident.inspect(kind, "country" if item.about else "")
    text = json.dumps(incident.observation.plain())
    assert "true_" not in text and name not in text and scenario(name).told not in text
    for fault in scenario(name).happening():
        assert fault.name not in text
    assert Observation.of(json.loads(text)) == incident.observation


# --- score ----------------------------------------------------------------------------------------


def test_the_score_is_its_formula() -> None:
    random = np.random.default_rng(4)
    for lost, stake, day in random.normal(0, 1_000, (200, 3)):
        points = Score(lost, stake, abs(day), 0.0).points
        assert points == pytest.approx(
            float(np.clip(100 * (1 - lost / max(stake, abs(day), 1.0)), 0, 100))
        )


@pytest.mark.parametrize("name", ["unlucky_day"])
def test_where_nothing_is_wrong_looking_on_is_best(name: str) -> None:
    points = {called: play(Incident(name, SEED), policy).score.points
              for called, policy in POLICIES.items()}  # fmt: skip
    assert points["do_nothing"] == 100.0
    assert max(points.values()) == 100.0
    assert min(points.values()) < 100.0


# --- text ---------------------------------------------------------------------------------------


def test_a_conversation_from_the_page_to_the_debrief() -> None:
    said: list[str] = []
    commands = ["help", "inspect inputs", "nonsense", "ask_owner amount", "advance 99"]
    assert converse(Incident("unit_change", SEED), commands, said.append)
    whole = "\n".join(said)
    assert scenario("unit_change").page in said[0]
    assert "tonight: ask_owner amount" in whole and "of 100" in said[-1]
    assert "'nonsense' is no command" in whole


def test_leaving_early_is_no_end() -> None:
    said: list[Any] = []
    assert not converse(Incident("unit_change", SEED), ["advance", "quit", "advance"], said.append)
    assert not converse(Incident("unit_change", SEED), [], said.append)
    assert said[-1].endswith(BEGIN)
    assert not converse(Incident("unit_change", SEED), ["look alerts", "help look"], said.append)
    assert said[-2].startswith("'look' is no command") and said[-1].startswith(help_text())
    assert all(name in said[-1] for name in (*PAYMENTS.sources, *PAYMENTS.vocabularies))
    assert all(name in help_text() for name in (*SHELF, *KINDS))


def test_an_owner_who_is_asked_says_whether_it_is_his_own_part() -> None:
    incident = Incident("unit_change", SEED)
    for command in ("ask_owner country", "ask_owner amount", "quarantine amount"):
        incident.act(command)
    seen = incident.advance()
    assert [day for day, _ in seen.replies] == [1, 1]
    innocent, guilty = (words for _, words in seen.replies)
    assert innocent == "country: nothing is wrong with us" and guilty.startswith("amount: it was")
    assert f"reply  day 1, {guilty}" in page_of(seen)
    assert Observation.of(json.loads(json.dumps(seen.plain()))).replies == seen.replies
    incident.advance(5)
    incident.act("ask_owner amount")
    assert incident.advance().replies[-1] == (7, "amount: nothing is wrong with us")  # any more
    assert Incident("unit_change", SEED).advance().replies == ()


def test_whoever_names_no_scenario_is_given_one_by_the_seed() -> None:
    drawn_by_seed = [drawn(seed) for seed in range(400)]
    assert set(drawn_by_seed) == set(names())
    assert drawn(SEED) == drawn_by_seed[SEED]
    with pytest.raises(InputError, match="seed=-1"):
        drawn(-1)


def test_a_command_is_read_as_it_is_written() -> None:
    for name, kind in KINDS.items():
        value = {"": "", "source": " amount", "field": " amount"}.get(kind.takes, f" {kind.high:g}")
        assert mitigation_of(f"{name}{value}").name == name
    assert Script() == Script({})
