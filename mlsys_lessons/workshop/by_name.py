"""Worlds, systems and faults by the names that a shell can spell.

It looks names up and says what there is for one that it does not know; what stands behind a name
is made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlsys_lessons.errors import InputError
from mlsys_lessons.simulation import scenarios
from mlsys_lessons.simulation.presets import naive_system, reference_system, resilient_system
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import PaymentsWorld, payments_world

SYSTEMS: dict[str, Callable[..., System]] = {
    "naive": naive_system,
    "resilient": resilient_system,
    "reference": reference_system,
}


def world(
    name: str, *, seed: int, daily: int, days: int, scenario: str | None, faults: list[str]
) -> tuple[PaymentsWorld, tuple[Fault, ...]]:
    """A world and the faults of a run: those of the scenario, then those named one by one.

    Raises InputError for a name that is unknown.
    """
    if name != "payments":
        raise InputError(f"world {name!r} is unknown; choose payments.")
    extra = tuple(fault(text, days=days) for text in faults)
    if scenario is None:
        return payments_world(seed=seed, daily=daily), extra
    setting = scenarios.scenario(scenario, seed, daily=daily, days=days)
    return setting.world, (*setting.faults, *extra)


def fault(text: str, *, days: int) -> Fault:
    """A fault from NAME[:START[:END[:SEVERITY]]]; without a window, the middle third of `days`.

    With a start and no end it lasts until somebody ends it.

    >>> fault("unit_change", days=90), fault("unit_change:30::0.1", days=90)
    (unit_change(start=30, end=60, severity=0.25), unit_change(start=30, severity=0.1))
    """
    name, *numbers = text.split(":")
    if name not in CATALOGUE:
        raise InputError(f"fault {name!r} is unknown; choose one of {', '.join(CATALOGUE)}.")
    try:
        given = [float(number) if number else None for number in numbers]
        values = given or [days / 3, 2 * days / 3]
        window = dict(zip(("start", "end", "severity")[: len(values)], values, strict=True))
        return CATALOGUE[name](**window)
    except InputError:
        raise
    except (TypeError, ValueError):
        raise InputError(f"fault {text!r} is not NAME:START:END, as in {name}:60:90.") from None


def system(name: str, **parts: Any) -> System:
    """One of the course's systems for payments; `parts` go to its maker: seed=7, say."""
    if name not in SYSTEMS:
        raise InputError(f"system {name!r} is unknown; choose one of {list(SYSTEMS)}.")
    return SYSTEMS[name](**parts)
