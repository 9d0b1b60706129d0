"""An arm in which nobody answers: alerts, cases and complaints come, and nothing is ever done.

Only the responder is taken away. Monitors look, colleagues search and are paid, labels come and
models learn; what a cause is found to be, nobody acts on.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.system.system import System


@dataclass(frozen=True)
class Unanswered(Arm):
    """The same arm without its responder."""

    def system(self, seed: int) -> System:
        """The system of this arm, and nobody who acts."""
        return super().system(seed).with_(responder=None)
