"""Arms with people and without: the model alone, people alone, both, and both under a strain.

People alone see no score: a day's cases are drawn by lot or by amount, all else is approved. What
changes between arms is who chooses the cases and how the people are; what they cost stays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.decisions.policy import Cents, amount_cents
from mlsys_lessons.components.decisions.stages import CostDecisions
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.state import WorldState
from mlsys_lessons.worlds.payments.world import PaymentsWorld

BY_LOT, BY_AMOUNT, BY_VALUE = "by lot", "by amount", "by value"


@dataclass
class PeopleChoose(CostDecisions):
    """Approve all but the cases for people, which are drawn by lot or by amount; no score counts.

    The price at midnight then admits about as many cases as people can take, as for any policy.
    """

    chosen: str = BY_LOT

    def expected_cents(self, frame: pd.DataFrame) -> tuple[Cents, Cents, Cents]:
        """Nothing, less than nothing, and a case's place in the line."""
        nothing = np.zeros(len(frame))
        if self.chosen == BY_LOT:
            place = luck(self.seed, "review.lot", row_keys(frame, self.domain.identity))
            return nothing, nothing - 1.0, place
        amount = amount_cents(frame, self.domain, self.policy.typical_genuine)
        return nothing, nothing - 1.0, np.asarray(amount, dtype=float)


@dataclass(frozen=True)
class AbsentWorld(PaymentsWorld):
    """The payments world, with so many of its reviewers' cases reached in truth."""

    present: float = 1.0

    def review(self, state: WorldState, tick: int, picks: pd.DataFrame) -> pd.DataFrame:
        """Judge the first picks only; of the rest nobody hears."""
        reached = int(np.ceil(self.present * self.reviewers.capacity))
        return super().review(state, tick, picks.iloc[:reached])


@dataclass(frozen=True)
class StaffedArm(Arm):
    """The resilient system with its people as they are described here.

    `capacity` of None is the world's own; `present` is the share of it that comes to work while the
    policy counts on all of it; `sure` are people who can ask the customer, and err in doubtful
    cases as in clear ones.
    """

    chosen: str = BY_VALUE
    capacity: int | None = None
    deference: float = 0.10
    present: float = 1.0
    sure: bool = False

    def world(self, seed: int, size: ClaimSize) -> AbsentWorld:
        """The seed's world with these people."""
        world = super().world(seed, size)
        people = replace(world.reviewers, deference=self.deference)
        if self.capacity is not None:
            people = replace(people, capacity=self.capacity)
        if self.sure:
            people = replace(
                people, grey_miss=people.miss, grey_false_accusation=people.false_accusation
            )
        held = {field.name: getattr(world, field.name) for field in fields(PaymentsWorld)}
        return AbsentWorld(**{**held, "reviewers": people}, present=self.present)

    def system(self, seed: int) -> System:
        """The resilient system, or one in which people choose their cases themselves."""
        system: Any = super().system(seed)
        if self.chosen == BY_VALUE:
            return system
        stage = system.decisions
        policy = replace(stage.policy, rules=(), explore_share=0.0)
        alone = PeopleChoose(stage.seed, policy, domain=stage.domain, chosen=self.chosen)
        return system.with_(decisions=alone)


def staffed(rate: float, **people: Any) -> StaffedArm:
    """An arm without retraining, with people as described."""
    return StaffedArm(RESILIENT, rate=rate, retraining=False, **people)
