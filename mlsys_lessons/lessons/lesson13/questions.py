"""Lesson 13's questions and bets: two cuts, phone calls, a break-even, a simplification.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.experiments.over_engineered import AutoRetraining, AutoThreshold, Ensemble
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson13 import answers, automation
from mlsys_lessons.lessons.lesson13.automation import FOLLOWED
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with
from mlsys_lessons.system.system import System

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson13.bet1",
    question="For each 100 euros that B earns from day 21 on, what does the refitted B earn?",
    unit="euros",
    least=0,
    most=200,
)
bet2 = Prediction(
    id="lesson13.bet2",
    question="How many of the 39 alert rules have rung since day 21?",
    unit="rules",
    of=39,
)
bet3 = Prediction(
    id="lesson13.bet3",
    question="Of 100 euros that the refits lose, how many does the cut that follows win back?",
    unit="euros",
    of=100,
)
bet4 = Prediction(
    id="lesson13.bet4",
    question="Who finds a broken input after the fewest looks, in the mean of six faults?",
    choices=("rule", "logistic", "boosted", "drift of inputs", "no order"),
)

q1 = Question(
    id="lesson13.q1",
    text=TEXTS["q1"],
    answer=answers.two_pages,
    rule=agrees_with(answers.two_pages, answers.score_cases),
    tempting={
        "follows both": answers.follows_both,
        "what was blocked": answers.what_was_blocked,
        "what passes": answers.what_passes,
    },
)
q2 = Question(
    id="lesson13.q2",
    text=TEXTS["q2"],
    answer=answers.looks,
    rule=agrees_with(answers.looks, answers.shift_cases),
    tempting={
        "upward only": answers.upward_only,
        "as listed": answers.as_listed,
        "until all": answers.until_all,
    },
)
q3 = Question(
    id="lesson13.q3",
    text=TEXTS["q3"],
    answer=answers.break_even,
    rule=agrees_with(answers.break_even, answers.price_cases),
    tempting={
        "a day has 24": answers.a_day_has_24,
        "a day's gain": answers.a_day_s_gain,
        "below nothing": answers.below_nothing,
    },
)

# --- q4: simplify --------------------------------------------------------------------------------

WORLDS = ((708, 709), (710, 711))  # what the inherited system earned there is stored
BAR = 50.0  # euros per 1,000 payments beyond the inherited system, in the mean of two worlds


def won(system: System, seed: int) -> float:
    """Euros per 1,000 payments that a system earns beyond the inherited one."""
    inherited = automation.stored().set_index(["seed", "arm"])["euros"][seed, FOLLOWED]
    world = mls.payments_world(seed=seed, daily=automation.DAILY)
    run = mls.simulate(world, system, days=automation.DAYS, keep="metrics")
    return automation.measured(run)["euros"] - float(inherited)


def weakness(system: System) -> str:
    """The tempting simplification whose sentence is true of a system that falls short."""
    if isinstance(system.inference.model, Ensemble):
        return "three models"
    refits = isinstance(system.retraining, AutoRetraining)
    follows = isinstance(system.decisions, AutoThreshold)
    return "prices that stay" if refits and not follows else ""


def is_simpler(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when one model earns the bar beyond the inherited system."""
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    systems = {seed: answer(automation.system_of(FOLLOWED, seed)) for seed in worlds}
    for system in systems.values():
        if not isinstance(system, System):
            return "return a system: what with_ gives back, say."
        if isinstance(system.inference.model, Ensemble):
            return f"that is more, not less. {feedback.message('three models')}"
    gained = float(np.mean([won(system, seed) for seed, system in systems.items()]))
    if gained >= BAR:
        return None
    told = feedback.message(weakness(systems[worlds[0]]))
    return (
        f"in worlds {worlds[0]} and {worlds[1]} yours earns {gained:+,.0f} euros per 1,000 "
        f"payments beyond what you were given; the bar is {BAR:+,.0f}. {told}"
    )


q4 = Question(
    id="lesson13.q4",
    text=TEXTS["q4"],
    answer=answers.simplify,
    rule=is_simpler,
    tempting={
        "prices that stay": answers.prices_that_stay,
        "three models": answers.three_models,
    },
    seeds=(1,),
)
