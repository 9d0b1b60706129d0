"""Lesson 02's questions and bets: who decided, what an action is worth, what surrounds a model.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.components.inference.models import PerfectModel
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.guard import NotAttempted
from mlsys_lessons.lessons.lesson02 import answers
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with, in_order, wrong_kind
from mlsys_lessons.system.system import System

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson02.bet1",
    question="Who earns more: a perfect model in the naive or a logistic in the resilient system?",
    choices=("perfect in naive", "logistic in resilient", "about the same"),
)
bet2 = Prediction(
    id="lesson02.bet2",
    question="How many euros do the other five components add around the perfect model in 60 days?",
    unit="euros",
)
bet3 = Prediction(
    id="lesson02.bet3",
    question="Which component, of those around the model, costs most to take out of the system?",
    choices=("ingestion", "features", "serving", "decisions", "monitoring"),
)

# --- q1: which component decided -----------------------------------------------------------------

q1 = Question(
    id="lesson02.q1",
    text=TEXTS["q1"],
    answer=answers.responsible,
    rule=agrees_with(answers.responsible, answers.culprit_cases),
    tempting={
        "the larger gap": answers.larger_gap,
        "the last stage": answers.last_stage,
        "the higher score": answers.whose_score_rose,
    },
)

# --- q2: three prices ----------------------------------------------------------------------------


def all_three(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when there are three prices; what they are is another rule's business."""
    prices = answer(np.array([0.2]), np.array([5_000]))
    if isinstance(prices, tuple) and any(price is ... or price is None for price in prices):
        raise NotAttempted("one of the three prices is still open")
    if not isinstance(prices, tuple) or len(prices) != 3:
        return "return three arrays: the cents of approving, blocking and reviewing, in this order."
    return None


q2 = Question(
    id="lesson02.q2",
    text=TEXTS["q2"],
    answer=answers.expected_cents,
    rule=in_order(all_three, agrees_with(answers.expected_cents, answers.price_cases)),
    tempting={
        "blocking is free": answers.blocking_is_free,
        "losses only": answers.only_losses,
        "people never err": answers.perfect_people,
        "people are free": answers.free_people,
    },
)

# --- q3: no answer -------------------------------------------------------------------------------

q3 = Question(
    id="lesson02.q3",
    text=TEXTS["q3"],
    answer=answers.answered,
    rule=agrees_with(answers.answered, answers.silence_cases),
    tempting={
        "silence is consent": answers.silence_is_consent,
        "silence is guilt": answers.silence_is_guilt,
        "the rule reads anything": answers.rule_reads_anything,
        "only the silent rows": answers.only_the_silent,
    },
)

# --- q4: Shapley by hand -------------------------------------------------------------------------

q4 = Question(
    id="lesson02.q4",
    text=TEXTS["q4"],
    answer=answers.shapley,
    rule=agrees_with(answers.shapley, answers.game_cases),
    tempting={
        "comes first": answers.comes_first,
        "comes last": answers.comes_last,
        "first and last": answers.first_and_last,
    },
)

# --- q5: choose the neighbours -------------------------------------------------------------------

BAR, DAYS, DAILY, WORLDS = 1.005, 60, 1_000, (100, 101, 103, 104, 106)


def sixty_days_cents(system: System, seed: int) -> float:
    """Cents of sixty days of an ordinary year at a thousand payments a day, all costs counted."""
    year = mls.scenarios.ordinary_year(seed, daily=DAILY, days=DAYS)
    return mls.simulate(year.world, system, days=DAYS, faults=year.faults, keep="metrics").value


@lru_cache
def all_six_cents(seed: int) -> float:
    """The same for the system that has all six components."""
    return sixty_days_cents(mls.resilient_system(seed=seed), seed)


def weakness(system: System) -> str:
    """The tempting design whose sentence is true of a system that earns too little; else none."""
    around = system.levels - {"model"}
    if around == set(mls.COMPONENTS) - {"model"}:
        return "everything"
    if not around:
        return "the model alone"
    return "watched, not priced" if around <= {"ingestion", "serving", "monitoring"} else ""


def pays(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when it earns half a percent more than all six components in an unseen world."""
    seed = int(generator.choice(WORLDS))
    system = answer(seed)
    if fault := wrong_kind(system, System, "a system, as `mls.assemble(...)` makes one"):
        return fault
    if isinstance(system.inference.model, PerfectModel):
        return feedback.message("the perfect model")
    system = replace(system, charged=True)  # whatever it is, it pays for itself
    cents, bar = sixty_days_cents(system, seed), BAR * all_six_cents(seed)
    if cents >= bar:
        return None
    return (
        f"in world {seed} yours earns {cents / 100:,.0f} euros in {DAYS} days; the bar is "
        f"{bar / 100:,.0f}, half a percent above all six components. "
        f"{feedback.message(weakness(system))}"
    )


q5 = Question(
    id="lesson02.q5",
    text=TEXTS["q5"],
    answer=answers.my_system,
    rule=pays,
    tempting={
        "everything": answers.everything,
        "the model alone": answers.the_model_alone,
        "watched, not priced": answers.the_model_watched,
        "the perfect model": answers.oracle,
    },
)
