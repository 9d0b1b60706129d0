"""Lesson 05 tells the truth: its tickets, its four lives, its unit bug, its editor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments import pasts
from mlsys_lessons.lessons.lesson05 import answers, contract_editor, four_lives, ticket_desk
from mlsys_lessons.simulation.presets import training_rows

UNSEEN = 77  # shown in no lesson, used by no claim


def stale() -> mls.faults.Fault:
    return mls.faults.stale_features(start=0, end=30, severity=3.0)


def test_the_fix_brings_little_of_what_the_fault_had_cost() -> None:
    lives = four_lives.lives(UNSEEN, stale())
    arrives, learned, fixed = lives.diff().iloc[1:]
    cost = -(arrives + learned)
    assert arrives < -3_000
    assert cost > 3_000
    assert fixed < 0.4 * cost


def test_in_an_unseen_world_each_ticket_leads_to_its_column() -> None:
    tickets = ticket_desk.desk(ticket_desk.quiet_weeks(UNSEEN))
    suspects = ticket_desk.diagnoses(tickets, answers.first_suspect)["first suspect"]
    assert suspects["A"] in {"inputs.amount_mean", "inputs.psi_amount"}
    assert suspects["B"] == "inputs.null_rate.amount"
    assert suspects["C"] in {"inputs.psi_hour", "inputs.share_night"}
    assert suspects["D"] == "inputs.unknown_category_rate.category"
    assert suspects["E"] == "inputs.null_rate.history"
    assert suspects["F"] == "operations.fallback_rate"


def test_the_unit_bug_moves_the_mean_and_hardly_anything_else() -> None:
    luck = np.random.default_rng(11)
    euros = np.exp(luck.normal(size=1_000_000))
    mixed = np.where(luck.random(len(euros)) < 0.01, euros * 100, euros)
    assert mixed.mean() / euros.mean() == pytest.approx(1.99, abs=0.06)
    assert np.median(mixed) / np.median(euros) == pytest.approx(1.01, abs=0.01)
    assert mls.drift.psi(euros, mixed) == pytest.approx(0.001, abs=0.001)


def test_the_first_clean_fit_by_counting_days() -> None:
    policy, fixed = RetrainingPolicy(), 200
    window = lambda t: range(t - 45 - policy.window + 1, t - 45 + 1)  # noqa: E731
    counted = next(t for t in range(1_000) if t >= fixed and min(window(t)) >= fixed)
    assert answers.clean_from(fixed, policy.window, 45) == counted


def test_a_table_under_no_fault_is_the_course_s_own() -> None:
    history = mls.payments_world(seed=5, daily=200).history(60)
    table = pasts.table_under(history)
    pd.testing.assert_frame_equal(table, mls.features.offline(*history))
    old = pasts.table_under(history, [pasts.all_along(stale())])
    assert old["recency_hours"].isna().mean() > 0.95  # a table that old is disbelieved
    assert old["merchant_risk"].equals(table["merchant_risk"])
    assert old["log_amount"].equals(table["log_amount"])
    assert len(training_rows(old)) == len(training_rows(table))


def test_the_editor_counts_every_row_once_and_prices_nothing_at_nothing() -> None:
    agreed = contract_editor.Editor(seed=UNSEEN)
    assert agreed.euros == 0.0
    clean, log = contract_editor._clean(UNSEEN), contract_editor._day(PAYMENTS_CONTRACT, UNSEEN).log
    assert len(log) == len(clean)
    tight = agreed.set("amount", maximum=100.0)
    good = ["good rows put aside", "good rows degraded"]
    assert tight.counts[good].sum() > agreed.counts[good].sum()
    hard = agreed.set("amount", on_breach="quarantine")
    bad = ["bad rows put aside", "bad rows degraded", "bad rows let in"]
    assert hard.counts[bad].sum() == agreed.counts[bad].sum()
    assert hard.counts["bad rows put aside"] > agreed.counts["bad rows put aside"] == 0
    assert hard.euros != 0.0


def test_an_edit_that_is_none_is_refused_in_one_sentence() -> None:
    editor = contract_editor.Editor()
    for name, promise in (("amount", {"owner": "me"}), ("amountt", {"maximum": 1.0}),
                          ("amount", {"on_breach": "ignore"})):  # fmt: skip
        with pytest.raises(InputError):
            editor.set(name, **promise)


def test_the_widget_shows_what_its_text_twin_says() -> None:
    form = contract_editor.widget(seed=UNSEEN)
    parts = {part._dom_classes[0].removeprefix("mls-contract-"): part for part in form.children}
    assert "+0 euros" in parts["status"].value
    parts["maximum"].value = 300.0
    parts["field"].value = "category"
    assert parts["maximum"].disabled and not parts["on-breach"].disabled
    parts["on-breach"].value = "quarantine"
    twin = contract_editor.Editor(seed=UNSEEN).set("amount", maximum=300.0)
    assert repr(twin.set("category", on_breach="quarantine")) in parts["status"].value
    parts["field"].value = "amount"
    assert parts["maximum"].value == 300.0
    parts["minimum"].value = 1e9
    assert "swap them" in parts["status"].value


def test_only_whoever_can_end_a_ticket_ends_it() -> None:
    response, opened = mls.response, mls.faults.unit_change(start=ticket_desk.BREAKS)
    ends, earned = {}, {}
    for choice in (response.nothing(), response.quarantine("amount"), response.ask_owner("amount")):
        run = ticket_desk.lived(UNSEEN, opened, choice)
        ends[choice.name], earned[choice.name] = run.life(0).fault.end, run.expected_value
    assert ends["nothing"] == ends["quarantine"] == np.inf
    assert ticket_desk.BREAKS < ends["ask_owner"] < ticket_desk.LIVED_DAYS
    assert earned["ask_owner"] > earned["nothing"]
