"""C9, "models learn data bugs, and break when the bug is fixed": five faults, four lives each.

A model fitted on a clean past or on one with the fault in it meets a present with the fault or
without. Two numbers are asked of each fault. *Learned*: in the faulty present, what the model that
was trained with the fault earns beyond the one that was not. *Fixed*: for the model that was
trained with the fault, what is lost on the day it is repaired. The faults are those of the
catalogue that change what a field says, each at the largest severity of the ordinary year's table;
the system has every component but the contract, and no refit, so that nothing else learns.

A bug is there on every day alike, so a run is shorter and smaller than most claims'
(45 days x 1,000): the question is not about rare incidents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    Verdicts,
    numbers,
    table_by_rate,
    unless_contradicted,
    yardstick,
)
from mlsys_lessons.claims.effects import FAILS, HOLDS, Effect, mean_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.pasts import (
    AnotherPast,
    UnderFaults,
    all_along,
    table_of,
    trained_on,
)
from mlsys_lessons.simulation.scenarios import INCIDENTS, ClaimSize
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world

HALVES = {"lost when it is fixed": "fixed", "won by having learned it": "new"}  # against which life
FAULTS = ("unit_change", "null_flood", "time_zone_shift", "renamed_category", "stale_features")
LEVELS = tuple(name for name in COMPONENTS if name != "ingestion")
WORST = {row.fault: max(row.severities) for row in INCIDENTS}


@dataclass(frozen=True)
class BuggyArm(Arm):
    """One fault in the model's past, in its present, in both or in neither."""

    fault: str = ""
    learned: bool = False
    live: bool = False

    def _fault(self, size: ClaimSize) -> Fault:
        return CATALOGUE[self.fault](start=0, end=size.days + 2, severity=WORST[self.fault])

    def _rewrite(self) -> UnderFaults | None:
        if not self.learned:
            return None
        return UnderFaults((all_along(self._fault(ClaimSize())),))

    def system(self, seed: int) -> System:
        """Everything but the contract around a model of its own past."""
        return trained_on(table_of(seed, self._rewrite()), self.levels, seed=seed)

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The year's incidents, and the fault from the first day to the last if it is live."""
        return (*super().faults(seed, size), *([self._fault(size)] if self.live else []))

    def world(self, seed: int, size: ClaimSize) -> Any:
        """The same present; the past as the producers reported it."""
        world, rewrite = payments_world(seed=seed, daily=size.daily), self._rewrite()
        return AnotherPast.of(world, rewrite) if rewrite else world


def arms(rate: float) -> Mapping[str, Arm]:
    """One clean life, and three more for each fault."""
    lives: dict[str, Arm] = {"clean": BuggyArm(LEVELS, rate=rate), **yardstick(rate)}
    for name in FAULTS:
        lives[f"{name}: new"] = BuggyArm(LEVELS, rate=rate, fault=name, live=True)
        lives[f"{name}: learned"] = BuggyArm(LEVELS, rate=rate, fault=name, live=True, learned=True)
        lives[f"{name}: fixed"] = BuggyArm(LEVELS, rate=rate, fault=name, learned=True)
    return lives


def halves(evidence: Evidence, rate: float) -> Effects:
    """Both halves of the sentence, averaged over the faults."""
    return tuple(_effect(evidence, rate, half, FAULTS) for half in HALVES)


def by_fault(evidence: Evidence) -> Effects:
    """Each fault's own numbers."""
    return tuple(_effect(evidence, ORDINARY, half, (name,)) for name in FAULTS for half in HALVES)


def _effect(evidence: Evidence, rate: float, half: str, faults: tuple[str, ...]) -> Effect:
    """Euros per 1,000 requests of the model that knows the fault, less those of the other life."""
    euros = evidence.euros(rate)
    gaps = [euros[f"{name}: learned"] - euros[f"{name}: {HALVES[half]}"] for name in faults]
    mean = numbers(sum(gaps[1:], gaps[0]) / len(gaps))
    name = f"{half}, {faults[0] if len(faults) == 1 else 'mean of the faults'}"
    return mean_effect(name, "EUR per 1,000 requests", mean, evidence.practical)


def verdict(evidence: Evidence, verdicts: Verdicts) -> str:
    """As for most claims, unless some repairs surely cost money and others surely do not."""
    repairs = {effect.verdict() for effect in by_fault(evidence) if "fixed" in effect.name}
    if {HOLDS, FAILS} <= repairs:
        return "depends on the fault"
    return unless_contradicted(evidence, verdicts)


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """The verdict on each half."""
    return tuple(
        f"{half}, by itself: {effect.verdict()}"
        for half, effect in zip(HALVES, effects, strict=True)
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each fault: euros per 1,000 requests of the four lives."""
    euros = evidence.euros(rate).mean()
    for name in FAULTS:
        lives = {life: euros[f"{name}: {life}"] for life in ("new", "learned", "fixed")}
        yield {"fault": name, "clean": euros["clean"], **lives}


CLAIM = Claim(
    name="C9",
    sentence="Models learn data bugs, and break when the bug is fixed.",
    fails_where=(
        "a team that keeps raw events and rebuilds its training table on the day of the fix; or a "
        "fault in a field that the model hardly reads, where there is nothing to learn"
    ),
    arms=arms,
    size=ClaimSize(days=45, daily=1_000),
    effects=halves,
    beside=by_fault,
    verdict=verdict,
    notes=notes,
    table=table_by_rate(rows),
    earlier=(Earlier("against 10 EUR in any case, BCa intervals", "does not hold", "2026-11-23"),),
)
