"""What five retraining policies did, from the stored worlds of experiments/retraining_policies.py.

Nothing is measured here. `refits.csv` is what that module printed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mlsys_lessons.experiments.retraining_policies import NEVER, POLICIES, REPAIR
from mlsys_lessons.experiments.statistics import Interval, mean_interval

__all__ = ["REPAIR", "against_never", "interval", "pair", "stored", "table", "told", "verdict"]

STORED = Path(__file__).with_name("refits.csv")
CALENDAR = "calendar"
CLOSE = 0.02  # of what never fitting again earns: two policies that differ by less are alike


def stored() -> pd.DataFrame:
    """One row for each setting, world and policy."""
    return pd.read_csv(STORED)


def interval(values: pd.Series) -> Interval:
    """The mean and its 95 % interval."""
    return mean_interval(np.asarray(values, dtype=float))


def pair(worlds: pd.DataFrame) -> pd.DataFrame:
    """Cents with the old version and with the shipped one, for a figure."""
    both = {"the old version stays": "stayed", "the new one is shipped": "shipped"}
    found = {name: interval(100 * worlds[column]) for name, column in both.items()}
    return pd.DataFrame(
        {name: {"effect": one.estimate, "low": one.low, "high": one.high}
         for name, one in found.items()}
    ).T  # fmt: skip


def against_never(found: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Cents more than never fitting again, by policy, with intervals over worlds."""
    here = found[found["setting"] == setting].set_index("policy")
    rows = {}
    for name in POLICIES:
        if name != NEVER:
            gain = interval(100 * here.loc[name, "gain"])
            rows[name] = {"effect": gain.estimate, "low": gain.low, "high": gain.high}
    return pd.DataFrame(rows).T


def verdict(found: pd.DataFrame, setting: str) -> str:
    """Which of calendar and never has earned more, in the mean of the worlds."""
    here = found[found["setting"] == setting].groupby("policy")["euros"].mean()
    gain = here[CALENDAR] / here[NEVER] - 1
    if abs(gain) < CLOSE:
        return "within 2 %"
    return "fitted by the calendar" if gain > 0 else "never fitted again"


def told(found: pd.DataFrame, setting: str) -> str:
    """How many worlds each policy has made much worse, in a sentence."""
    here = found[found["setting"] == setting]
    base = here[here["policy"] == NEVER].set_index("seed")["euros"]
    share = here.set_index("seed")["gain"] / base.reindex(here["seed"])
    worse = (share < -CLOSE).groupby(here["policy"].to_numpy()).sum()
    counts = ", ".join(f"{name} {worse[name]}" for name in POLICIES if name != NEVER)
    return f"Worlds of {len(base)} in which a policy lost more than 2 %: {counts}."


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Means by setting and policy: euros, gain, fits, versions that stand, harm done."""
    means = found.groupby(["setting", "policy"], sort=False)
    return means[["euros", "gain", "fits", "stand", "harm"]].mean().round(1)
