"""Lesson 14 tells the truth: a score by hand, a line, four pages of a week, one's own season."""

from __future__ import annotations

import numpy as np
import pytest

import mlsys_lessons as mls
from mlsys_lessons.drill import Score
from mlsys_lessons.drill.observation import Ringing
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons.lesson14 import answers, four_pages, own_system, questions
from mlsys_lessons.records import LAYERS

UNSEEN = 77  # shown in no lesson, used by no claim


def test_the_score_by_hand_is_the_package_s_own() -> None:
    luck = np.random.default_rng(4)
    for _ in range(300):
        lost, at_stake, day = luck.normal(0, 3e5), abs(luck.normal(0, 2e5)), luck.uniform(1e4, 2e5)
        ours = answers.points(lost, at_stake, day)
        assert ours == pytest.approx(Score(lost, at_stake, day, 0.0).points)
    assert answers.points(0.0, 0.0, 1.0) == 100 and answers.points(1.0, 0.0, 1.0) == 0


def test_the_next_line_by_brute_force() -> None:
    luck = np.random.default_rng(6)
    for _ in range(200):
        alerts = tuple(
            Ringing(f"{luck.choice(LAYERS)}.m{place}", 1.0, 1.0, "page", "us",
                    tuple(f"c{luck.integers(6)}" for _ in range(luck.integers(3))))
            for place in range(luck.integers(5))
        )  # fmt: skip
        asked = {f"c{one}": int(luck.integers(8)) for one in range(6) if luck.random() < 0.6}
        free = {f"c{one}" for one in range(6)} - {c for c, day in asked.items() if 7 - day < 3}
        due = [
            command for layer in LAYERS for alert in alerts
            if alert.path.startswith(layer) for command in alert.runbook if command in free
        ]  # fmt: skip
        assert answers.next_line(alerts, asked, 7) == (due or ["advance"])[0]


def test_the_stored_week_is_of_worlds_that_no_lesson_shows() -> None:
    table = four_pages.stored()
    assert set(table["seed"]) <= set(range(220, 240)) and table["seed"].nunique() >= 2
    assert table.groupby("seed").size().eq(len(four_pages.ORDER) * len(four_pages.PAGES)).all()
    assert tuple(dict.fromkeys(table["policy"])) == four_pages.ORDER
    assert table["points"].between(0, 100).all()


def test_two_of_the_four_pages_are_nothing_and_doing_nothing_is_best_there() -> None:
    idle = [letter for letter, name in four_pages.PAGES.items() if four_pages.scenario(name).quiet]
    assert idle == ["B", "D"]
    pages = four_pages.by_page(four_pages.stored())
    assert (pages.loc[four_pages.NOTHING, idle] == 100).all()
    assert (pages.loc[four_pages.KNOWING, idle] == 100).all()


def test_acting_at_each_ring_scores_less_than_doing_nothing() -> None:
    week = four_pages.of_a_week(four_pages.stored())["effect"]
    assert week[four_pages.FAST] < week[four_pages.NOTHING] < week[four_pages.KNOWING]


def test_in_an_unseen_world_the_cure_is_dearer_and_the_quiet_page_is_quiet() -> None:
    quiet = four_pages.lived_with("", "B", UNSEEN)
    assert quiet.points == 100.0 and quiet.lost == 0.0
    assert four_pages.lived_with("roll_back", "B", UNSEEN).points < 100.0
    nothing = four_pages.nothing_done("C", UNSEEN)
    assert four_pages.lived_with("fall_back", "C", UNSEEN).lost > nothing.lost
    with pytest.raises(InputError, match="A, B, C, D"):
        four_pages.incident("E", UNSEEN)


def test_a_policy_that_names_causes_beats_the_bar_and_haste_does_not() -> None:
    reached = [one.score.points for one in questions.family_points(answers.my_policy, UNSEEN)]
    assert np.mean(reached) >= questions.BAR
    hasty = [one.score.points for one in questions.family_points(answers.acts_at_once, UNSEEN)]
    assert np.mean(hasty) < questions.BAR


def test_a_season_of_ones_own_system_is_told_by_its_nights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_system, "DAYS", 12)
    told = own_system.told(own_system.season(lambda seed: mls.resilient_system(seed=seed), 5))
    assert set(told) >= {"fault", "noticed by", "days to notice", "days it lasted"}
    assert (told["days it lasted"] >= 0).all() and told["began on day"].between(0, 11).all()
