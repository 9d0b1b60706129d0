"""Lesson 08's questions and bets: who notices, what the estimate says, what a week costs.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.components.monitoring import Monitor
from mlsys_lessons.components.response.responders import Runbook
from mlsys_lessons.domain import path
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson08 import answers
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with, wrong_kind

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson08.bet1",
    question="Two pages, one broken edge. Which one is it?",
    choices=("A", "B", "nobody can tell"),
)
bet2 = Prediction(
    id="lesson08.bet2",
    question="How many days until somebody notices, if no alert reaches anybody?",
    unit="days",
    least=0,
    most=42,
)
bet3 = Prediction(
    id="lesson08.bet3",
    question="From day 24 on a third of the answers mean nothing. What does the estimated AUC do?",
    choices=("falls", "stays", "rises"),
)
bet4 = Prediction(
    id="lesson08.bet4",
    question="Of 100 euros that nobody looking costs, how many do alerts without an owner save?",
    unit="euros",
    of=100,
)

# --- q1: the rate behind a delay -----------------------------------------------------------------

q1 = Question(
    id="lesson08.q1",
    text=TEXTS["q1"],
    answer=answers.true_rate,
    rule=agrees_with(answers.true_rate, answers.delay_cases),
    tempting={
        "as counted": answers.as_counted,
        "matured only": answers.matured_only,
        "each by its own": answers.each_by_its_own,
    },
)

# --- q2: money without labels --------------------------------------------------------------------

q2 = Question(
    id="lesson08.q2",
    text=TEXTS["q2"],
    answer=answers.estimated_cents,
    rule=agrees_with(answers.estimated_cents, answers.money_cases),
    tempting={
        "blocking is free": answers.blocking_is_free,
        "as if certain": answers.as_if_certain,
    },
)

# --- q3: the handover ----------------------------------------------------------------------------

q3 = Question(
    id="lesson08.q3",
    text=TEXTS["q3"],
    answer=answers.handover,
    rule=agrees_with(answers.handover, answers.week_cases, tolerance=0.01),
    tempting={
        "the loudest": answers.the_loudest,
        "the first line": answers.the_first_line,
        "by the books": answers.by_the_books,
    },
    seeds=(1, 2),
)

# --- q4: three numbers ---------------------------------------------------------------------------

WORLDS = ((100, 101), (102, 103), (104, 105))
BAR = 800.0  # euros a world beyond nobody looking, in forty days
BAD_MONTH = (
    mls.faults.silent_fallback(start=17),
    mls.faults.stale_features(start=24),
    mls.faults.missing_features(start=31),
)


@lru_cache(maxsize=64)
def _month_euros(lines: tuple[Any, ...] | None, seed: int) -> float:
    """Expected euros of the bad month, if these numbers alone call somebody; None: no number."""
    book = dict(lines or ())
    someone = mls.response.Nobody() if lines is None else mls.response.OnCall(book)
    system = mls.resilient_system(seed=seed, retraining=None, responder=someone)
    rules = [r for r in system.domain.alert_rules if path(r.layer, r.metric, r.segment) in book]
    system = system.with_(monitor=Monitor(rules))
    world = mls.payments_world(seed=seed, daily=1_000)
    run = mls.simulate(world, system, days=40, faults=BAD_MONTH, keep="metrics")
    return run.expected_value / 100


def month_gain(runbook: Runbook, seed: int) -> float:
    """Euros that a runbook is worth in the bad month, against nobody looking."""
    lines = tuple((name, tuple(line)) for name, line in runbook.items())
    return _month_euros(lines, seed) - _month_euros(None, seed)


def weakness(runbook: Runbook) -> str:
    """The tempting runbook whose sentence is true of one that is worth too little; else none."""
    layers = {name.partition(".")[0] for name in runbook}
    kinds = {"operations": "the green page", "outputs": "the scores", "business": "the money"}
    hears = "operations.fallback_rate" in runbook or len(layers) != 1
    return "" if hears else kinds.get(layers.pop(), "")


def saves(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when three lines are worth 800 euros a world more than nobody looking."""
    runbook = answer()
    if fault := wrong_kind(runbook, dict, "a dict, from a metric's path to a list of mitigations"):
        return fault
    rules = mls.payments_world(seed=0, daily=100).domain.alert_rules
    known = [path(rule.layer, rule.metric, rule.segment) for rule in rules]
    strange = next((name for name in runbook if name not in known), None)
    if strange is not None:
        return f"no rule watches {strange!r}; take paths such as {known[4]!r}."
    if len(runbook) > 3:
        return f"yours has {len(runbook)} lines; the team has agreed to 3."
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    won = sum(month_gain(runbook, seed) for seed in worlds) / len(worlds)
    if won >= BAR:
        return None
    return (
        f"in worlds {worlds[0]} and {worlds[-1]} yours is worth {won:+,.0f} euros a world against "
        f"nobody looking; the bar is {BAR:+,.0f}. {feedback.message(weakness(runbook))}"
    )


q4 = Question(
    id="lesson08.q4",
    text=TEXTS["q4"],
    answer=answers.my_runbook,
    rule=saves,
    tempting={
        "the green page": answers.the_green_page,
        "the scores": answers.the_scores,
        "the money": answers.the_money,
    },
    seeds=(1,),
)
