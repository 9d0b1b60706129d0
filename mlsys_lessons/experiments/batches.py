"""Batches: the same changes, shipped one by one or many at a time, some of them bad.

A change is ready every three days; a release takes so many and goes out when the last is ready. A
bad change is a fault of the catalogue that begins with its release; on call rolls back
what rings, and a roll-back undoes the whole release. Which changes are bad, and how, is luck by
the change's number: the same ones in every batch size. What a good change is worth, and how long
the search for a culprit takes, is arithmetic on top (claims/c25_ship_small.py), not simulated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlsys_lessons.components.response import OnCall, roll_back
from mlsys_lessons.domain import path
from mlsys_lessons.experiments.arms import Arm, summary
from mlsys_lessons.randomness import luck
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import PAYMENTS

CHANGES, FIRST_READY, EVERY = 16, 24, 3  # day 24, when monitors have learned; then every 3 days
BATCHES = (1, 8)
SIZE = ClaimSize(days=90, daily=1_000)  # three weeks after the last release
# Assumed: surveys of teams (DORA, yearly) put the share of changes that need a repair between 5 and
# 64 %; their middle groups stand at 10 to 15.
BAD_SHARE = 0.15
# What a careless change of code does to the data it touches or to the model that it ships: assumed
# to be equally likely, each at the catalogue's usual severity.
WAYS = (
    "unit_change", "null_flood", "time_zone_shift", "renamed_category", "stale_features",
    "missing_features", "wrong_model", "silent_fallback",
)  # fmt: skip


def released_on(change: int, batch: int) -> int:
    """The day on which a change goes out: when the last of its batch is ready.

    >>> [released_on(change, 4) for change in range(5)]
    [33, 33, 33, 33, 45]
    """
    last = change - change % batch + batch - 1
    return FIRST_READY + EVERY * last


def bad_changes(seed: int, rate: float) -> dict[int, str]:
    """Which changes are bad, and the fault that each brings; rarer rates are among the others.

    >>> set(bad_changes(7, 1.0)) <= set(bad_changes(7, 4.0)), bad_changes(7, 0.0)
    (True, {})
    """
    numbers = np.arange(CHANGES)
    is_bad = luck(seed, "release.bad", numbers) < min(rate * BAD_SHARE, 1.0)
    ways = (luck(seed, "release.way", numbers) * len(WAYS)).astype(int)
    return {int(one): WAYS[ways[one]] for one in numbers[is_bad]}


def releases(batch: int) -> dict[int, tuple[int, ...]]:
    """The changes of each release, by its day.

    >>> releases(8)
    {45: (0, 1, 2, 3, 4, 5, 6, 7), 69: (8, 9, 10, 11, 12, 13, 14, 15)}
    """
    days = sorted({released_on(change, batch) for change in range(CHANGES)})
    return {
        day: tuple(change for change in range(CHANGES) if released_on(change, batch) == day)
        for day in days
    }


@dataclass(frozen=True)
class Shipped(Arm):
    """The resilient system in a world without other incidents, changes shipped `batch` at a time.

    `rate` multiplies the share of bad changes; 0 is the twin in which every change is good.
    """

    batch: int = 1

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """Each bad change from its release on, until a roll-back."""
        return tuple(
            replace(
                CATALOGUE[way](start=float(released_on(change, self.batch))),
                remedies=(roll_back(),),
            )
            for change, way in bad_changes(seed, self.rate).items()
        )

    def system(self, seed: int) -> System:
        """Somebody on call who rolls back whatever rings; the model changes with releases alone."""
        paths = [path(rule.layer, rule.metric, rule.segment) for rule in PAYMENTS.alert_rules]
        on_call = OnCall({one: (roll_back(),) for one in paths})
        return resilient_system(seed=seed, retraining=None, responder=on_call)

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it; beside the money, the bad changes and their days in service."""
        world, system = self.world(seed, size), self.system(seed)
        faults = self.faults(seed, size)
        run = simulate(world, system, days=size.days, faults=faults, keep="metrics")
        lives = [one.fault for one in run.happening.all]
        measured = {
            "bad": float(len(lives)),
            "bad_days": sum((min(one.end, run.days) - one.start for one in lives), 0.0),
        }
        return {**summary(run), "measured": measured}
