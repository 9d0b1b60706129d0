"""Arms of the feedback claims: the resilient system, what its refits learn from, what is explored.

Everything else is equal: world, luck, incidents, model, gate. Beside the money stands whom it
hurts: the share of genuine payments that are blocked, before the first refit and in the last
quarter, in expectation given what was decided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mlsys_lessons.components.feedback.label_sources import OwnDecisions
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
from mlsys_lessons.experiments.arms import Arm, summary
from mlsys_lessons.frames import has_action
from mlsys_lessons.ids import row_keys
from mlsys_lessons.records import BLOCK, ticks
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System

FROZEN, OWN, WEIGHTED = "no feedback", "own decisions", "weighted by propensity"
SOURCES: dict[str, RetrainingPolicy | None] = {
    FROZEN: None, OWN: OwnDecisions(), WEIGHTED: RetrainingPolicy(),
}  # fmt: skip
# Four refits, on days 84 to 210, and a quarter for the last to show; smaller than most, for time.
SIZE = ClaimSize(days=240, daily=700)


@dataclass(frozen=True)
class FeedbackArm(Arm):
    """The resilient system with one source of labels and one share of exploration."""

    source: str = WEIGHTED
    share: float = 0.02  # of small would-be blocks

    def system(self, seed: int) -> System:
        """The system, its refits and its coin as the arm says."""
        system: Any = resilient_system(seed=seed, retraining=SOURCES[self.source])
        policy = replace(system.decisions.policy, explore_share=self.share)
        return system.with_(decisions=replace(system.decisions, policy=policy))

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it, and say whom it has blocked."""
        run = simulate(
            self.world(seed, size), self.system(seed), days=size.days,
            faults=self.faults(seed, size),
        )  # fmt: skip
        return {**summary(run), "measured": wronged(run)}


def wronged(run: Run) -> dict[str, float]:
    """Per cent of the genuine that are blocked: before the first refit, and in the last quarter."""
    log = run.log
    truth = run.truth().loc[row_keys(log, run.system.domain.identity)]
    genuine = 1 - truth["true_probability"].to_numpy()
    blocked, tick = has_action(log, BLOCK, "final_action"), ticks(log["arrival_time"])
    first = RetrainingPolicy().first
    windows = {"before": tick < first, "last": tick >= run.days - run.days // 4}
    found = {
        f"wronged_{name}": 100 * float((genuine * blocked)[rows].sum() / genuine[rows].sum())
        for name, rows in windows.items()
    }
    live = sum(one.fitted_tick > 0 for one in run.system.inference.registry.versions)
    return {**found, "refits": float(live)}
