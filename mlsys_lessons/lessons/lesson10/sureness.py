"""Twenty worlds that no lesson shows: other number ones, users alike, five orders of one log.

`sureness.csv` holds a row a seed, made by

    python -m mlsys_lessons.lessons.lesson10.sureness
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.lessons.lesson10 import pages, results
from mlsys_lessons.worlds.recommender.popularity import sameness

STORED = Path(__file__).with_name("sureness.csv")
NIGHTLY, ONCE = 1, 10_000  # days between two counts that retrieval reads
MONTHS = 60  # days of a page that is counted nightly, or once


def retrained(seed: int) -> dict[str, float]:
    """How alike users' clicks become, and content a slate, with nightly counts against one."""
    found = {}
    for name, days in (("nightly", NIGHTLY), ("once", ONCE)):
        lived = pages.lived(pages.founded(seed, refresh_days=days), MONTHS)
        late = lived.days.tail(pages.LAST)
        found[f"alike_{name}"] = sameness(lived.taken)
        found[f"content_{name}"] = late["content"].sum() / late["slates"].sum()
    return found


def measured(seeds: Iterable[int]) -> pd.DataFrame:
    """A row a seed: different number ones of ten worlds, worlds led by the best, and the rest."""
    rows = []
    for seed in seeds:
        ones = pages.number_ones(pages.parallel(seed))
        orders = results.compared(results.logged(seed))
        rows.append({
            "seed": seed, "number_ones": ones["number one"].nunique(),
            "led_by_best": int((ones["true rank"] == 1).sum()),
            "median_rank": ones["true rank"].median(), **retrained(seed), **orders,
        })  # fmt: skip
    return pd.DataFrame(rows).round(4)


def stored() -> pd.DataFrame:
    """Twenty worlds, as `measured` found them."""
    return pd.read_csv(STORED)


def effects_of_retraining(found: pd.DataFrame) -> pd.DataFrame:
    """Nightly counts against one, in per cent: how alike users are, content a slate."""
    names = {"users alike": "alike", "content a slate": "content"}
    return _effects({
        name: 100 * (found[f"{column}_nightly"] / found[f"{column}_once"] - 1)
        for name, column in names.items()
    })  # fmt: skip


def effects_of_reading(found: pd.DataFrame) -> pd.DataFrame:
    """Each way to read a log against the order that was shown: mean change of ndcg."""
    shown = found[results.SHOWN]
    return _effects({name: found[name] - shown for name in results.ORDERS[1:]})


def _effects(differences: Mapping[str, pd.Series]) -> pd.DataFrame:
    """A row each: the mean and its 95 % interval."""
    rows = {name: mean_interval(values.to_numpy()) for name, values in differences.items()}
    return pd.DataFrame(
        {name: (one.estimate, one.low, one.high) for name, one in rows.items()},
        index=["effect", "low", "high"],
    ).T


if __name__ == "__main__":
    measured(range(400, 420)).to_csv(STORED, index=False)
