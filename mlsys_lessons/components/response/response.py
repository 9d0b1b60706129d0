"""Response: cases are opened, worked on and closed, and a responder says what to change.

It belongs to monitoring & feedback, and every system has one: what differs is who responds, and
whether an alert reaches anybody. It sees alerts, books and what colleagues report back (findings),
never the truth; it changes nothing itself: what a responder asks for is done by `System.apply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Component
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.components.response.cases import (
    ALERT,
    CHANCE,
    CUSTOMERS,
    FALSE_ALARM,
    TILL,
    Alert,
    Case,
    Observation,
)
from mlsys_lessons.components.response.mitigations import Mitigation
from mlsys_lessons.components.response.noticing import Hotline, Till
from mlsys_lessons.components.response.responders import NeverActs, Responder
from mlsys_lessons.domain import Costs, Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import ClosedDay

FINANCE, SUPPORT, ANYBODY = "finance", "customer support", "somebody"


class Finding(NamedTuple):
    """What colleagues report back of a case; `kind` is acknowledged, diagnosed or repaired."""

    case: int
    kind: str
    at: float  # day
    cause: str = ""
    remedies: tuple[Mitigation, ...] = ()


class Signals(NamedTuple):
    """What may make a business look up tonight."""

    alerts: tuple[Alert, ...] = ()
    new: frozenset[str] = frozenset()  # paths of the rules that call somebody
    disputes: int = 0
    accepted: int = 0
    calls: int = 0
    tips: tuple[str, ...] = ()  # metrics' paths that somebody has stumbled upon
    watched: bool = False  # whether there are rules at all


@dataclass
class Response(Component):
    """The cases of a system, and who responds.

    >>> Response()
    Response(NeverActs(), 0 cases, 0 open)
    """

    responder: Responder = field(default_factory=NeverActs)
    domain: Domain = field(default=DEFAULT_DOMAIN, repr=False)
    cases: list[Case] = field(default_factory=list)
    till: Till = field(default_factory=Till)
    hotline: Hotline = field(default_factory=Hotline)
    pages: int = 0  # people called tonight, each once however many alerts they own
    on_call: bool = False
    spent: float = 0.0  # cents of people's time and of mitigations, today
    changed: tuple[int, ...] = ()  # cases that tonight were opened, or saw better evidence

    def __repr__(self) -> str:
        return f"Response({self.responder!r}, {len(self.cases)} cases, {len(self.open)} open)"

    @property
    def open(self) -> list[Case]:
        """The cases that somebody still works on."""
        return [case for case in self.cases if case.is_open]

    @property
    def practised(self) -> bool:
        """Whether a roll-back has been rehearsed."""
        return bool(getattr(self.responder, "practised", True))

    @property
    def searching_is_charged(self) -> bool:
        """Whether colleagues look for causes here, or whoever responds does it alone."""
        return not getattr(self.responder, "investigates", False)

    # --- noticing ------------------------------------------------------------------------------

    def notice(self, tick: int, signals: Signals) -> None:
        """Open a case for whatever is new tonight, or add it to the one that is looked into."""
        self.on_call = signals.watched and bool(getattr(self.responder, "takes_alerts", True))
        news = [alert for alert in signals.alerts if alert.path in signals.new and self.on_call]
        self.spent, self.changed = 0.0, ()
        known = {piece for case in self.open for piece in case.evidence}
        fresh = [alert for alert in news if alert.path not in known]
        self.pages = len({alert.owner for alert in fresh if alert.severity == "page"})
        if fresh:
            gravest = min(fresh, key=lambda alert: alert.severity != "page")  # the first of these
            paths = tuple(alert.path for alert in fresh)
            self._add(tick, ALERT, paths, gravest.owner, gravest.severity)
        for path in signals.tips:
            self._add(tick, CHANCE, (path,), ANYBODY)
        if self.till.close_day(tick, signals.disputes, signals.accepted):
            self._add(tick, TILL, (TILL,), FINANCE)
        if self.hotline.close_day(tick, signals.calls):
            self._add(tick, CUSTOMERS, (CUSTOMERS,), SUPPORT)

    def _add(
        self, tick: int, way: str, evidence: tuple[str, ...], owner: str, severity: str = "ticket"
    ) -> None:
        """One investigation at a time: what is new joins it, or waits where a repair is due."""
        searching = [case for case in self.open if case.diagnosed is None]
        if searching:
            old = searching[-1]
            case = replace(old, evidence=tuple(dict.fromkeys((*old.evidence, *evidence))))
            if severity == "page" and old.severity != "page":
                case = replace(case, severity="page", owner=owner, acknowledged=tick + 1.0)
            self._put(case)
        elif way != ALERT and self.open:
            return  # the cause is known, and its repair is on its way
        else:
            case = Case(len(self.cases), tick + 1, way, evidence, owner, severity)
            if severity == "page":  # it takes minutes, and the clock has days
                case = replace(case, acknowledged=tick + 1.0)
            self.cases.append(case)
        self.changed = tuple(dict.fromkeys((*self.changed, case.number)))

    # --- working on a case ---------------------------------------------------------------------

    def hear(self, tick: int, findings: Iterable[Finding]) -> None:
        """Write down what colleagues have found; their time is charged, if it is theirs."""
        for finding in findings:
            case = self.cases[finding.case]
            if not case.is_open:
                continue
            if finding.kind == "acknowledged":
                case = replace(case, acknowledged=case.acknowledged or finding.at)
            elif finding.kind == "diagnosed":
                hours = FIGURES[f"work_{case.clarity}"] * self.searching_is_charged
                self.spent += hours * FIGURES["hour"]
                case = replace(
                    case, diagnosed=finding.at, cause=finding.cause, remedies=finding.remedies
                )
                if finding.cause == FALSE_ALARM:
                    case = replace(case, closed=tick + 1)
            else:
                case = replace(case, repaired=finding.at, closed=tick + 1)
            self._put(case)

    def _put(self, case: Case) -> None:
        self.cases[case.number] = case

    def observe(
        self, tick: int, alerts: tuple[Alert, ...], metrics: Iterable[tuple[str, float]],
        in_force: Iterable[Mitigation],
    ) -> Observation:  # fmt: skip
        """What the responder sees tonight."""
        cases = tuple(case for case in self.cases if case.is_open or case.closed == tick + 1)
        seen = alerts if self.on_call else ()
        return Observation(tick, seen, tuple(metrics), cases, tuple(in_force))

    def answer(self, observation: Observation) -> tuple[Mitigation, ...]:
        """What the responder asks for.  Raises InputError for what is no mitigation."""
        asked = self.responder(observation)
        if asked is None or isinstance(asked, (str, Mitigation)):
            raise InputError(f"{self.responder!r} returned {asked!r}; return a list, [] say.")
        asked = tuple(asked)
        strange = next((item for item in asked if not isinstance(item, Mitigation)), None)
        if strange is not None:
            raise InputError(
                f"{self.responder!r} asked for {strange!r}; make it with response.quarantine(...)."
            )
        return asked

    def file(self, tick: int, applied: Iterable[Mitigation]) -> None:
        """Charge what was done, and write it into the case that it belongs to."""
        for item in applied:
            if item.name == "nothing":
                continue
            self.spent += FIGURES["work_mitigation"] * FIGURES["hour"]
            self.spent += FIGURES["warehouse_night"] * (item.name == "rebuild_table")
            fitting = [case for case in self.open if item in case.remedies] or self.open[-1:]
            if fitting and not item.undone:
                case = fitting[0]
                since = tick + 1 if case.mitigated is None else case.mitigated
                self._put(replace(case, mitigated=since, applied=(*case.applied, item)))

    def overheads(self, day: ClosedDay, costs: Costs) -> Mapping[str, int]:
        """Somebody who can be called, the calls, and the time of whoever works on a case."""
        on_call = costs.on_call_day if self.on_call else 0
        work = round(self.spent * costs.people_share)
        return {"page": self.pages * costs.page, "on_call": on_call, "response": work}


def checked_responder(responder: Any) -> Responder:
    """A responder; None is one that never acts.  Raises InputError for what cannot be called."""
    if responder is None:
        return NeverActs()
    if isinstance(responder, type) or not callable(responder):
        raise InputError(f"responder={responder!r} cannot be asked; pass a function of one value.")
    return responder  # type: ignore[no-any-return]
