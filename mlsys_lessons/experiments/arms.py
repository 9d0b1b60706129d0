"""Arms: one run to be made, as data, and the short summary that is kept of it.

An arm says which components are resilient, which model, how the world drifts and how often
something breaks; with a seed and a size it is a run. What follows from it is the claims' business.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.experiments.open_labels import OpenLabelsWorld, open_system
from mlsys_lessons.simulation.presets import (
    assemble,
    naive_system,
    reference_system,
    resilient_system,
)
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize, incident_calendar
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import Drift, payments_world

NAIVE = ("model",)
RESILIENT = COMPONENTS
REFERENCE = ("reference",)


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    `rate` multiplies the incidents of the ordinary year (0: none). `labels` is "late" as in life or
    "open" (see open_labels.py). `retraining` says whether a resilient monitoring level refits.
    """

    levels: tuple[str, ...]
    model: str = "boosted"
    rate: float = 1.0
    drift: Drift = field(default_factory=Drift)
    labels: str = "late"
    retraining: bool = True

    def described(self) -> dict[str, Any]:
        """Plain values that name this arm, for the cache's key."""
        return {**asdict(self), "levels": sorted(self.levels)}

    def system(self, seed: int) -> System:
        """The system of this arm, fitted on the seed's history."""
        if self.labels == "open":
            return open_system(self.levels, seed=seed)
        if self.levels == REFERENCE:
            return reference_system(seed=seed)
        if self.levels == NAIVE:
            return naive_system(seed=seed, model=self.model)
        policy = {} if self.retraining else {"retraining": None}
        if set(self.levels) == set(RESILIENT):
            return resilient_system(seed=seed, model=self.model, **policy)  # type: ignore[arg-type]
        return assemble(self.levels, seed=seed, model=self.model, **policy)  # type: ignore[arg-type]

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The incidents of the seed's year at this arm's rate."""
        return incident_calendar(seed, days=size.days, rate=self.rate)

    def world(self, seed: int, size: ClaimSize) -> Any:
        """Reality, the same luck for every arm of a seed."""
        world = payments_world(seed=seed, daily=size.daily, drift=self.drift)
        return OpenLabelsWorld.of(world) if self.labels == "open" else world

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it and keep what claims need."""
        world, system = self.world(seed, size), self.system(seed)
        faults = self.faults(seed, size)
        return summary(simulate(world, system, days=size.days, faults=faults, keep="metrics"))


def summary(run: Run) -> dict[str, Any]:
    """A run in a few numbers: money in cents, expected and realised, by item and by day."""
    items = run.ledger.groupby("item", observed=True)["cents"].sum()
    return {
        "value_cents": run.value,
        "expected_cents": run.expected_value,
        "items": {str(name): int(cents) for name, cents in items.items()},
        "value_by_tick": [int(cents) for cents in run.value_by_tick()],
        "requests": run.requests,
        "alerts": len(run.alerts),
        "actions_sha256": run.actions_sha256,
    }
