"""Performative prediction: a mean that moves with what is deployed, and what refitting makes of it.

The closed-form example of Perdomo and others, Performative prediction, 2020: the outcome is normal
around base + sensitivity x parameter, and each refit minimises a quadratic loss on the last data.
Nothing of the payments world is here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import positive, whole_number, within

MOST = 1e6  # a sensitivity or a base beyond this is a slip


def converges(sensitivity: float, *, convexity: float = 1.0, smoothness: float = 1.0) -> bool:
    """Whether repeated risk minimisation is sure to converge: sensitivity < convexity / smoothness.

    Why it matters: below the limit refitting settles where the model is right about the world that
    it has made; at or above it each refit can chase the answer to the one before.

    >>> converges(0.9), converges(1.0)
    (True, False)

    Source: Perdomo and others, 2020, theorem 3.5, with gamma and beta for the last two.
    """
    within("sensitivity", sensitivity, 0.0, MOST)
    limit = positive("convexity", convexity) / positive("smoothness", smoothness)
    return sensitivity < limit


def stable_point(sensitivity: float, *, base: float = 1.0) -> float:
    """The parameter that is best on the data that it brings about: base / (1 - sensitivity).

    Raises InputError for a sensitivity of 1, at which there is none.

    >>> stable_point(0.5)
    2.0
    """
    within("base", base, -MOST, MOST)
    if within("sensitivity", sensitivity, -MOST, MOST) == 1:
        raise InputError("sensitivity=1 has no stable point; choose another, .5 say.")
    return base / (1 - sensitivity)


def refitted(
    sensitivity: float, *, rounds: int = 20, rows: int = 10_000, base: float = 1.0,
    start: float = 0.0, seed: int = 0,
) -> NDArray[np.float64]:  # fmt: skip
    """The parameter after each refit, the start first; shape (rounds + 1,).

    A refit takes the mean of `rows` outcomes, which is what a quadratic loss asks for, so that both
    its convexity and its smoothness are 1.

    >>> refitted(0.5, rounds=3, rows=1_000_000).round(1).tolist()
    [0.0, 1.0, 1.5, 1.8]
    """
    within("sensitivity", sensitivity, -MOST, MOST)
    whole_number("rounds", rounds, 1, 10_000)
    whole_number("rows", rows, 1, 10_000_000)
    path = [float(start)]
    for turn in range(rounds):
        noise = stream(seed, "performative", turn).normal(size=rows)
        path.append(float(base + sensitivity * path[-1] + noise.mean()))
    return np.array(path)
