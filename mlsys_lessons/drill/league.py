"""The league: every policy in every scenario over seeds, as one table with intervals.

    mlsys-lessons drill --league --seeds 20

Seeds are dealt to processes; inside one, all policies meet the same incident, and the days before
the page are lived once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import pandas as pd

from mlsys_lessons.drill.incident import Incident
from mlsys_lessons.drill.play import play
from mlsys_lessons.drill.policies import POLICIES, Policy, omniscient
from mlsys_lessons.drill.scenario import names, scenario
from mlsys_lessons.experiments.statistics import mean_interval

OMNISCIENT = "omniscient"


def games(name: str, seed: int) -> Iterator[dict[str, Any]]:
    """All reference policies in one incident."""
    policies: dict[str, Policy] = {**POLICIES, OMNISCIENT: omniscient(scenario(name))}
    for called, policy in policies.items():
        played = play(Incident(name, seed), policy)
        yield {
            "scenario": name, "seed": seed, "policy": called, "points": played.score.points,
            "lost_euros": played.score.lost / 100, "at_stake": played.score.at_stake / 100,
            "looks": played.looks, "actions": played.actions, "mistakes": len(played.mistakes),
        }  # fmt: skip


def league(
    seeds: Iterable[int], scenarios: Sequence[str] | None = None, *, jobs: int = 1
) -> pd.DataFrame:
    """Every game, one row each; a seed's scenarios share a process and its quiet days."""
    of_seed = partial(_of_seed, tuple(scenarios or names()))
    if jobs == 1:
        return pd.DataFrame([row for seed in seeds for row in of_seed(seed)])
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return pd.DataFrame([row for rows in pool.map(of_seed, seeds) for row in rows])


def _of_seed(scenarios: tuple[str, ...], seed: int) -> list[dict[str, Any]]:
    return [row for name in scenarios for row in games(name, seed)]


def table(played: pd.DataFrame) -> pd.DataFrame:
    """Median points by scenario and policy, with the interval of the mean and what is at stake."""
    rows = []
    for (name, policy), games_of in played.groupby(["scenario", "policy"], sort=False):
        points = games_of["points"].to_numpy()
        rows.append({
            "scenario": name, "policy": policy, "median": float(games_of["points"].median()),
            **mean_interval(points).columns("mean"), "at_stake": games_of["at_stake"].mean(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def report(summed: pd.DataFrame) -> str:
    """The table as a page: a line a scenario, the median of each policy and its mean's interval."""
    cells = summed.assign(
        cell=[f"{m:3.0f} [{low:.0f}, {high:.0f}]"
              for m, low, high in summed[["median", "low", "high"]].values]
    )  # fmt: skip
    wide = cells.pivot(index="scenario", columns="policy", values="cell")
    order = list(dict.fromkeys(summed["policy"]))
    return wide[order].to_string()
