"""The learner's runbook: one line a lesson, with a signal, an owner, an action and a way back.

The lines are the learner's words; nothing judges them beyond asking for all four parts.
"""

from __future__ import annotations

from typing import Any

from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.wording import Passage, lesson_name, markdown_safe

PARTS = ("signal", "owner", "action", "rollback")


def add(lesson: str, *, signal: Any, owner: Any, action: Any, rollback: Any) -> None:
    """Print a runbook line and keep it; a line with an open part is printed, not kept.

    Why it matters: at three in the morning nobody reads a page without an owner and a way back.

    >>> add("lesson01", signal="value per day", owner=..., action=..., rollback=...)
    [not written] lesson01: still open: owner, action, rollback.
    """
    lesson = lesson_name(lesson)
    line = dict(zip(PARTS, (signal, owner, action, rollback), strict=True))
    missing = [part for part, text in line.items() if not (isinstance(text, str) and text.strip())]
    if missing:
        return print(f"[not written] {lesson}: still open: {', '.join(missing)}.")
    note = progress.remember("runbook", lesson, line).note
    print("\n".join([f"[runbook] {lesson}", _plain(line), *filter(None, [note])]))


def sheet() -> Passage:
    """The whole runbook so far, in the order of the lessons."""
    lines = sorted(progress.load()["runbook"].items())
    if not lines:
        return Passage("Your runbook is empty: each lesson ends with one line for it.")
    plain = "\n".join(f"{lesson}\n{_plain(line)}" for lesson, line in lines)
    rows = [[lesson, *(str(line.get(part, "")) for part in PARTS)] for lesson, line in lines]
    return Passage(plain, _table(["lesson", *PARTS], rows))


def _plain(line: dict[str, Any]) -> str:
    return "\n".join(f"  {part:<10}{line.get(part, '')}" for part in PARTS)


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = [[markdown_safe(cell).replace("\n", " ") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *cells])
