"""One bad release in twenty worlds: what its canary said, what its shadow said, what shipping cost.

The canary is five per cent for a week; then the version is shipped for four weeks, or it is not.
`canaries.csv` holds twenty worlds that no lesson shows, made by

    python -m mlsys_lessons.lessons.lesson12.canaries
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.inference.canary import difference
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.lessons.lesson12 import rollout

SHARE, WEEK, MONTH = 0.05, 7, 28
STORED = Path(__file__).with_name("canaries.csv")


def earned(run: mls.Run, *, since: int) -> float:
    """Expected euros since a day."""
    return float(sum(day.earned for day in run.accounts.days[since:]) / 100)


def released(seed: int) -> tuple[mls.Run, mls.Run, mls.Run]:
    """The week of the canary; then four weeks with the new version, and with the old one."""
    home = rollout.at_home(seed)
    candidate = ModelVersion("trees-2", rollout.corrected_twice(home.inference.registry.model))
    week = rollout.begun(rollout.on_trial(home, candidate, share=SHARE), days=WEEK)
    shipped, stayed = (rollout.gone_on(week, share=share, days=MONTH) for share in (1.0, 0.0))
    return week, shipped, stayed


def measured(seeds: Iterable[int]) -> pd.DataFrame:
    """A row a world: is the canary's week clean, the stops that the shadow counts, euros.

    Clean means that neither rate, blocked or reported, is significantly higher in the canary.
    """
    rows = []
    for seed in seeds:
        week, shipped, stayed = released(seed)
        counts, shadow = rollout.counted(week), rollout.in_shadow(week)
        worse = [difference(*rollout.arms(counts, name)).low > 0 for name in rollout.OUTCOMES]
        rows.append({
            "seed": seed, "clean": not any(worse),
            "canary rows": counts.at["new", "rows"], "canary frauds": counts.at["new", "reported"],
            "old would stop": shadow.at["old", "would stop"],
            "new would stop": shadow.at["new", "would stop"],
            "stayed": earned(stayed, since=WEEK), "shipped": earned(shipped, since=WEEK),
        })  # fmt: skip
    return pd.DataFrame(rows).round(2)


def stored() -> pd.DataFrame:
    """Twenty worlds, as `measured` found them."""
    return pd.read_csv(STORED)


def lost(found: pd.DataFrame) -> pd.Series:
    """Euros that shipping has cost in each world."""
    return (found["stayed"] - found["shipped"]).rename("lost")


if __name__ == "__main__":
    measured(range(200, 220)).to_csv(STORED, index=False)
