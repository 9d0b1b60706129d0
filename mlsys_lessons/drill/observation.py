"""What a player sees: plain frozen values, made for JSON, with no way back to the truth.

The scenario's name is not among them. What colleagues find out about a cause is not, either: in a
drill, finding the cause is the player's work. An owner who is asked knows his own part, and says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlsys_lessons.components.response import Case, Mitigation
from mlsys_lessons.components.response import Observation as Midnight
from mlsys_lessons.simulation.run import Run


@dataclass(frozen=True)
class Ringing:
    """An alert that fires: its metric by path, and the runbook's line as commands."""

    path: str
    value: float
    threshold: float
    severity: str
    owner: str
    runbook: tuple[str, ...] = ()


@dataclass(frozen=True)
class Noticed:
    """Something that people look into, by its evidence; whether it is over."""

    number: int
    evidence: tuple[str, ...]
    owner: str
    is_open: bool


@dataclass(frozen=True)
class Seen:
    """One piece of evidence that was paid for: when, which, and its rows as plain values."""

    day: int
    asked: str
    rows: tuple[dict[str, Any], ...] = field(repr=False)


@dataclass(frozen=True)
class Observation:
    """What stands before the player: the page, the clock, alerts, cases, evidence, the bill."""

    page: str
    day: int  # of the drill, 0 is the first
    days_left: int
    minutes_left: int  # of today, for looking
    spent_cents: int  # on evidence
    alerts: tuple[Ringing, ...] = ()
    cases: tuple[Noticed, ...] = ()
    in_force: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()  # for tonight
    history: tuple[tuple[int, str], ...] = ()  # what was asked for on which day
    replies: tuple[tuple[int, str], ...] = ()  # what owners who were asked say, and since when
    evidence: tuple[Seen, ...] = field(default=(), repr=False)

    def plain(self) -> dict[str, Any]:
        """As JSON would have it."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Observation:
        """The observation that was written as JSON.

        >>> one = Observation("a page", 0, 14, 480, 0, (Ringing("a.b", 1.0, 0.5, "page", "us"),))
        >>> Observation.of(one.plain()) == one
        True
        """
        told = dict(plain)
        made: dict[str, Any] = {
            "alerts": tuple(
                Ringing(**{**a, "runbook": tuple(a["runbook"])}) for a in told["alerts"]
            ),
            "cases": tuple(
                Noticed(**{**c, "evidence": tuple(c["evidence"])}) for c in told["cases"]
            ),
            **{
                name: tuple((int(day), words) for day, words in told[name])
                for name in ("history", "replies")
            },
            "evidence": tuple(Seen(**{**e, "rows": tuple(e["rows"])}) for e in told["evidence"]),
            **{name: tuple(told[name]) for name in ("in_force", "asked")},
        }
        return cls(**{**told, **made})


def command_of(mitigation: Mitigation) -> str:
    """A mitigation in the words of the drill.

    >>> command_of(Mitigation("ask_owner", "amount").undo())
    'undo ask_owner amount'
    """
    given = mitigation.value
    value = "" if given is None else f" {given if isinstance(given, str) else format(given, 'g')}"
    return f"{'undo ' if mitigation.undone else ''}{mitigation.name}{value}"


def figure(value: float) -> str:
    """A number as people read it: four digits, and whole ones from a thousand on.

    >>> figure(0.033381), figure(139_312.4)
    ('0.03338', '139,312')
    """
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def ringing(midnight: Midnight) -> Iterable[Ringing]:
    """The alerts of a midnight, without their kinds."""
    for alert in midnight.alerts:
        line = tuple(command_of(item) for item in alert.runbook)
        yield Ringing(alert.path, float(alert.value), float(alert.threshold), alert.severity,
                      alert.owner, line)  # fmt: skip


def noticed(cases: Iterable[Case]) -> Iterable[Noticed]:
    """Cases, without what colleagues have found."""
    for case in cases:
        yield Noticed(case.number, case.evidence, case.owner, case.is_open)


def replied(asked: Iterable[Mitigation], run: Run) -> Iterable[str]:
    """What owners say who were asked last night: each knows whether it is his own part."""
    going_on = [one.fault for one in run.happening.all if one.is_on(run.days)]
    for question in asked:
        if question.name == "ask_owner" and not question.undone:
            is_theirs = any(fault.ended_by(question, run.system.domain) for fault in going_on)
            words = "it was us, and we are on it" if is_theirs else "nothing is wrong with us"
            yield f"{question.value}: {words}"
