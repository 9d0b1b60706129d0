"""Fault by layer: which layer of monitoring sees a fault first, how late, and what it costs.

One open-ended fault breaks on the same day of the same world in three systems: watched (five layers
of monitors, and nobody who acts, so that no repair hides what a slower layer would have seen),
answered (the same with its on-call) and naive (its till, its customers, and chance). Each is held
against its own twin without the fault. Euros are those of the days on which the fault lasted; what
its repair leaves behind is not in them. It says nothing about how often faults come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.experiments.arms import NAIVE, RESILIENT, Arm, summary
from mlsys_lessons.records import LAYERS
from mlsys_lessons.simulation.incidents import Incidents
from mlsys_lessons.simulation.presets import naive_system, resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import resume, simulate
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world

BREAKS = 60  # days: two months' ends for the till to compare with, four weeks for every limit
MONTH = 30
SIZE = ClaimSize(days=120, daily=500)  # two months to be found in; one fault needs no busy world
WATCHED, ANSWERED, ALONE = "watched", "answered", "naive"
SYSTEMS = (WATCHED, ANSWERED, ALONE)


@dataclass(frozen=True)
class Broken(Arm):
    """One system under one fault that lasts until somebody ends it; no fault: its healthy twin."""

    kind: str = WATCHED
    fault: str = ""

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The fault at its usual severity, and nothing else."""
        return (CATALOGUE[self.fault](start=BREAKS),) if self.fault else ()

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Live through it, and say who saw it when."""
        twin = _twin(self.kind, seed, size)
        run = _after(self.kind, seed, size, self.faults(seed, size)) if self.fault else twin
        return {**summary(run), "measured": self._measured(run, twin)}

    def _measured(self, run: Run, twin: Run) -> dict[str, float]:
        """Days until each layer speaks; for the twin how often each does; what it came to."""
        if not self.fault:
            return {f"false_{layer}": false_alarms(run, layer) for layer in LAYERS}
        seen = days_to_alert(run, twin)
        life, last = run.life(0, twin=twin), float(run.days)
        noticed = last if life.noticed is None else life.noticed
        ended = min(life.fault.end, last)
        return {
            **{f"days_{layer}": days for layer, days in seen.items()},
            "days_to_notice": noticed - BREAKS, "days_to_end": ended - BREAKS,
            "lost_euros": -float(life.cents[: int(np.ceil(ended)) - BREAKS].sum()) / 100,
        }  # fmt: skip


def days_to_alert(run: Run, twin: Run) -> dict[str, float]:
    """Days from the break until each layer raises an alert that the healthy twin does not raise.

    What a layer never says within the run is NaN. An alert of the first night comes after one day.
    """
    columns = ["tick", "layer", "metric", "segment"]
    ours, theirs = (set(map(tuple, each.alerts[columns].astype(object).values))
                    for each in (run, twin))  # fmt: skip
    new = pd.DataFrame(sorted(ours - theirs), columns=columns)
    first = new[new["tick"] >= BREAKS].groupby("layer")["tick"].min()
    return {layer: float(first.get(layer, np.nan)) + 1 - BREAKS for layer in LAYERS}


def false_alarms(run: Run, layer: str) -> float:
    """Spells of alerts of one layer, a month, on the days after the break of a healthy run."""
    alerts = run.alerts[(run.alerts["layer"] == layer) & (run.alerts["tick"] >= BREAKS)]
    ticks = alerts.sort_values("tick").groupby(["metric", "segment"], observed=True)["tick"]
    spells = int((ticks.diff() != 1).sum())
    return spells * MONTH / (run.days - BREAKS)


@lru_cache(maxsize=3)
def _before(kind: str, seed: int, daily: int) -> Run:
    """The quiet days that all runs of a seed and a system begin with."""
    world = payments_world(seed=seed, daily=daily)
    return simulate(world, _system(kind, seed), days=BREAKS, keep="metrics")


def _system(kind: str, seed: int) -> System:
    if kind == ALONE:
        return naive_system(seed=seed)
    if kind == WATCHED:
        return resilient_system(seed=seed, responder=None)
    return resilient_system(seed=seed)


@lru_cache(maxsize=3)
def _twin(kind: str, seed: int, size: ClaimSize) -> Run:
    return _after(kind, seed, size, ())


def _after(kind: str, seed: int, size: ClaimSize, faults: tuple[Fault, ...]) -> Run:
    """The rest of the run, under these faults."""
    before = _before(kind, seed, size.daily)
    before.system.install(faults)
    before = replace(before, happening=Incidents.of(seed, faults))
    return resume(before, days=size.days - BREAKS)


def arms() -> dict[str, Broken]:
    """Every fault of the catalogue in each system, and each system's healthy twin."""
    levels = {ALONE: NAIVE}
    return {
        name_of(fault, kind): Broken(levels.get(kind, RESILIENT), rate=0.0, kind=kind, fault=fault)
        for kind in SYSTEMS
        for fault in ("", *CATALOGUE)
    }


def name_of(fault: str, kind: str) -> str:
    """An arm's name.

    >>> name_of("latency", WATCHED), name_of("", ALONE)
    ('latency, watched', 'healthy, naive')
    """
    return f"{fault or 'healthy'}, {kind}"
