"""One function question and one value question, written as a lesson would write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.lessons import Prediction, Question, WrongAnswer, agrees_with, is_value


def matured(labels: pd.DataFrame, day: int) -> pd.Series:
    """Keep what was known when the decision was taken."""
    return labels.loc[labels["known_on"] < day, "label"]


def every_label(labels: pd.DataFrame, day: int) -> pd.Series:
    return labels["label"]


def same_day_too(labels: pd.DataFrame, day: int) -> pd.Series:
    return labels.loc[labels["known_on"] <= day, "label"]


def label_books(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    for rows in (40, 400):
        known_on = generator.integers(0, 90, rows)
        known_on[:2] = 45  # somebody reports on the very day
        label = generator.integers(0, 2, rows)
        yield {"labels": pd.DataFrame({"label": label, "known_on": known_on}), "day": 45}


TEMPTING = {
    "every label": WrongAnswer(every_label, "It uses labels that arrive after the decision."),
    "same day": WrongAnswer(same_day_too, "A label of the same day arrives after the decision."),
}

q1 = Question(
    id="lesson99.q1",
    prompt="Write `matured`: the labels that were known when day `day` opened.",
    starter='''
        def matured(labels, day):
            """Labels known before the day opened."""
            ...
    ''',
    hints=("A label has its own clock.", "Look at `known_on`.", "`labels.loc[mask, 'label']`"),
    answer=matured,
    rule=agrees_with(
        matured, label_books, tempting=TEMPTING, otherwise="Only `known_on` decides what is known."
    ),
    wrong_answers=TEMPTING,
    explanation="A decision may use what was known before it and nothing else.",
)

DAYS = {
    "median": WrongAnswer(14, "That is the median report; half of the fraud is still unknown."),
    "longest": WrongAnswer(120, "Nobody can wait for the last report."),
}

q2 = Question(
    id="lesson99.q2",
    prompt="After how many days is a payment without a report taken for genuine?",
    starter="maturity_days = ...",
    hints=("Labels mature.", "See `records`.", "One whole number of days."),
    answer=45,
    rule=is_value(45, tempting=DAYS, otherwise="It is a convention of this business."),
    wrong_answers=DAYS,
    explanation="It is a trade between waiting and knowing.",
    seeds=(1,),
)

bet1 = Prediction(id="lesson99.bet1", question="Days until somebody notices?", unit="days")
