"""One function question and one value question, written as a lesson would write them.

Their texts stand beside this file, in sample_lesson.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import question_texts
from mlsys_lessons.lessons.rules import agrees_with, is_value

TEXTS = question_texts(__file__)


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


q1 = Question(
    id="lesson99.q1",
    text=TEXTS["q1"],
    answer=matured,
    rule=agrees_with(matured, label_books),
    tempting={"every label": every_label, "same day": same_day_too},
)
q2 = Question(
    id="lesson99.q2",
    text=TEXTS["q2"],
    answer=45,
    rule=is_value(45),
    tempting={"median": 14, "longest": 120},
    seeds=(1,),
)

bet1 = Prediction(id="lesson99.bet1", question="Days until somebody notices?", unit="days")
