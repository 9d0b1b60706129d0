"""One bad season of somebody's own system: four times the usual incidents, 45 days, seen by all.

What the course's claim measures over twenty worlds (C28), here once and by hand. A factory is a
function of the seed that returns a System.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import incident_calendar
from mlsys_lessons.system.system import System

DAYS, DAILY, RATE = 45, 500, 4.0
Factory = Callable[[int], System]


def season(factory: Factory, seed: int) -> Run:
    """Six weeks of one world in which much breaks."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    faults = incident_calendar(seed, days=DAYS, rate=RATE)
    return mls.simulate(world, factory(seed), days=DAYS, faults=faults, keep="metrics")


def told(run: Run) -> pd.DataFrame:
    """Its incidents, one row each: by whom and when it was noticed, how long it lasted."""
    lived = run.incidents
    return pd.DataFrame({
        "fault": lived["fault"], "began on day": lived["started"].astype(int),
        "noticed by": lived["noticed_by"],
        "days to notice": (lived["noticed"] - lived["started"]).round(1),
        "days it lasted": (lived["ended"].fillna(float(run.days)) - lived["started"]).round(1),
    })  # fmt: skip
