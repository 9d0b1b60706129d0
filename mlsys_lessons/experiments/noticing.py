"""Who notices, when, and what it costs until then: one open-ended fault at a time, both systems.

    mlsys-lessons noticing --seeds 20        about a minute and a half a seed

Each fault breaks on the same day of the same worlds and lasts until somebody ends it. Its price is
exact: a twin run of the same system lives through the same days without it. A day that never comes
within the run counts as the run's last day, and the share of those that did is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.records import whole_number
from mlsys_lessons.simulation.presets import naive_system, resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import BY_SOMEBODY, INCIDENTS
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.worlds import payments_world

BREAKS, DAYS, DAILY = 60, 240, 500
SYSTEMS = {"naive": naive_system, "resilient": resilient_system}
LASTING = tuple(row.fault for row in INCIDENTS if row.ends == BY_SOMEBODY)


def lives(
    faults: Iterable[str] = LASTING, *, seeds: Iterable[int], daily: int = DAILY, days: int = DAYS
) -> pd.DataFrame:
    """One row for each fault, system and seed: days to notice and to end, by whom, cents.

    Why it matters: what an incident costs is its price a day times the days until somebody ends
    it, and only the second factor is anybody's to choose.

    Columns: fault, system, seed, noticed_by, to_notice and to_end (days, the run's rest where it
    never came), was_noticed, was_ended, cents (expected, negative when lost).
    """
    whole_number("days", days, BREAKS + 1, 1_080)
    rows = []
    for seed in seeds:
        for name in SYSTEMS:
            twin = _run(name, seed, daily, days)
            for fault in faults:
                broken = CATALOGUE[fault](start=BREAKS)
                rows.append(_row(name, seed, _run(name, seed, daily, days, broken), twin))
    return pd.DataFrame(rows)


def _run(name: str, seed: int, daily: int, days: int, *faults: Fault) -> Run:
    world = payments_world(seed=seed, daily=daily)
    return simulate(world, SYSTEMS[name](seed=seed), days=days, faults=faults, keep="metrics")


def _row(name: str, seed: int, run: Run, twin: Run) -> dict[str, Any]:
    life, last = run.life(0, twin=twin), float(run.days)
    noticed = last if life.noticed is None else life.noticed
    return {
        "fault": life.fault.name, "system": name, "seed": seed,
        "noticed_by": life.noticed_by or "nobody", "to_notice": noticed - BREAKS,
        "to_end": min(life.fault.end, last) - BREAKS, "was_noticed": life.noticed is not None,
        "was_ended": life.fault.end <= last, "cents": float(life.cents.sum()),
    }  # fmt: skip


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Medians of the days, who noticed most often, and the mean price with its interval, in euros.

    One row for each fault and system; `low` and `high` are of the mean price.
    """
    rows = []
    for (fault, system), group in found.groupby(["fault", "system"], sort=False):
        price = mean_interval(group["cents"].to_numpy() / 100)
        rows.append({
            "fault": fault, "system": system, "seeds": len(group),
            "days_to_notice": group["to_notice"].median(), "days_to_end": group["to_end"].median(),
            "ended": group["was_ended"].mean(), "noticed_by": group["noticed_by"].mode().iloc[0],
            **price.columns("euros"),
        })  # fmt: skip
    return pd.DataFrame(rows)


def report(summed: pd.DataFrame) -> str:
    """The summary as a page."""
    money = [
        f"{e:,.0f} [{lo:,.0f}, {hi:,.0f}]" for e, lo, hi in summed[["euros", "low", "high"]].values
    ]
    page = summed.drop(columns=["low", "high"]).assign(
        euros=money, ended=summed["ended"].map("{:.0%}".format)
    )
    return page.to_string(index=False)
