"""Incidents: the faults of a run with an identity, and what people find out about them, and when.

It is kept by reality, beside the loop: it knows which fault lies behind a case, and ends a fault
when somebody does what truly ends it. How long people take is dealt in investigations.py. A system
sees of all this the tips and findings that are due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.response import Case, Finding, Mitigation, Response
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.components.response.cases import CUSTOMERS, MONEY
from mlsys_lessons.domain import Domain
from mlsys_lessons.randomness import luck
from mlsys_lessons.simulation.investigations import Cause, Investigations
from mlsys_lessons.simulation.ledger import Expected
from mlsys_lessons.system.faults import Fault

Cents = NDArray[np.float64]

TILL_LOOKS_BACK = 60.0  # days: money moves weeks after the fault, and after it is over
USUAL_DAYS = 28
# The layers in which a fault of each seam can be seen, beside the metric that it says it moves.
_SHOWS_IN = {"service": ("operations", "outputs", "decisions"), "labels": ("business",)}
_ANYWHERE = ("inputs", "operations", "outputs", "decisions", "business")
_NUMBER_BASE = 1_000_003  # keeps the keys of one incident's days apart from the next one's


@dataclass
class Incident:
    """One fault that has begun, or will; `cases` are those in which people look into it."""

    number: int
    fault: Fault
    key: int
    cases: list[int] = field(default_factory=list)
    case: int | None = None  # the one that it was noticed by
    noticed: float | None = None
    noticed_by: str = ""

    def is_on(self, day: float) -> bool:
        """Whether it goes on at a moment."""
        return self.fault.start <= day < self.fault.end


@dataclass
class Incidents:
    """All incidents of a run, and what is due to be found.

    >>> Incidents.of(0, ())
    Incidents(0 known to reality, 0 noticed)
    """

    people: Investigations
    all: list[Incident] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, faults: Iterable[Fault]) -> Incidents:
        """Give each fault a key of its own, the same in every twin."""
        return cls(Investigations(seed), [
            Incident(number, fault, crc32(f"{fault.name}@{fault.start}/{fault.severity}".encode()))
            for number, fault in enumerate(faults)
        ])  # fmt: skip

    def __repr__(self) -> str:
        noticed = sum(one.noticed is not None for one in self.all)
        return f"Incidents({len(self.all)} known to reality, {noticed} noticed)"

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults as they stand: with an end where somebody has ended them."""
        return tuple(one.fault for one in self.all)

    # --- what a midnight brings ----------------------------------------------------------------

    def tips(self, tick: int) -> tuple[str, ...]:
        """What somebody stumbled upon today, as the path of the metric that shows it."""
        return tuple(
            one.fault.moves
            for one in self.all
            if one.noticed is None and one.is_on(tick + 1.0)
            and self._stumbles(one, tick)
        )  # fmt: skip

    def _stumbles(self, one: Incident, tick: int) -> bool:
        """Whether somebody happens to see an incident today."""
        key = np.array([one.key * _NUMBER_BASE + tick])
        return bool(luck(self.people.seed, "incident.chance", key)[0] < FIGURES["chance"])

    def findings(self, tick: int) -> tuple[Finding, ...]:
        """What people have found out by tonight, in the order in which they did."""
        now, people = tick + 1.0, self.people
        for one in self.all:
            for case in one.cases if one.fault.end <= now else ():
                if (case, "diagnosed") not in people.due:
                    people.plan(Finding(case, "repaired", one.fault.end))
        found = people.findings(now)
        over = {finding.case for finding in found if finding.kind == "repaired"}
        for one in self.all:
            one.cases = [case for case in one.cases if case not in over]
        return found

    def follow(
        self, tick: int, response: Response, applied: Iterable[Mitigation], domain: Domain
    ) -> bool:
        """Deal the delays of tonight's cases, and the end of what was treated; whether any ends."""
        for number in response.changed:
            self._look_into(response.cases[number], tick + 1.0, domain)
        treated = [
            (one, mitigation)
            for mitigation in applied
            for one in self.all
            if one.fault.open_ended and one.is_on(tick + 1.0)
            and one.fault.ended_by(mitigation, domain)
        ]  # fmt: skip
        for one, mitigation in treated:
            self._end(one, tick + 1.0, mitigation, practised=response.practised)
        return bool(treated)

    def _end(self, one: Incident, now: float, mitigation: Mitigation, *, practised: bool) -> None:
        """Whoever was asked needs his time; then the fault is over."""
        name = mitigation.name
        median = "roll_back_unpractised" if name == "roll_back" and not practised else name
        end = now + self.people.hours(median, one.key, f"repair.{name}") / 24.0
        one.fault = replace(one.fault, end=min(one.fault.end, end))

    # --- what lies behind a case ---------------------------------------------------------------

    def _look_into(self, case: Case, now: float, domain: Domain) -> None:
        """Let people look into a case, and remember what it was that they noticed."""
        behind = self._behind(case, now)
        if behind is None:
            return self.people.look_into(case, Cause(), now)
        if behind.noticed is None:
            behind.case, behind.noticed, behind.noticed_by = case.number, now, case.noticed_by
        behind.cases = [*dict.fromkeys((*behind.cases, case.number))]
        remedies = behind.fault.remedies
        owners = frozenset(domain.owner_of(str(one.value)) for one in remedies if one.value)
        self.people.look_into(case, Cause(behind.fault.name, remedies, owners, behind.key), now)

    def _behind(self, case: Case, now: float) -> Incident | None:
        """The incident that people will find: what the evidence shows best, the oldest first."""
        begun = sorted(self.all, key=lambda one: one.fault.start)
        shown = [one for one in begun if one.fault.start < now and _shows(one.fault, case, now)]
        named = [one for one in shown if one.fault.moves in case.evidence]
        return next(iter([*named, *shown]), None)

    # --- the omniscient view ---------------------------------------------------------------------

    def frame(self, days: Sequence[Expected]) -> pd.DataFrame:
        """One row for each incident that has begun; `cents` beyond the usual, negative when lost.

        What better decisions on the true probability would have earned, less the same in the quiet
        weeks before. Incidents that overlap count each other's loss; a twin run tells them apart.
        """
        begun = sorted(self.all, key=lambda one: one.fault.start)
        rows = [
            {
                "incident": one.number, "fault": one.fault.name, "severity": one.fault.severity,
                "started": one.fault.start,
                "noticed": np.nan if one.noticed is None else one.noticed,
                "noticed_by": one.noticed_by or "nobody",
                "case": np.nan if one.case is None else one.case,
                "ended": one.fault.end if one.fault.end <= len(days) else np.nan,
                "cents": round(meanwhile(one.fault, days).sum()),
            }
            for one in begun
            if one.fault.start < len(days)
        ]  # fmt: skip
        columns = [
            "incident", "fault", "severity", "started", "noticed", "noticed_by", "case", "ended",
            "cents",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)


def _shows(fault: Fault, case: Case, now: float) -> bool:
    """Whether a fault can be seen in what a case has for evidence."""
    if case.clarity == MONEY:
        return now < fault.end + TILL_LOOKS_BACK
    layers = (*_SHOWS_IN.get(fault.seam, _ANYWHERE), CUSTOMERS)
    seen = any(piece.partition(".")[0] in layers for piece in case.evidence)
    return now < fault.end + 1.0 and (seen or fault.moves in case.evidence)


def meanwhile(fault: Fault, days: Sequence[Expected]) -> Cents:
    """Expected cents that each day of a fault earned above the usual, negative when below.

    The usual is how far the quiet weeks before stayed behind the best decisions, or those after it
    where there are none before.
    """
    rows, earned, best = np.array(days, dtype=np.float64).reshape(-1, 3).T
    first, last = int(fault.start), int(min(np.ceil(fault.end), len(days)))
    quiet = slice(max(first - USUAL_DAYS, 0), first) if first else slice(last, None)
    usual = (best - earned)[quiet].sum() / max(rows[quiet].sum(), 1.0)
    return np.asarray((usual * rows - (best - earned))[first:last])
