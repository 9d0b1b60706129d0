"""The same quiet weeks under more and more automation, and what the dashboard says meanwhile.

World and luck are the same, and nothing is wrong: no fault, only the usual drift. What differs is
what is automated around the model. `worlds.csv` holds twelve other worlds, made by

    python -m mlsys_lessons.lessons.lesson13.automation
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.experiments.over_engineered import (
    OVER_ENGINEERED,
    PARTS,
    RETRAINING,
    THRESHOLD,
    stack,
)
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.system.system import System

BORING, REFITTED, FOLLOWED = "boring", "auto-retrain", "auto-retrain, auto-threshold"
ARMS: dict[str, tuple[str, ...]] = {
    BORING: (), REFITTED: (RETRAINING,), FOLLOWED: (RETRAINING, THRESHOLD), OVER_ENGINEERED: PARTS,
}  # fmt: skip
DAYS, DAILY = 36, 1_000
FIRST_REFIT = 21  # from this day on the systems differ
LAST_DAYS = 10
SEEDS = range(700, 712)  # shown in no lesson, used by no claim
STORED = Path(__file__).with_name("worlds.csv")


def system_of(arm: str, seed: int) -> System:
    """The resilient system, with what this arm automates."""
    parts = ARMS[arm]
    return stack(seed, *parts) if parts else mls.resilient_system(seed=seed)


def lived(arm: str, seed: int) -> mls.Run:
    """36 quiet days of one arm."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, system_of(arm, seed), days=DAYS, keep="metrics")


def euros_by_day(run: mls.Run) -> pd.Series:
    """Expected euros a day."""
    earned = np.array([day.earned for day in run.accounts.days]) / 100
    return pd.Series(earned, index=pd.RangeIndex(len(earned), name="tick"))


def metric(run: mls.Run, name: str) -> pd.Series:
    """One metric of the whole business, by day."""
    rows = run.metrics[(run.metrics["metric"] == name) & (run.metrics["segment"] == "all")]
    return rows.set_index("tick")["value"]


def measured(run: mls.Run) -> dict[str, float]:
    """From the first refit on: euros per 1,000 payments, the share blocked at the end, alerts."""
    days = euros_by_day(run).loc[FIRST_REFIT:]
    payments = metric(run, "requests").loc[FIRST_REFIT:].sum()
    since = run.alerts["tick"] >= FIRST_REFIT
    return {
        "euros": float(days.sum() / payments * 1_000),
        "blocked": float(metric(run, "block_rate").iloc[-LAST_DAYS:].mean()),
        "alerts": float(since.sum()),
    }


def made(seeds: Iterable[int]) -> pd.DataFrame:
    """A row a world and arm."""
    rows = [
        {"seed": seed, "arm": arm, **measured(lived(arm, seed))} for seed in seeds for arm in ARMS
    ]
    return pd.DataFrame(rows).round(5)


def stored() -> pd.DataFrame:
    """Twelve worlds that no lesson shows, as `made` found them."""
    return pd.read_csv(STORED)


def against_boring(found: pd.DataFrame) -> pd.DataFrame:
    """A row an arm: euros per 1,000 payments beyond the boring system, with a 95 % interval."""
    euros = found.pivot(index="seed", columns="arm", values="euros")
    rows = {}
    for arm in list(ARMS)[1:]:
        gap = mean_interval((euros[arm] - euros[BORING]).to_numpy())
        rows[arm] = (gap.estimate, gap.low, gap.high)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["effect", "low", "high"])


if __name__ == "__main__":
    made(SEEDS).to_csv(STORED, index=False)
