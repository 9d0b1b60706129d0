"""Short ways to write the rule of a question, for the authors of lessons.

A rule takes the answer and a fresh generator, and returns None when the answer is right or a
sentence when it is wrong. A plain function will do; these are the patterns that come up again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.lessons.question import Rule, WrongAnswer
from mlsys_lessons.lessons.wording import describe, describe_case, number

Case = Mapping[str, Any]
Cases = Callable[[np.random.Generator], Iterable[Case]]


def agrees_with(
    oracle: Callable[..., Any],
    cases: Cases,
    *,
    otherwise: str,
    tempting: Mapping[str, WrongAnswer] | None = None,
    tolerance: float = 1e-6,
) -> Rule:
    """Right when the answer gives what our function gives, on generated cases.

    Why it matters: a tempting wrong answer is known by its values and answered with its own
    sentence, so that a learner hears about the idea and not about a digit.

    Parameters
    ----------
    oracle
        Our function; it is called with each case's values in order.
    cases
        Takes a generator, gives mappings from argument name to value.
    otherwise
        The idea that is missed when no tempting answer is recognised.

    Examples
    --------
    >>> rule = agrees_with(np.mean, lambda generator: [{"amounts": generator.random(9)}],
    ...                    otherwise="The mean is asked for.")
    >>> rule(np.mean, np.random.default_rng(0)) is None
    True
    """

    def rule(answer: Any, generator: np.random.Generator) -> str | None:
        trials = list(cases(generator))
        given = [answer(*trial.values()) for trial in trials]
        due = [oracle(*copy.deepcopy(list(trial.values()))) for trial in trials]
        for trial, mine, ours in zip(trials, given, due, strict=True):
            if not same(mine, ours, tolerance):
                reason = _recognised(trials, given, tempting or {}, tolerance) or otherwise
                return _told(trial, mine, ours, reason)
        return None

    return rule


def is_value(
    value: Any,
    *,
    otherwise: str,
    tempting: Mapping[str, WrongAnswer] | None = None,
    tolerance: float = 1e-6,
) -> Rule:
    """Right when the answer is this value; the value itself is never told.

    >>> is_value(45, otherwise="Labels mature later.")(14, np.random.default_rng(0))
    'your answer is 14. Labels mature later.'
    """

    def rule(answer: Any, generator: np.random.Generator) -> str | None:
        if same(answer, value, tolerance):
            return None
        for wrong in (tempting or {}).values():
            if same(answer, wrong.answer, tolerance):
                return f"your answer is {describe(answer)}. {wrong.message}"
        return f"your answer is {describe(answer)}. {otherwise}"

    return rule


def reaches(
    measure: Callable[[Any, np.random.Generator], float],
    bar: float | Callable[[np.random.Generator], float],
    *,
    unit: str,
    otherwise: str,
) -> Rule:
    """Right when what is measured with the answer reaches a bar on the same luck.

    >>> rule = reaches(lambda answer, generator: answer(), 10, unit="euros", otherwise="Dearer.")
    >>> rule(lambda: 7, np.random.default_rng(0))
    'yours reaches 7 euros, 3 short of the bar of 10. Dearer.'
    """

    def rule(answer: Any, generator: np.random.Generator) -> str | None:
        needed = bar(copy.deepcopy(generator)) if callable(bar) else bar
        reached = float(measure(answer, generator))
        if reached >= needed:
            return None
        gap = f"{number(needed - reached)} short of the bar of {number(needed)}"
        return f"yours reaches {number(reached)} {unit}, {gap}. {otherwise}"

    return rule


def in_order(*rules: Rule) -> Rule:
    """The first complaint of several rules, each of which meets the same luck."""

    def rule(answer: Any, generator: np.random.Generator) -> str | None:
        complaints = (each(answer, copy.deepcopy(generator)) for each in rules)
        return next((complaint for complaint in complaints if complaint is not None), None)

    return rule


def same(mine: Any, ours: Any, tolerance: float = 1e-6) -> bool:
    """Whether two values agree: shape, labels and numbers, within a tolerance.

    >>> same(np.array([1.0, np.nan]), [1.0, np.nan]), same([1, 2], [1, 2, 3]), same("a", 1)
    (True, False, False)
    """
    if isinstance(ours, pd.DataFrame | pd.Series):
        labels = type(mine) is type(ours) and mine.index.equals(ours.index)
        if not labels or (isinstance(ours, pd.DataFrame) and set(mine) != set(ours)):
            return False
        frames = [f.to_frame() if isinstance(f, pd.Series) else f[[*ours]] for f in (mine, ours)]
        pairs = zip(*([f.iloc[:, i] for i in range(f.shape[1])] for f in frames), strict=True)
        return all(same(a.to_numpy(), b.to_numpy(), tolerance) for a, b in pairs)
    if isinstance(ours, Mapping):
        return (
            isinstance(mine, Mapping)
            and set(mine) == set(ours)
            and all(same(mine[key], ours[key], tolerance) for key in ours)
        )
    try:
        a, b = np.asarray(mine), np.asarray(ours)
    except ValueError:  # ragged lists
        return bool(mine == ours)
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "biuf" and b.dtype.kind in "biuf":
        return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))
    return bool(np.all(a == b))


def _recognised(
    trials: list[Case], given: list[Any], tempting: Mapping[str, WrongAnswer], tolerance: float
) -> str | None:
    """The sentence of the tempting answer that gives the learner's values on every case."""
    for wrong in tempting.values():
        try:
            known = [wrong.answer(*copy.deepcopy(list(trial.values()))) for trial in trials]
        except Exception:  # a tempting answer may well break on some case
            continue
        if all(same(mine, value, tolerance) for mine, value in zip(given, known, strict=True)):
            return wrong.message
    return None


def _told(trial: Case, mine: Any, ours: Any, reason: str) -> str:
    where = f"for {describe_case(trial)} " if trial else ""
    return f"{where}yours gives {describe(mine)} where {describe(ours)} is due. {reason}"
