"""The texts of questions, read from the `questions.md` that lies beside a lesson's Python.

A heading for each question, and below it one for each text:

    # q1
    ## prompt
    ## starter              a fenced block of Python
    ## hint: the idea       then `## hint: the place` and `## hint: the shape`
    ## wrong: row order     one for each tempting answer, under the name it has in Python
    ## otherwise            for any other wrong answer
    ## explanation

A paragraph may be broken anywhere, as in Markdown: it becomes one line. What stands above the first
heading is for authors. Texts meet their answers and rules in question.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlsys_lessons.errors import InputError, StorageError

RUNGS = ("the idea", "the place", "the shape")
_HINTS = tuple(f"hint: {rung}" for rung in RUNGS)
_NEEDED = ("prompt", "starter", *_HINTS, "explanation")
_WRONG = "wrong: "
_HEADING = re.compile(r"(#|##) (.+)")
_FENCED = re.compile(r"```python\n(.+)\n```", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class QuestionText:
    """What a learner may read of one question.

    Parameters
    ----------
    prompt, explanation
        Markdown: what is asked; why the answer is right and the tempting ones fail.
    starter
        Code of the stub; it runs as it is and defines the one name that is checked.
    hints
        Three rungs: the idea, the place, the shape.
    wrong
        Name of a tempting answer -> the sentence that says what it misses.
    otherwise
        The idea that is missed when no tempting answer is recognised.
    """

    prompt: str
    starter: str
    hints: tuple[str, str, str]
    explanation: str
    wrong: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""


def question_texts(module: str) -> dict[str, QuestionText]:
    """The texts on the page beside a module (its `__file__`), by the question's name (`q1`).

    Raises
    ------
    StorageError
        The page cannot be read.
    InputError
        A section is missing, empty, unknown, or there twice.
    """
    page = Path(module).with_suffix(".md")
    try:
        lines = page.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{page} cannot be read: put the lesson's texts there.") from error
    questions: dict[str, dict[str, str]] = {}
    for name, part, body in _sections(lines):
        where = f"{page.parent.name}/{page.name}, {name}"
        sections = questions.setdefault(name, {})
        if part in sections:
            section = f"'## {part}'" if part else "the question"
            raise InputError(f"{where}: {section} is there twice; keep one.")
        sections[part] = body
    return {name: _text(f"{page.parent.name}/{page.name}, {name}", sections)
            for name, sections in questions.items()}  # fmt: skip


def _sections(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Question, part and body of every section; right below a question the part is empty."""
    name, part, in_code = "", "", False
    body: list[str] = []
    for line in [*lines, "# end"]:
        in_code ^= line.startswith("```")
        heading = None if in_code else _HEADING.fullmatch(line)
        if heading is None:
            body.append(line)
            continue
        if name:
            yield name, part, "\n".join(body).strip()
        level, title = heading.groups()
        name, part = (title, "") if level == "#" else (name, title)
        body = []


def _text(where: str, sections: dict[str, str]) -> QuestionText:
    if sections.pop(""):
        raise InputError(f"{where}: a text stands above the first '##'; give it a heading.")
    for part in _NEEDED:
        if part not in sections:
            raise InputError(f"{where}: '## {part}' is missing; write it.")
    for part, body in sections.items():
        if part not in (*_NEEDED, "otherwise") and not part.startswith(_WRONG):
            parts = ", ".join([*_NEEDED, f"{_WRONG}<name>", "otherwise"])
            raise InputError(f"{where}: '## {part}' is unknown; a question has {parts}.")
        if not body:
            raise InputError(f"{where}: '## {part}' is empty; write it or take it out.")
    code = _FENCED.fullmatch(sections["starter"])
    if code is None:
        raise InputError(f"{where}: '## starter' is no fenced block of Python; make it one.")
    prose = {part: _prose(body) for part, body in sections.items()}
    return QuestionText(
        prompt=prose["prompt"],
        starter=code[1],
        hints=(prose[_HINTS[0]], prose[_HINTS[1]], prose[_HINTS[2]]),
        explanation=prose["explanation"],
        wrong={part.removeprefix(_WRONG): words for part, words in prose.items()
               if part.startswith(_WRONG)},
        otherwise=prose.get("otherwise", ""),
    )  # fmt: skip


def _prose(body: str) -> str:
    """Paragraphs of one line each."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", body))
