"""C9, "models learn data bugs, and break when the bug is fixed": five faults, four lives each.

A model fitted on a clean past or on one with the fault in it meets a present with the fault or
without. Two numbers are asked of each fault. *Learned*: in the faulty present, what the model that
grew up with the fault earns beyond the one that did not. *Fixed*: for the model that grew up with
the fault, what is lost on the day it is repaired. The faults are those of the catalogue that change
what a field says, each at the largest severity of the ordinary year's table; the system has every
component but the contract, and no refit, so that nothing else learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlsys_lessons.claims.claim import (
    FAILS,
    HOLDS,
    ORDINARY,
    Claim,
    Effect,
    Evidence,
    Findings,
    across,
    all_of,
    numbers,
    p_of_all,
)
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.pasts import AnotherPast, UnderFaults, all_along, raised_on, table_of
from mlsys_lessons.experiments.statistics import mean_interval, p_value
from mlsys_lessons.simulation.scenarios import INCIDENTS, ClaimSize
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world

# Written before the first run: what C2 calls a difference that a manager would notice.
EUROS_PER_THOUSAND = 10.0

HALVES = {"lost when it is fixed": "fixed", "won by having learned it": "new"}  # against which life
FAULTS = ("unit_change", "null_flood", "time_zone_shift", "renamed_category", "stale_features")
LEVELS = tuple(each for each in COMPONENTS if each != "ingestion")
WORST = {row.fault: max(row.severities) for row in INCIDENTS}


@dataclass(frozen=True)
class BuggyArm(Arm):
    """One fault in the model's past, in its present, in both or in neither."""

    fault: str = ""
    learned: bool = False
    live: bool = False

    def _fault(self, size: ClaimSize) -> Fault:
        return CATALOGUE[self.fault](start=0, end=size.days + 2, severity=WORST[self.fault])

    def _told(self) -> UnderFaults | None:
        if not self.learned:
            return None
        return UnderFaults((all_along(self._fault(ClaimSize())),))

    def system(self, seed: int) -> System:
        """Everything but the contract around a model of its own past."""
        return raised_on(table_of(seed, self._told()), self.levels, seed=seed)

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The year's incidents, and the fault from the first day to the last if it is live."""
        return (*super().faults(seed, size), *([self._fault(size)] if self.live else []))

    def world(self, seed: int, size: ClaimSize) -> Any:
        """The same present; the past as the producers told it."""
        world, told = payments_world(seed=seed, daily=size.daily), self._told()
        return AnotherPast(world, told) if told else world


def arms(rate: float) -> Mapping[str, Arm]:
    """One clean life, and three more for each fault."""
    lives = {"clean": BuggyArm(LEVELS, rate=rate)}
    for name in FAULTS:
        lives[f"{name}: new"] = BuggyArm(LEVELS, rate=rate, fault=name, live=True)
        lives[f"{name}: learned"] = BuggyArm(LEVELS, rate=rate, fault=name, live=True, learned=True)
        lives[f"{name}: fixed"] = BuggyArm(LEVELS, rate=rate, fault=name, learned=True)
    return lives


def judge(evidence: Evidence) -> Findings:
    """Both halves, averaged over the faults; each fault's own numbers stand behind them."""
    halves = _halves(evidence, ORDINARY)
    each = [_effect(evidence, ORDINARY, half, (name,)) for name in FAULTS for half in HALVES]
    said = {rate: all_of(_halves(evidence, rate), tests=1) for rate in evidence.rates()}
    said[ORDINARY] = all_of(halves)
    verdict = across(said)
    if {HOLDS, FAILS} <= {effect.verdict() for effect in each if "fixed" in effect.name}:
        verdict = "depends on the fault"
    by_rate = {
        rate: (_halves(evidence, rate)[0].interval.estimate, said[rate])
        for rate in evidence.rates()
    }
    by_rate[ORDINARY] = (halves[0].interval.estimate, all_of(halves))
    notes = tuple(
        f"{half}, by itself: {it.verdict()}" for half, it in zip(HALVES, halves, strict=True)
    )
    return Findings((*halves, *each), _table(evidence), verdict, by_rate, p_of_all(halves), notes)


def _halves(evidence: Evidence, rate: float) -> list[Effect]:
    return [_effect(evidence, rate, half, FAULTS) for half in HALVES]


def _effect(evidence: Evidence, rate: float, half: str, faults: tuple[str, ...]) -> Effect:
    """Euros per 1,000 requests of the model that knows the fault, less those of the other life."""
    euros = evidence.euros(rate)
    gaps = [euros[f"{name}: learned"] - euros[f"{name}: {HALVES[half]}"] for name in faults]
    values = numbers(sum(gaps[1:], gaps[0]) / len(gaps))
    name = f"{half}, {faults[0] if len(faults) == 1 else 'mean of the faults'}"
    p = p_value(values, EUROS_PER_THOUSAND)
    return Effect(name, "EUR per 1,000 requests", mean_interval(values), EUROS_PER_THOUSAND, p)


def _table(evidence: Evidence) -> pd.DataFrame:
    """A row for each rate and fault: the four lives, then what arrived, was learned, was fixed."""
    rows = []
    for rate in evidence.rates():
        euros = evidence.euros(rate).mean()
        for name in FAULTS:
            new, learned, fixed = (euros[f"{name}: {it}"] for it in ("new", "learned", "fixed"))
            rows.append({
                "incidents": rate, "fault": name, "clean": euros["clean"], "new": new,
                "learned": learned, "fixed": fixed,
            })  # fmt: skip
    return pd.DataFrame(rows)


CLAIM = Claim(
    name="C9",
    sentence="Models learn data bugs, and break when the bug is fixed.",
    fails_where=(
        "a team that keeps raw events and rebuilds its training table on the day of the fix; or a "
        "fault in a field that the model hardly reads, where there is nothing to learn"
    ),
    arms=arms,
    judge=judge,
)
