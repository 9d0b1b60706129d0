"""Lesson 11's questions and bets: a line, a screen, what appeals say, a desk.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson11 import answers, desk
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson11.bet1",
    question="Of 100 cases that the queue hands to people, how many are frauds?",
    unit="frauds",
    of=100,
)
bet2 = Prediction(
    id="lesson11.bet2",
    question="Of 100 frauds that the model is blind to, people who see no score find some 80. "
    "How many do the same people find with the score on the screen?",
    unit="frauds",
    of=100,
)
bet3 = Prediction(
    id="lesson11.bet3",
    question="Trust stands at .9; one visible error. How many right answers bring it back?",
    unit="answers",
    least=0,
    most=200,
)

q1 = Question(
    id="lesson11.q1",
    text=TEXTS["q1"],
    answer=answers.waiting,
    rule=agrees_with(answers.waiting, answers.line_cases),
    tempting={
        "starts anew": answers.starts_anew,
        "saved up": answers.saved_up,
        "in the mean": answers.in_the_mean,
    },
)
q2 = Question(
    id="lesson11.q2",
    text=TEXTS["q2"],
    answer=answers.found,
    rule=agrees_with(answers.found, answers.screen_cases),
    tempting={
        "another pair of eyes": answers.another_pair_of_eyes,
        "as they are": answers.as_they_are,
        "half and half": answers.half_and_half,
    },
)
q3 = Question(
    id="lesson11.q3",
    text=TEXTS["q3"],
    answer=answers.frauds_among,
    rule=agrees_with(answers.frauds_among, answers.appeal_cases),
    tempting={
        "silence is guilt": answers.silence_is_guilt,
        "no fraud appeals": answers.no_fraud_appeals,
        "without ends": answers.without_ends,
    },
)

# --- q4: a desk that pays ------------------------------------------------------------------------

WORLDS = ((500, 501, 502), (503, 504, 505))  # none is left out
BAR = 5.0  # euros per 1,000 payments beyond the policy alone, in the mean of three worlds


@lru_cache(maxsize=8)
def _cases(seed: int) -> pd.DataFrame:
    return desk.cases(desk.month(seed))


def desk_euros(look: Any, shown: Any, seed: int) -> float:
    """Euros per 1,000 payments that these looks add to the policy alone."""
    deference = np.where(shown[look], desk.DEFERENCE, 0.0)
    return desk.euros_per_thousand(desk.looks_worth(_cases(seed)[look], deference))


def _masks(answer: Any, seed: int) -> tuple[Any, Any] | str:
    """Two masks of a world's payments, or what is wrong with them."""
    table, room = _cases(seed), desk.SIZE.days * desk.ROOM
    given = answer(table["score"].to_numpy(), table["cents"].to_numpy(), room)
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        return "return two masks: who is looked at, and whose score is shown."
    look, shown = (np.asarray(mask) for mask in given)
    if not all(mask.shape == (len(table),) and mask.dtype == bool for mask in (look, shown)):
        return f"both masks are arrays of {len(table):,} booleans, one a payment."
    if look.sum() > room:
        return f"yours looks at {int(look.sum()):,} payments; there is room for {room}."
    return look, shown


def weakness(look: Any, shown: Any, seed: int) -> str:
    """The tempting desk whose sentence is true of one that is worth too little; else none."""
    table = _cases(seed)
    if shown[look].any():
        return "with the score"
    if look.any() and table["score"][look].mean() > 0.15:
        return "most doubtful"
    return "largest" if look.any() and table["cents"][look].mean() > 60_000 else ""


def pays(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when looks are worth the bar in the mean of three worlds."""
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    euros = []
    for seed in worlds:
        given = _masks(answer, seed)
        if isinstance(given, str):
            return given
        look, shown = given
        euros.append(desk_euros(look, shown, seed))
    won = float(np.mean(euros))
    if won >= BAR:
        return None
    return (
        f"in worlds {worlds[0]} to {worlds[-1]} your looks are worth {won:+,.1f} euros per 1,000 "
        f"payments; the bar is {BAR:+,.0f}. {feedback.message(weakness(look, shown, worlds[-1]))}"
    )


q4 = Question(
    id="lesson11.q4",
    text=TEXTS["q4"],
    answer=answers.my_desk,
    rule=pays,
    tempting={
        "with the score": answers.with_the_score,
        "largest": answers.largest,
        "most doubtful": answers.most_doubtful,
    },
    seeds=(1,),
)
