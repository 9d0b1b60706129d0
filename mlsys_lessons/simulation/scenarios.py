"""Scenarios: a world, a calendar of faults and a length, with a name.

`ordinary_year` is the only calendar that system-level claims use; its rates are one table, set once
for all claims. A scenario runs nothing: pass its parts to `simulate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real

import numpy as np

from mlsys_lessons.randomness import stream
from mlsys_lessons.records import InputError, whole_number
from mlsys_lessons.system.faults import CATALOGUE, Fault
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
MOST_INCIDENTS = 16  # times the ordinary rate
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

    Raises InputError for a rate or a length out of range.

    >>> incident_calendar(7, rate=0.0)
    ()
    """
    if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 <= rate <= MOST_INCIDENTS:
        raise InputError(
            f"rate={rate!r} is not between 0 and {MOST_INCIDENTS}; 1.0 is the ordinary year."
        )
    _check(seed, days)
    faults = [fault for row in INCIDENTS for fault in _incidents(seed, row, days, rate)]
    return tuple(sorted(faults, key=lambda fault: fault.start))


def _check(seed: int, days: int) -> None:
    whole_number("seed", seed, 0, 2**31 - 1)
    whole_number("days", days, 1, 3 * YEAR)


def _incidents(seed: int, row: IncidentRate, days: int, rate: float) -> Iterator[Fault]:
    """One kind's faults: a stream at the highest rate, thinned, so that calendars are nested.

    A longer calendar begins with the shorter one, and a busier one contains the calmer one:
    twin runs that differ in rate share every incident that both have.
    """
    luck = stream(seed, f"incidents.{row.fault}")
    start = 0.0
    while True:
        start += float(luck.exponential(YEAR / (row.a_year * MOST_INCIDENTS)))
        length = row.days * float(np.exp(_DURATION_SPREAD * luck.standard_normal()))
        severity = row.severities[int(luck.integers(len(row.severities)))]
        mark = float(luck.random()) * MOST_INCIDENTS
        if start >= days:
            return
        if mark < rate:
            yield CATALOGUE[row.fault](start=start, end=start + length, severity=severity)


def ordinary_year(seed: int = 0, *, daily: int = 1_000, days: int = YEAR) -> Scenario:
    """The year that claims are judged by: drift and adaptation at their defaults, incidents drawn.

    >>> ordinary_year(7).days
    365
    """
    world = payments_world(seed=seed, daily=daily)
    return Scenario("ordinary_year", world, incident_calendar(seed, days=days), days)


def fault_free_year(seed: int = 0, *, daily: int = 1_000, days: int = YEAR) -> Scenario:
    """The same world without a single incident; always shown beside the ordinary year."""
    _check(seed, days)
    return Scenario("fault_free_year", payments_world(seed=seed, daily=daily), (), days)


def healthy(seed: int = 0, *, daily: int = 1_000, days: int = 180) -> Scenario:
    """No faults, no drift, no adaptation, a stationary population; only seasons."""
    _check(seed, days)
    world = payments_world(seed=seed, daily=daily, drift=Drift.none())
    return Scenario("healthy", world, (), days)


SCENARIOS: dict[str, Callable[..., Scenario]] = {
    "ordinary_year": ordinary_year,
    "fault_free_year": fault_free_year,
    "healthy": healthy,
}


def scenario(name: str, seed: int = 0, *, daily: int = 1_000, days: int = YEAR) -> Scenario:
    """A scenario by name; raises InputError for one that does not exist."""
    if not isinstance(name, str) or name not in SCENARIOS:
        raise InputError(f"scenario {name!r} is unknown; choose one of {', '.join(SCENARIOS)}.")
    return SCENARIOS[name](seed, daily=daily, days=days)
