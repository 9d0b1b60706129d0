"""A page of questions: paragraphs become lines, and whatever is not as agreed is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.lessons.question_text import question_texts

PAGE = Path(__file__).with_name("sample_lesson.md").read_text(encoding="utf-8")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "questions.md"
    page.write_text(PAGE, encoding="utf-8")
    return page


def test_a_paragraph_is_one_line_and_code_keeps_its_own(page: Path) -> None:
    text = question_texts(str(page))["q1"]
    assert text.prompt == "Write `matured`: the labels that were known when day `day` opened."
    assert text.starter.splitlines()[0] == "def matured(labels, day):"
    assert text.hints == (
        "A label has its own clock.", "Look at `known_on`.", "`labels.loc[mask, 'label']`",
    )  # fmt: skip
    assert list(text.wrong) == ["every label", "same day"]
    assert text.otherwise == "Only `known_on` decides what is known."


def test_paragraphs_stay_apart_and_a_comment_in_code_is_no_heading(page: Path) -> None:
    page.write_text(
        PAGE.replace("Labels mature.", "Labels\n  mature.\n\nAll of them.").replace(
            "maturity_days = ...", "# a number of days\nmaturity_days = ..."
        )
    )
    text = question_texts(str(page))["q2"]
    assert text.hints[0] == "Labels mature.\n\nAll of them."
    assert text.starter == "# a number of days\nmaturity_days = ..."


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("## prompt", "## prmpt", r"questions\.md, q1: '## prompt' is missing; write it\."),
        ("## hint: the place", "", "'## hint: the place' is missing; write it"),
        ("## otherwise", "## others", "'## others' is unknown; a question has prompt, starter"),
        ("A label has its own clock.", "", "'## hint: the idea' is empty; write it"),
        ("## wrong: same day", "## wrong: every label", "is there twice; keep one"),
        ("# q2", "# q1", "q1: the question is there twice; keep one"),
        ("# q2", "# q2\n\nSecond.", "q2: a text stands above the first '##'; give it a heading"),
        ("```python", "```", "'## starter' is no fenced block of Python; make it one"),
    ],
)
def test_authors_get_one_clear_sentence(page: Path, before: str, after: str, sentence: str) -> None:
    page.write_text(PAGE.replace(before, after, 1))
    with pytest.raises(InputError, match=sentence):
        question_texts(str(page))


def test_a_page_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        question_texts(str(tmp_path / "questions.py"))
