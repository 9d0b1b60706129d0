"""Lesson 09's questions and bets: what a row stands for, another cut, a loop that survives.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlsys_lessons.experiments.selective_labels import Judged, Learned, everything
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson09 import answers
from mlsys_lessons.lessons.lesson09.successors import AFTER_A_LAUNCH, months
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with
from mlsys_lessons.records import within

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson09.bet1",
    question="The boosted model is refitted on last month's passed payments. Share of frauds that "
    "its successor catches?",
    unit="per cent",
    least=0,
    most=100,
)
bet2 = Prediction(
    id="lesson09.bet2",
    question="The same with a humble logistic model. What does its successor do?",
    choices=("catches nothing", "catches half", "catches as before"),
)
bet3 = Prediction(
    id="lesson09.bet3",
    question="Blocked payments are given the labels that the model believes. After the launch, in "
    "which month are the newcomers let in?",
    choices=("at once", "the next month", "never"),
)
bet4 = Prediction(
    id="lesson09.bet4",
    question="Two of a hundred blocks are let through, frauds and all. What is a month worth, "
    "against learning from what passed?",
    choices=("less", "about the same", "more"),
)

# --- q1: what a row stands for -------------------------------------------------------------------

q1 = Question(
    id="lesson09.q1",
    text=TEXTS["q1"],
    answer=answers.row_weights,
    rule=agrees_with(answers.row_weights, answers.month_cases),
    tempting={
        "each counts once": answers.each_counts_once,
        "all alike": answers.all_alike,
        "upside down": answers.upside_down,
    },
)

# --- q2: another cut, from the old log -----------------------------------------------------------

q2 = Question(
    id="lesson09.q2",
    text=TEXTS["q2"],
    answer=answers.judge_cut,
    rule=agrees_with(answers.judge_cut, answers.log_cases),
    tempting={
        "of agreeing rows": answers.of_agreeing_rows,
        "never refuses": answers.never_refuses,
        "counts rows": answers.counts_rows,
    },
)

# --- q3: a loop that survives --------------------------------------------------------------------

BAR = 1_000.0  # euros a month below learning from everything; 2 % of some 500 frauds is 650
PLACES = ((400, 401), (402, 403), (404, 405))


def source_of(weights: Any) -> Any:
    """A label source from a learner's weights: rows that passed, each for so many."""

    def source(month: Judged) -> Learned:
        visible = month._replace(fraud=month.fraud & month.passed)
        given = np.asarray(weights(visible), dtype=float)
        if given.shape != month.fraud.shape or not (np.isfinite(given) & (given >= 0)).all():
            raise ValueError("weights are one finite number of 0 or more for each row")
        kept = month.passed & (given > 0)
        return Learned(month.feature[kept], month.fraud[kept].astype(float), given[kept])

    return source


def shortfall(share: float, weights: Any, seed: int) -> float:
    """Euros a month that a loop falls short of one that learns from everything."""
    lived = (
        months("naive Bayes", source, seed=seed, share=chance, count=9, population=AFTER_A_LAUNCH)
        for source, chance in ((everything, 0.0), (source_of(weights), share))
    )
    knowing, own = (float(found["euros"].mean()) for found in lived)
    return knowing - own


def survives(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when the loop stays within 1,000 euros a month of learning from everything."""
    given = answer()
    if not isinstance(given, tuple) or len(given) != 2 or not callable(given[1]):
        return "return two things: a share in 0..1, and a function of a month."
    share = within("share", given[0], 0.0, 1.0)
    places = PLACES[int(generator.integers(len(PLACES)))]
    try:
        short = sum(shortfall(share, given[1], seed) for seed in places) / len(places)
    except ValueError as error:
        return f"{error}."
    if short <= BAR:
        return None
    return (
        f"in towns {places[0]} and {places[1]} yours falls {short:,.0f} euros a month short of "
        f"learning from everything; the bar is {BAR:,.0f}. {feedback.message(weakness(share))}"
    )


def weakness(share: float) -> str:
    """The tempting loop whose sentence is true of a share that falls short."""
    if share == 0:
        return "learns from what passed"
    return "explores a lot" if share > 0.1 else ""


q3 = Question(
    id="lesson09.q3",
    text=TEXTS["q3"],
    answer=answers.my_loop,
    rule=survives,
    tempting={
        "learns from what passed": answers.learns_from_what_passed,
        "explores a lot": answers.explores_a_lot,
    },
    seeds=(1,),
)
