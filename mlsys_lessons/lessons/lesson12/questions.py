"""Lesson 12's questions and bets: what a canary can see, what to call for, whose it is, a ramp.

Texts stand in questions.md, solutions and tempting answers in answers.py; here they meet the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.lessons.feedback import Feedback
from mlsys_lessons.lessons.lesson12 import answers, rollout
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with

TEXTS = question_texts(__file__)

bet1 = Prediction(
    id="lesson12.bet1",
    question="Of 100 euros that the old version would earn in four weeks, how many does the new?",
    unit="euros",
    least=0,
    most=150,
)
bet2 = Prediction(
    id="lesson12.bet2",
    question="How many days must this canary run until it can see fraud double?",
    unit="days",
    least=1,
    most=365,
)
bet3 = Prediction(
    id="lesson12.bet3",
    question="Of 100 canaries of a version against itself, how many does somebody stop?",
    unit="canaries",
    of=100,
)
bet4 = Prediction(
    id="lesson12.bet4",
    question="The bug is repaired. Which of the two has earned more, six weeks later?",
    choices=("fitted by the calendar", "never fitted again", "within 2 %"),
)

# --- q1: days until it can be seen ---------------------------------------------------------------

q1 = Question(
    id="lesson12.q1",
    text=TEXTS["q1"],
    answer=answers.days_to_see,
    rule=agrees_with(answers.days_to_see, answers.canary_cases),
    tempting={
        "by the canary alone": answers.by_the_canary_alone,
        "by all rows": answers.by_all_rows,
        "by the old rate": answers.by_the_old_rate,
    },
)

# --- q2: the burn alert --------------------------------------------------------------------------

q2 = Question(
    id="lesson12.q2",
    text=TEXTS["q2"],
    answer=answers.burning,
    rule=agrees_with(answers.burning, answers.minute_cases),
    tempting={
        "the long window": answers.the_long_window,
        "every minute": answers.every_minute,
        "either window": answers.either_window,
    },
)

# --- q3: whose is it -----------------------------------------------------------------------------

q3 = Question(
    id="lesson12.q3",
    text=TEXTS["q3"],
    answer=answers.route,
    rule=agrees_with(answers.route, answers.alert_cases),
    tempting={
        "the layer's owner": answers.the_layer_s_owner,
        "the first that fits": answers.the_first_that_fits,
        "by letters": answers.by_letters,
    },
)

# --- q4: the ramp --------------------------------------------------------------------------------

WORLDS = ((100, 101), (102, 103))
NIGHTS = 14
BAR = 1_000.0  # euros a world, over both releases, beyond the rule that is in service
HUNDREDTH = 0.01  # the unsound candidate takes out an undersampling of one in a hundred
_OPEN: dict[tuple[int, bool, tuple[float, ...]], mls.Run] = {}  # the last run, to be taken on
Ramp = Callable[[int, pd.DataFrame, pd.DataFrame], float]


def release(ramp: Ramp, seed: int, *, is_sound: bool) -> float:
    """Expected euros of one release of boosted trees in the place of a rule, night by night."""
    shares: tuple[float, ...] = ()
    for night in range(1, NIGHTS):
        shadow, counts, _ = _evening(seed, is_sound, shares)
        shares += (ramp(night, shadow.copy(), counts.copy()),)
    return _evening(seed, is_sound, shares)[2]


@lru_cache(maxsize=2_000)
def _evening(
    seed: int, is_sound: bool, shares: tuple[float, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """What is known once so many days were sent such shares: lived once, however often asked."""
    run = _OPEN.pop((seed, is_sound, shares[:-1]), None) if shares else None
    ahead = shares[-1:]
    if run is None:
        run, ahead = _first_day(seed, is_sound=is_sound), shares
    for share in ahead:
        rollout.sending(run).send(share)
        run.step()
    _OPEN.clear()
    _OPEN[seed, is_sound, shares] = run
    return rollout.in_shadow(run), rollout.counted(run), run.expected_value / 100


def _first_day(seed: int, *, is_sound: bool) -> mls.Run:
    model = rollout.at_home(seed).inference.registry.model
    trees = model if is_sound else rollout.corrected_twice(model, kept=HUNDREDTH)
    system = rollout.at_home(seed, model="rule")
    return rollout.begun(rollout.on_trial(system, ModelVersion("trees-2", trees)), days=1)


def stayed(seed: int) -> float:
    """Expected euros of the same days with the rule."""
    return release(answers.never, seed, is_sound=True)


def ramp_gain(ramp: Ramp, seed: int) -> float:
    """Euros that a ramp is worth in one world: a sound release and an unsound one."""
    return sum(release(ramp, seed, is_sound=sound) for sound in (True, False)) - 2 * stayed(seed)


def weakness(ramp: Ramp, seed: int) -> str:
    """The tempting ramp whose sentence is true of one that earns too little; else none."""
    sound, unsound = (release(ramp, seed, is_sound=each) - stayed(seed) for each in (True, False))
    if abs(sound) < 1 and abs(unsound) < 1:
        return "never"
    first = _first_share(ramp)
    return "" if unsound > -300 else "ship it" if first >= 0.5 else "a clean canary"


def _first_share(ramp: Ramp) -> float:
    """What a ramp sends when nothing is known yet."""
    table = pd.DataFrame(0, index=["old", "new"], columns=list(rollout.SEEN))
    counts = pd.DataFrame(0, index=["old", "new"], columns=["rows", *rollout.OUTCOMES])
    return float(ramp(1, table, counts))


def earns(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
    """Right when two releases in unseen worlds are worth the bar more than staying."""
    worlds = WORLDS[int(generator.integers(len(WORLDS)))]
    won = sum(ramp_gain(answer, seed) for seed in worlds) / len(worlds)
    if won >= BAR:
        return None
    return (
        f"in worlds {worlds[0]} and {worlds[-1]} yours is worth {won:+,.0f} euros a world against "
        f"never releasing; the bar is {BAR:+,.0f}. {feedback.message(weakness(answer, worlds[0]))}"
    )


q4 = Question(
    id="lesson12.q4",
    text=TEXTS["q4"],
    answer=answers.my_ramp,
    rule=earns,
    tempting={
        "ship it": answers.ship_it,
        "never": answers.never,
        "a clean canary": answers.a_clean_canary,
    },
    seeds=(1,),
)
