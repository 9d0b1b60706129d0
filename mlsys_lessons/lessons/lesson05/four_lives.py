"""Four lives of one fault: a model with a past, clean or faulty, in a present, clean or faulty.

The systems are those of experiments.pasts, with every component but the contract; nothing is fitted
again while a life lasts, so that what was learned stays learned.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pandas as pd

from mlsys_lessons.experiments.pasts import (
    AnotherPast,
    UnderFaults,
    all_along,
    table_of,
    trained_on,
)
from mlsys_lessons.lessons.lesson05.ticket_desk import WITHOUT_CONTRACT
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world

LIFE_DAYS = 30


def life(seed: int, fault: Fault, *, learned: bool, live: bool, days: int = LIFE_DAYS) -> float:
    """Expected euros of a month: a fault in the model's past, in its present, in both, in neither.

    Every component but the contract; no refit, so that what was learned stays learned.
    """
    past = UnderFaults((all_along(fault),)) if learned else None
    system = _system_with(past, seed)
    world: Any = payments_world(seed=seed, daily=1_000)
    world = AnotherPast.of(world, past) if past else world
    faults = [all_along(fault)] if live else ()
    run = simulate(world, system, days=days, faults=faults, keep="metrics")
    return run.expected_value / 100


@lru_cache(maxsize=4)
def _system_with(past: UnderFaults | None, seed: int) -> System:
    return trained_on(table_of(seed, past), WITHOUT_CONTRACT, seed=seed)


def lives(seed: int, fault: Fault) -> pd.Series:
    """The four lives of one fault, in the order in which a business meets them; euros a month."""
    return pd.Series({
        "before the fault": life(seed, fault, learned=False, live=False),
        "the fault arrives": life(seed, fault, learned=False, live=True),
        "the model has learned it": life(seed, fault, learned=True, live=True),
        "the fault is fixed": life(seed, fault, learned=True, live=False),
    })  # fmt: skip
