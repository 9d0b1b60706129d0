"""Answers to lesson 09's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlsys_lessons.components.decisions import RandomisedCut, RateLimit, ScoreCut
from mlsys_lessons.domain import Domain

Judgement = tuple[float, float, float]

# --- q1: what a row stands for -------------------------------------------------------------------


def row_weights(blocked, passed, share):
    """1 for what the model approved, 1 / share for what exploration let through, else 0."""
    stands_for = np.where(blocked, 1 / share, 1.0)
    return np.where(passed, stands_for, 0.0)


def each_counts_once(blocked: np.ndarray, passed: np.ndarray, share: float) -> np.ndarray:
    """Whatever passed, once."""
    return np.asarray(passed).astype(float)


def all_alike(blocked: np.ndarray, passed: np.ndarray, share: float) -> np.ndarray:
    """Whatever passed, 1 / share."""
    return np.where(passed, 1 / share, 0.0)


def upside_down(blocked: np.ndarray, passed: np.ndarray, share: float) -> np.ndarray:
    """The propensity in place of its inverse."""
    return np.where(passed, np.where(blocked, share, 1.0), 0.0)


def month_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Months with few and many blocks; some in which nothing is blocked, or nothing passes."""
    for rows, share in ((8, 0.5), (300, 0.02), (50, 0.1), (1, 1.0)):
        blocked = generator.random(rows) < 0.4
        lucky = generator.random(rows) < 0.3
        yield {"blocked": blocked, "passed": ~blocked | lucky, "share": share}
    yield {"blocked": np.zeros(3, bool), "passed": np.ones(3, bool), "share": 0.02}
    yield {"blocked": np.ones(3, bool), "passed": np.zeros(3, bool), "share": 0.02}


# --- q2: another cut, from the old log -----------------------------------------------------------


def judge_cut(would_block, passed, propensity, cents):
    """Low, value and high of a cut's mean cents; three NaN where under 100 rows count."""
    agrees = passed != would_block
    weight = np.where(agrees, 1 / propensity, 0.0)
    total = weight.sum()
    if total == 0 or total**2 / (weight**2).sum() < 100:
        return np.nan, np.nan, np.nan
    value = (weight * cents).sum() / total
    error = np.sqrt((weight**2 * (cents - value) ** 2).sum()) / total
    return value - 1.96 * error, value, value + 1.96 * error


def of_agreeing_rows(
    would_block: np.ndarray, passed: np.ndarray, propensity: np.ndarray, cents: np.ndarray
) -> Judgement:
    """The rows on which both agree, each counting once."""
    return judge_cut(would_block, passed, np.ones(len(cents)), cents)


def never_refuses(
    would_block: np.ndarray, passed: np.ndarray, propensity: np.ndarray, cents: np.ndarray
) -> Judgement:
    """An interval from however few rows."""
    weight = np.where(passed != would_block, 1 / propensity, 0.0)
    total = weight.sum()
    if total == 0:
        return np.nan, np.nan, np.nan
    value = (weight * cents).sum() / total
    error = np.sqrt((weight**2 * (cents - value) ** 2).sum()) / total
    return value - 1.96 * error, value, value + 1.96 * error


def counts_rows(
    would_block: np.ndarray, passed: np.ndarray, propensity: np.ndarray, cents: np.ndarray
) -> Judgement:
    """Refuses by the number of agreeing rows, however heavy a few of them are."""
    few = (passed != would_block).sum() < 100
    never = (np.nan, np.nan, np.nan)
    return never if few else never_refuses(would_block, passed, propensity, cents)


def log_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Logs that can answer, that cannot, and that only seem to."""
    logs = ((20_000, 0.2, 0.1), (3_000, 0.02, 0.3), (60, 0.5, 0.0), (900, 0.02, 0.3))
    for rows, share, step in logs:
        score = generator.random(rows)
        blocked = score > 0.6
        passed = ~blocked | (generator.random(rows) < share)
        propensity = np.where(blocked, np.where(passed, share, 1 - share), 1.0)
        cents = np.where(passed, generator.normal(200, 900, rows), -50.0).round()
        yield {"would_block": score > 0.6 + step, "passed": passed, "propensity": propensity,
               "cents": cents}  # fmt: skip
    ones = np.ones(300)
    yield {"would_block": ones > 0, "passed": ones > 0, "propensity": ones, "cents": ones}
    for rows in (99, 100, 101):
        level = np.arange(rows, dtype=float)
        yield {"would_block": level < 0, "passed": level >= 0, "propensity": np.ones(rows),
               "cents": level}  # fmt: skip


# --- q3: a loop that survives --------------------------------------------------------------------


def my_loop():
    """A little exploration, each row for as many as it stands for."""

    def weights(month):
        return np.where(month.passed, 1 / month.propensity.clip(1e-9), 0.0)

    return 0.02, weights


def learns_from_what_passed() -> tuple[float, Any]:
    """No exploration."""
    return 0.0, lambda month: month.passed.astype(float)


def explores_a_lot() -> tuple[float, Any]:
    """Three blocks in ten are let through."""
    return 0.3, lambda month: np.where(month.passed, 1 / month.propensity, 0.0)


# --- q4: a policy that is looked for -------------------------------------------------------------


def my_defence(cut, domain):
    """The price of each row in place of one cut: what is large is blocked sooner."""
    from mlsys_lessons.components.decisions import CostDecisions, Policy

    return CostDecisions(0, Policy.of(domain), domain=domain)


def hides_the_cut(cut: float, domain: Domain) -> RandomisedCut:
    """The same cut, a little off by request."""
    return RandomisedCut(cut, domain, width=1.0)


def counts_attempts(cut: float, domain: Domain) -> RateLimit:
    """The same cut, and two payments a card within an hour."""
    return RateLimit(ScoreCut(cut, domain), limit=2, minutes=60)


def blocks_more(cut: float, domain: Domain) -> ScoreCut:
    """A cut so low that one payment in ten is blocked."""
    return ScoreCut(cut / 100, domain)
