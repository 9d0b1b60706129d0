"""Lesson 01's questions and bets: a split, a date, a cut, and a decision in service.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.lessons.comparison import same, told_apart
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.guard import NotAttempted
from mlsys_lessons.lessons.lesson01 import answers
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import Case, on_each
from mlsys_lessons.lessons.wording import describe

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson01.bet1",
    question="Which notebook earns most in the next six months?",
    choices=("A", "B", "C"),
)
bet2 = Prediction(
    id="lesson01.bet2",
    question="Split by time instead of at random: what becomes of A's lead over B in AUC?",
    choices=("gone", "halved", "kept"),
)
bet3 = Prediction(
    id="lesson01.bet3",
    question="Of 100 euros that B's test rows promise, how many arrive?",
    unit="euros",
    of=100,
)

# --- q1: split by time -------------------------------------------------------------------------


def split_fault(answer: Any, case: Case, why: Callable[[], str]) -> str | None:
    """What is wrong with two masks, counted in rows."""
    masks, ours = answer(*case.values()), answers.time_split(*case.values())
    if isinstance(masks, tuple) and any(mask is ... for mask in masks):
        raise NotAttempted("`train` or `test` is still open")
    if same(masks, ours):
        return None
    shapes = [np.shape(mask) for mask in masks] if isinstance(masks, tuple | list) else []
    kinds = {np.asarray(mask).dtype.kind for mask in masks} if shapes else set()
    if shapes != [(len(case["paid_day"]),)] * 2 or kinds != {"b"}:
        return f"yours returns {describe(masks)}; return two masks, true or false for each payment."
    train, test, ours_train, ours_test = (int(np.sum(mask)) for mask in (*masks, *ours))
    if (train, test) == (ours_train, ours_test):
        return f"{told_apart(tuple(map(np.asarray, masks)), ours)}. {why()}"
    return (
        f"of {len(case['paid_day'])} payments yours trains on {train} and tests on {test}, where "
        f"{ours_train} and {ours_test} are due. {why()}"
    )


q1 = Question(
    id="lesson01.q1",
    text=TEXTS["q1"],
    answer=answers.time_split,
    rule=on_each(answers.split_cases, split_fault),
    tempting={
        "row order": answers.split_in_row_order,
        "payment day": answers.split_on_payment_day,
        "known day": answers.split_on_known_day,
    },
)

# --- q2: what was known ------------------------------------------------------------------------


def report_fault(answer: Any, case: Case, why: Callable[[], str]) -> str | None:
    """On how many payments the count of known reports is another."""
    counts, ours = np.asarray(answer(*case.values())), answers.known_reports(*case.values())
    if counts.shape != ours.shape:
        return f"yours gives {describe(counts)} for {len(ours)} payments; return one number each."
    if same(counts, ours):
        return None
    return f"{told_apart(counts, ours)}. {why()}"


q2 = Question(
    id="lesson01.q2",
    text=TEXTS["q2"],
    answer=answers.known_reports,
    rule=on_each(answers.report_cases, report_fault),
    tempting={
        "no date": answers.all_reports,
        "date of the payment": answers.reports_by_payment_date,
        "by calendar day": answers.reports_of_the_day,
    },
)

# --- q3: a cut by money ------------------------------------------------------------------------


def cut_cents(cut: float, case: Case) -> float:
    """What blocking everything at or above a cut earns on a case's rows."""
    cents = np.rint(case["amount"] * 100).astype(np.int64)
    fraud, blocked = case["label"] == 1, case["score"] >= cut
    approve = np.where(fraud, -mls.COSTS.fraud_loss(cents), mls.COSTS.margin(cents))
    return float(np.where(blocked, np.where(fraud, 0, -mls.COSTS.friction), approve).sum())


def cut_fault(answer: Any, case: Case, why: Callable[[], str]) -> str | None:
    """By how much another cut earns more."""
    cut = answer(*case.values())
    if isinstance(cut, str):
        return "yours returns text; return the cut as a number."
    cut = float(cut)
    best, cents = cut_cents(answers.money_cut(*case.values()), case), cut_cents(cut, case)
    if cents >= best - 1:
        return None
    return (
        f"your cut {cut:.3f} earns {cents / 100:,.0f} euros on {len(case['score']):,} "
        f"payments; another earns {best / 100:,.0f}. {why()}"
    )


q3 = Question(
    id="lesson01.q3",
    text=TEXTS["q3"],
    answer=answers.money_cut,
    rule=on_each(answers.cut_cases, cut_fault),
    tempting={
        "best F1": answers.f1_cut,
        "Youden": answers.youden_cut,
        "one half": answers.half,
    },
)

# --- q4: a decision in service -----------------------------------------------------------------

BAR, DAYS, DAILY, FIRST_SEED, WORLDS = 1.05, 60, 1_000, 100, 5


class LearnersDecision(ScoreCut):
    """The naive decision stage with a learner's `block(score, amount)` in place of the cut."""

    def __init__(self, block: Callable[..., Any]) -> None:
        super().__init__(cut=0.5)
        self.block = block

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Ask the learner's function; everything else stays as it was."""
        score = frame["score"].to_numpy()
        flags = np.asarray(self.block(score, frame["amount"].to_numpy()), dtype=np.float64)
        return super().__call__(frame.assign(score=flags)).assign(score=score)


def sixty_days(block: Callable[..., Any] | None, seed: int) -> mls.Run:
    """Sixty days of the naive system in world `seed`, deciding by `block` (None: its F1 cut)."""
    system = mls.naive_system(seed=seed)
    if block is not None:
        system = system.with_(decisions=LearnersDecision(block))
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, system, days=DAYS, keep="metrics")


@lru_cache
def usual_cents(seed: int) -> int:
    """What the F1 cut earns in world `seed`."""
    return sixty_days(None, seed).value


def weakness(block: Callable[..., Any]) -> str:
    """The tempting answer whose sentence is true of a decision, on made-up payments; else none."""
    score, amount = np.meshgrid(np.logspace(-4, 0, 41), [5.0, 50.0, 500.0])  # a row an amount
    flags = np.asarray(block(score.ravel(), amount.ravel()), dtype=bool).reshape(score.shape)
    if (flags == flags[:, :1]).all():  # whatever the score
        return "large amounts" if flags.any() and not flags.all() else ""
    lowest = np.where(flags[1], score[1], np.inf).min()  # that is blocked at 50 euros
    return "any doubt" if lowest < 0.01 else "one half" if lowest > 0.25 else ""


def beats_the_bar(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when it earns five percent more than the F1 cut in a world that nobody has seen."""
    seed = FIRST_SEED + int(generator.integers(WORLDS))
    flags: NDArray[np.bool_] = np.asarray(answer(np.array([0.1, 0.9]), np.array([20.0, 80.0])))
    if flags.shape != (2,):
        return f"your `block` gives shape {flags.shape} for two payments; return one flag for each."
    usual, cents = usual_cents(seed), sixty_days(answer, seed).value
    if cents >= BAR * usual:
        return None
    return (
        f"in world {seed} yours earns {cents / 100:,.0f} euros in {DAYS} days; the bar is "
        f"{BAR * usual / 100:,.0f}, five percent above the F1 cut. "
        f"{feedback.message(weakness(answer))}"
    )


q4 = Question(
    id="lesson01.q4",
    text=TEXTS["q4"],
    answer=answers.block,
    rule=beats_the_bar,
    tempting={
        "one half": answers.block_above_half,
        "large amounts": answers.block_large,
        "any doubt": answers.block_any_doubt,
    },
    seeds=(2, 3, 4),  # three different worlds
)
