"""No check lets a mutant of its solution pass: each sign, limit, constant and name is looked at.

A mistake that tempts is named only where the mutant is that mistake. A survivor is listed with the
reason for which it is right, or no other idea. Design questions are
left out: each trial simulates for seconds, and many a design reaches the bar.
"""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import pytest
from mutants import mutants

from mlsys_lessons.lessons import catalogue, progress
from mlsys_lessons.lessons.comparison import same
from mlsys_lessons.lessons.question import Question
from mlsys_lessons.randomness import stream

DESIGNS = {
    "lesson01.q4", "lesson02.q5", "lesson03.q4", "lesson04.q5", "lesson05.q4", "lesson06.q4",
    "lesson07.q4", "lesson08.q4", "lesson09.q3", "lesson09.q4", "lesson10.q4", "lesson11.q4",
    "lesson12.q4", "lesson13.q4", "lesson14.q3",
}  # fmt: skip
A_CENT = "a cent more or less is no other cut: the rule lets pass what earns as much to the cent"
SURVIVORS = {  # the changed line as it is now -> why it may pass
    "lesson00.q1": {
        "return len(known) - 1 - int(np.flatnonzero(reached)[0])": "both have one entry a day",
    },
    "lesson01.q3": {
        "gain = np.append(1, np.cumsum(np.where(label == 1, saved, -lost)[order]))": A_CENT,
        "cents = (amount * 100).astype(np.int64)": A_CENT,
        "cents = np.rint(amount * 101).astype(np.int64)": "all of it a hundredth dearer",
    },
    "lesson03.q1": {
        "for name in online.columns:": "both frames have the same columns",
        "same = np.isclose(offline[name], online[name], rtol=1.5000000000000002e-09, atol=0, "
        "equal_nan=True)": "no value lies between one billionth and one and a half",
    },
    "lesson05.q1": {"if here.max() >= 10:": "no float lies on the limit"},
    "lesson05.q2": {
        "return np.abs(np.log(amount / usual)) >= np.log(50)": "no float lies on the limit",
    },
    "lesson06.q2": {
        "return -(1 - probability) * costs.friction >= approve": "no float lies on the limit",
    },
    "lesson07.q1": {
        "r, c = (np.bincount(np.searchsorted(edges, sample), minlength=11) / len(sample) "
        "for sample in (reference, current))": "an eleventh bin is empty on both sides",
    },
    "lesson12.q2": {
        "return (np.minimum(*rates) > 14.4).to_numpy()": "no float lies on the limit",
        "wrong, all_of = (pd.Series(counts).rolling(minutes, min_periods=0).sum() "
        "for counts in (bad, asked))": "each window holds a minute at least",
        "wrong, all_of = (pd.Series(counts).rolling(minutes, min_periods=1).mean() "
        "for counts in (bad, asked))": "means of one window have the ratio of their sums",
    },
    "lesson09.q2": {
        "weight = np.where(agrees, 2 / propensity, 0.0)": "twice every weight is the same mean",
        "if total == 1 or total ** 2 / (weight ** 2).sum() < 100:": "without weights all is NaN",
    },
}
QUESTIONS = [
    item
    for items in catalogue().values()
    for item in items
    if isinstance(item, Question) and inspect.isfunction(item.answer) and item.id not in DESIGNS
]


@pytest.fixture(autouse=True)
def own_progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "progress.json"))


def cases_of(rule: Any) -> Any:
    """The cases that a rule tries an answer on."""
    names = inspect.getclosurevars(rule).nonlocals
    return names["cases"] if "cases" in names else cases_of(names["rules"][-1])


def gives_the_same(question: Question, one: Any, other: Any) -> bool:
    """Whether two answers agree on every case of every seed, odd values and errors included."""

    def given(answer: Any, case: Any) -> Any:
        try:
            return answer(*copy.deepcopy(list(case.values())))
        except Exception as error:
            return repr(error)

    cases = cases_of(question.rule)
    trials = [case for seed in question.seeds for case in cases(stream(seed, question.id))]
    return all(same(given(one, case), given(other, case)) for case in trials)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda item: item.id)
def test_no_mutant_of_a_solution_passes_and_none_is_taken_for_another(question: Question) -> None:
    made = dict(mutants(question.answer))
    assert len(made) >= 5, "a solution that can be changed in so few ways is not looked at"
    verdicts = {change: question.judge(mutant, question.seeds) for change, mutant in made.items()}
    passed = {change.split("  =>  ")[1] for change, verdict in verdicts.items() if verdict}
    assert passed == set(SURVIVORS.get(question.id, {}))
    for change, verdict in verdicts.items():
        for name, mistake in question.wrong_answers.items():
            if mistake.message in verdict.message:
                assert gives_the_same(question, made[change], mistake.answer), (change, name)
