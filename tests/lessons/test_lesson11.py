"""Lesson 11 tells the truth: a queue of honest customers, a screen that blinds, money by looks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.waiting_line import backlog
from mlsys_lessons.lessons.lesson11 import answers, desk, questions, staffing
from mlsys_lessons.worlds.payments.appeals import Appeals

UNSEEN = 77  # shown in no lesson, used by no claim


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return desk.cases(desk.month(UNSEEN))


def test_in_an_unseen_world_the_screen_blinds_and_flatters(table: pd.DataFrame) -> None:
    screens = desk.two_screens(UNSEEN)
    assert screens.loc[desk.IS_BLIND, desk.SHOWN] < screens.loc[desk.IS_BLIND, desk.HIDDEN] - 0.15
    assert screens.loc[desk.HONEST, desk.SHOWN] > screens.loc[desk.HONEST, desk.HIDDEN]
    assert table.loc[table["held"], "fraud"].mean() < 0.15


def test_two_who_see_the_score_find_fewer_than_one_who_does_not(table: pd.DataFrame) -> None:
    pile = desk.known_cases(table, UNSEEN)
    both = [desk.accused(pile, UNSEEN + k, desk.people(desk.DEFERENCE)) for k in (0, 1)]
    alone = desk.right(pile, desk.accused(pile, UNSEEN, desk.people()))
    assert desk.right(pile, both[0] | both[1])[desk.IS_BLIND] < alone[desk.IS_BLIND]


def test_what_is_found_is_what_the_mixture_says(table: pd.DataFrame) -> None:
    frauds = pd.concat([table[table["fraud"]]] * 40, ignore_index=True)
    frauds["request_id"] = np.arange(1, len(frauds) + 1)
    miss = desk.people().slip(np.ones(len(frauds), dtype=bool), frauds["p"].to_numpy())
    due = answers.found(miss, 0.4, frauds["score"].to_numpy()).mean()
    assert desk.accused(frauds, 3, desk.people(0.4)).mean() == pytest.approx(due, abs=0.02)


def test_the_worth_of_a_look_by_drawing_both_truths(table: pd.DataFrame) -> None:
    """Each case a thousand times: its truth by its probability, then a person, then the ledger."""
    few = table.sort_values("value").tail(12)
    luck = np.random.default_rng(5)
    many = few.loc[few.index.repeat(20_000)]
    fraud = luck.random(len(many)) < many["p"]
    many = many.assign(fraud=fraud, request_id=np.arange(1, len(many) + 1))
    accused = desk.accused(many, 9, desk.people(0.3))
    costs, cents = mls.COSTS, many["cents"].to_numpy()
    approved = np.where(fraud, -costs.fraud_loss(cents), costs.margin(cents))
    blocked = np.where(fraud, 0, -costs.friction)
    paid = 6 * costs.review_minute + costs.delay
    drawn = np.where(accused, blocked, approved) - np.where(many["blocked"], blocked, approved)
    drawn = drawn - paid
    error = drawn.std() / np.sqrt(len(drawn))
    assert abs(drawn.mean() - desk.looks_worth(few, 0.3).mean()) < 4 * error


def test_known_cases_are_all_frauds_and_as_many_honest(table: pd.DataFrame) -> None:
    pile = desk.known_cases(table, 1)
    assert pile["fraud"].sum() == table["fraud"].sum() == len(pile) / 2
    assert set(pile["group"]) == set(desk.GROUPS)
    assert (pile.loc[pile["group"] == desk.IS_BLIND, "score"] < desk.BLIND).all()


def test_the_line_is_the_closed_form() -> None:
    alerts = np.random.default_rng(2).poisson(9, 300)
    np.testing.assert_allclose(answers.waiting(alerts, 10), backlog(alerts, 10))
    np.testing.assert_allclose(answers.waiting([25] * 30, 20), 5 * np.arange(1, 31))
    assert len(answers.waiting([], 3)) == 0


def test_appeals_lead_back_to_the_share_of_frauds() -> None:
    ids = np.arange(1, 300_001)
    fraud = ids % 10 < 3
    office = Appeals(genuine=0.3, fraud=0.1)
    upheld = int(office.heard(4, ids, fraud)["upheld"].sum())
    chances = office.genuine * office.upheld_genuine, office.fraud * office.upheld_fraud
    assert answers.frauds_among(len(ids), upheld, *chances) == pytest.approx(0.3, abs=0.01)


def test_our_desk_pays_and_the_tempting_ones_do_not_in_every_trio_of_worlds() -> None:
    for worlds in questions.WORLDS:
        won = {}
        for desk_of in (answers.my_desk, answers.with_the_score, answers.largest):
            masks = {seed: questions._masks(desk_of, seed) for seed in worlds}
            won[desk_of.__name__] = np.mean(
                [questions.desk_euros(*mask, seed) for seed, mask in masks.items()]
            )
        assert won["my_desk"] >= questions.BAR
        assert max(won["with_the_score"], won["largest"]) < questions.BAR


def test_a_desk_of_another_kind_gets_a_sentence() -> None:
    assert "two masks" in questions.q4.judge(lambda score, cents, room: score > 0.5).message
    everybody = questions.q4.judge(lambda score, cents, room: (score >= 0, score < 0))
    assert "there is room for" in everybody.message
    floats = questions.q4.judge(lambda score, cents, room: (score, score))
    assert "booleans" in floats.message


def test_the_stored_worlds_are_twenty_that_no_lesson_shows() -> None:
    stored = desk.stored()
    assert sorted(set(stored["seed"])) == list(range(400, 420))
    change = desk.summary(stored)
    assert (change["low"] <= change["effect"]).all()


def test_staffing_says_what_its_widget_shows(table: pd.DataFrame) -> None:
    month = staffing.Staffing(table)
    assert month.set(0, 0.0).euros == 0.0
    assert month.set(4, 0.6).euros < month.set(4, 0.0).euros
    with pytest.raises(InputError, match="looks"):
        month.set(-1, 0.0)
    form = staffing.widget(table)
    looks, share, status = form.children
    looks.value, share.value = 8, 0.25
    assert repr(month.set(8, 0.25)) in status.value


def test_who_is_tired_misses_half_as_many_again_and_rarity_multiplies_it() -> None:
    known, rare = (desk.missed_by_place(40, share) for share in (0.5, 0.05))
    assert known.iloc[0] == pytest.approx(0.10) and list(known.index) == list(range(1, 41))
    assert (known / known.iloc[0]).to_numpy() == pytest.approx(1 + 0.5 * np.arange(40) / 40)
    odds = 0.1 / 0.9 * (0.95 / 0.05) ** 0.38
    assert rare.iloc[0] == pytest.approx(odds / (1 + odds))
