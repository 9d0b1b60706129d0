"""Probing: a ring tests how much gets through, and aims its cash-outs just below.

A ring believes something about where the cut lies, in log points beside the usual cash-outs of a
scheme: a histogram over `EDGES`. A test is asked where it would halve the belief, and each answer
moves it by Bayes' rule: bisection if answers can be trusted (probabilistic bisection, Horstein
1963, if they can a little), and no news at all if an answer may have come from anything. A ring
knows its own attempts and their ends; nothing of scores, rules or labels. Nothing here draws luck.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats
from mlsys_lessons.records import within

LEVELS = (-1.5, 1.0)  # log points beside a scheme's cash-outs: what a ring ever goes to
CELLS = 64  # of a belief: bisection is down to one after log2(64) = 6 answers
EDGES = np.linspace(*LEVELS, CELLS + 1)
TEST_SPREAD = 0.1  # log points around the amount that a test asks about; assumed
CAREFUL = 0.2  # a ring aims where it believes the cut to lie lower with this chance; assumed
CERTAIN = 0.9  # of answers of a shop that names its reasons, those that hold; assumed
_FADES = 0.97  # of a belief that is left after a day, since cuts move; assumed


def no_idea(rings: int) -> Floats:
    """Beliefs of so many rings that know nothing: (ring, cell), each row adds up to one."""
    return np.full((rings, CELLS), 1.0 / CELLS)


def trust(transparency: float) -> float:
    """Chance that an answer is due to the amount: a half tells nothing, one tells all.

    >>> trust(0.0), trust(1.0)
    (0.5, 0.95)
    """
    return (1.0 + CERTAIN * within("transparency", transparency, 0.0, 1.0)) / 2.0


def quantile(belief: Floats, share: float) -> Floats:
    """The level below which each ring believes the cut to lie with this chance.

    >>> quantile(no_idea(1), 0.5).tolist()
    [-0.25]
    """
    up_to = np.cumsum(belief, axis=1)
    cell = np.minimum((up_to <= share * up_to[:, -1:]).sum(axis=1), CELLS - 1)
    row = np.arange(len(belief))
    here = np.maximum(belief[row, cell], 1e-300)
    inside = (share * up_to[:, -1] - up_to[row, cell] + here) / here
    return np.asarray(EDGES[cell] + np.clip(inside, 0.0, 1.0) * np.diff(EDGES)[cell])


def informed(
    belief: Floats, ring: Ints, level: Floats, passed: NDArray[np.bool_], trusted: float
) -> Floats:
    """Beliefs after answers, in any order; one row of `ring`, `level` and `passed` an answer.

    What passes says that the cut lies above it, what is blocked that it does not, each with chance
    `trusted`. Levels outside LEVELS say nothing. A belief that its own answers refute starts again.

    Why it matters: at a trust of one half nobody learns, however many tests are sent; at one,
    every test halves what is left.

    >>> after = informed(no_idea(1), np.array([0]), np.array([-0.25]), np.array([True]), 1.0)
    >>> quantile(after, 0.0).tolist(), quantile(after, 0.5).tolist()
    ([-0.25], [0.375])
    """
    asked = (level >= LEVELS[0]) & (level <= LEVELS[1])
    ring, level, passed = ring[asked], level[asked], passed[asked]
    above = np.clip((EDGES[1:] - level[:, None]) / np.diff(EDGES), 0.0, 1.0)
    agrees = np.where(passed[:, None], above, 1.0 - above)
    with np.errstate(divide="ignore"):
        logs = np.log(belief)
        np.add.at(logs, ring, np.log(trusted * agrees + (1.0 - trusted) * (1.0 - agrees)))
    top = logs.max(axis=1, keepdims=True)
    refuted = ~np.isfinite(top)
    weight = np.where(refuted, 1.0, np.exp(logs - np.where(refuted, 0.0, top)))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def faded(belief: Floats) -> Floats:
    """Beliefs a day later: what was learned yesterday may no longer hold."""
    return np.asarray(_FADES * belief + (1.0 - _FADES) / CELLS)


def ignorance(belief: Floats) -> Floats:
    """Width of each belief's middle eight tenths, as a share of that of no idea: 0 to 1.

    >>> ignorance(no_idea(1)).round(9).tolist()
    [1.0]
    """
    width = quantile(belief, 0.9) - quantile(belief, 0.1)
    return np.asarray(np.clip(width / (0.8 * (LEVELS[1] - LEVELS[0])), 0.0, 1.0))


def aimed(belief: Floats, level: Floats) -> Floats:
    """Where cash-outs go: the ring's old level, and the more it knows, just below the cut."""
    unsure = ignorance(belief)
    return np.asarray(unsure * level + (1.0 - unsure) * quantile(belief, CAREFUL))


def narrowed(belief: Floats, spread: Floats, ring: Ints) -> Floats:
    """Spread of the log of cash-outs: who knows the cut does not scatter across it."""
    return np.maximum(ignorance(belief)[ring] * spread, TEST_SPREAD)
