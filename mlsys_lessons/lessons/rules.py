"""Short ways to write the rule of a question, for the authors of lessons.

A rule takes the answer, a fresh generator and the question's feedback. It returns None when the
answer is right and a sentence when it is wrong. A plain function will do; these are the patterns
that come up again. The sentences themselves stand in a lesson's `questions.md`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from mlsys_lessons.lessons.comparison import TOLERANCE, same, told_apart
from mlsys_lessons.lessons.feedback import Feedback, Rule
from mlsys_lessons.lessons.wording import describe, describe_case, number

Case = Mapping[str, Any]
Cases = Callable[[np.random.Generator], Iterable[Case]]


def agrees_with(oracle: Callable[..., Any], cases: Cases, *, tolerance: float = TOLERANCE) -> Rule:
    """Right when the answer gives what our function gives, on generated cases.

    Why it matters: a tempting wrong answer is known by its values on every case and answered with
    its own sentence, so that a learner hears about the idea and not about a digit.

    Parameters
    ----------
    oracle
        Our function; it is called with each case's values in order.
    cases
        Takes a generator, gives mappings from argument name to value.

    Examples
    --------
    >>> rule = agrees_with(np.mean, lambda generator: [{"amounts": generator.random(9)}])
    >>> rule(np.mean, np.random.default_rng(0), Feedback({}, "The mean is asked for.")) is None
    True
    """

    def rule(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
        trials = list(cases(generator))
        values = [answer(*trial.values()) for trial in trials]
        due = [oracle(*_arguments(trial)) for trial in trials]
        for trial, value, right in zip(trials, values, due, strict=True):
            if not same(value, right, tolerance):
                reason = feedback.why(lambda wrong: _gives(wrong, trials, values, tolerance))
                return _comparison(trial, value, right, tolerance, reason)
        return None

    return rule


def is_value(value: Any, *, tolerance: float = TOLERANCE) -> Rule:
    """Right when the answer is this value; the value itself is never told.

    >>> rule = is_value(45)
    >>> rule(14, np.random.default_rng(0), Feedback({}, otherwise="Labels mature later."))
    'your answer is 14. Labels mature later.'
    """

    def rule(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
        if same(answer, value, tolerance):
            return None
        reason = feedback.why(lambda wrong: same(answer, wrong, tolerance))
        return f"your answer is {describe(answer)}. {reason}"

    return rule


def reaches(
    measure: Callable[[Any, np.random.Generator], float],
    bar: float | Callable[[np.random.Generator], float],
    *,
    unit: str,
) -> Rule:
    """Right when what is measured with the answer reaches a bar on the same luck.

    >>> rule = reaches(lambda answer, generator: answer(), 10, unit="euros")
    >>> rule(lambda: 7, np.random.default_rng(0), Feedback({}, otherwise="Dearer."))
    'yours reaches 7 euros, 3 short of the bar of 10. Dearer.'
    """

    def rule(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
        needed = bar(copy.deepcopy(generator)) if callable(bar) else bar
        reached = float(measure(answer, generator))
        if reached >= needed:
            return None
        gap = f"{number(needed - reached)} short of the bar of {number(needed)}"
        return f"yours reaches {number(reached)} {unit}, {gap}. {feedback.otherwise}"

    return rule


def in_order(*rules: Rule) -> Rule:
    """The first complaint of several rules, each of which meets the same luck."""

    def rule(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
        complaints = (one(answer, copy.deepcopy(generator), feedback) for one in rules)
        return next((complaint for complaint in complaints if complaint is not None), None)

    return rule


def on_each(cases: Cases, fault: Callable[[Any, Case, Callable[[], str]], str | None]) -> Rule:
    """The first complaint of a function that looks at one case at a time.

    `fault` takes the answer, a case, and a function that gives the reason: the sentence of the
    tempting answer that gives the same on every case, else the general one.
    """

    def rule(answer: Any, generator: np.random.Generator, feedback: Feedback) -> str | None:
        trials = list(cases(generator))

        def why() -> str:
            values = [answer(*trial.values()) for trial in trials]
            return feedback.why(lambda wrong: _gives(wrong, trials, values, TOLERANCE))

        complaints = (fault(answer, trial, why) for trial in trials)
        return next((complaint for complaint in complaints if complaint is not None), None)

    return rule


def wrong_kind(answer: Any, kind: type, wanted: str) -> str | None:
    """The sentence about a returned value of another type than the one wanted; None if it fits.

    >>> wrong_kind(3, str, "a name")
    'yours returns a int; return a name.'
    """
    if isinstance(answer, kind):
        return None
    return f"yours returns a {type(answer).__name__}; return {wanted}."


def _gives(
    wrong: Callable[..., Any], trials: list[Case], values: list[Any], tolerance: float
) -> bool:
    """Whether a tempting answer gives the learner's values on every case."""
    try:
        known = [wrong(*_arguments(trial)) for trial in trials]
    except Exception:  # a tempting answer may well break on some case
        return False
    return all(same(value, one, tolerance) for value, one in zip(values, known, strict=True))


def _arguments(trial: Case) -> list[Any]:
    """A case's values as copies, so that no function can spoil them for the next one."""
    return copy.deepcopy(list(trial.values()))


def _comparison(trial: Case, value: Any, due: Any, tolerance: float, reason: str) -> str:
    where = f"for {describe_case(trial)} " if trial else ""
    return f"{where}{told_apart(value, due, tolerance)}. {reason}"
