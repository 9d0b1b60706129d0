"""Coverage: how often each interval of intervals.py holds the mean of real paired effects.

    mlsys-lessons claims --coverage          the table, in a few minutes on one core

The pool (paired_effects.py) is taken for the world: its mean is the truth, and thousands of samples
of ten or twenty of its worlds are drawn from it, as a claim draws its seeds. An interval at 95 %
should miss 2.5 % on either side; each claim is one of 28, so the level of that family is asked
too. The interval of the claims is the one that misses least here, whatever it makes of a claim.
Where a rare incident makes most of an effect none keeps its word, and only more seeds help: a
sample without the incident cannot know of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.experiments.intervals import METHODS, Samples, Values, student
from mlsys_lessons.experiments.paired_effects import paired_effects, paired_ratio, pool
from mlsys_lessons.experiments.statistics import FAMILY, LEVEL
from mlsys_lessons.randomness import stream

PAIRS = (10, 20, 40)  # seeds: of the smallest claim, of most, and what twice as many buy
LEVELS = {"95 %": LEVEL, f"1 of {FAMILY}": 1 - (1 - LEVEL) / FAMILY}
SAMPLES, RESAMPLES = 5_000, 9_999
CHOSEN = "bootstrap-t or Student"  # in statistics.py
TOLERATED = 0.03  # one-sided misses at 95 % up to which an interval keeps its word
_PIECE = 250  # samples at once: 250 x 9,999 resamples fit a cache's worth of memory

Row = Mapping[str, Any]


def coverage(
    parts: Values, wholes: Values, *, pairs: int, samples: int = SAMPLES,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:  # fmt: skip
    """What each method covers of mean(parts) / mean(wholes), a row a level and method.

    `below` and `above` are the shares of intervals that lie wholly below or above the truth,
    `width` the median width in Student's.

    >>> same = np.ones(30)
    >>> float(coverage(same, same, pairs=5, samples=10, resamples=99)["covers"].min())
    1.0
    """
    truth = parts.mean() / wholes.mean()
    found: dict[tuple[str, str], list[Values]] = {}
    draw = stream(0, f"coverage.{pairs}")
    for start in range(0, samples, _PIECE):
        rows = draw.integers(len(parts), size=(min(_PIECE, samples - start), pairs))
        drawn = Samples(parts[rows], wholes[rows], resamples)
        for name, level in LEVELS.items():
            usual = np.subtract(*student(drawn, level)[::-1])
            for method, limits in METHODS.items():
                low, high = limits(drawn, level)
                close = 1e-9 * (1 + abs(truth))
                width = np.where(usual > 0, (high - low) / np.where(usual > 0, usual, 1), 1.0)
                missed = np.array([high < truth - close, low > truth + close, width])
                found.setdefault((name, method), []).append(missed)
    return pd.DataFrame(_rows(found))


def _rows(found: Mapping[tuple[str, str], list[Values]]) -> Iterator[Row]:
    for (level, method), pieces in found.items():
        below, above, width = np.concatenate(pieces, axis=1)
        yield {
            "level": level, "method": method, "covers": 1 - below.mean() - above.mean(),
            "below": below.mean(), "above": above.mean(), "width": float(np.median(width)),
        }  # fmt: skip


def coverage_table(earned: pd.DataFrame | None = None, **sizes: int) -> pd.DataFrame:
    """The coverage of each method for each effect of a pool and number of pairs.

    Effects are means in cents per 1,000 requests, and one ratio of means.
    """
    earned = pool() if earned is None else earned
    ones = np.ones(len(earned))
    asked = {name: (values, ones) for name, values in paired_effects(earned).items()}
    asked["share lost to incidents"] = paired_ratio(earned)
    parts = [
        coverage(over, under, pairs=pairs, **sizes).assign(effect=name, pairs=pairs)
        for name, (over, under) in asked.items()
        for pairs in PAIRS
    ]
    first = ["effect", "pairs", "level", "method"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*first, *table.columns.difference(first, sort=False)]]


def answer() -> tuple[dict[str, Any], str, int]:
    """The table of the committed pool for the command line: facts, text, exit code."""
    table = coverage_table()
    return {"coverage": table.to_dict("records")}, told(table), 0


def told(table: pd.DataFrame) -> str:
    """The table in words: the most misses of each method in percent, and who keeps its word."""
    most = worst(table)
    kept = most["95 %"].le(TOLERATED)
    stated = ", ".join(f"{name}: {(1 - level) / 2:.2%}" for name, level in LEVELS.items())
    lines = [
        f"The most misses on one side over {table['effect'].nunique()} real effects, in percent; "
        f"stated are {stated}.",
        pd.concat([(100 * most).round(2), _widths(table)], axis=1).to_string(),
    ]
    for pairs in PAIRS:
        good = ", ".join(kept.index[kept[pairs]]) or "none"
        lines.append(f"At most {TOLERATED:.0%} on either side at 95 % with {pairs} pairs: {good}.")
    own = table[(table["method"] == CHOSEN) & (table["level"] == "95 %")]
    lines.append(f"The claims take {CHOSEN}; it covers, and misses below and above, in percent:")
    columns = ["covers", "below", "above"]
    shares = own.set_index(["effect", "pairs"])[columns]
    return "\n".join([*lines, (100 * shares).round(1).to_string()])


def _widths(table: pd.DataFrame) -> pd.Series:
    """How wide each method's interval is at 95 %, in Student's: the mean over effects and pairs."""
    usual = table[table["level"] == "95 %"]
    return usual.groupby("method", sort=False)["width"].mean().round(2).rename(("width", ""))


def worst(table: pd.DataFrame) -> pd.DataFrame:
    """Of each method the most one-sided misses over all effects, by level and number of pairs."""
    missed = table.assign(misses=table[["below", "above"]].max(axis=1))
    found = missed.pivot_table("misses", "method", ["level", "pairs"], aggfunc="max", sort=False)
    return found.rename_axis(columns=[None, None])
