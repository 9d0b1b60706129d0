"""Playing a drill with a policy: observation -> command, until the incident is over.

A command that nobody could follow is counted and costs the turn; a policy that never advances is
advanced. Who the policy is, and in which process it runs, is told elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlsys_lessons.drill.incident import Incident
from mlsys_lessons.drill.policies import Policy
from mlsys_lessons.drill.score import Score
from mlsys_lessons.errors import InputError, StateError

MOST_COMMANDS = 40  # a day


@dataclass(frozen=True)
class Played:
    """One finished drill of one policy."""

    scenario: str
    seed: int
    score: Score
    looks: int
    actions: int
    mistakes: tuple[str, ...] = ()


def play(incident: Incident, policy: Policy) -> Played:
    """Let a policy live through an incident.

    >>> play(Incident("unlucky_day", seed=3), lambda observation: "advance").score.points
    100.0
    """
    mistakes: list[str] = []
    while not incident.is_over:
        for _ in range(MOST_COMMANDS):
            command = str(policy(incident.observation)).strip()
            if command.startswith("advance"):
                break
            try:
                incident.do(command)
            except (InputError, StateError) as mistake:
                mistakes.append(str(mistake))
                break
        incident.advance()
    actions = sum(len(asked) for asked in incident.plan.values())
    return Played(
        incident.scenario.name, incident.seed, incident.score, len(incident.evidence), actions,
        tuple(mistakes),
    )  # fmt: skip
