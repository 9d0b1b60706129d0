"""Mitigations: the closed list of what somebody on call can do to a running system, as data.

What each of them changes is told in system/levers.py, what it costs in assumptions.py; here are
its name, its side effect and its way back. The list is shared by the course's own on-call, by
learners' responders and by the drill.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mlsys_lessons.errors import InputError


class Kind(NamedTuple):
    """One line of the list: what it is told, what else it does, how it is taken back."""

    takes: str  # "" nothing; "source" or "field": a name; else the unit of a number
    low: float
    high: float
    side_effect: str
    way_back: str


KINDS = {
    "ask_owner": Kind("source", 0, 0, "somebody else's day", "the request is withdrawn"),
    "quarantine": Kind("field", 0, 0, "nobody reads the field, right or wrong", "read it again"),
    "rebuild_table": Kind("", 0, 0, "the warehouse is busy for a night", "nothing to undo"),
    "roll_back": Kind("", 0, 0, "an older model, or the same one anew", "deploy the newer model"),
    "fall_back": Kind("", 0, 0, "a rule answers, or nobody where there is none", "ask the model"),
    "scale_out": Kind("", 0, 0, "twice the servers on the bill", "let them go"),
    "set_threshold": Kind("score", 0, 1, "blocks by score alone, at any amount", "as it was"),
    "widen_review": Kind("cases a day", 1, 10_000, "temporary staff, paid by the minute", "let go"),
    "retrain": Kind("days", 30, 150, "learns whatever these days hold", "the model before"),
    "explore": Kind("share", 0, 0.5, "frauds are let through to learn from them", "as it was"),
    "nothing": Kind("", 0, 0, "none", "nothing to undo"),
}


@dataclass(frozen=True)
class Mitigation:
    """One change that somebody asks for; `undo()` is the way back.

    Raises InputError for a name that is not on the list, or a value out of its range.

    >>> quarantine("amount"), quarantine("amount").undo()
    (quarantine('amount'), undo quarantine('amount'))
    >>> Mitigation("restart")
    Traceback (most recent call last):
        ...
    mlsys_lessons.errors.InputError: mitigation 'restart' is not on the list; choose one of \
ask_owner, quarantine, rebuild_table, roll_back, fall_back, scale_out, set_threshold, \
widen_review, retrain, explore, nothing.
    """

    name: str
    value: str | float | None = None
    undone: bool = False

    def __post_init__(self) -> None:
        """Refuse what nobody could do."""
        kind = KINDS.get(self.name) if isinstance(self.name, str) else None
        if kind is None:
            raise InputError(
                f"mitigation {self.name!r} is not on the list; choose one of {', '.join(KINDS)}."
            )
        if not _fits(self.value, kind):
            wanted = f"a number of {kind.takes} in {kind.low:g}..{kind.high:g}"
            if not kind.takes:
                wanted = "no value"
            elif kind.takes in ("source", "field"):
                wanted = f"the name of a {kind.takes}"
            raise InputError(f"{self.name}({self.value!r}) does not work; it takes {wanted}.")

    def __repr__(self) -> str:
        value = "" if self.value is None else repr(self.value)
        return f"{'undo ' if self.undone else ''}{self.name}({value})"

    def undo(self) -> Mitigation:
        """The way back."""
        return replace(self, undone=True)


def _fits(value: object, kind: Kind) -> bool:
    if not kind.takes:
        return value is None
    if kind.takes in ("source", "field"):
        return isinstance(value, str) and bool(value)
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return is_number and kind.low <= float(value) <= kind.high  # type: ignore[arg-type]


def ask_owner(source: str) -> Mitigation:
    """Call whoever answers for a field (its name), or a team by its own name."""
    return Mitigation("ask_owner", source)


def quarantine(field: str) -> Mitigation:
    """Do without a raw field: what stands on it is missing, the rest of each row counts."""
    return Mitigation("quarantine", field)


def rebuild_table() -> Mitigation:
    """Refresh the table of features from the log."""
    return Mitigation("rebuild_table")


def roll_back() -> Mitigation:
    """Deploy the version before everywhere; the same one anew where there is no other."""
    return Mitigation("roll_back")


def fall_back() -> Mitigation:
    """Take the model out of service: the next rung answers, or nobody."""
    return Mitigation("fall_back")


def scale_out() -> Mitigation:
    """Twice as many servers for the model."""
    return Mitigation("scale_out")


def set_threshold(score: float) -> Mitigation:
    """Block from this score on, whatever the amount."""
    return Mitigation("set_threshold", score)


def widen_review(cases: int) -> Mitigation:
    """So many cases a day more for people to look at."""
    return Mitigation("widen_review", cases)


def retrain(days: int = 120) -> Mitigation:
    """Fit the model anew on the last days with known labels; it has to beat the old one."""
    return Mitigation("retrain", days)


def explore(share: float) -> Mitigation:
    """Let so large a share of small would-be blocks through."""
    return Mitigation("explore", share)


def nothing() -> Mitigation:
    """Look on."""
    return Mitigation("nothing")
