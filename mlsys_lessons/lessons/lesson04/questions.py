"""Lesson 04's questions and bets: waiting, asking again, giving up, and what each costs.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons import traffic
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.guard import NotAttempted
from mlsys_lessons.lessons.lesson04 import answers, overload_lab
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with, wrong_kind

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson04.bet1",
    question="How long after the five seconds until callers with three retries are answered again?",
    choices=("seconds", "a minute or two", "about ten minutes", "not by itself"),
)
bet2 = Prediction(
    id="lesson04.bet2",
    question="How many servers in place of four would end it, at the same load?",
    unit="servers",
    least=4,
    most=1_000,
    counted=True,
)
bet3 = Prediction(
    id="lesson04.bet3",
    question="Which failure mode does most damage in your world, in a week without its design?",
    choices=tuple(mls.faults.FAILURE_MODES),
)

# --- q1: when to ask again -----------------------------------------------------------------------

q1 = Question(
    id="lesson04.q1",
    text=TEXTS["q1"],
    answer=answers.backoff,
    rule=agrees_with(answers.backoff, answers.backoff_cases),
    tempting={
        "all together": answers.all_together,
        "without end": answers.without_end,
        "a little jitter": answers.a_little_jitter,
        "evenly": answers.evenly,
    },
)

# --- q2: how many may ask again ------------------------------------------------------------------

q2 = Question(
    id="lesson04.q2",
    text=TEXTS["q2"],
    answer=answers.may_retry,
    rule=agrees_with(answers.may_retry, answers.budget_cases),
    tempting={
        "of the failures": answers.of_the_failures,
        "of everything": answers.of_everything,
        "up to three": answers.up_to_three,
    },
)

# --- q3: how busy may it be ----------------------------------------------------------------------

q3 = Question(
    id="lesson04.q3",
    text=TEXTS["q3"],
    answer=answers.busiest,
    rule=agrees_with(answers.busiest, answers.load_cases),
    tempting={
        "nobody dies": answers.nobody_dies,
        "a lucky point": answers.a_lucky_point,
        "merely stable": answers.merely_stable,
        "the wrong way": answers.the_wrong_way,
    },
)

# --- q4: when to stop asking ---------------------------------------------------------------------

q4 = Question(
    id="lesson04.q4",
    text=TEXTS["q4"],
    answer=answers.open_above,
    rule=agrees_with(answers.open_above, answers.breaker_cases),
    tempting={
        "half": answers.half,
        "no rung below": answers.no_rung_below,
        "the share that works": answers.share_that_works,
    },
)

# --- q5: survive the crowd -----------------------------------------------------------------------

BAR, CROWDS = 0.9, tuple(range(300, 340))
PATIENCE_S = 2.0  # an answer that takes longer earns nothing


@lru_cache
def crowd_of(seed: int) -> traffic.Arrivals:
    """Four times the usual callers from second 20 on, on the luck of a seed."""
    return traffic.flash_crowd(
        rate=120.0, seconds=120.0, factor=4.0, at=20.0, fades_in=20.0, seed=seed
    )


def weakness(policy: traffic.Policy) -> str:
    """The tempting policy whose sentence is true of one that earns too little; else none."""
    rule, tries = policy.fallback is not None, policy.retries.attempts + 1
    if policy.queue_limit is not None:
        wait_s = policy.queue_limit * overload_lab.SERVICE_S / overload_lab.SERVERS
        too_long = "a room for all" if wait_s > PATIENCE_S else ""
        return too_long if rule else "only the door"
    if policy.throttle or policy.breaker or policy.bulkhead:
        return ""
    if not rule:
        return "a budget" if policy.retries.budget is not None else ""
    if tries == 1:
        return "a rule after the wait"
    at_last_s = tries * (policy.timeout_s or np.inf)
    return "a rule at the very end" if at_last_s >= PATIENCE_S else ""


def survives(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when it earns nine tenths of what a fleet without limits would, in an unseen crowd."""
    policy = answer()
    if policy is None or policy is ...:
        raise NotAttempted("the policy is still open")
    if fault := wrong_kind(policy, traffic.Policy, "a `mls.traffic.Policy(...)`"):
        return fault
    seed = int(generator.choice(CROWDS))
    crowd = crowd_of(seed)
    run = traffic.simulate_queue(
        crowd, servers=overload_lab.SERVERS, service_s=overload_lab.SERVICE_S, policy=policy,
        seed=seed,
    )  # fmt: skip
    share = overload_lab.euros_earned(run) / (
        len(crowd) * overload_lab.answer_prices()["served"] / 100
    )
    if share >= BAR:
        return None
    return (
        f"in crowd {seed} yours earns {share:.0%} of what a fleet without limits would; the bar is "
        f"{BAR:.0%}. {feedback.message(weakness(policy))}"
    )


q5 = Question(
    id="lesson04.q5",
    text=TEXTS["q5"],
    answer=answers.my_policy,
    rule=survives,
    tempting={
        "a budget": answers.ask_again,
        "a rule at the very end": answers.rule_at_the_end,
        "a rule after the wait": answers.rule_after_the_wait,
        "only the door": answers.only_the_door,
        "a room for all": answers.a_room_for_all,
    },
)
