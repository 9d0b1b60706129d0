"""Three ways in which a joint distribution moves, as small as they can be told.

One input, two classes. Covariate shift moves the input, concept drift what it means, label shift
how often a class comes. Nothing of the payments world is here; lesson 08 estimates what these cost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import mlsys_lessons as mls

ROWS = 200_000
SLOPE = 2.0  # of the model, which is right until something moves
SHIFTS = {  # mean of the input, slope of the truth
    "nothing": (0.0, SLOPE),
    "covariate shift": (1.0, SLOPE),
    "concept drift": (0.0, 0.5),
    "concept drift, reversed": (0.0, -SLOPE),
}


def shifts(seed: int) -> pd.DataFrame:
    """PSI of the input and accuracy of the same model under each shift, one row a shift.

    The model says 1 where 2x is above 0, and P(y = 1) = 1 / (1 + exp(-slope x)).
    """
    reference = _normal(seed, "reference")
    rows = {}
    for name, (mean, slope) in SHIFTS.items():
        x = mean + _normal(seed, name)
        lots = np.random.default_rng([seed, len(name)]).random(ROWS)
        y = lots < 1 / (1 + np.exp(-slope * x))
        rows[name] = {"PSI of x": mls.drift.psi(reference, x), "accuracy": ((x > 0) == y).mean()}
    return pd.DataFrame(rows).T


def _normal(seed: int, name: str) -> np.ndarray:
    """Standard normal draws, each name its own."""
    from mlsys_lessons.randomness import stream

    return stream(seed, f"lesson07.{name}").normal(size=ROWS)
