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
AGES = (6, 16, 26, 36)  # limits of the age of a row, in days
STORED = Path(__file__).with_name("worlds.csv")


def system_of(arm: str, seed: int) -> System:
    """The resilient system, with what this arm automates."""
    parts = ARMS[arm]
    return stack(seed, *parts) if parts else mls.resilient_system(seed=seed)


def lived(arm: str, seed: int, keep: str = "metrics") -> mls.Run:
    """36 quiet days of one arm."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, system_of(arm, seed), days=DAYS, keep=keep)


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


def learned_and_true(run: mls.Run) -> pd.DataFrame:
    """What a refit on the last night learns from, by the age of its rows, beside what was true.

    Frauds per 1,000 rows that it may learn from, and per 1,000 payments that arrived on those days.
    Needs a run with its log.
    """
    tonight, system = run.days - 1, run.system
    rows = system.retraining.known(system.labels, tonight, 60)  # type: ignore[union-attr]
    log = run.log[~run.log["is_duplicate"]]
    day = (log["arrival_time"] - run.log["arrival_time"].min().normalize()).dt.days
    true = run.truth().loc[log["request_id"], "true_label"].to_numpy()
    learned, there = (
        1_000 * pd.Series(np.asarray(label, dtype=float)).groupby(
            pd.cut(tonight - np.asarray(when), AGES), observed=True
        ).mean()
        for label, when in ((rows["label"], rows["tick"]), (true, day))
    )  # fmt: skip
    table = pd.DataFrame({"learned, per 1,000": learned, "true, per 1,000": there}).dropna()
    return table.round(1).rename_axis("age in days")


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
