"""Lesson 13's questions and bets: two cuts, phone calls, a break-even, a simplification.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.experiments.over_engineered import (
    OVER_ENGINEERED,
    AutoRetraining,
    AutoThreshold,
    Ensemble,
    stack,
)
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson13 import answers, automation
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with
from mlsys_lessons.system.system import System

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson13.bet1",
    question="For each 100 euros that B earns from day 21 on, what does A earn?",
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
    question="With the cut that follows as well: how many of 100 lost euros come back?",
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

WORLDS = ((708, 709), (710, 711))  # the over-engineered system's own weeks there are stored
BAR = 30.0  # euros per 1,000 payments beyond the over-engineered system, in the mean of two worlds


def won(answer: Any, seed: int) -> float | str:
    """Euros per 1,000 payments beyond the over-engineered system; or what is wrong."""
    system = answer(stack(seed))
    if not isinstance(system, System):
        return "return a system: what with_ gives back, say."
    found = automation.stored().set_index(["seed", "arm"])["euros"]
    world = mls.payments_world(seed=seed, daily=automation.DAILY)
    run = mls.simulate(world, system, days=automation.DAYS, keep="metrics")
    return automation.measured(run)["euros"] - float(found[seed, OVER_ENGINEERED])


def weakness(system: System) -> str:
    """The tempting simplification whose sentence is true of a system that falls short."""
    refits = isinstance(system.retraining, AutoRetraining)
    follows = isinstance(system.decisions, AutoThreshold)
    if refits and not follows:
        return "prices that stay"
    if refits:
        return "" if isinstance(system.inference.model, Ensemble) else "one model"
    return "no refits" if follows else ""


def is_simpler(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when the system earns the bar beyond the over-engineered one."""
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    gains = []
    for seed in worlds:
        gain = won(answer, seed)
        if isinstance(gain, str):
            return gain
        gains.append(gain)
    gained = float(np.mean(gains))
    if gained >= BAR:
        return None
    told = feedback.message(weakness(answer(stack(worlds[0]))))
    return (
        f"in worlds {worlds[0]} and {worlds[1]} yours earns {gained:+,.0f} euros per 1,000 "
        f"payments beyond the over-engineered system; the bar is {BAR:+,.0f}. {told}"
    )


q4 = Question(
    id="lesson13.q4",
    text=TEXTS["q4"],
    answer=answers.simplify,
    rule=is_simpler,
    tempting={
        "prices that stay": answers.prices_that_stay,
        "one model": answers.one_model,
        "no refits": answers.no_refits,
    },
    seeds=(1,),
)
