"""Scenarios: a world, a calendar of faults and a length, with a name.

`ordinary_year` is the only calendar that system-level claims use; its rates are one table, set once
for all claims. A scenario runs nothing: pass its parts to `simulate`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlsys_lessons.faults import CATALOGUE, Fault
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import InputError
from mlsys_lessons.worlds import Drift, PaymentsWorld, payments_world

YEAR = 365


@dataclass(frozen=True)
class ClaimSize:
    """The one size at which system-level claims are run."""

    days: int = 120
    daily: int = 2_000


CLAIM_SIZE = ClaimSize()


@dataclass(frozen=True)
class IncidentRate:
    """How often a fault comes, how long it stays, how bad it gets."""

    fault: str
    a_year: float
    days: float  # median duration; durations are lognormal around it
    severities: tuple[float, ...]  # equally likely
    source: str


_ASSUMED = "assumed"
_OUTAGES = (
    "about ten outages a year in one large pipeline, most of them not about learning at all "
    "(Papasian and Underwood, How ML Breaks, 2020); the split is assumed"
)
INCIDENTS = (
    IncidentRate("unit_change", 0.5, 7.0, (0.1, 0.25), _ASSUMED),
    IncidentRate("null_flood", 2.0, 2.0, (0.1, 0.3, 0.6), _ASSUMED),
    IncidentRate("duplicate_replay", 2.0, 0.5, (0.1, 0.2), _ASSUMED),
    IncidentRate("late_rows", 3.0, 0.5, (0.1, 0.3), _ASSUMED),
    IncidentRate("time_zone_shift", 1.0, 7.0, (1.0, 6.0), _ASSUMED),
    IncidentRate("renamed_category", 1.0, 14.0, (0.5, 1.0), _ASSUMED),
    IncidentRate("stale_features", 3.0, 2.0, (1.0, 3.0), _OUTAGES),
    IncidentRate("wrong_model", 1.0, 2.0, (0.34, 1.0), _OUTAGES),
    IncidentRate("latency", 3.0, 0.15, (8.0, 200.0), _OUTAGES),
    IncidentRate("dependency_outage", 3.0, 0.1, (0.5, 1.0), _OUTAGES),
)
_DURATION_SPREAD = 0.6  # standard deviation of a duration's logarithm


@dataclass(frozen=True)
class Scenario:
    """A named experiment: pass `world`, `faults` and `days` to `simulate`."""

    name: str
    world: PaymentsWorld
    faults: tuple[Fault, ...]
    days: int

    def __repr__(self) -> str:
        return f"Scenario({self.name!r}: {len(self.faults)} faults in {self.days} days)"


def incident_calendar(seed: int, *, days: int = YEAR, rate: float = 1.0) -> tuple[Fault, ...]:
    """Faults drawn from the table of rates, each kind from its own stream; `rate` scales all.

    Raises InputError for a negative rate.

    >>> incident_calendar(7, rate=0.0)
    ()
    """
    if not 0 <= rate < 1e3:
        raise InputError(f"rate={rate!r} is not between 0 and 1000; 1.0 is the ordinary year.")
    faults: list[Fault] = []
    for row in INCIDENTS:
        luck = stream(seed, f"incidents.{row.fault}")
        for _ in range(int(luck.poisson(row.a_year * rate * days / YEAR))):
            start = float(luck.uniform(0, days))
            length = row.days * float(np.exp(_DURATION_SPREAD * luck.standard_normal()))
            severity = row.severities[int(luck.integers(len(row.severities)))]
            faults.append(
                CATALOGUE[row.fault](start=start, end=start + length, severity=severity)
            )
    return tuple(sorted(faults, key=lambda fault: fault.start))


def ordinary_year(seed: int = 0, *, daily: int = 1_000, days: int = YEAR) -> Scenario:
    """The year that claims are judged by: drift and adaptation at their defaults, incidents drawn.

    >>> ordinary_year(7).days
    365
    """
    world = payments_world(seed=seed, daily=daily)
    return Scenario("ordinary_year", world, incident_calendar(seed, days=days), days)


def fault_free_year(seed: int = 0, *, daily: int = 1_000, days: int = YEAR) -> Scenario:
    """The same world without a single incident; always shown beside the ordinary year."""
    return Scenario("fault_free_year", payments_world(seed=seed, daily=daily), (), days)


def healthy(seed: int = 0, *, daily: int = 1_000, days: int = 180) -> Scenario:
    """No faults, no drift, no adaptation, a stationary population; only seasons."""
    world = payments_world(seed=seed, daily=daily, drift=Drift.none())
    return Scenario("healthy", world, (), days)


SCENARIOS: dict[str, Callable[..., Scenario]] = {
    "ordinary_year": ordinary_year,
    "fault_free_year": fault_free_year,
    "healthy": healthy,
}


def scenario(name: str, seed: int = 0, *, daily: int = 1_000, days: int = YEAR) -> Scenario:
    """A scenario by name; raises InputError for one that does not exist."""
    if name not in SCENARIOS:
        raise InputError(f"scenario {name!r} is unknown; choose one of {', '.join(SCENARIOS)}.")
    return SCENARIOS[name](seed, daily=daily, days=days)
