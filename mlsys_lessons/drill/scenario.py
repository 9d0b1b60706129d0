"""Scenarios of the drill: one file each in scenarios/, read into frozen data.

A scenario says what truly happens (faults, knobs of the world), what the page says, and which
remedies end it; one without remedies is quiet: nothing is wrong, or nothing on the list helps. No
consequence stands here: those come out of the simulation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlsys_lessons.components.response import Mitigation
from mlsys_lessons.drill.faults import KINDS
from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import whole_number
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.worlds import Drift

FOLDER = Path(__file__).parent / "scenarios"
QUIET_DAYS = 60  # before anything happens: four weeks for every limit, two months for the till
LATEST = 3  # days from the quiet ones to the page, at most
LISTS = ("faults", "looks_like", "shown_by")
PAGE_DAY = QUIET_DAYS + LATEST


@dataclass(frozen=True)
class DrillScenario:
    """One incident as data; `starts` of a fault is in days from the page, mostly negative."""

    name: str
    title: str
    page: str
    told: str  # what truly happened, for the debrief
    days: int
    lesson: str
    remedies: tuple[Mitigation, ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()
    world: Drift = field(default_factory=Drift)
    calendar: str = "Nothing is planned."
    looks_like: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = ()  # metrics' paths that could have told it

    @property
    def quiet(self) -> bool:
        """Whether the best is to look on: nothing is wrong, or nothing on the list helps."""
        return not self.remedies

    def __repr__(self) -> str:
        return f"DrillScenario({self.name!r}: {self.title}, {self.days} days)"

    def happening(self) -> tuple[Fault, ...]:
        """The faults, on the days of a run."""
        return tuple(
            KINDS[one["kind"]](
                start=PAGE_DAY + one["starts"],
                **{name: value for name, value in one.items() if name not in ("kind", "starts")},
            )
            for one in self.faults
        )


def names() -> list[str]:
    """All scenarios, by name.

    >>> len(names()) >= 16
    True
    """
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@lru_cache
def scenario(name: str) -> DrillScenario:
    """A scenario by name; raises InputError for one that does not exist.

    >>> scenario("unit_change").remedies
    (ask_owner('amount'),)
    """
    if name not in names():
        raise InputError(f"scenario {name!r} is unknown; choose one of {', '.join(names())}.")
    told = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    remedies = tuple(mitigation_of(line) for line in told.pop("remedies", ()))
    world = Drift(**told.pop("world", {}))
    lists: dict[str, Any] = {each: tuple(told.pop(each, ())) for each in LISTS}
    return DrillScenario(name=name, remedies=remedies, world=world, **lists, **told)


def drawn(seed: int) -> str:
    """The scenario of somebody who names none: any of them, and the same for a seed.

    >>> drawn(7) == drawn(7) and drawn(7) in names()
    True
    """
    seed = whole_number("seed", seed, 0, 2**31 - 1)
    return str(stream(seed, "drill.scenario").choice(names()))


def mitigation_of(command: str) -> Mitigation:
    """The mitigation that a command names: "ask_owner amount", "undo fall_back", "retrain 60".

    Raises InputError for anything else; a name that reads as a number is one.

    >>> mitigation_of("set_threshold 0.4"), mitigation_of("undo quarantine amount")
    (set_threshold(0.4), undo quarantine('amount'))
    """
    words = str(command).split()
    undone = words[:1] == ["undo"]
    name, *rest = words[undone:] or [""]
    value: str | float | None = " ".join(rest) or None
    with suppress(ValueError):
        value = float(value) if value is not None else None
    return Mitigation(name, value, undone)
