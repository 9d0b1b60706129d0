"""C13, "model < model + rules < model + rules + judgment": the same system, twice enlarged.

The resilient system decides by cost alone; then its business rules may overrule the score; then
people look at what is worth a look. Each step must be worth the practical threshold. Reviewers'
minutes and delays are paid, and reviewers are as good as published studies say: sure where nobody
doubts, and hardly better than chance in the grey zone. A run is shorter and smaller than most
claims': rules and reviewers are asked every day, not in rare incidents.

Read afterwards: the step of the rules is nearly empty. One of the two sends to people, of whom
there are none yet; the other waits for eight uses of a card in an hour, which hardly ever come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlsys_lessons.claims.claim import (
    NOTHING,
    Claim,
    Effects,
    Evidence,
    Row,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.system import System

MODEL, RULES, JUDGMENT = "model", "model + rules", "model + rules + judgment"
STEPS = {"rules": (MODEL, RULES), "judgment": (RULES, JUDGMENT)}


@dataclass(frozen=True)
class AdvisedArm(Arm):
    """The resilient system with or without its business rules, and with or without reviewers."""

    rules: bool = True
    reviewers: bool = True

    def system(self, seed: int) -> System:
        """The system, its policy as it is or without a rule."""
        system: Any = super().system(seed)
        if self.rules:
            return system
        policy = replace(system.decisions.policy, rules=())
        return system.with_(decisions=replace(system.decisions, policy=policy))

    def world(self, seed: int, size: ClaimSize) -> Any:
        """The world, its reviewers there or at another desk."""
        world = super().world(seed, size)
        if self.reviewers:
            return world
        return replace(world, reviewers=replace(world.reviewers, capacity=0))


def arms(rate: float) -> Mapping[str, Arm]:
    """Three systems, each with one thing more, and approving everything as the zero."""
    advised = {
        MODEL: AdvisedArm(RESILIENT, rate=rate, rules=False, reviewers=False),
        RULES: AdvisedArm(RESILIENT, rate=rate, reviewers=False),
        JUDGMENT: AdvisedArm(RESILIENT, rate=rate),
    }
    return {**advised, NOTHING: Arm((), rate=rate), **yardstick(rate)}


def effects(evidence: Evidence, rate: float) -> Effects:
    """What each step adds."""
    unit = "EUR per 1,000 requests"
    return tuple(
        mean_effect(f"added by {name}", unit, evidence.gap(more, less, rate), evidence.practical)
        for name, (less, more) in STEPS.items()
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each system: what it earns, and what it earns beyond the model alone."""
    for name in (NOTHING, MODEL, RULES, JUDGMENT):
        added = mean_interval(evidence.gap(name, MODEL, rate)).columns("added")
        yield {"system": name, **evidence.means(name, rate), **added}


CLAIM = Claim(
    name="C13",
    sentence="Model < model + rules < model + rules + judgment.",
    fails_where=(
        "reviewers who miss what the model misses: where it doubts they find a third of the "
        "frauds, and their minutes are paid all the same"
    ),
    arms=arms,
    size=ClaimSize(days=60, daily=1_000),
    effects=effects,
    table=table_by_rate(rows),
)
