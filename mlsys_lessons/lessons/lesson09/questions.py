"""Lesson 09's questions and bets: what a row stands for, another cut, a loop, a hunted policy.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import RandomisedCut, RateLimit, ScoreCut
from mlsys_lessons.experiments import adaptive_fraud
from mlsys_lessons.experiments.selective_labels import Judged, Learned, everything
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson09 import answers
from mlsys_lessons.lessons.lesson09.successors import AFTER_A_LAUNCH, months
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with
from mlsys_lessons.records import within
from mlsys_lessons.system.system import System

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

bet5 = Prediction(
    id="lesson09.bet5",
    question="Rings test the cut, and the shop names the reason of each block. Against a shop that "
    "says nothing, what happens to recall, and to the money?",
    choices=("both fall", "recall holds, money falls", "both hold"),
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

# --- q4: a policy that is looked for -------------------------------------------------------------

WORTH = 1_000.0  # euros a world beyond the plain cut, in thirty days
HUNTED = ((610, 611), (612, 613), (614, 615))


@lru_cache(maxsize=32)
def _ground(seed: int) -> tuple[System, float]:
    """The resilient system of a seed, and the notebook's cut for its model."""
    system = mls.resilient_system(seed=seed, retraining=None, responder=None)
    return system, float(adaptive_fraud.defended_system(seed, "plain cut").decisions.cut)


def hunted_euros(policy: Any, seed: int) -> float:
    """Expected euros of thirty days under this policy, with rings that are told the reasons."""
    world = adaptive_fraud.probed_world(seed, "names reasons", daily=500)
    system = _ground(seed)[0].with_(decisions=policy)
    return mls.simulate(world, system, days=30, keep="metrics").expected_value / 100


@lru_cache(maxsize=32)
def _plain_euros(seed: int) -> float:
    system, cut = _ground(seed)
    return hunted_euros(ScoreCut(cut, system.domain), seed)


def defends(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when a policy earns 1,000 euros a world more than the plain cut, against probers."""
    places, won, policies = HUNTED[int(generator.integers(len(HUNTED)))], 0.0, []
    for seed in places:
        system, cut = _ground(seed)
        policies.append(answer(cut, system.domain))
        try:
            won += (hunted_euros(policies[-1], seed) - _plain_euros(seed)) / len(places)
        except mls.InputError as error:
            return str(error)
    if won >= WORTH:
        return None
    return (
        f"in worlds {places[0]} and {places[1]} yours earns {won:,.0f} euros a world more than the "
        f"plain cut; the bar is {WORTH:,.0f}. {feedback.message(flaw(policies[0]))}"
    )


def flaw(policy: Any) -> str:
    """The tempting policy whose sentence is true of one that earns too little; else none."""
    kinds = {
        RandomisedCut: "hides the cut", RateLimit: "counts attempts", ScoreCut: "blocks more",
    }  # fmt: skip
    return kinds.get(type(policy), "")


q4 = Question(
    id="lesson09.q4",
    text=TEXTS["q4"],
    answer=answers.my_defence,
    rule=defends,
    tempting={
        "hides the cut": answers.hides_the_cut,
        "counts attempts": answers.counts_attempts,
        "blocks more": answers.blocks_more,
    },
    seeds=(1,),
)
