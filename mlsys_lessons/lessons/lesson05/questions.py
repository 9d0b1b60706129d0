"""Lesson 05's questions and bets: where a fault begins, its unit, how long it stays, its price.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.components.ingestion.contract import Contract
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson05 import answers
from mlsys_lessons.lessons.lesson05.contract_editor import INHERITED, under
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with, wrong_kind

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson05.bet1",
    question="Six tickets say that the model is broken. How many does a better model cure?",
    unit="tickets",
    of=6,
    least=0,
    most=6,
    counted=True,
)
bet2 = Prediction(
    id="lesson05.bet2",
    question="One amount in a hundred comes in cents. Which number rings?",
    choices=("mean", "median", "PSI", "all three"),
)
bet3 = Prediction(
    id="lesson05.bet3",
    question="How many euros does the repair of the table bring in the next 30 days?",
    unit="euros",
)
bet4 = Prediction(
    id="lesson05.bet4",
    question="Of 100 euros that a table of seven days costs, how many does its first day cost?",
    unit="euros",
    of=100,
)

# --- q1: the first thing out of line -------------------------------------------------------------

q1 = Question(
    id="lesson05.q1",
    text=TEXTS["q1"],
    answer=answers.first_suspect,
    rule=agrees_with(answers.first_suspect, answers.suspect_cases),
    tempting={
        "the loudest": answers.loudest,
        "the largest change": answers.largest_change,
        "the largest ratio": answers.largest_ratio,
    },
)

# --- q2: another unit ----------------------------------------------------------------------------

q2 = Question(
    id="lesson05.q2",
    text=TEXTS["q2"],
    answer=answers.other_unit,
    rule=agrees_with(answers.other_unit, answers.unit_cases),
    tempting={
        "the range": answers.above_the_range,
        "three sigma": answers.three_sigma,
        "upward only": answers.only_upward,
        "in euros": answers.in_euros,
    },
)

# --- q3: how long the past stays -----------------------------------------------------------------

q3 = Question(
    id="lesson05.q3",
    text=TEXTS["q3"],
    answer=answers.clean_from,
    rule=agrees_with(answers.clean_from, answers.date_cases),
    tempting={
        "at once": answers.at_once,
        "when labels come": answers.when_labels_come,
        "the window only": answers.window_only,
    },
)

# --- q4: a contract that pays --------------------------------------------------------------------

DAYS, DAILY = 14, 1_000
WORLDS = (range(100, 104), range(104, 108))  # none is left out; one of them is unlucky
BAR = 400.0  # euros a world more than the inherited contract, in two weeks


def bad_fortnight() -> list[mls.faults.Fault]:
    """Three producers at fault: a unit for four days, gaps for six, a new word for ten."""
    return [
        mls.faults.unit_change(start=0, end=4, severity=0.25),
        mls.faults.null_flood(start=4, end=10, severity=0.6),
        mls.faults.renamed_category(start=4, end=14, severity=1.0),
    ]


@lru_cache(maxsize=32)
def fortnight_euros(contract: Contract, seed: int) -> float:
    """Expected euros of the bad fortnight under a contract, handling of its rows included."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    system = under(contract, seed, retraining=None)
    run = mls.simulate(world, system, days=DAYS, faults=bad_fortnight(), keep="metrics")
    return run.expected_value / 100


def weakness(contract: Contract) -> str:
    """The tempting contract whose sentence is true of one that is worth too little; else none."""
    field = {promise.name: promise for promise in contract.fields}
    if contract == INHERITED:
        return "as inherited"
    if field["amount"].on_breach == "degrade":
        return ""
    if float(field["amount"].maximum or np.inf) < 2_000:
        return "stricter"
    if field["category"].on_breach == "degrade":
        return "the word only"
    return "nothing promised" if field["amount"].null_rate >= 0.6 else ""


def pays(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when it is worth 400 euros a world more than the inherited one, in four worlds."""
    contract = answer()
    if fault := wrong_kind(contract, Contract, "a Contract, as `edited(...)` makes one"):
        return fault
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    euros, inherited = (
        sum(fortnight_euros(terms, seed) for seed in worlds) / len(worlds)
        for terms in (contract, INHERITED)
    )
    if euros >= inherited + BAR:
        return None
    return (
        f"in worlds {worlds[0]} to {worlds[-1]} your contract is worth {euros:,.0f} euros a world "
        f"in {DAYS} bad days; the bar is {inherited + BAR:,.0f}. "
        f"{feedback.message(weakness(contract))}"
    )


q4 = Question(
    id="lesson05.q4",
    text=TEXTS["q4"],
    answer=answers.my_contract,
    rule=pays,
    tempting={
        "as inherited": answers.as_inherited,
        "the word only": answers.the_word_only,
        "stricter": answers.stricter,
        "nothing promised": answers.promises_nothing,
    },
    seeds=(1, 2),
)
