"""Lesson 03's questions and bets: rows that differ, paired gaps, a shadow, an old table.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.experiments.training_tables import logged_table
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson03 import answers
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with, wrong_kind
from mlsys_lessons.system.system import System

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson03.bet1",
    question="Which one of these mistakes costs most of what the model earns?",
    choices=("amounts in cents", "30 % unanswered, filled with 0", "a table one day older",
             "a third of the events come twice"),
)  # fmt: skip
bet2 = Prediction(
    id="lesson03.bet2",
    question="Of 100 euros of lift, how many are left when the table is one day older?",
    unit="euros",
    of=100,
)
bet3 = Prediction(
    id="lesson03.bet3",
    question="Of the money lost by the older table, how much comes back if the table stays as old?",
    choices=("hardly any", "about half", "nearly all or more"),
)

# --- q1: rows that differ ------------------------------------------------------------------------

q1 = Question(
    id="lesson03.q1",
    text=TEXTS["q1"],
    answer=answers.differs,
    rule=agrees_with(answers.differs, answers.pipeline_cases),
    tempting={
        "means": answers.means_differ,
        "gaps": answers.missing_is_different,
        "last bit": answers.to_the_last_bit,
        "distributions": answers.sorted_columns,
    },
)

# --- q2: the paired gap --------------------------------------------------------------------------

q2 = Question(
    id="lesson03.q2",
    text=TEXTS["q2"],
    answer=answers.placement_gaps,
    rule=agrees_with(answers.placement_gaps, answers.placement_cases),
    tempting={
        "scores": answers.score_gaps,
        "among everybody": answers.among_everybody,
        "ties": answers.ties_lose,
        "unpaired": answers.unpaired,
    },
)

# --- q3: what a shadow can tell ------------------------------------------------------------------

q3 = Question(
    id="lesson03.q3",
    text=TEXTS["q3"],
    answer=answers.switch_bounds,
    rule=agrees_with(answers.switch_bounds, answers.shadow_cases),
    tempting={
        "known only": answers.only_what_is_known,
        "champion was right": answers.champion_was_right,
        "no label, no fraud": answers.no_label_no_fraud,
        "friction": answers.friction_forgotten,
    },
)

# --- q4: earn with the old table -----------------------------------------------------------------

AGE, DAYS, DAILY, WORLDS = 1, 60, 1_000, (300, 301, 302, 303, 304)
OLD_TABLE = mls.faults.CATALOGUE["stale_features"](start=0, end=DAYS, severity=AGE)


@lru_cache(maxsize=8)
def old_log(seed: int) -> pd.DataFrame:
    """The training table of a team that has logged what a table one day older served."""
    return logged_table(seed, AGE)


def sixty_days_cents(system: System, seed: int, *faults: mls.faults.Fault) -> float:
    """Cents of sixty days under these faults."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, system, days=DAYS, faults=faults, keep="metrics").value


@lru_cache(maxsize=8)
def fresh_table_cents(seed: int) -> float:
    """The bar: the notebook as shipped, on a table one day fresher."""
    return sixty_days_cents(mls.naive_system(seed=seed), seed)


def weakness(system: System) -> str:
    """The tempting system whose sentence is true of one that earns too little; else none."""
    if len(system.inference.registry.versions) > 1:
        return ""  # its model has learned from the log
    if "decisions" in system.levels:
        return "prices alone"
    return "a fresher component" if "features" in system.levels else "as it is"


def earns_as_much(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when it earns on the old table what the notebook's system earns on the fresh one."""
    seed = int(generator.choice(WORLDS))
    system = answer(seed, old_log(seed).copy())
    if fault := wrong_kind(system, System, "a system, as `mls.assemble(...)` makes one"):
        return fault
    if isinstance(system.inference.model, type(mls.reference_system().inference.model)):
        return "The true probability is not for sale; build with a model that reads features."
    system = replace(system, charged=True)  # whatever it is, it pays for itself
    cents, bar = sixty_days_cents(system, seed, OLD_TABLE), fresh_table_cents(seed)
    if cents >= bar:
        return None
    return (
        f"in world {seed} yours earns {cents / 100:,.0f} euros in {DAYS} days; the notebook's "
        f"system on a table one day fresher earns {bar / 100:,.0f}. "
        f"{feedback.message(weakness(system))}"
    )


q4 = Question(
    id="lesson03.q4",
    text=TEXTS["q4"],
    answer=answers.my_system,
    rule=earns_as_much,
    tempting={
        "as it is": answers.as_it_is,
        "a fresher component": answers.fresher_component,
        "prices alone": answers.prices_alone,
    },
    seeds=(1,),
)
