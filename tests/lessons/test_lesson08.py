"""Lesson 08 tells the truth: two green pages, an estimate that rises, three lives, a board."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import Policy
from mlsys_lessons.components.monitoring.performance import cbpe, expected_money
from mlsys_lessons.components.response.cases import UNOWNED, Case
from mlsys_lessons.domain import AlertRule
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons.lesson08 import (
    answers,
    blind_spot,
    green_page,
    questions,
    three_lives,
    truth_board,
    unseen_week,
)
from mlsys_lessons.records import APPROVE, BLOCK
from mlsys_lessons.simulation.investigations import Cause, Investigations, hand_offs

UNSEEN = 77  # shown in no lesson, used by no claim
ARMS = three_lives.ARMS


@pytest.fixture(scope="module")
def run() -> mls.Run:
    return three_lives.lived(
        three_lives.NOBODY, UNSEEN, three_lives.the_fault(), days=three_lives.BREAKS, keep="log"
    )


def test_in_an_unseen_world_the_estimate_rises_while_the_truth_falls(run: mls.Run) -> None:
    auc = blind_spot.auc_by_day(mls.resume(run, days=7))
    before, since = auc.loc[:23].mean(), auc.loc[24:].mean()
    assert since["estimated"] > before["estimated"] + 0.01
    assert since["true"] < before["true"] - 0.1


def test_what_a_share_of_zeros_does_by_counting_pairs() -> None:
    luck = np.random.default_rng(3)
    chance = luck.beta(0.5, 20, 40_000)
    silent = luck.random(len(chance)) < 0.34
    said = np.where(silent, 0.0, chance)
    estimated, true = blind_spot.silent_share(cbpe(chance).auc, silent.mean())
    assert cbpe(said).auc == pytest.approx(estimated, abs=0.01)
    assert cbpe(chance, scores=said).auc == pytest.approx(true, abs=0.01)


def test_the_published_finding_is_met() -> None:
    """The library's AUC estimate rose .855 -> .876 while the real AUC fell .857 -> .818."""
    estimates, truths = zip(
        *(blind_spot.confused(noise, 1, 400_000) for noise in (0, 0.9)), strict=True
    )
    assert estimates == pytest.approx((0.855, 0.876), abs=0.006)
    assert truths == pytest.approx((0.855, 0.818), abs=0.006)


def test_two_pages_look_alike_and_the_boards_do_not(run: mls.Run) -> None:
    edges = green_page.of_two(run)
    broken = next(edge for edge in edges.values() if edge["broken"])
    sound = next(edge for edge in edges.values() if not edge["broken"])
    assert green_page.signals(broken["page"]).equals(green_page.signals(sound["page"]))
    assert green_page.signals(broken["page"])["turned away"] == "0"
    assert {alert["owner"] for alert in broken["board"]["alerts"]} >= {"ML team"}
    assert not any(alert["metric"] == "score_log_odds" for alert in sound["board"]["alerts"])
    day = mls.resume(run, days=1)
    first = day.log[day.log["arrival_time"] >= day.log["arrival_time"].max().normalize()]
    assert list(first["action"]) == list(broken["actions"])  # the edge is the simulated system


def test_alerts_without_an_owner_are_the_same_alerts() -> None:
    rules = mls.payments_world(seed=0, daily=100).domain.alert_rules
    bare = three_lives.without_owners(rules)
    assert {(rule.owner, rule.severity, rule.runbook) for rule in bare} == {(UNOWNED, "ticket", ())}
    again = [
        replace(one, owner=rule.owner, severity=rule.severity, runbook=rule.runbook)
        for one, rule in zip(bare, rules, strict=True)
    ]
    assert tuple(again) == tuple(rules)


@pytest.mark.parametrize(
    ("owner", "owners", "evidence", "times"),
    [
        ("platform", {"platform"}, "inputs.amount_mean", 0),
        ("finance", {"platform"}, "inputs.amount_mean", 1),
        ("finance", {"platform"}, "till", 2),
        ("platform", set(), "outputs.psi_score", 0),
        (UNOWNED, {"platform"}, "inputs.amount_mean", 2),
        (UNOWNED, set(), "outputs.psi_score", 1),
    ],
)
def test_a_case_that_is_nobody_s_changes_hands_once_more(owner, owners, evidence, times) -> None:
    case = Case(0, 5, "alert", (evidence,), owner)
    assert hand_offs(case, Cause("a", (), frozenset(owners), key=1)) == times


def test_nobody_in_particular_is_never_sooner() -> None:
    for seed in range(20):
        found = {}
        for owner in ("ML team", UNOWNED):
            people = Investigations(seed)
            people.look_into(Case(0, 5, "alert", ("outputs.psi_score",), owner), Cause("a"), 5.0)
            found[owner] = people.due[0, "diagnosed"].at
        assert found[UNOWNED] > found["ML team"]


def test_the_stored_lives_are_twenty_worlds_that_no_lesson_shows() -> None:
    stored = three_lives.stored()
    assert sorted(set(stored["seed"])) == list(range(200, 220))
    assert stored.groupby("seed")["arm"].apply(tuple).map(lambda arms: arms == ARMS).all()
    arms = three_lives.summary(stored)
    assert arms["to_end"].is_monotonic_decreasing
    assert (arms["low"] <= arms["effect"]).all() and (arms["effect"] <= arms["high"]).all()


