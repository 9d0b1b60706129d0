"""The course: questions that are checked, bets, a runbook and a sheet that grow with it, figures.

Each lesson has a folder: `questions.md` (what a learner reads), `answers.py` (what is right, what
tempts, and the cases that tell them apart), `questions.py` (both put together under a rule, and the
bets), and its instruments. No lesson imports another one; what two of them need stands here. Of the
claims, lessons take stored results and nothing else (stored_claims.py).
"""

from __future__ import annotations

import importlib
import pkgutil

from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.wording import LESSON

__all__ = ["catalogue"]


def catalogue() -> dict[str, list[Question | Prediction]]:
    """Every question and bet of the course by lesson, found in the lessons' folders."""
    folders = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    lessons: dict[str, list[Question | Prediction]] = {}
    for lesson in sorted(filter(LESSON.fullmatch, folders)):
        names = vars(importlib.import_module(f"{__name__}.{lesson}.questions"))
        items = [item for item in names.values() if isinstance(item, Question | Prediction)]
        lessons[lesson] = sorted(items, key=lambda item: item.id)
    return lessons
