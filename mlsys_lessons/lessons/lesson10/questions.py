"""Lesson 10's questions and bets: what is shown, what a click counts, a coin, a page of one's own.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

import numpy as np

from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson10 import answers, pages
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson10.bet1", unit="items", least=1, most=10, counted=True,
    question="Ten parallel worlds of the same hundred items: how many different number ones?",
)  # fmt: skip
bet2 = Prediction(
    id="lesson10.bet2", unit="clicks", of=100,
    question="Twenty equal items, shown by past clicks: of 100 clicks, how many has the leader?",
)  # fmt: skip
bet3 = Prediction(
    id="lesson10.bet3", unit="clicks", least=0, most=1_000,
    question="Equal documents: for each click at the tenth place, how many at the first?",
)  # fmt: skip
bet4 = Prediction(
    id="lesson10.bet4",
    question="Clicks divided by the click rate of their place: the order is now...",
    choices=("worse than the one shown", "between shown and raw clicks", "better than raw clicks"),
)

# --- q1: what is shown ---------------------------------------------------------------------------

q1 = Question(
    id="lesson10.q1", text=TEXTS["q1"], answer=answers.shares,
    rule=agrees_with(answers.shares, answers.share_cases),
    tempting={"no first ball": answers.no_first_ball, "chance on top": answers.chance_on_top},
)  # fmt: skip

# --- q2: clicks, paid for their place ------------------------------------------------------------

q2 = Question(
    id="lesson10.q2", text=TEXTS["q2"], answer=answers.attraction,
    rule=agrees_with(answers.attraction, answers.click_cases),
    tempting={"by the rate": answers.by_the_rate, "over expected": answers.over_expected,
              "only clicked": answers.only_clicked},
)  # fmt: skip

# --- q3: what a coin tells of places -------------------------------------------------------------

q3 = Question(
    id="lesson10.q3", text=TEXTS["q3"], answer=answers.looks,
    rule=agrees_with(answers.looks, answers.coin_cases),
    tempting={"all together": answers.all_together, "as they stand": answers.as_they_stand},
)  # fmt: skip

# --- q4: what the page reads tonight -------------------------------------------------------------

WORLDS = ((500, 501), (502, 503), (504, 505))  # shown in no lesson
DAYS, BAR = 45, 6.0  # per cent of orders a slate beyond the page that reads plain clicks


@lru_cache(maxsize=8)
def _plain(seed: int) -> float:
    return pages.lived(pages.founded(seed), DAYS).orders_a_slate


def more_orders(policy: pages.Policy, seed: int) -> float:
    """Per cent of orders a slate that a page brings beyond the one that reads plain clicks."""
    reached = pages.lived(pages.founded(seed), DAYS, policy).orders_a_slate
    return 100 * (reached / _plain(seed) - 1)


def _same_as(policy: pages.Policy, tempting: pages.Policy) -> bool:
    """Whether two pages read the same of a few items, up to a factor."""
    seen = np.array([[50.0, 900, 4, 0], [9.0, 60, 2, 0], [1.0, 20, 0, 0]])
    ours, theirs = (np.asarray(one(*seen), dtype=np.float64) for one in (policy, tempting))
    return ours.sum() > 0 and np.allclose(ours / ours.sum(), theirs / theirs.sum(), rtol=1e-6)


def sells(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when the page brings 6 % more orders a slate than plain clicks, in two worlds."""
    probe = np.asarray(answer(np.ones(4), np.ones(4), np.zeros(4)), dtype=np.float64)
    if probe.shape != (4,) or not np.isfinite(probe).all() or (probe < 0).any():
        return "yours does not give one number an item, 0 or more; try it on arrays of four."
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    won = float(np.mean([more_orders(answer, seed) for seed in worlds]))
    if won >= BAR:
        return None
    names = {name: wrong for name, wrong in q4.tempting.items() if inspect.isfunction(wrong)}
    name = next((name for name, wrong in names.items() if _same_as(answer, wrong)), "")
    return (
        f"in worlds {worlds[0]} and {worlds[1]} yours brings {won:+.1f} % orders a slate against "
        f"plain clicks; the bar is {BAR:+.0f} %. {feedback.message(name)}"
    )


q4 = Question(
    id="lesson10.q4", text=TEXTS["q4"], answer=answers.my_page,
    rule=sells,
    tempting={"everything alike": answers.everything_alike,
              "clicks a place": answers.clicks_a_place, "the leader": answers.the_leader},
    seeds=(1,),
)  # fmt: skip
