"""Lesson 13 tells the truth: quiet weeks that cost money, a page that holds still, a break-even."""

from __future__ import annotations

import numpy as np
import pytest

from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.diagnosis import inspections
from mlsys_lessons.lessons.lesson13 import answers, automation, break_even, questions
from mlsys_lessons.lessons.lesson13.automation import ARMS, BORING, FOLLOWED, REFITTED

UNSEEN = 77  # shown in no lesson, used by no claim


def test_in_an_unseen_world_the_refits_cost_money_and_nothing_rings() -> None:
    quiet, refitted = (automation.measured(automation.lived(a, UNSEEN)) for a in (BORING, REFITTED))
    assert refitted["euros"] < quiet["euros"]
    assert refitted["blocked"] < quiet["blocked"]
    assert refitted["alerts"] <= 2


def test_the_stored_worlds_are_twelve_that_no_lesson_shows() -> None:
    stored = automation.stored()
    assert sorted(set(stored["seed"])) == list(automation.SEEDS)
    assert stored.groupby("seed")["arm"].apply(list).map(lambda arms: arms == list(ARMS)).all()
    against = automation.against_boring(stored)
    assert list(against.index) == list(ARMS)[1:]
    assert against.loc[REFITTED, "high"] < 0
    held = stored.pivot(index="seed", columns="arm", values="blocked")
    gap = (held[[REFITTED, FOLLOWED]].sub(held[BORING], axis=0)).abs().mean()
    assert gap[FOLLOWED] < gap[REFITTED]  # the page looks more as it did


def test_a_cut_that_follows_says_the_share_that_it_was_told() -> None:
    luck = np.random.default_rng(1)
    before, share = luck.random(4_000), 0.03
    for since in (luck.random(4_000) ** 3, luck.random(4_000) / 9, before):
        fixed, following = answers.two_pages(before, since, share)
        assert following == pytest.approx(share, abs=1 / len(since))
        assert fixed == pytest.approx(np.mean(since >= np.sort(before)[-120]), abs=2e-3)


def test_looks_are_the_package_s_own() -> None:
    luck = np.random.default_rng(2)
    for _ in range(60):
        size = int(luck.integers(1, 9))
        shifts, broken = luck.integers(-3, 4, size), luck.random(size) < 0.3
        ours, theirs = answers.looks(shifts, broken), inspections(shifts, broken)
        assert ours == theirs or (np.isnan(ours) and np.isnan(theirs))


def test_at_the_break_even_both_are_worth_the_same() -> None:
    luck = np.random.default_rng(3)
    for _ in range(20):
        gain, lift, saved, hours, loss = luck.uniform(0.001, 1, 5) * (0.02, 900, 8, 8, 400)
        incidents = answers.break_even(gain, lift, saved, hours, loss)
        assert incidents * saved * hours / 8 * loss == pytest.approx(gain * lift * 365)
    assert answers.break_even(0.005, 500, 0, 4, 100) == np.inf


def test_the_slider_s_text_says_what_the_numbers_say() -> None:
    start = break_even.BreakEven()
    assert start.incidents == pytest.approx(0.005 * 550 * 365 / (2.0 * 0.5 * 100))
    assert "not worth it" in repr(start)
    assert "worth it" in repr(start.set(loss=10_000.0)) and "not worth" not in repr(
        start.set(loss=10_000.0)
    )
    assert "nothing is saved" in repr(start.set(saved=-1.0))
    assert start.curve([0.001, 0.002]).diff().iloc[1] > 0
    for change in ({"gain": 0.5}, {"saved": 20.0}, {"lift": -1.0}):
        with pytest.raises(InputError):
            start.set(**change)


def test_the_widget_shows_what_its_text_twin_says() -> None:
    start = break_even.BreakEven()
    form = break_even.widget(start)
    gain, saved, status = form.children
    assert repr(start) in status.value
    gain.value, saved.value = 1.0, 4.0
    assert repr(start.set(gain=0.01, saved=4.0)) in status.value


def test_what_is_no_system_is_said_so() -> None:
    assert "return a system" in questions.q4.judge(lambda system: "simpler").message


@pytest.mark.parametrize("name", ["prices that stay", "three models"])
def test_each_tempting_simplification_is_named_for_what_it_is(name: str) -> None:
    inherited = automation.system_of(FOLLOWED, UNSEEN)
    assert questions.weakness(questions.q4.wrong_answers[name].answer(inherited)) == name
    assert questions.weakness(questions.q4.answer(inherited)) == ""
