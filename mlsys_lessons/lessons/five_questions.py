"""The sheet that grows: five questions that close every lesson, one more answer each time.

The answers are the learner's words about the learner's own system; nothing judges them.
"""

from __future__ import annotations

from typing import Any

from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.wording import Passage, lesson_name, markdown_safe

QUESTIONS = (
    "Where does the data come from?",
    "Who owns its quality?",
    "What happens when inputs change?",
    "How do we know when the model is wrong?",
    "What happens when it is down?",
)


def answer(lesson: str, question: int, text: Any) -> None:
    """Print one answer and put it on the sheet; an open one is only asked again.

    >>> answer("lesson01", 4, ...)
    [not answered] 4. How do we know when the model is wrong?
    """
    lesson = lesson_name(lesson)
    if question not in range(1, len(QUESTIONS) + 1):
        raise InputError(f"question {question!r} does not exist: there are questions 1 to 5")
    title = f"{question}. {QUESTIONS[question - 1]}"
    if not (isinstance(text, str) and text.strip()):
        return print(f"[not answered] {title}")
    note = progress.remember("five_questions", f"{lesson}.{question}", text.strip()).note
    print("\n".join([f"[answered] {title}", f"  {text.strip()}", *filter(None, [note])]))


def sheet() -> Passage:
    """The five questions with every answer given so far, lesson by lesson."""
    kept = sorted(progress.load()["five_questions"].items())
    plain, markdown = [], []
    for place, question in enumerate(QUESTIONS, start=1):
        answers = [(name[:-2], str(text)) for name, text in kept if name.endswith(f".{place}")]
        lines = [f"{lesson}: {text}" for lesson, text in answers] or ["no answer yet"]
        plain += [f"{place}. {question}", *(f"   {line}" for line in lines)]
        bullets = [f"- {markdown_safe(line)}" for line in lines]
        markdown += [f"**{place}. {question}**", "", *bullets, ""]
    return Passage("\n".join(plain), "\n".join(markdown).rstrip())
