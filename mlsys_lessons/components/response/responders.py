"""Responders: policies that say at a midnight what to change, from what they see.

A responder is any callable, observation -> mitigations. Four traits are read where it has them:
`takes_alerts` (somebody is called when a rule fires), `practised` (a roll-back has been rehearsed),
`investigates` (it looks for causes itself: no colleague's hours are charged for that) and `name`.
What a mitigation does and costs is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mlsys_lessons.components.response.cases import NAMED, Case, Observation, clarity
from mlsys_lessons.components.response.mitigations import Mitigation
from mlsys_lessons.errors import InputError

Responder = Callable[[Observation], Iterable[Mitigation]]
Runbook = Mapping[str, Iterable[Mitigation]]


@dataclass(frozen=True)
class NeverActs:
    """Nothing is ever done: what a system without a responder has."""

    takes_alerts = True
    practised = True

    def __call__(self, observation: Observation) -> Iterable[Mitigation]:
        """Look on."""
        return ()


@dataclass(frozen=True)
class Nobody:
    """Naive level: no alert reaches anybody. Till, customers or chance start a search.

    What people find in the end, they treat; it takes them as long as it takes.
    """

    takes_alerts = False
    practised = False

    def __call__(self, observation: Observation) -> Iterable[Mitigation]:
        """Do what those who searched say."""
        return found_remedies(observation)


class OnCall:
    """Resilient level: alerts have owners, owners have a runbook.

    The runbook's line is done the night its alert fires, the remedy once the cause is known; what
    was a stopgap is undone when the case is closed. `runbook` maps a metric's path to its line,
    {"inputs.amount_mean": [quarantine("amount"), ask_owner("amount")]} say; without one, the lines
    that the domain's alert rules carry.

    Raises InputError for a runbook that holds something else.
    """

    takes_alerts = True
    practised = True

    def __init__(self, runbook: Runbook | None = None) -> None:
        if runbook is not None and not isinstance(runbook, Mapping):
            raise InputError(f"runbook={runbook!r} is no mapping; pass {{path: [mitigations]}}.")
        self.runbook = None if runbook is None else {k: tuple(v) for k, v in runbook.items()}
        for line in (self.runbook or {}).values():
            strange = [item for item in line if not isinstance(item, Mitigation)]
            if strange:
                raise InputError(f"runbook holds {strange[0]!r}; a line is a list of mitigations.")

    def __repr__(self) -> str:
        lines = "the domain's" if self.runbook is None else f"{len(self.runbook)} lines"
        return f"OnCall(runbook: {lines})"

    def __call__(self, observation: Observation) -> Iterable[Mitigation]:
        """First aid, remedies, and the way back."""
        done = [item for case in observation.cases if case.is_open for item in case.applied]
        asked = [*self._first_aid(observation), *found_remedies(observation)]
        fresh = [item for item in dict.fromkeys(asked) if item not in done]
        return [*self._ways_back(observation, {*done, *fresh}), *fresh]

    def _first_aid(self, observation: Observation) -> list[Mitigation]:
        """The runbook's lines of what fires and belongs to a case that somebody has taken."""
        taken = {
            piece
            for case in observation.cases
            if case.is_open and case.acknowledged is not None
            for piece in case.evidence
        }
        firing = [alert for alert in observation.alerts if alert.path in taken]
        named = [alert for alert in firing if clarity(alert.path) == NAMED]
        lines = [  # what names a field, a table or a service comes before what only saw scores move
            alert.runbook if self.runbook is None else self.runbook.get(alert.path, ())
            for alert in named or firing
        ]
        return [item for line in lines for item in line]

    def _ways_back(self, observation: Observation, wanted: set[Mitigation]) -> list[Mitigation]:
        """Undo what was done for cases that are over, unless another case needs it."""
        over: list[Case] = [case for case in observation.cases if not case.is_open]
        spent = [item for case in over for item in case.applied if item in observation.in_force]
        return [item.undo() for item in dict.fromkeys(spent) if item not in wanted]


def found_remedies(observation: Observation) -> list[Mitigation]:
    """For each case whose cause is known and that nobody has treated: what would end it."""
    return [
        case.remedies[0]
        for case in observation.cases
        if case.is_open and case.remedies and case.remedies[0] not in case.applied
    ]