def test_a_week_costs_nothing_against_itself_and_something_when_broken() -> None:
    calm = unseen_week.calm(UNSEEN)
    assert unseen_week.euros_lost(calm, calm) == 0.0
    assert unseen_week.euros_lost(unseen_week.week("D", UNSEEN), calm) > 300
    broken = unseen_week.week("D", UNSEEN)
    assert broken.value_by_tick()[: unseen_week.QUIET_DAYS].equals(
        calm.value_by_tick()[: unseen_week.QUIET_DAYS]
    )


def test_estimated_money_is_the_package_s_own() -> None:
    luck = np.random.default_rng(5)
    for rows in (1, 7, 500):
        chance, cents = luck.random(rows), luck.integers(0, 10**7, rows)
        blocked = luck.random(rows) < 0.5
        actions = np.where(blocked, BLOCK, APPROVE)
        ours = answers.estimated_cents(chance, blocked, cents)
        theirs = expected_money(chance, actions, cents, policy=Policy()).cents
        assert ours == pytest.approx(theirs, abs=rows)  # the ledger rounds each margin to a cent


def test_the_rate_behind_a_delay_by_closed_form_and_at_its_edges() -> None:
    luck = np.random.default_rng(8)
    age = luck.uniform(0, 30, 1_000_000)
    reported = (luck.random(len(age)) < 0.3) & (luck.exponential(20, len(age)) <= age)
    assert reported.mean() / 0.3 == pytest.approx(0.482, abs=0.004)
    assert answers.true_rate(age, reported, 20.0) == pytest.approx(0.3, abs=0.003)
    assert np.isnan(answers.true_rate(np.zeros(3), np.zeros(3, dtype=bool), 20.0))
    assert np.isnan(answers.true_rate(np.empty(0), np.empty(0, dtype=bool), 20.0))
    assert answers.true_rate(np.array([1e9]), np.array([True]), 1.0) == 1.0


def test_the_handover_by_brute_force_on_small_and_tied_tables() -> None:
    luck = np.random.default_rng(2)
    twin = SimpleNamespace(value_by_tick=lambda: pd.Series(np.full(9, 500)))
    run_of = lambda alerts: SimpleNamespace(  # noqa: E731
        alerts=alerts, value_by_tick=lambda: pd.Series(np.full(9, 100))
    )
    columns = ["tick", "layer", "metric", "severity", "owner"]
    assert answers.handover(run_of(pd.DataFrame(columns=columns)), twin) == (
        "nothing",
        "nobody",
        28,
    )
    for _ in range(50):
        rows = [
            (
                int(luck.integers(3)),
                "inputs",
                f"m{i}",
                ("page", "ticket")[luck.integers(2)],
                f"o{i}",
            )
            for i in range(luck.integers(1, 6))
        ]
        due = sorted(enumerate(rows), key=lambda one: (one[1][0], one[1][3], one[0]))[0][1]
        got = answers.handover(run_of(pd.DataFrame(rows, columns=columns)), twin)
        assert got == (f"inputs.{due[2]}", due[4], 28.0)


def test_three_numbers_are_three_and_are_numbers_that_somebody_watches() -> None:
    watched = ("amount_mean", "amount_median", "psi_amount", "psi_hour")
    four = {f"inputs.{name}": [mls.response.nothing()] for name in watched}
    assert "agreed to 3" in questions.q4.judge(lambda: four).message
    assert "no rule watches" in questions.q4.judge(lambda: {"inputs.weather": []}).message
    assert "list of mitigations" in questions.q4.judge(lambda: ["inputs.amount_mean"]).message


def test_the_board_shows_the_truth_to_whoever_has_committed() -> None:
    board = truth_board.Board("D", UNSEEN)
    assert "silent_fallback" not in repr(board)
    with pytest.raises(InputError, match="nothing is committed"):
        board.flip()
    said = board.commit("outputs", 900)
    assert said.commit("inputs", 1) == said  # an opinion stays
    assert "silent_fallback" not in repr(said)
    assert "you said: outputs, 900 euros" in repr(said.flip())
    assert "silent_fallback" in repr(said.flip())
    assert "the week cost 0 euros" in repr(
        truth_board.Board("C", UNSEEN).commit(truth_board.NOTHING, 0).flip()
    )
    for wrong in (lambda: board.commit("weather", 1), lambda: truth_board.Board("Z", 1)):
        with pytest.raises(InputError):
            wrong()


def test_the_widget_shows_what_its_text_twin_says() -> None:
    form = truth_board.widget(UNSEEN)
    parts = {part._dom_classes[0].removeprefix("mls-board-"): part for part in form.children}
    parts["week"].value = "D"
    assert repr(truth_board.Board("D", UNSEEN)) in parts["status"].value
    parts["begins"].value, parts["euros"].value = "outputs", 1e9
    parts["flip"].click()
    assert "silent_fallback" not in parts["status"].value
    parts["euros"].value = 900.0
    parts["flip"].click()
    twin = truth_board.Board("D", UNSEEN).commit("outputs", 900.0).flip()
    assert repr(twin) in parts["status"].value


def test_a_rule_without_an_owner_is_still_a_rule() -> None:
    rule = AlertRule("outputs", "psi_score", "all", "up", "ML team", "page")
    assert three_lives.without_owners([rule])[0].daily_rate == rule.daily_rate
