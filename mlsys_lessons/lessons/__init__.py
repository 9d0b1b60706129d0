"""Exercises: questions that are checked, bets, a runbook and a sheet that grow with the course.

Each lesson has one module here (`lesson01.py` ...) that holds its questions and bets as data.
"""

from __future__ import annotations

import importlib
import pkgutil

from mlsys_lessons.lessons import five_questions, runbook
from mlsys_lessons.lessons.guard import NotAttempted
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question, Verdict, WrongAnswer
from mlsys_lessons.lessons.rules import agrees_with, in_order, is_value, reaches, same
from mlsys_lessons.lessons.wording import LESSON, describe

__all__ = [
    "NotAttempted",
    "Prediction",
    "Question",
    "Verdict",
    "WrongAnswer",
    "agrees_with",
    "catalogue",
    "describe",
    "five_questions",
    "in_order",
    "is_value",
    "reaches",
    "runbook",
    "same",
]


def catalogue() -> dict[str, list[Question | Prediction]]:
    """Every question and bet of the course by lesson, found in the lesson modules."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    found: dict[str, list[Question | Prediction]] = {}
    for name in sorted(filter(LESSON.fullmatch, names)):
        module = importlib.import_module(f"{__name__}.{name}.questions")
        items = [v for v in vars(module).values() if isinstance(v, Question | Prediction)]
        found[name] = sorted(items, key=lambda item: item.id)
    return found
