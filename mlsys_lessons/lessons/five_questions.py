"""The sheet that grows: five questions that close every lesson, one more answer each time.

The answers are the learner's words about the learner's own system; nothing judges them.
"""

from __future__ import annotations

from typing import Any

from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.wording import LESSON, Passage, markdown_safe
from mlsys_lessons.records import InputError

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
    if not LESSON.fullmatch(lesson):
        raise InputError(f"lesson {lesson!r} must look like 'lesson01'; correct the name")
    if question not in range(1, len(QUESTIONS) + 1):
        raise InputError(f"question {question!r} does not exist: there are questions 1 to 5")
    asked = f"{question}. {QUESTIONS[question - 1]}"
    if not (isinstance(text, str) and text.strip()):
        return print(f"[not answered] {asked}")
    note = progress.remember("five_questions", f"{lesson}.{question}", text.strip()).note
    print("\n".join([f"[answered] {asked}", f"  {text.strip()}", *filter(None, [note])]))


def sheet() -> Passage:
    """The five questions with every answer given so far, lesson by lesson."""
    given = sorted(progress.load()["five_questions"].items())
    plain, markdown = [], []
    for place, asked in enumerate(QUESTIONS, start=1):
        answers = [(name[:-2], str(text)) for name, text in given if name.endswith(f".{place}")]
        lines = [f"{lesson}: {text}" for lesson, text in answers] or ["no answer yet"]
        plain += [f"{place}. {asked}", *(f"   {line}" for line in lines)]
        markdown += [f"**{place}. {asked}**", "", *(f"- {markdown_safe(line)}" for line in lines)]
        markdown.append("")
    return Passage("\n".join(plain), "\n".join(markdown).rstrip())
