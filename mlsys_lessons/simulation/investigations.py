"""Investigations: how long people take until a case is acknowledged and its cause is found.

Delays are lognormal, by luck keyed by incident and purpose, so twins share them. What people will
find is planned here when a case is opened, and told when it is due; which incident lies behind a
case, and when that is over, is told in incidents.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from mlsys_lessons.components.response import Case, Finding, Mitigation
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.components.response.cases import FALSE_ALARM, MONEY, UNOWNED
from mlsys_lessons.randomness import normal_luck

WORKING_HOURS, OPENS = 8.0, 9.0  # of a working day, and the hour at which it begins
FIRST_WEEKDAY = 2  # day 0 is a Wednesday, Monday is 0


def worked(start: float, hours: float) -> float:
    """The day on which so many working hours are done: nights and weekends count for nothing.

    >>> worked(0.0, 4.0), worked(1.0, 16.0)  # Wednesday midnight; Thursday, two days' work
    (0.5416666666666666, 2.7083333333333335)
    >>> int(worked(3.0, 1.0))  # from Saturday to Monday
    5
    """
    day, moment = divmod(start, 1.0)
    left = hours
    while True:
        is_working = (day + FIRST_WEEKDAY) % 7 < 5
        begins = max(moment * 24.0, OPENS)
        free = max(OPENS + WORKING_HOURS - begins, 0.0) if is_working else 0.0
        if left <= free:
            return float(day + (begins + left) / 24.0)
        left, day, moment = left - free, day + 1, 0.0


@dataclass(frozen=True)
class Cause:
    """What truly lies behind a case: nothing, or a fault, its remedies and who can do them."""

    name: str = FALSE_ALARM
    remedies: tuple[Mitigation, ...] = ()
    owners: frozenset[str] = frozenset()
    key: int = 0


@dataclass
class Investigations:
    """What people are going to find, by case and kind.

    >>> Investigations(seed=0)
    Investigations(0 findings to come)
    """

    seed: int
    due: dict[tuple[int, str], Finding] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Investigations({len(self.due)} findings to come)"

    def look_into(self, case: Case, cause: Cause, now: float) -> None:
        """Plan when a case is acknowledged and understood; better evidence brings it forward."""
        false_alarm = crc32(f"case {case.opened} {case.evidence[0]}".encode())
        key = cause.key or false_alarm
        taken = case.acknowledged
        if taken is None:
            taken = worked(now, self.hours("acknowledge", key, "acknowledge"))
            self.plan(Finding(case.number, "acknowledged", taken))
        hours = self.hours(f"diagnose_{case.clarity}", key, f"diagnose.{case.clarity}")
        hours += sum(
            self.hours("hand_off", key, f"hand-off {step}")
            for step in range(hand_offs(case, cause))
        )
        begins = max(taken, now)
        found = begins + hours / 24.0 if case.severity == "page" else worked(begins, hours)
        self.plan(Finding(case.number, "diagnosed", found, cause.name, cause.remedies))

    def plan(self, finding: Finding) -> None:
        """Expect a finding; of two of a kind the true cause counts, then the earlier one."""
        place = (finding.case, finding.kind)
        old = self.due.get(place)
        better = old is None or (old.cause == FALSE_ALARM, -old.at) > (
            finding.cause == FALSE_ALARM, -finding.at,
        )  # fmt: skip
        if better:
            self.due[place] = finding

    def findings(self, now: float) -> tuple[Finding, ...]:
        """What has been found by now, in the order in which it was; each is told once."""
        ready = [finding for finding in self.due.values() if finding.at <= now]
        for finding in ready:
            del self.due[finding.case, finding.kind]
        return tuple(sorted(ready, key=lambda finding: (finding.at, finding.case)))

    def hours(self, name: str, key: int, purpose: str) -> float:
        """A delay in hours: lognormal around its median."""
        noise = float(normal_luck(self.seed, f"incident.{purpose}", np.array([key]))[0])
        return FIGURES[name] * float(np.exp(FIGURES["spread"] * noise))


def hand_offs(case: Case, cause: Cause) -> int:
    """How often a case changes hands until it is with somebody who can find its cause.

    One that is nobody's changes hands once more: before anybody looks, somebody has to take it.
    """
    taken = int(case.owner == UNOWNED)
    if not cause.owners or case.owner in cause.owners:
        return taken
    return taken + (2 if case.clarity == MONEY else 1)
