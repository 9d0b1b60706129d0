"""Lesson 06's questions and bets: what a score is worth, a cut for each amount, whom to show.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from mlsys_lessons.components.decisions import Policy
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson06 import answers, candidates
from mlsys_lessons.lessons.lesson06.answers import INHERITED
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with, wrong_kind

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson06.bet1",
    question="What does B earn in the next thirty days?",
    choices=("more than A", "about as much", "less than A", "less than approving everybody"),
)


def as_bet1_says(plain: float, balanced: float, nothing: float) -> str:
    """What B earned, in the words of the first bet; "about as much" is within a twentieth of A.

    >>> as_bet1_says(100.0, 96.0, -50.0), as_bet1_says(100.0, 90.0, 95.0)
    ('about as much', 'less than approving everybody')
    """
    if abs(balanced - plain) <= abs(plain) / 20:
        return "about as much"
    if balanced > plain:
        return "more than A"
    return "less than approving everybody" if balanced < nothing else "less than A"


bet2 = Prediction(
    id="lesson06.bet2",
    question="Of 100 euros that separate B from A, how many does one formula bring back?",
    unit="euros",
    of=100,
)
bet3 = Prediction(
    id="lesson06.bet3",
    question="In how many of twenty worlds do two looks a day earn more than no reviewers?",
    unit="worlds",
    of=20,
)

q1 = Question(
    id="lesson06.q1",
    text=TEXTS["q1"],
    answer=answers.probability,
    rule=agrees_with(answers.probability, answers.score_cases),
    tempting={
        "the score divided": answers.divided,
        "still odds": answers.still_odds,
        "the other way": answers.other_way,
    },
)
q2 = Question(
    id="lesson06.q2",
    text=TEXTS["q2"],
    answer=answers.block,
    rule=agrees_with(answers.block, answers.payment_cases),
    tempting={
        "above one half": answers.above_half,
        "one cut for all": answers.one_cut,
        "without the margin": answers.without_margin,
        "without the friction": answers.without_friction,
    },
)
q3 = Question(
    id="lesson06.q3",
    text=TEXTS["q3"],
    answer=answers.to_review,
    rule=agrees_with(answers.to_review, answers.queue_cases),
    tempting={
        "the most doubtful": answers.most_doubtful,
        "always full": answers.always_full,
        "all that pay": answers.all_that_pay,
        "against approving": answers.against_approving,
    },
)

# --- q4: a policy that pays ----------------------------------------------------------------------

WORLDS = (range(200, 203), range(203, 206))  # none is left out
DAYS, BAR = 20, 300.0  # euros a world more than the inherited policy


@lru_cache(maxsize=64)
def twenty_days(policy: Policy, seed: int) -> float:
    """Expected euros of twenty days under a policy."""
    return candidates.served(seed, policy=policy, days=DAYS).expected_value / 100


def weakness(policy: Policy) -> str:
    """The tempting policy whose sentence is true of one that is worth too little; else none."""
    if policy.explore_share > INHERITED.explore_share:
        return "explores more"
    explores = policy.explore_share >= 0.1 and policy.explore_below >= 1_000
    if not explores:
        return ""
    if not policy.rules:
        return "no rules"
    return "more faith" if policy.reviewer_slip < INHERITED.reviewer_slip else "as inherited"


def pays(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when it is worth 300 euros a world more than the inherited one, in three worlds."""
    policy = answer(INHERITED)
    if fault := wrong_kind(policy, Policy, "a Policy, as `replace(inherited, ...)` makes one"):
        return fault
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    euros, inherited = (
        sum(twenty_days(one, seed) for seed in worlds) / len(worlds) for one in (policy, INHERITED)
    )
    if euros >= inherited + BAR:
        return None
    return (
        f"in worlds {worlds[0]} to {worlds[-1]} your policy is worth {euros:,.0f} euros a world in "
        f"{DAYS} days; the bar is {inherited + BAR:,.0f}. {feedback.message(weakness(policy))}"
    )


q4 = Question(
    id="lesson06.q4",
    text=TEXTS["q4"],
    answer=answers.my_policy,
    rule=pays,
    tempting={
        "as inherited": answers.as_inherited,
        "explores more": answers.explores_more,
        "no rules": answers.no_rules,
        "more faith": answers.more_faith,
    },
    seeds=(1, 2),
)
