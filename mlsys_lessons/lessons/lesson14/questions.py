"""Lesson 14's questions and bets: what to do tonight, a score, a line, a policy.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from mlsys_lessons.drill import Incident, Observation
from mlsys_lessons.drill.play import Played, play
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson14 import answers
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with

TEXTS = question_texts(__file__)

TEMPTING_NIGHT = {
    "block from .1 on": "set_threshold 0.1", "review 60 more": "widen_review 60",
    "roll back": "roll_back", "nothing": "",
}  # fmt: skip

bet1 = Prediction(
    id="lesson14.bet1",
    question="Of these three, how many earn more in two weeks than doing nothing?",
    choices=("none", "one", "two", "all three"),
)
bet2 = Prediction(
    id="lesson14.bet2",
    question="Taking the model out of service for as long as anything rings costs, in two weeks,",
    choices=("less than doing nothing", "more than doing nothing"),
)
bet3 = Prediction(
    id="lesson14.bet3",
    question="Four pages, up to 100 points each. What does acting at each ring reach, on average?",
    unit="points",
    of=100,
)

# --- q1: the score by hand -----------------------------------------------------------------------

q1 = Question(
    id="lesson14.q1",
    text=TEXTS["q1"],
    answer=answers.points,
    rule=agrees_with(answers.points, answers.score_cases),
    tempting={
        "no floor": answers.no_floor,
        "no limits": answers.no_limits,
        "of a day": answers.of_a_day,
    },
)

# --- q2: the next line ---------------------------------------------------------------------------

q2 = Question(
    id="lesson14.q2",
    text=TEXTS["q2"],
    answer=answers.next_line,
    rule=agrees_with(answers.next_line, answers.alert_cases),
    tempting={
        "as listed": answers.as_listed,
        "the loudest": answers.the_loudest,
        "again": answers.again,
        "never again": answers.never_again,
    },
)

# --- q3: a policy --------------------------------------------------------------------------------

FAMILY = ("silent_fallback", "stale_table", "unlucky_day")  # look-alikes, and one that is nothing
WORLDS = (400, 401, 402)  # shown in no lesson
BAR = 70.0  # points, mean of the three incidents of one world
Policy = Callable[[Observation], str]


@lru_cache(maxsize=32)
def family_points(policy: Policy, seed: int) -> tuple[Played, ...]:
    """A policy in the three incidents of one world."""
    return tuple(play(Incident(name, seed), policy) for name in FAMILY)


def keeps_watch(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when a policy reaches 70 points on average in a world that it has not seen."""
    seed = WORLDS[int(generator.integers(len(WORLDS)))]
    played = family_points(answer, seed)
    reached = float(np.mean([one.score.points for one in played]))
    if reached >= BAR:
        return None
    each = ", ".join(f"{one.score.points:.0f}" for one in played)
    mistakes = next((one.mistakes[0] for one in played if one.mistakes), "")
    heard = f" The first thing nobody could follow: {mistakes}" if mistakes else ""
    reason = feedback.why(lambda wrong: _plays_alike(played, wrong, seed))
    return (
        f"in world {seed} yours comes to {reached:.0f} points ({each}); the bar is {BAR:.0f}."
        f"{heard} {reason}"
    )


def _plays_alike(played: tuple[Played, ...], wrong: Policy, seed: int) -> bool:
    """Whether a tempting policy ends every incident with the same score."""
    theirs = family_points(wrong, seed)
    return [one.score for one in theirs] == [one.score for one in played]


q3 = Question(
    id="lesson14.q3",
    text=TEXTS["q3"],
    answer=answers.my_policy,
    rule=keeps_watch,
    tempting={
        "looks on": answers.looks_on,
        "rolls back": answers.rolls_back,
        "acts at once": answers.acts_at_once,
    },
    seeds=(1,),
)
