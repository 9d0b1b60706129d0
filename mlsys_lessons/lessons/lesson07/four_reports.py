"""Four reports on the same two samples: the published conventions of four kinds of tool.

Twenty columns, four of which have truly moved (one of them by its gaps as well). Each report is a
few lines of our own statistics; no tool is installed or called, and none is recommended.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.randomness import stream

ROWS = 50_000
MOVED = ("shifted", "stretched", "gaps", "tail")
_WORDS = {"few": 3, "five": 5, "eight": 8, "tail": 12, "twenty": 20, "fifty": 50}


def pair(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reference and current: fourteen columns of numbers, six of words."""
    return _sample(seed, "reference", 0.0), _sample(seed, "current", 1.0)


def _sample(seed: int, name: str, drift: float) -> pd.DataFrame:
    draw = stream(seed, f"four_reports.{name}")
    columns: dict[str, np.ndarray] = {f"number {i}": draw.normal(size=ROWS) for i in range(11)}
    columns["shifted"] = draw.normal(0.25 * drift, 1, ROWS)
    columns["stretched"] = draw.lognormal(3, 1, ROWS) * (1 + 0.2 * drift)
    counts = np.floor(draw.exponential(6.0, ROWS) * (1 + 0.15 * drift))
    columns["gaps"] = np.where(draw.random(ROWS) < 0.1 * (1 + drift), np.nan, counts)
    for word, size in _WORDS.items():
        shares = 1 / np.arange(1, size + 1)
        codes = draw.choice(size, ROWS, p=shares / shares.sum())
        if word == "tail":
            moved = draw.random(ROWS) < 0.15 * drift
            codes = np.where(moved, draw.integers(size // 2, size, ROWS), codes)
        columns[word] = np.array([f"v{i:02d}" for i in range(size)])[codes]
    return pd.DataFrame(columns)


def flagged(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, list[str]]:
    """The columns that each report calls drifted."""
    distance = {  # name: (PSI pooled, scaled Wasserstein or JS)
        name: (_pooled_psi(before[name], now[name]), _distance(before[name], now[name]))
        for name in before
    }
    p = {name: _p_value(before[name], now[name]) for name in before}
    loose = p | {
        name: mls.drift.chi2_goodness_of_fit(before[name], now[name])[1] for name in _WORDS
    }
    corrected = mls.multiplicity.bonferroni(p)
    return {
        "PSI, .1": [name for name, (psi, _) in distance.items() if psi >= 0.1],
        "distances, .1": [name for name, (_, far) in distance.items() if far >= 0.1],
        "p below .05": [name for name, value in loose.items() if value < 0.05],
        "p, corrected": [name for name, value in corrected.items() if value < 0.05],
    }


def _pooled_psi(before: pd.Series, now: pd.Series) -> float:
    if before.name in _WORDS:
        return mls.drift.psi(before, now, floor=None)
    return mls.drift.psi(
        before.dropna(), now.dropna(), bins="sturges", edges="pooled_width", floor=None
    )


def _distance(before: pd.Series, now: pd.Series) -> float:
    if before.name in _WORDS:
        return mls.drift.jensen_shannon(before, now, base=float(np.e))
    return mls.drift.wasserstein(before, now, scaled=True)


def _p_value(before: pd.Series, now: pd.Series) -> float:
    test = mls.drift.chi2_test if before.name in _WORDS else mls.drift.ks_test
    return test(before, now)[1]


def verdicts(found: dict[str, list[str]]) -> pd.DataFrame:
    """How many columns each report names rightly, names wrongly and misses."""
    return pd.DataFrame({
        name: {
            "right": sum(column in MOVED for column in columns),
            "wrong": sum(column not in MOVED for column in columns),
            "missed": len(MOVED) - sum(column in MOVED for column in columns),
        }
        for name, columns in found.items()
    }).T  # fmt: skip
