"""Response: the closed list, the ways to notice, how a case runs, and what a responder may see."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsys_lessons import response
from mlsys_lessons.components.response.cases import CLARITIES, clarity
from mlsys_lessons.components.response.noticing import Hotline, Till, rises
from mlsys_lessons.components.response.response import Finding, Response, Signals
from mlsys_lessons.errors import InputError
from mlsys_lessons.system.levers import LEVERS

ALERT = response.Alert(
    "inputs", "null_rate", "amount", 0.3, 0.01, "page", "gateway", (response.ask_owner("amount"),)
)
SCORES = dataclasses.replace(
    ALERT, layer="outputs", metric="psi_score", segment="all", severity="ticket",
    runbook=(response.roll_back(),),
)  # fmt: skip


def on_call(**changes: object) -> Response:
    return Response(**{"responder": response.OnCall(), **changes})


def signals(*alerts: response.Alert, **others: object) -> Signals:
    new = frozenset(alert.path for alert in alerts)
    return Signals(alerts=alerts, new=new, watched=True, **others)


# --- the list ----------------------------------------------------------------------------------


def test_the_list_is_closed_and_each_line_has_a_lever_and_a_maker() -> None:
    assert set(response.KINDS) == set(LEVERS)
    assert all(callable(getattr(response, name)) for name in response.KINDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("set_threshold", 1.5), ("set_threshold", True), ("widen_review", 0), ("explore", "2 %"),
     ("roll_back", 3), ("quarantine", None), ("ask_owner", ""), ("retrain", float("nan"))],
)  # fmt: skip
def test_a_mitigation_that_nobody_could_do_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=name):
        response.Mitigation(name, value)  # type: ignore[arg-type]


def test_every_number_of_the_table_lies_in_its_range_and_says_where_it_comes_from() -> None:
    for row in response.ASSUMPTIONS:
        assert row.low <= row.value <= row.high, row
        assert row.source and row.unit
        assert row.source.split(":")[0] in {"P", "S", "C", "a"}, row


# --- noticing ----------------------------------------------------------------------------------


def test_a_quiet_business_is_rarely_asked_about_its_till() -> None:
    """Poisson months: the share that is called out of line, against a stated most of 1 %."""
    draw = np.random.default_rng(3)
    months = draw.poisson(90, (4_000, 7)).astype(float)
    odd = [rises(row[-1], list(row[:-1]), 1.3) for row in months]
    assert np.mean(odd) < 0.01
    doubled = [rises(2 * row[-1], list(row[:-1]), 1.3) for row in months]
    assert np.mean(doubled) > 0.95


def test_the_till_compares_losses_per_sale_so_growth_is_no_loss() -> None:
    till, growing = Till(), range(1, 121)
    assert not any(till.close_day(day - 1, day, 100 * day) for day in growing)


def test_the_hotline_hears_a_doubled_week() -> None:
    hotline, week = Hotline(), [3] * 7
    heard = [hotline.close_day(day, calls) for day, calls in enumerate([*week * 4, *[9] * 7])]
    assert np.flatnonzero(heard).tolist() == [34]


@pytest.mark.parametrize(
    ("evidence", "points_at"),
    [("inputs.amount_mean", "named"), ("operations.error_rate", "named"),
     ("decisions.block_rate", "scores"), ("business.booked_cents", "money"),
     ("customers", "scores"), ("till", "money")],
)  # fmt: skip
def test_what_evidence_points_at(evidence: str, points_at: str) -> None:
    assert clarity(evidence) == points_at


# --- a case ------------------------------------------------------------------------------------


def test_what_fires_together_is_one_case_and_what_is_known_opens_no_other() -> None:
    desk = on_call()
    desk.notice(20, signals(SCORES, ALERT))
    assert [(case.severity, case.owner, case.evidence) for case in desk.cases] == [
        ("page", "gateway", ("outputs.psi_score", "inputs.null_rate.amount"))
    ]
    assert desk.cases[0].clarity == "named" and desk.pages == 1 and desk.changed == (0,)
    desk.notice(21, signals(ALERT))
    assert len(desk.cases) == 1 and desk.changed == ()
    desk.notice(22, signals(dataclasses.replace(ALERT, segment="channel")))
    assert desk.changed == (0,) and len(desk.cases[0].evidence) == 3  # it joins the search


def test_an_alert_that_reaches_nobody_opens_nothing_and_costs_nothing() -> None:
    desk = Response(responder=response.Nobody())
    desk.notice(20, signals(ALERT))
    assert (desk.cases, desk.pages, desk.on_call) == ([], 0, False)


def test_alerts_of_one_owner_in_one_night_are_one_call() -> None:
    """Alert fatigue: a broken producer moves ten numbers, and one person is called once."""
    second = dataclasses.replace(ALERT, metric="amount_mean", segment="all")
    other = dataclasses.replace(second, owner="platform")
    desk = on_call()
    desk.notice(20, signals(ALERT, second, SCORES))
    assert (desk.pages, len(desk.cases)) == (1, 1)
    desk = on_call()
    desk.notice(20, signals(ALERT, second, other))
    assert (desk.pages, len(desk.cases)) == (2, 1)


def test_what_is_being_looked_into_calls_nobody_again() -> None:
    desk = on_call()
    desk.notice(20, signals(ALERT))
    desk.notice(27, signals(ALERT))
    assert (desk.pages, len(desk.cases)) == (0, 1)


def test_a_false_alarm_costs_its_look_and_is_closed() -> None:
    desk = on_call()
    desk.notice(20, signals(ALERT))
    desk.hear(21, [Finding(0, "diagnosed", 21.4, "false alarm")])
    assert desk.cases[0].closed == 22 and desk.spent == 2.0 * 6_000
    desk.hear(22, [Finding(0, "repaired", 22.0)])  # too late for a case that is closed
    assert desk.cases[0].repaired is None


def test_who_searches_alone_is_charged_for_no_colleague() -> None:
    """The player of a drill pays for looks; the diagnosis comes all the same, and closes."""

    def player(seen: response.Observation) -> tuple[response.Mitigation, ...]:
        return ()

    player.investigates = True  # type: ignore[attr-defined]
    desk = response.Response(player)
    desk.notice(20, signals(ALERT))
    desk.hear(21, [Finding(0, "diagnosed", 21.4, "false alarm")])
    assert (desk.cases[0].closed, desk.spent) == (22, 0.0)


def test_a_case_runs_from_its_page_to_its_repair() -> None:
    desk, ask = on_call(), response.ask_owner("amount")
    desk.notice(20, signals(ALERT))
    seen = desk.observe(20, (ALERT,), (), ())
    assert desk.answer(seen) == (ask,)  # the runbook's line, the same night
    desk.file(20, [ask])
    desk.notice(21, signals())
    desk.hear(21, [Finding(0, "diagnosed", 21.2, "null_flood", (ask,))])
    assert desk.answer(desk.observe(21, (ALERT,), (), ())) == ()  # it is done already
    desk.hear(22, [Finding(0, "repaired", 22.5)])
    case = desk.cases[0]
    assert (case.acknowledged, case.mitigated, case.repaired, case.closed) == (21.0, 21, 22.5, 23)
    assert case.applied == (ask,)


def test_a_ticket_is_worked_on_once_somebody_has_taken_it() -> None:
    desk = on_call()
    desk.notice(20, signals(SCORES))
    assert desk.answer(desk.observe(20, (SCORES,), (), ())) == ()
    desk.hear(21, [Finding(0, "acknowledged", 21.5)])
    assert desk.answer(desk.observe(21, (SCORES,), (), ())) == (response.roll_back(),)


def test_on_call_does_what_names_a_field_before_what_only_saw_scores() -> None:
    desk = on_call()
    desk.notice(20, signals(ALERT, SCORES))
    asked = desk.answer(desk.observe(20, (ALERT, SCORES), (), ()))
    assert asked == (response.ask_owner("amount"),)


def test_a_stopgap_is_undone_when_its_case_is_closed() -> None:
    stopgap = response.quarantine("amount")
    desk = on_call(responder=response.OnCall({"inputs.null_rate.amount": [stopgap]}))
    desk.notice(20, signals(ALERT))
    desk.file(20, desk.answer(desk.observe(20, (ALERT,), (), ())))
    desk.hear(21, [Finding(0, "diagnosed", 21.5, "false alarm")])
    assert desk.answer(desk.observe(21, (), (), (stopgap,))) == (stopgap.undo(),)


def test_nobody_treats_what_a_search_has_found_once() -> None:
    desk, ask = Response(responder=response.Nobody()), response.ask_owner("category")
    desk.notice(20, Signals(tips=("inputs.null_rate.amount",)))
    assert desk.cases[0].noticed_by == "chance"
    desk.hear(25, [Finding(0, "diagnosed", 25.5, "renamed_category", (ask,))])
    asked = desk.answer(desk.observe(25, (), (), ()))
    desk.file(25, asked)
    assert asked == (ask,) and desk.answer(desk.observe(26, (), (), ())) == ()


@pytest.mark.parametrize("answer", ["roll_back", [3], None, response.roll_back()])
def test_a_responder_that_returns_something_else_is_told_so(answer: object) -> None:
    desk = Response(responder=lambda observation: answer)  # type: ignore[arg-type,return-value]
    with pytest.raises(InputError, match=r"return a list|make it with"):
        desk.answer(desk.observe(0, (), (), ()))


@given(st.lists(st.sampled_from([ALERT, SCORES]), max_size=2), st.integers(0, 40))
def test_an_observation_holds_plain_values_only(alerts: list[response.Alert], tick: int) -> None:
    desk = on_call()
    desk.notice(tick, signals(*alerts))
    seen = desk.observe(tick, tuple(alerts), (("inputs.late_rate", 0.1),), (response.roll_back(),))
    assert _plain(seen)
    assert seen.metric("inputs.late_rate") == 0.1 and np.isnan(seen.metric("inputs.other"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen.tick = 3  # type: ignore[misc]


def _plain(value: object) -> bool:
    """Whether a value is made of numbers, text and frozen records of these."""
    if isinstance(value, tuple):
        return all(map(_plain, value))
    if isinstance(
        value, (response.Observation, response.Alert, response.Case, response.Mitigation)
    ):
        return all(_plain(getattr(value, item.name)) for item in dataclasses.fields(value))
    return value is None or type(value) in (int, float, str, bool)


def test_words_of_clarity_name_numbers_of_the_table() -> None:
    names = {row.name for row in response.ASSUMPTIONS}
    assert {f"{verb}_{word}" for verb in ("diagnose", "work") for word in CLARITIES} <= names
