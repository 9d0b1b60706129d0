"""When to learn again: five policies in the same worlds, by value, by fits, by harm done.

Two settings. An ordinary year of the resilient system; and a bug with its repair: for 55 days a
fourth of the merchants send cents for euros, nobody checks what comes in, and then it is put right.
Predicted before the first run: in the ordinary year all lie within 5 % of each other; after the
repair whoever fits by the calendar does worse than whoever never does, for the newest rows, on
which a challenger has to win, are the bug's own.

    python -m mlsys_lessons.experiments.retraining_policies > retraining_policies.csv
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
from mlsys_lessons.components.feedback.triggers import OnDrift, OnEstimatedHarm, OnRealisedHarm
from mlsys_lessons.components.response import Nobody, OnCall
from mlsys_lessons.simulation.presets import assemble
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import incident_calendar
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import Fault, unit_change
from mlsys_lessons.worlds import payments_world

NEVER = "never"
POLICIES: dict[str, RetrainingPolicy | None] = {
    NEVER: None,
    "calendar": RetrainingPolicy(),
    "on drift": OnDrift(),
    "on estimated harm": OnEstimatedHarm(),
    "on realised harm": OnRealisedHarm(),
}
YEAR, REPAIR = "an ordinary year", "a bug and its repair"
DAYS = {REPAIR: 168, YEAR: 365}
WORLDS = {REPAIR: range(300, 305), YEAR: range(300, 301)}  # as many as an hour allowed
BUG = unit_change(start=30, end=85)
DAILY = 500  # a day of the world; habits do not change with scale
WITHOUT_CONTRACT = tuple(part for part in COMPONENTS if part != "ingestion")


def lived(setting: str, policy: RetrainingPolicy | None, seed: int, *, daily: int = DAILY) -> Run:
    """One policy's life in one world of a setting."""
    is_year = setting == YEAR
    system = assemble(
        COMPONENTS if is_year else WITHOUT_CONTRACT, seed=seed, retraining=policy,
        responder=OnCall() if is_year else Nobody(),
    )  # fmt: skip
    faults: tuple[Fault, ...] = incident_calendar(seed) if is_year else (BUG,)
    world = payments_world(seed=seed, daily=daily)
    return simulate(world, system, days=DAYS[setting], faults=faults, keep="metrics")


def spells(run: Run) -> list[tuple[str, int, int]]:
    """The versions that the run retrained, each with its first day in service and the next one's.

    >>> from types import SimpleNamespace as Of
    >>> versions = [Of(label="a", fitted_tick=0), Of(label="b", fitted_tick=3)]
    >>> registry = Of(versions=versions)
    >>> spells(Of(days=9, system=Of(inference=Of(registry=registry))))
    [('b', 3, 9)]
    """
    fitted = [(one.label, one.fitted_tick) for one in run.system.inference.registry.versions[1:]]
    starts = [*(first for _, first in fitted), run.days]
    return [(label, *spell) for (label, _), spell in zip(fitted, pairwise(starts), strict=True)]


def summary(run: Run, never: Run) -> dict[str, Any]:
    """Expected euros, fits, versions that stand, and the harm that these did, in euros.

    Harm is what was lost in spells that lost any. A spell is held against the same days of the run
    that never learns again; a version that was rolled back is none that stands.
    """
    ours, theirs = (np.array([day.earned for day in one.accounts.days]) for one in (run, never))
    found = spells(run)
    gains = [(ours[first:end] - theirs[first:end]).sum() / 100 for _, first, end in found]
    spent = run.ledger.loc[run.ledger["item"] == "retraining", "cents"].sum()
    return {
        "euros": ours.sum() / 100, "gain": (ours - theirs).sum() / 100,
        "fits": round(-spent / run.system.domain.costs.retraining), "stand": len(found),
        "worse": sum(gain < 0 for gain in gains), "harm": -sum(min(gain, 0.0) for gain in gains),
    }  # fmt: skip


def measured(
    seeds: Iterable[int], settings: Iterable[str] = tuple(DAYS), *, daily: int = DAILY
) -> Iterator[dict[str, Any]]:
    """One row for each setting, seed and policy, as it is found."""
    for setting in settings:
        for seed in seeds:
            never = lived(setting, None, seed, daily=daily)
            for name, policy in POLICIES.items():
                run = never if policy is None else lived(setting, policy, seed, daily=daily)
                yield {"setting": setting, "seed": seed, "policy": name, **summary(run, never)}


def main() -> None:
    """Write each row as soon as it is known."""
    found = (row for setting, seeds in WORLDS.items() for row in measured(seeds, [setting]))
    for number, row in enumerate(found):
        line = pd.DataFrame([row]).round(1).to_csv(index=False, header=not number)
        print(line, end="", flush=True)


if __name__ == "__main__":
    main()
