"""Lesson 07's questions and bets: PSI by hand, an honest limit, many tests, rules that find faults.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.monitoring.alerts import Alerts, healthy_rate
from mlsys_lessons.domain import AlertRule
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson07 import answers
from mlsys_lessons.lessons.lesson07.moved_worlds import CASES
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson07.bet1",
    question="You may look at one of them today. Which costs most?",
    choices=tuple(case for case in CASES if case != "nothing"),
)
bet2 = Prediction(
    id="lesson07.bet2",
    question="Two samples of 100 rows from one distribution: their PSI on average?",
    unit="points of PSI",
    least=0,
)
bet3 = Prediction(
    id="lesson07.bet3",
    question="Twenty quiet columns, each tested at 5 %: on how many of 100 days does one call?",
    unit="days",
    of=100,
    least=0,
    most=100,
)
bet4 = Prediction(
    id="lesson07.bet4",
    question="Four of twenty columns have moved. How many does the quietest of four reports name?",
    unit="columns",
    of=20,
    least=0,
    most=20,
    counted=True,
)

q1 = Question(
    id="lesson07.q1",
    text=TEXTS["q1"],
    answer=answers.psi,
    rule=agrees_with(answers.psi, answers.psi_cases),
    tempting={
        "equal widths": answers.equal_widths,
        "the current deciles": answers.current_deciles,
        "one half of it": answers.relative_entropy,
    },
)
q2 = Question(
    id="lesson07.q2",
    text=TEXTS["q2"],
    answer=answers.psi_limit,
    rule=agrees_with(answers.psi_limit, answers.limit_cases),
    tempting={
        "the textbook": answers.textbook,
        "the mean": answers.mean_only,
        "the current rows only": answers.current_only,
        "all bins": answers.all_bins,
    },
)
q3 = Question(
    id="lesson07.q3",
    text=TEXTS["q3"],
    answer=answers.alarms,
    rule=agrees_with(answers.alarms, answers.family_cases),
    tempting={
        "each by itself": answers.uncorrected,
        "Bonferroni": answers.bonferroni,
        "the first failure": answers.first_failure,
    },
)

# --- q4: rules that find faults ------------------------------------------------------------------

BREAKS, DAYS, DAILY, WITHIN = 22, 29, 600, 7
RATE = 0.02  # of healthy months with an alert that this team agrees to
WORLDS = (301, 302)
HARMFUL, HARMLESS = ("wrong_model", "null_flood"), "time_zone_shift"
SEVERITY = {"wrong_model": 0.34, "null_flood": 0.3, "time_zone_shift": 6.0}


@lru_cache(maxsize=16)
def written(seed: int, name: str) -> pd.DataFrame:
    """What the resilient system's monitor has written down about four weeks with a fault."""
    world = mls.payments_world(seed=seed, daily=DAILY, drift=mls.Drift.none())
    system = mls.resilient_system(seed=seed, retraining=None, responder=None)
    fault = mls.faults.CATALOGUE[name](start=BREAKS, end=DAYS, severity=SEVERITY[name])
    return mls.simulate(world, system, days=DAYS, faults=[fault], keep="metrics").metrics


def calls(rules: Sequence[AlertRule], metrics: pd.DataFrame) -> list[int]:
    """The days on which rules call, once the fault is there."""
    judge, days = Alerts(rules), []
    for tick, of_day in metrics.groupby("tick"):
        layers = {
            str(layer): list(rows[["metric", "segment", "value", "n"]].itertuples(False, None))
            for layer, rows in of_day.groupby("layer", observed=True)
        }
        judge.judge(int(tick), layers)
        days += [int(tick)] * (bool(judge.opened) and int(tick) >= BREAKS)
    return days


def finds(answer: Any, generator: Any, feedback: Feedback) -> str | None:
    """Right when both faults are called in both worlds, the harmless shift in none."""
    rules = tuple(answer())
    if not rules or not all(isinstance(rule, AlertRule) for rule in rules):
        return "your function returns no AlertRules; return a tuple of one or more."
    stated = healthy_rate(rules)
    if stated > RATE:
        return (
            f"your rules state {stated:.1%} of healthy months with an alert; the team agreed to "
            f"{RATE:.0%}. {feedback.message('the whole board')}"
        )
    for seed in WORLDS:
        for name in HARMFUL:
            if not calls(rules, written(seed, name)):
                return f"{name} calls nobody in world {seed}. {feedback.message('inputs only')}"
        if calls(rules, written(seed, HARMLESS)):
            return (
                f"the time zone calls somebody in world {seed}, and it costs nothing there. "
                f"{feedback.message('the hour as well')}"
            )
    return None


q4 = Question(
    id="lesson07.q4",
    text=TEXTS["q4"],
    answer=answers.my_rules,
    rule=finds,
    tempting={
        "inputs only": answers.inputs_only,
        "the hour as well": answers.watch_the_hour,
        "the whole board": answers.the_whole_board,
    },
    seeds=(1,),
)
