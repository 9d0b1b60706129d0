"""Right values in another dress: a form as good passes, any other is named for what it is."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sample_lesson

from mlsys_lessons.lessons import catalogue, progress, question
from mlsys_lessons.lessons.question import Question

DESIGNS = {  # and the one that reads simulated weeks: no second simulation for a form's sake
    "lesson01.q4", "lesson02.q5", "lesson03.q4", "lesson04.q5", "lesson05.q4", "lesson06.q4",
    "lesson07.q4", "lesson08.q3", "lesson08.q4", "lesson09.q3", "lesson09.q4", "lesson10.q4",
    "lesson11.q4", "lesson12.q4", "lesson13.q4", "lesson14.q3",
}  # fmt: skip
QUESTIONS = [
    item
    for items in catalogue().values()
    for item in items
    if isinstance(item, Question) and inspect.isfunction(item.answer) and item.id not in DESIGNS
]
every_question = pytest.mark.parametrize("item", QUESTIONS, ids=lambda item: item.id)


@pytest.fixture(autouse=True)
def own_progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "progress.json"))


def giving(item: Question, change: Callable[[Any], Any]) -> tuple[Callable[..., Any], list[Any]]:
    """Our answer with its value changed, and the values that it gave."""
    given: list[Any] = []

    def answer(*arguments: Any, **named: Any) -> Any:
        value = item.answer(*arguments, **named)
        given.append(value)
        return change(value)

    return answer, given


def as_lists(value: Any) -> Any:
    if isinstance(value, tuple):
        return [as_lists(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def as_series(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(as_series, value))
    return pd.Series(value, index=range(5, 5 + len(value))) if np.ndim(value) == 1 else value


@every_question
@pytest.mark.parametrize(
    "change", [as_lists, as_series, np.asarray], ids=lambda each: each.__name__
)
def test_every_right_form_is_taken(item: Question, change: Callable[[Any], Any]) -> None:
    answer, given = giving(item, change)
    if isinstance(item.answer(*probe(item)), pd.Series | pd.DataFrame):
        pytest.skip("a table is asked for, with its labels")
    if change is np.asarray and not isinstance(item.answer(*probe(item)), int | float | np.generic):
        pytest.skip("only a number may be an array of none")
    verdict = item.judge(answer, item.seeds)
    assert verdict.outcome == "passed", (verdict, given[:1])


def probe(item: Question) -> list[Any]:
    """The arguments of the first trial."""
    seen: list[list[Any]] = []

    def spying(*arguments: Any) -> Any:
        seen.append(list(arguments))
        return item.answer(*arguments)

    item.judge(spying, item.seeds)
    return seen[0]


def scaled(factor: float) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(change, value))
        return 1 / 0 if np.asarray(value).dtype.kind not in "iuf" else value * factor

    return change


DRESSED: dict[str, Callable[[Any], Any]] = {
    "a dict": lambda value: 1 / 0 if isinstance(value, dict) else dict(enumerate(value)),
    "other sign": scaled(-1),
    "a hundred times": scaled(100),
    "a hundredth": scaled(0.01),
    "a thousand times": scaled(1_000),
    "swapped": lambda value: (value[1], value[0]) if len(value) == 2 else 1 / 0,
    "a column": lambda value: np.reshape(value, (-1, 1)) if np.ndim(value) == 1 else 1 / 0,
    "text": lambda value: str(float(value)),
    "in a list": lambda value: [float(value)],
    "turned": lambda value: ~value if value.dtype == bool else 1 / 0,
}


@every_question
@pytest.mark.parametrize("dress", DRESSED)
def test_a_wrong_form_is_wrong_and_named(item: Question, dress: str) -> None:
    """Where the dress fits at all: never passed, and never told as another mistake."""
    try:
        value = item.answer(*probe(item))
        if isinstance(value, str | pd.DataFrame | pd.Series):
            pytest.skip("a name or a table has no such form")
        if item.id == "lesson01.q3" and dress.startswith("a "):
            pytest.skip("a cut is compared with scores to the last bit, which scaling moves")
        if np.array_equal(DRESSED[dress](value), value):
            pytest.skip("the form makes no difference here")
    except Exception:  # not every value wears every dress
        pytest.skip("no such form")
    verdict = item.judge(giving(item, DRESSED[dress])[0], item.seeds)
    assert verdict.outcome == "wrong", verdict
    assert "the values are right, but" in verdict.message, verdict


def test_a_kept_line_is_still_open() -> None:
    def half(reference: Any, current: Any) -> Any:
        middle = ...
        return reference, middle

    verdict = sample_lesson.q1.judge(half)
    assert verdict.outcome == "not_attempted" and "`middle = ...` is still open" in verdict.message


def test_a_loop_that_never_ends_is_stopped_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: Any) -> Any:
        while True:
            pass

    monkeypatch.setattr(question, "LONGEST_S", 0.3)
    verdict = sample_lesson.q1.judge(endless)
    assert verdict.outcome == "raised" and "stopped after 0.3 seconds" in verdict.message


def test_the_limit_holds_where_a_shell_has_muted_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: Any) -> Any:
        while True:
            pass

    monkeypatch.setattr(question, "LONGEST_S", 0.3)
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert "stopped after 0.3 seconds" in sample_lesson.q1.judge(endless).message
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


class Unsayable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_nothing_makes_the_check_itself_raise() -> None:
    class Liar:
        """An answer whose very class cannot be asked for."""

        @property
        def __class__(self) -> type:  # type: ignore[override]
            raise RuntimeError("no")

    def raising(*_: Any) -> Any:
        raise Unsayable

    for answer in (Liar(), raising):
        assert sample_lesson.q1.judge(answer).outcome in ("raised", "wrong")
