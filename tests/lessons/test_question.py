"""Questions: four outcomes, a check that never raises, hints that come in order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sample_lesson import every_label, matured, q1, q2

from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.comparison import same
from mlsys_lessons.lessons.feedback import Feedback, Verdict
from mlsys_lessons.lessons.guard import Guarded, NotAttempted, differs, is_untouched
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.lessons.question_text import QuestionText
from mlsys_lessons.lessons.rules import in_order, is_value, reaches
from mlsys_lessons.lessons.wording import describe, markdown_safe

LUCK = np.random.default_rng
PLAIN = Feedback({}, otherwise="Try.")


@pytest.fixture(autouse=True)
def own_progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


TEXT: dict[str, Any] = {
    "prompt": "?",
    "starter": "def half(x): ...",
    "hints": ("a", "b", "c"),
    "explanation": "!",
}


def question(**changes: Any) -> Question:
    """A question about half of a number, with some of its texts or parts changed."""
    words = {name: changes.pop(name) for name in [*changes] if name in QuestionText.__annotations__}
    parts = {
        "id": "lesson98.q1",
        "text": QuestionText(**{**TEXT, **words}),
        "answer": lambda x: x / 2,
        "rule": lambda answer, luck, feedback: None if answer(4.0) == 2 else "not half.",
        "tempting": {},
    }
    return Question(**{**parts, **changes})


def stub(labels: Any, day: Any) -> Any:
    """Labels known before the day opened."""
    ...


class OpenStage:
    """A stage still to be written."""

    def __call__(self, frame: Any) -> Any: ...


@pytest.mark.parametrize(
    "answer", [..., None, stub, OpenStage, OpenStage(), (1, ...), lambda labels, day: None]
)
def test_open_answers_are_not_attempted(answer: Any) -> None:
    verdict = q1.check(answer)
    assert verdict.outcome == "not_attempted"
    assert repr(verdict) == (
        "[not attempted] lesson99.q1: replace the `...` and run the cell again; `q1.hint()` helps."
    )


def test_a_starter_with_given_lines_is_recognised_when_it_comes_back() -> None:
    starter = "def half(x):\n    y = x + 1  # given\n    return y"
    names: dict[str, Any] = {}
    exec(starter, names)
    asked = question(starter=starter)
    assert asked.judge(names["half"]).outcome == "not_attempted"
    assert asked.judge(lambda x: x + 1).outcome == "wrong"


def test_a_missing_return_is_named() -> None:
    def half(x: float) -> Any:
        y = x / 2
        del y  # the learner forgot to return it

    verdict = question().judge(half)
    assert verdict.outcome == "not_attempted"
    assert "`half` returns None: is the `return` still missing?" in verdict.message


def test_a_value_where_a_function_is_asked_for_is_named() -> None:
    verdict = question().judge(3)
    assert repr(verdict) == "[wrong] lesson98.q1: `half` is 3; write it as a function."


def test_what_a_rule_cannot_judge_is_told_as_what_it_is() -> None:
    def half(x: float) -> Any:
        return [x, x]

    rule = reaches(lambda answer, luck: answer(1.0), 10, unit="euros")
    verdict = question(rule=rule).judge(half)
    assert verdict.outcome == "wrong"
    assert "yours returns [1.0, 1.0], and the prompt asks for something else" in verdict.message


def test_what_is_still_to_be_written_is_not_attempted() -> None:
    def half(x: float) -> float:
        raise NotImplementedError("later")

    def rule(answer: Any, luck: np.random.Generator, feedback: Feedback) -> str | None:
        raise NotAttempted("the second threshold is still open")

    assert question().judge(half).outcome == "not_attempted"
    assert "second threshold" in question(rule=rule).judge(lambda x: x).message


def test_passed_is_true_and_remembered() -> None:
    verdict = q1.check(matured)
    assert verdict
    assert repr(verdict) == "[passed] lesson99.q1: right. `q1.solution()` shows ours."
    assert progress.load()["questions"] == {"lesson99.q1": "passed"}


def test_wrong_names_the_learners_value_and_the_idea() -> None:
    verdict = q1.check(every_label)
    assert not verdict
    assert repr(verdict).startswith("[wrong] lesson99.q1: for `labels` = frame of 40 rows with ")
    assert "in the index yours gives array of 40 values (" in verdict.message
    assert verdict.message.endswith("It uses labels that arrive after the decision.")


def test_an_unknown_wrong_answer_hears_the_general_idea() -> None:
    verdict = q1.check(lambda labels, day: labels["label"].iloc[:3])
    assert verdict.message.endswith("Only `known_on` decides what is known.")


def test_a_constant_cannot_pass_on_fresh_data() -> None:
    draws = []
    asked = question(rule=lambda answer, luck, feedback: draws.append(luck.random()))
    assert asked.check(lambda x: 2.0)
    assert len(set(draws)) == 3


def test_raised_shows_type_message_and_the_learners_own_line() -> None:
    def half(x: float) -> float:
        return np.asarray([x]).reshape(3, 3)[0, 0]  # fails inside a library

    verdict = question().check(half)
    assert verdict.outcome == "raised"
    assert "ValueError: cannot reshape" in verdict.message
    assert "your line `return np.asarray([x]).reshape(3, 3)[0, 0]" in verdict.message


def test_a_wrong_signature_is_raised_without_a_line() -> None:
    verdict = q1.check(lambda: 2)
    assert verdict.outcome == "raised"
    assert "takes 0 positional arguments" in verdict.message
    assert "raised while your answer was tried" in verdict.message


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def speechless(*_: Any) -> Any:
    raise Unspeakable


@pytest.mark.parametrize(
    "answer",
    [
        7, "text", object(), [], {}, b"", float("nan"), int, len, np.mean, pd.DataFrame(), pd.NA,
        pd.NaT, Unprintable(), lambda *_: Unprintable(), lambda *_: sys.exit(3), speechless,
        lambda *_: np.array([1, 2, 3]), lambda *_: {"a": ...}, lambda *_: [[1], [1, 2]], range(3),
    ],
)  # fmt: skip
def test_check_gives_a_verdict_on_anything(answer: Any) -> None:
    for asked in (q1, q2):
        verdict = asked.check(answer)
        assert isinstance(verdict, Verdict)
        assert not verdict
        assert isinstance(repr(verdict), str)


def test_the_learner_can_always_interrupt() -> None:
    def endless(x: float) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        question().check(endless)


def test_an_answer_that_changes_its_input_is_wrong_though_its_value_is_right() -> None:
    def careless(labels: pd.DataFrame, day: int) -> pd.Series:
        labels["known"] = labels["known_on"] < day
        return labels.loc[labels["known"], "label"]

    verdict = q1.check(careless)
    assert verdict.outcome == "wrong"
    assert "`careless` changes the DataFrame that it is given" in verdict.message


def test_a_verdict_survives_a_file_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").write_text("a file, not a folder")
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "plain" / "progress.json"))
    verdict = q2.check(45)
    assert verdict
    assert "(Not saved: " in verdict.message
    assert progress.ENVIRONMENT in verdict.message


def test_hints_come_in_order_and_the_last_one_stays() -> None:
    asked = question(hints=("clock", "column", "mask"))
    shown = [repr(asked.hint()) for _ in range(4)]
    assert shown[0] == "Hint 1 of 3, the idea: clock"
    assert shown[1] == "Hint 2 of 3, the place: column"
    assert shown[2] == shown[3] != shown[1]
    assert "q1.solution()" in shown[2]
    assert repr(asked.hint(1)) == shown[0]
    with pytest.raises(InputError, match="hint 4 does not exist"):
        asked.hint(4)


def test_the_solution_shows_code_reason_and_what_tempts() -> None:
    shown = q1.solution()
    assert shown.plain.startswith("def matured(")
    assert "q1.check(matured)" in shown.plain
    assert "- every label: It uses labels" in shown.plain
    assert shown._repr_markdown_().startswith("```python\ndef matured(")
    assert q2.solution_code == "maturity_days = 45\n\nq2.check(maturity_days)"


def test_a_solution_under_another_name_is_assigned() -> None:
    asked = question(starter="def keep(labels, day): ...", answer=matured)
    assert asked.solution_code.endswith("\n\nkeep = matured\n\nq1.check(keep)")


def test_the_cell_as_shipped_is_starter_and_check() -> None:
    assert q2.cell == "maturity_days = ...\n\nq2.check(maturity_days)"
    assert repr(q2).startswith("lesson99.q2: After how many days")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "psi"}, "must look like 'lesson01.q1'"),
        ({"tempting": {"a third": 3}}, "'## wrong: a third' is missing; write it"),
        ({"wrong": {"a third": "Count."}}, "'## wrong: a third' belongs to no answer; remove it"),
        ({"starter": "print()"}, "defines no name"),
    ],
)
def test_authors_get_one_clear_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        question(**changes)


def test_a_value_is_never_told() -> None:
    assert "45" not in q2.check(30).message
    assert q2.check(14).message.endswith(q2.text.wrong["median"])
    assert is_value("review")("review", LUCK(0), PLAIN) is None


def test_a_bar_may_be_measured_on_the_same_luck() -> None:
    def fair(generator: np.random.Generator) -> float:
        return float(generator.random())

    rule = reaches(lambda answer, luck: answer(luck), fair, unit="euros")
    assert rule(lambda luck: luck.random(), LUCK(3), PLAIN) is None
    assert "short of the bar" in str(rule(lambda luck: luck.random() - 1, LUCK(3), PLAIN))


def test_rules_are_asked_in_order() -> None:
    rule = in_order(lambda a, g, f: None, lambda a, g, f: "second", lambda a, g, f: "third")
    assert rule(1, LUCK(0), PLAIN) == "second"


@pytest.mark.parametrize(
    ("value", "due", "agree"),
    [
        (1, 1.0000000001, True),
        (np.float64("nan"), float("nan"), True),
        (pd.Series([1, 2]), pd.Series([1, 2], index=[1, 2]), False),
        (pd.DataFrame({"b": [1], "a": ["x"]}), pd.DataFrame({"a": ["x"], "b": [1]}), True),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]}), False),
        ([1, 2], pd.Series([1, 2]), False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"b": 1}, False),
        (pd.Categorical(["a", "b"]), ["a", "b"], True),
        ("approve", "approve", True),
        (True, 1, True),
    ],
)
def test_same(value: Any, due: Any, agree: bool) -> None:
    assert same(value, due) is agree


def test_changes_are_seen_in_plain_data_only() -> None:
    assert differs({"a": [1]}, {"a": [2]})
    assert differs((1, np.array([1.0])), (1, np.array([2.0])))
    assert differs(pd.Series([1]), pd.Series([1, 2]))
    assert not differs(np.array([np.nan]), np.array([np.nan]))
    assert not differs(np.array(["a"]), np.array(["a"]))
    assert not differs(LUCK(0), LUCK(1))


def test_a_guarded_function_shows_the_original() -> None:
    guarded = Guarded(matured)
    assert guarded.__wrapped__ is matured
    assert guarded.__doc__ == matured.__doc__


def test_real_work_is_not_a_stub() -> None:
    class Written:
        def __call__(self, frame: Any) -> Any:
            return frame

    assert not any(map(is_untouched, (Written, Written(), matured, 0, "", [], len, np.mean)))


def test_words_for_values() -> None:
    assert describe(pd.DataFrame({"a": [1], "b": [2]})) == "frame of 1 rows with a, b"
    assert describe(np.zeros((2, 3))) == "array of shape (2, 3)"
    assert describe(True) == "True"
    assert len(describe("x" * 500)) <= 62
    assert markdown_safe("a_b `a_b` <i>") == r"a\_b `a_b` \<i\>"
