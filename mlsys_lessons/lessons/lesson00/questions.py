"""Bets and the one question of lesson 00: where a year's money goes, and who knows it when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlsys_lessons.lessons import Prediction, Question, WrongAnswer, agrees_with

bet1 = Prediction(
    id="lesson00.bet1",
    question="Of 100 missing euros, how many go on red days?",
    unit="euros",
)
bet2 = Prediction(
    id="lesson00.bet2",
    question="For how many days has tonight's book total been true?",
    unit="days",
)
bet3 = Prediction(
    id="lesson00.bet3",
    question="Nothing breaks: of 100 missing euros, how many return?",
    unit="euros",
)

# --- q1: how far the books are behind ----------------------------------------------------------


def days_behind(happened, known):
    """For how many days the last total in `known` had already happened."""
    reached = np.asarray(happened) >= np.asarray(known)[-1]
    return len(happened) - 1 - int(np.flatnonzero(reached)[0])


def money_behind(happened, known):
    """The gap between the curves tonight, in euros."""
    return np.asarray(happened)[-1] - np.asarray(known)[-1]


def since_the_books_moved(happened, known):
    """The same search on the wrong curve."""
    reached = np.asarray(known) >= np.asarray(known)[-1]
    return len(known) - 1 - int(np.flatnonzero(reached)[0])


def one_day_more(happened, known):
    """Counted from the day after tonight."""
    reached = np.asarray(happened) >= np.asarray(known)[-1]
    return len(happened) - int(np.flatnonzero(reached)[0])


def curves(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Losses so far by day, and the same ones as they become known, some days later."""
    for days, delay in ((40, 6), (200, 31)):
        happened = generator.integers(1, 300, days).cumsum()
        known = np.concatenate([np.zeros(delay, dtype=happened.dtype), happened[:-delay]])
        yield {"happened": happened, "known": known}
        yield {"happened": happened, "known": np.floor(0.8 * known)}


TEMPTING = {
    "money": WrongAnswer(money_behind, "That is the gap in euros; the question asks for days."),
    "the books' own curve": WrongAnswer(
        since_the_books_moved, "You searched the books for their own total; search what happened."
    ),
    "one day more": WrongAnswer(
        one_day_more, "You count one day too many: the last day has index `len(happened) - 1`."
    ),
}

q1 = Question(
    id="lesson00.q1",
    prompt="Write `days_behind`: for how many days has the total that is known tonight been true?",
    starter='''
        def days_behind(happened, known):
            """Both are arrays: euros lost so far, one number a day. The last one is tonight."""
            tonight = known[-1]
            first_day = ...
            return ...
    ''',
    hints=(
        "Go from tonight's height of the lower curve to the left until you meet the upper one.",
        "On which day did `happened` first reach `tonight`?",
        "`np.flatnonzero(happened >= tonight)[0]` is that day; count from it to the last one.",
    ),
    answer=days_behind,
    rule=agrees_with(
        days_behind, curves, tempting=TEMPTING,
        otherwise="Find the first day on which `happened` was at least `known[-1]`, count from it.",
    ),
    wrong_answers=TEMPTING,
    explanation=(
        "A gap between two curves can be read upright, in money, or across, in days. Money says "
        "how wrong tonight's report is; days say how long ago somebody could have acted."
    ),
)  # fmt: skip
