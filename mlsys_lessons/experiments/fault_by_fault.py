"""Fault by fault: what each fault of the catalogue costs a naive and a resilient system.

    mlsys-lessons faults --seeds 10          about a minute a seed

One window, one size, nobody responding: the same world with and without the fault, both systems,
many seeds. It changes nothing about faults or systems, and it says nothing of how often they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.simulation.presets import naive_system, resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import resume, simulate
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.worlds import payments_world

Factories = Mapping[str, Callable[..., Fault]]
SIDES = {"naive": naive_system, "resilient": resilient_system}


@dataclass(frozen=True)
class Window:
    """When the fault is there, in days, and how long and how large the runs are.

    The default gives monitors their quiet fortnight before it, and what is late two days after it.
    """

    start: int = 20
    end: int = 50
    days: int = 52
    daily: int = 1_000


WINDOW = Window()


def losses(
    seeds: Iterable[int], *, factories: Factories = CATALOGUE, window: Window = WINDOW
) -> pd.DataFrame:
    """What each fault costs each side, one row a seed and fault: seed, fault, naive, resilient.

    Expected euros per 1,000 payments of the window: the twin without the fault less the one with
    it, over all days of the run, pages and the hours of those who look for the cause among them;
    nobody acts on what they find. `factories` are faults by a name of your own; by default each of
    the catalogue at its usual severity.
    """
    return pd.DataFrame([row for seed in seeds for row in _of_seed(seed, factories, window)])


def _of_seed(seed: int, factories: Factories, window: Window) -> list[dict[str, object]]:
    """One seed's losses; both sides meet the same world, each fault the same luck."""
    world = payments_world(seed=seed, daily=window.daily)
    lost: dict[str, dict[str, object]] = {name: {"seed": seed, "fault": name} for name in factories}
    for side, system in SIDES.items():
        alone = system(seed=seed, responder=None)
        before = simulate(world, alone, days=window.start, keep="metrics")
        calm = _earned(before, (), window)
        for name, factory in factories.items():
            fault = factory(start=window.start, end=window.end)
            lost[name][side] = calm - _earned(before, (fault,), window)
    return list(lost.values())


def _earned(before: Run, faults: tuple[Fault, ...], window: Window) -> float:
    """Expected euros of a run that goes on under faults, per 1,000 payments of the window."""
    before.system.install(faults)
    run = resume(before, days=window.days - window.start)
    return run.expected_value / 100 / ((window.end - window.start) * window.daily / 1_000)


def compared(lost: pd.DataFrame) -> pd.DataFrame:
    """Each fault's mean losses, and what resilience loses less, with its paired interval.

    `lost` comes from `losses`, of two seeds or more. Columns: fault, naive, resilient, saved (naive
    less resilient), low, high, verdict: "less", "more" or "no difference seen".

    >>> compared(pd.DataFrame({"seed": [1, 2], "fault": "latency", "naive": 9.0,
    ...                        "resilient": 2.0}))["verdict"].tolist()
    ['less']
    """
    rows = []
    for name, one in lost.groupby("fault", sort=False):
        saved = mean_interval(one["naive"] - one["resilient"])
        means = {side: float(one[side].mean()) for side in SIDES}
        verdict = "less" if saved.low > 0 else "more" if saved.high < 0 else "no difference seen"
        rows.append({"fault": name, **means, **saved.columns("saved"), "verdict": verdict})
    return pd.DataFrame(rows)


def report(table: pd.DataFrame) -> str:
    """The comparison as a page."""
    return f"euros per 1,000 payments of the window\n{table.round(1).to_string(index=False)}"
