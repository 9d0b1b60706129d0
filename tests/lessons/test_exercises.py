"""The contract of every question: what is printed is accepted, what tempts is answered by name."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sample_lesson

import mlsys_lessons as mls
from mlsys_lessons import lessons
from mlsys_lessons.lessons import catalogue, progress
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.lessons.question import Question, Verdict
from mlsys_lessons.lessons.question_text import question_texts

LESSONS = catalogue()
ITEMS = [item for items in LESSONS.values() for item in items]
QUESTIONS = [item for item in ITEMS if isinstance(item, Question)]
QUESTIONS += [sample_lesson.q1, sample_lesson.q2]  # the contract is itself always under test
BETS = [*(item for item in ITEMS if isinstance(item, Prediction)), sample_lesson.bet1]

every_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda item: item.id)
every_call = pytest.mark.parametrize(
    "question", [item for item in QUESTIONS if callable(item.answer)], ids=lambda item: item.id
)
every_function = pytest.mark.parametrize(
    "question",
    [item for item in QUESTIONS if inspect.isfunction(item.answer)],
    ids=lambda item: item.id,
)


@pytest.fixture(autouse=True)
def own_progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "progress.json"))


def run_cell(question: Question, code: str) -> Any:
    """Run an exercise cell as a notebook would and give back what it hands to `check`."""
    handed: list[Any] = []
    names = {"np": np, "pd": pd, "mls": mls}
    exec(code, {**names, question.variable: SimpleNamespace(check=handed.append)})
    return handed[0]


@cache
def verdicts(question: Question) -> dict[str, Verdict]:
    """The verdict on each tempting answer, once: a design question simulates for seconds."""
    mistakes = question.wrong_answers.items()
    return {name: question.judge(wrong.answer, question.seeds) for name, wrong in mistakes}


@every_question
def test_our_answer_passes_on_more_seeds_than_the_check_uses(question: Question) -> None:
    """On seeds that the check never asks; on its own the printed solution is judged."""
    verdict = question.judge(question.answer, [101, 102])
    assert verdict.outcome == "passed", verdict


@every_question
def test_the_printed_solution_stands_alone_and_passes(question: Question) -> None:
    answer = run_cell(question, question.solution_code)
    verdict = question.check(answer)
    assert verdict.outcome == "passed", f"{verdict}\n{question.solution_code}"


@every_question
def test_the_stub_is_not_attempted_and_leaves_no_trace(question: Question) -> None:
    verdict = question.check(run_cell(question, question.cell))
    assert verdict.outcome == "not_attempted", verdict
    assert not verdict
    assert not progress.progress_file().exists()


@every_question
def test_each_tempting_answer_hears_its_own_sentence(question: Question) -> None:
    mistakes = question.wrong_answers
    assert len(mistakes) >= 2
    assert len({wrong.message for wrong in mistakes.values()}) == len(mistakes)
    for name, wrong in mistakes.items():
        verdict = verdicts(question)[name]
        assert verdict.outcome == "wrong", f"{name}: {verdict}"
        assert wrong.message in verdict.message, f"{name}: {verdict}"


@every_call
def test_an_answer_that_raises_is_shown_its_own_line(question: Question) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise LookupError("broken on purpose")

    verdict = question.judge(broken, question.seeds)
    assert verdict.outcome == "raised", verdict
    assert "LookupError: broken on purpose" in verdict.message
    assert 'raise LookupError("broken on purpose")' in verdict.message


@every_function
def test_an_answer_cannot_change_what_it_is_given(question: Question) -> None:
    touched: list[bool] = []

    def spoiling(*arguments: Any, **named: Any) -> Any:
        result = question.answer(*arguments, **named)
        touched.extend(spoil(value) for value in (*arguments, *named.values()))
        return result

    verdict = question.judge(spoiling, question.seeds)
    if any(touched):
        assert verdict.outcome == "wrong"
        assert "work on a copy" in verdict.message
        assert question.judge(question.answer, question.seeds)  # and nobody else has noticed
    else:
        assert verdict, verdict  # there was nothing to change


def spoil(value: Any) -> bool:
    """Change an argument in place; false when it is nothing that could be changed."""
    if isinstance(value, pd.DataFrame):
        value["spoiled"] = 1
    elif isinstance(value, pd.Series | np.ndarray) and len(value) > 1:
        order = np.asarray(value).copy()
        value[:] = order[0]
        return not pd.Series(order).equals(pd.Series(np.asarray(value)))
    elif isinstance(value, list):
        value.append(None)
    elif isinstance(value, dict):
        value["spoiled"] = 1
    else:
        return False
    return True


@every_question
def test_verdicts_are_the_same_each_time(question: Question) -> None:
    for name, wrong in question.wrong_answers.items():
        again = question.judge(wrong.answer, question.seeds)
        assert repr(again) == repr(verdicts(question)[name])


@every_question
def test_texts_are_complete(question: Question) -> None:
    assert question.solution_code in question.solution().plain
    lines = question.text.starter.splitlines()
    assert len(lines) <= 11, "the exercise cell holds at most 12 lines"


@every_question
def test_there_is_a_sentence_for_any_other_answer(question: Question) -> None:
    assert question.text.otherwise, f"{question.id}: '## otherwise' is missing"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_question_on_the_page_is_asked(lesson: str) -> None:
    module = str(Path(lessons.__file__).parent / lesson / "questions.py")
    questions = [item.variable for item in LESSONS[lesson] if isinstance(item, Question)]
    assert sorted(question_texts(module)) == sorted(questions)


@pytest.mark.parametrize("bet", BETS, ids=lambda item: item.id)
def test_an_open_bet_says_so_and_the_lesson_goes_on(
    bet: Prediction, capsys: pytest.CaptureFixture[str]
) -> None:
    bet.guess(...)
    assert capsys.readouterr().out.startswith("[no bet] ")
    bet.reveal(bet.choices[0] if bet.choices else 1)
    assert capsys.readouterr().out.startswith("  measured   ")
    assert not progress.progress_file().exists()


def test_every_item_lives_in_the_lesson_that_it_names() -> None:
    for lesson, items in LESSONS.items():
        assert {item.id.partition(".")[0] for item in items} <= {lesson}
    identities = [item.id for item in ITEMS]
    assert len(identities) == len(set(identities))
