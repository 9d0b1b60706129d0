"""Answers to lesson 13's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# --- q1: two cuts --------------------------------------------------------------------------------


def two_pages(before, since, share):
    """The share blocked since, by a cut that was set before, and by one that follows."""
    fixed, following = (np.quantile(scores, 1 - share) for scores in (before, since))
    return (since >= fixed).mean(), (since >= following).mean()


def follows_both(before: Array, since: Array, share: float) -> tuple[float, float]:
    """The second cut from all rows so far."""
    fixed, both = (np.quantile(rows, 1 - share) for rows in (before, np.append(before, since)))
    return float((since >= fixed).mean()), float((since >= both).mean())


def what_was_blocked(before: Array, since: Array, share: float) -> tuple[float, float]:
    """The share blocked before, by either cut."""
    fixed, following = (np.quantile(scores, 1 - share) for scores in (before, since))
    return float((before >= fixed).mean()), float((before >= following).mean())


def what_passes(before: Array, since: Array, share: float) -> tuple[float, float]:
    """The shares that are let through."""
    one, other = two_pages(before, since, share)  # type: ignore[no-untyped-call]
    return 1 - one, 1 - other


def score_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Scores that rise, that fall, that are all alike; few of them and many."""
    for rows, move, share in ((2_000, 1.0, 0.02), (500, -1.5, 0.1), (40, 0.3, 0.25)):
        before, since = (generator.normal(-4 + by, 1.5, rows) for by in (0.0, move))
        odds = [1 / (1 + np.exp(-values)) for values in (before, since)]
        yield {"before": odds[0], "since": odds[1], "share": share}
    yield {"before": np.full(5, 0.2), "since": np.array([0.1, 0.2, 0.2, 0.4]), "share": 0.5}


# --- q2: phone calls -----------------------------------------------------------------------------


def looks(shifts, broken):
    """Inputs looked at, largest shift first, until one is broken; equal ones in random order."""
    size, broken = np.abs(np.asarray(shifts, dtype=float)), np.asarray(broken)
    for value in np.unique(size)[::-1]:
        alike = size == value
        hits = np.sum(broken & alike)
        if hits > 0:
            return np.sum(size > value) + (np.sum(alike) + 1) / (hits + 1)
    return np.nan


def upward_only(shifts: Array, broken: NDArray[np.bool_]) -> float:
    """The largest rise first: what fell comes last."""
    return float(looks(np.asarray(shifts) - np.min(shifts), broken))  # type: ignore[no-untyped-call]


def as_listed(shifts: Array, broken: NDArray[np.bool_]) -> float:
    """Equal shifts in the order of the list."""
    order = np.argsort(-np.abs(shifts), kind="stable")
    hit = np.flatnonzero(np.asarray(broken)[order])
    return float(hit[0] + 1) if len(hit) else float("nan")


def until_all(shifts: Array, broken: NDArray[np.bool_]) -> float:
    """Until the last broken one is found."""
    order = np.argsort(-np.abs(shifts), kind="stable")
    hit = np.flatnonzero(np.asarray(broken)[order])
    return float(hit[-1] + 1) if len(hit) else float("nan")


def shift_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Sixteen inputs of either sign, some with ties; one broken, several, none."""
    for hits in (1, 2, 5):
        shifts = np.round(generator.normal(0, 1, 16), 2)
        shifts[:4] = 0.0
        broken = np.zeros(16, dtype=bool)
        broken[generator.choice(16, hits, replace=False)] = True
        yield {"shifts": shifts, "broken": broken}
    low = np.arange(16) < 3
    for shifts in (np.zeros(16), np.where(low, -2.0, generator.uniform(0, 1, 16))):
        yield {"shifts": shifts, "broken": low}
    yield {"shifts": np.arange(4.0), "broken": np.zeros(4, dtype=bool)}


# --- q3: the break-even --------------------------------------------------------------------------


def break_even(gain, lift, saved, hours, loss):
    """Incidents a year from which the shorter order is worth more than the gain."""
    if saved <= 0 or loss <= 0:
        return np.inf
    return gain * lift * 365 / (saved * hours / 8 * loss)


def a_day_has_24(gain: float, lift: float, saved: float, hours: float, loss: float) -> float:
    """Hours of a clock for hours of people."""
    return float(break_even(gain, lift, saved, hours / 3, loss))  # type: ignore[no-untyped-call]


def a_day_s_gain(gain: float, lift: float, saved: float, hours: float, loss: float) -> float:
    """One day's gain against a year's incidents."""
    return float(break_even(gain, lift, saved, hours, loss)) / 365  # type: ignore[no-untyped-call]


def below_nothing(gain: float, lift: float, saved: float, hours: float, loss: float) -> float:
    """A number of incidents below zero where nothing is saved."""
    days = saved * hours / 8
    return gain * lift * 365 / (days * loss) if days * loss else float("inf")


def price_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Businesses of several sizes; orders that save, that save nothing, that cost."""
    for saved in (0.5, 2.0, 6.0, 0.0, -1.5):
        yield {
            "gain": float(generator.choice([0.002, 0.005, 0.01])),
            "lift": float(np.round(generator.uniform(200, 5_000))), "saved": saved,
            "hours": float(generator.choice([2.0, 4.0, 8.0])),
            "loss": float(np.round(generator.uniform(20, 900))),
        }  # fmt: skip
    yield {"gain": 0.005, "lift": 500.0, "saved": 2.0, "hours": 4.0, "loss": 0.5}
    yield {"gain": 0.005, "lift": 500.0, "saved": 2.0, "hours": 4.0, "loss": 0.0}
    yield {"gain": 0.005, "lift": 500.0, "saved": -2.0, "hours": 4.0, "loss": -40.0}


# --- q4: simplify --------------------------------------------------------------------------------


def simplify(system):
    """Prices that stay, and a refit every six weeks that has to win."""
    from mlsys_lessons.components.decisions import CostDecisions
    from mlsys_lessons.components.feedback.retraining import RetrainingPolicy

    return system.with_(retraining=RetrainingPolicy(), decisions=CostDecisions(system.seed))


def prices_that_stay(system: Any) -> Any:
    """The cut no longer follows; the refits go on."""
    from mlsys_lessons.components.decisions import CostDecisions

    return system.with_(decisions=CostDecisions(system.seed))


def three_models(system: Any) -> Any:
    """The third improvement on top."""
    from mlsys_lessons.experiments.over_engineered import ENSEMBLE, parts

    return system.with_(**parts(system.seed)[ENSEMBLE])
