"""One incident, lived three times: nobody looks, alerts without an owner, alerts with one.

World, fault and luck are the same; who hears of an alert is not. The system has every component but
the guard around its model, so that a swallowed error is taken for an answer, and nothing
is retrained, so that only people differ. `three_lives.csv` holds twenty worlds, made by

    python -m mlsys_lessons.lessons.lesson08.three_lives
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.monitoring import Monitor
from mlsys_lessons.components.response.cases import UNOWNED
from mlsys_lessons.domain import AlertRule
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.simulation.presets import assemble
from mlsys_lessons.simulation.trace import IncidentLife
from mlsys_lessons.system.system import System

WITHOUT_GUARD = tuple(part for part in COMPONENTS if part != "serving")
BREAKS, DAYS, DAILY = 24, 66, 1_000
ARMS = "nobody looks", "it rings, no owner", "it rings for its owner"
NOBODY, NO_OWNER, OWNER = ARMS
STORED = Path(__file__).with_name("three_lives.csv")


def without_owners(rules: Iterable[AlertRule]) -> tuple[AlertRule, ...]:
    """The same rules, addressed to nobody: they ring in a channel, by day, without a runbook line.

    >>> without_owners([AlertRule("outputs", "psi_score", "all", "up", "models", "page")])[0].owner
    'nobody in particular'
    """
    return tuple(replace(rule, owner=UNOWNED, severity="ticket", runbook=()) for rule in rules)


def system_of(arm: str, seed: int) -> System:
    """One system, in whose three arms the same metrics are measured and the same rules fire."""
    responder = mls.response.Nobody() if arm == NOBODY else mls.response.OnCall()
    system = assemble(WITHOUT_GUARD, seed=seed, retraining=None, responder=responder)
    bare = Monitor(without_owners(system.domain.alert_rules))
    return system.with_(monitor=bare) if arm == NO_OWNER else system


def the_fault() -> mls.faults.Fault:
    """One replica in three has a corrupt model file and answers 0, with a 200."""
    return mls.faults.silent_fallback(start=BREAKS, severity=0.34)


def lived(
    arm: str, seed: int, *incidents: mls.faults.Fault, days: int = DAYS, keep: str = "metrics"
) -> mls.Run:
    """One life of the incident, or of the same weeks without it."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, system_of(arm, seed), days=days, faults=incidents, keep=keep)


def priced(run: mls.Run, twin: mls.Run) -> IncidentLife:
    """The life of a run's incident, its money exact against the first days of a longer twin."""
    life, days = run.life(0), slice(BREAKS, run.days)
    ours, theirs = ([day.earned for day in one.accounts.days[days]] for one in (run, twin))
    return replace(life, cents=np.subtract(ours, theirs))


def measured(seeds: Iterable[int]) -> pd.DataFrame:
    """Each world and arm: days to notice and to end (the run's rest where it never came), euros.

    An arm is held against the same arm without the incident, so that its standing costs cancel.
    """
    rows = []
    for seed in seeds:
        for arm in ARMS:
            life = lived(arm, seed, the_fault()).life(0, twin=lived(arm, seed))
            rows.append({
                "seed": seed, "arm": arm, "noticed_by": life.noticed_by or "nobody",
                "to_notice": (life.noticed or DAYS) - BREAKS,
                "to_end": min(life.fault.end, DAYS) - BREAKS, "euros": life.cents.sum() / 100,
            })  # fmt: skip
    return pd.DataFrame(rows).round(2)


def stored() -> pd.DataFrame:
    """Twenty worlds that no lesson shows, as `measured` found them."""
    return pd.read_csv(STORED)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """A row an arm: median days, and the mean of the euros with its 95 % interval."""
    groups = found.groupby("arm", sort=False)
    days = groups[["to_notice", "to_end"]].median()
    for arm, group in groups:
        price = mean_interval(group["euros"].to_numpy())
        days.loc[arm, ["effect", "low", "high"]] = price.estimate, price.low, price.high
    return days


if __name__ == "__main__":
    measured(range(200, 220)).to_csv(STORED, index=False)
