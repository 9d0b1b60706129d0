"""Lesson 09 tells the truth: successors in unseen towns, weights, another cut, the loop by hand."""

from __future__ import annotations

import numpy as np
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.feedback.off_policy import effective_rows, self_normalised
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.selective_labels import everything, passed_only, weighted
from mlsys_lessons.lessons.lesson09 import answers, questions, successors

UNSEEN = 77  # shown in no lesson


def test_every_second_boosted_successor_is_blind_and_exploration_mends_it() -> None:
    blind = successors.months("boosted", passed_only, seed=UNSEEN, count=2)
    seeing = successors.months("boosted", weighted, seed=UNSEEN, count=2, share=0.02)
    assert blind["recall"].iloc[0] > 0.7 > 0.1 > blind["recall"].iloc[1]
    assert seeing["recall"].min() > 0.7
    assert seeing["euros"].iloc[1] > blind["euros"].iloc[1] + 10_000


def test_the_euros_of_a_month_by_counting_each_payment() -> None:
    town = successors.TOWN
    found = successors.months("logistic", everything, seed=UNSEEN, count=1)
    x, fraud = town.month(UNSEEN, 0)
    model = successors.logistic().fit(x[:, None], fraud.astype(int))
    x, fraud = town.month(UNSEEN, 1)
    blocked = model.predict_proba(x[:, None])[:, 1] > 0.5
    cents = 6_500 * (fraud & ~blocked).sum() + 500 * (blocked & ~fraud).sum()
    assert found["euros"].iloc[0] == pytest.approx(-cents / 100)


def test_the_stored_towns_are_twenty_that_no_lesson_shows() -> None:
    stored = successors.stored()
    assert sorted(set(stored["seed"])) == list(range(200, 220))
    again = successors.measured([203])
    mine = stored[stored["seed"] == 203].reset_index(drop=True)
    assert list(again["policy"]) == list(mine["policy"])
    assert again["euros"].to_numpy() == pytest.approx(mine["euros"].to_numpy(), rel=0.02)


def test_weights_of_a_month_add_up_to_the_month() -> None:
    luck = np.random.default_rng(6)
    blocked = luck.random(400_000) < 0.1
    passed = ~blocked | (luck.random(len(blocked)) < 0.02)
    weight = answers.row_weights(blocked, passed, 0.02)
    assert weight[~blocked].sum() == (~blocked).sum()
    assert weight[blocked].sum() == pytest.approx(blocked.sum(), rel=0.12)
    assert (weight[~passed] == 0).all()


def test_the_value_of_another_cut_is_the_package_s_own_and_covers_the_truth() -> None:
    covered = 0
    for seed in range(40):
        luck = np.random.default_rng(seed)
        score = luck.random(8_000)
        old, new = score > 0.6, score > 0.7
        passed = ~old | (luck.random(len(score)) < 0.2)
        propensity = np.where(old, np.where(passed, 0.2, 0.8), 1.0)
        cents = np.where(passed, 400 - 1_000 * (luck.random(len(score)) < score), -50.0)
        low, value, high = answers.judge_cut(new, passed, propensity, cents)
        own = self_normalised(cents, propensity, (passed != new).astype(float))
        assert value == pytest.approx(own.value)
        truth = np.where(np.arange(0, 1, 1e-4) > 0.7, -50, 400 - 1_000 * np.arange(0, 1, 1e-4))
        covered += low <= truth.mean() <= high
    assert covered >= 34  # of 40, at 95 %


def test_it_refuses_below_a_hundred_effective_rows() -> None:
    for rows, refuses in ((99, True), (100, False)):
        ones = np.ones(rows)
        found = answers.judge_cut(ones < 0, ones > 0, ones, ones)
        assert np.isnan(found).all() == refuses
        assert effective_rows(ones) == rows
    nothing = answers.judge_cut(ones > 0, ones > 0, ones, ones)
    assert np.isnan(nothing).all()


def test_a_learner_s_weights_see_no_label_of_what_was_stopped() -> None:
    seen = []

    def spy(month):
        seen.append(bool((month.fraud & ~month.passed).any()))
        return month.passed.astype(float)

    questions.shortfall(0.02, spy, UNSEEN)
    assert len(seen) == 9 and not any(seen)
    assert "two things" in questions.q3.judge(lambda: 0.02).message
    assert "each row" in questions.q3.judge(lambda: (0.0, lambda month: [1.0])).message


def test_the_widget_shows_what_its_text_twin_says() -> None:
    form = successors.widget(UNSEEN)
    parts = {part._dom_classes[0].removeprefix("mls-loop-"): part for part in form.children}
    parts["months"].value = 2
    parts["source"].value = "weighted"
    parts["share"].value = 0.02
    twin = successors.Loop(source="weighted", share=0.02, months=2, seed=UNSEEN)
    assert repr(twin) in parts["status"].value
    for wrong in (lambda: successors.Loop(share=2.0), lambda: successors.Loop(months=0)):
        with pytest.raises(InputError):
            wrong()


def test_effects_against_a_base_by_hand() -> None:
    euros = successors.stored().pivot(index="seed", columns="policy", values="euros")
    found = successors.against("Bayes, what passed")
    expected = (euros["Bayes, weighted"] - euros["Bayes, what passed"]).mean()
    assert found.loc["Bayes, weighted", "effect"] == pytest.approx(expected)
    assert "Bayes, what passed" not in found.index


def test_another_cut_is_answered_or_refused_in_words() -> None:
    luck = np.random.default_rng(3)
    old = luck.random(5_000) > 0.6
    passed = ~old | (luck.random(len(old)) < 0.2)
    chance = np.where(old, np.where(passed, 0.2, 0.8), 1.0)
    cents = np.where(passed, 100.0, -50.0)
    assert "of 5,000 rows" in successors.asked(old, passed, chance, cents)
    assert successors.asked(~old, passed, chance, cents).startswith("refused: ")


def test_a_hunted_policy_is_named_for_what_it_is_and_a_number_is_no_policy() -> None:
    system = mls.naive_system(seed=3)
    for name, make in questions.q4.wrong_answers.items():
        assert questions.flaw(make.answer(0.3, system.domain)) == name
    assert questions.flaw(answers.my_defence(0.3, system.domain)) == ""
    verdict = questions.q4.judge(lambda cut, domain: 0.5)
    assert verdict.outcome == "wrong" and "is no component" in verdict.message
