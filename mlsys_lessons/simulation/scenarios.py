"""Scenarios: a world, a calendar of faults and a length, with a name.

`ordinary_year` is the only calendar that system-level claims use; its rates are one table, set once
for all claims. A scenario runs nothing: pass its parts to `simulate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real

import numpy as np

from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import whole_number
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.worlds import Drift, PaymentsWorld, payments_world

YEAR = 365


@dataclass(frozen=True)
class ClaimSize:
    """The one size at which system-level claims are run."""

    days: int = 120
    daily: int = 2_000


CLAIM_SIZE = ClaimSize()


BY_ITSELF, BY_THE_PLATFORM, BY_SOMEBODY = "by itself", "by the platform", "by somebody"


@dataclass(frozen=True)
class IncidentRate:
    """How often a fault comes, how bad it gets, and who ends it.

    What ends by itself, or by the platform's people (their pages are free and red), lasts `hours`,
    lognormal around this median, for every system alike. What only somebody can end who finds its
    cause has no length at all; a share of these may end by itself all the same.
    """

    fault: str
    a_year: float
    ends: str
    severities: tuple[float, ...]  # equally likely
    source: str
    hours: float = 0.0
    by_itself: float = 0.0  # the share that ends by itself where it is somebody's to end


_S, _A = "published orders of magnitude for one scoring pipeline, the split assumed", "assumed"
INCIDENTS = (
    IncidentRate("unit_change", 0.4, BY_SOMEBODY, (0.1, 0.25), _A),
    IncidentRate("null_flood", 1.0, BY_SOMEBODY, (0.1, 0.3, 0.6), _S, 6.0, 0.5),
    IncidentRate("duplicate_replay", 0.8, BY_ITSELF, (0.1, 0.2), _A, 5.0),
    IncidentRate("late_rows", 2.5, BY_ITSELF, (0.1, 0.3), _S, 8.0),
    IncidentRate("time_zone_shift", 0.4, BY_SOMEBODY, (1.0, 6.0), _A),
    IncidentRate("renamed_category", 0.8, BY_SOMEBODY, (0.5, 1.0), _S),
    IncidentRate("stale_features", 1.0, BY_SOMEBODY, (1.0, 3.0), _A, 24.0, 0.3),
    IncidentRate("missing_features", 0.5, BY_SOMEBODY, (0.2, 0.5), _A),
    IncidentRate("label_job_failure", 1.0, BY_SOMEBODY, (0.5, 0.9), _A),
    IncidentRate("silent_fallback", 0.8, BY_SOMEBODY, (0.34, 1.0), _A, 3.5, 0.5),
    IncidentRate("wrong_model", 0.5, BY_SOMEBODY, (0.34, 1.0), _S),
    IncidentRate("latency", 3.0, BY_THE_PLATFORM, (8.0, 200.0), _S, 1.5),
    IncidentRate("dependency_outage", 2.0, BY_THE_PLATFORM, (0.5, 1.0), _S, 2.0),
    IncidentRate("partial_outage", 1.0, BY_THE_PLATFORM, (0.5, 0.7), _A, 2.0),
    IncidentRate("cold_start", 1.0, BY_THE_PLATFORM, (4.0, 24.0), _A, 2.0),
    IncidentRate("traffic_spike", 2.0, BY_ITSELF, (2.0, 4.0), _A, 3.0),
)
MOST_INCIDENTS = 16  # times the ordinary rate
_DURATION_SPREAD = 1.35  # log points: 53 % of public software incidents are over within two hours


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
        length = row.hours / 24 * float(np.exp(_DURATION_SPREAD * luck.standard_normal()))
        lasts = row.ends == BY_SOMEBODY and float(luck.random()) >= row.by_itself
        severity = row.severities[int(luck.integers(len(row.severities)))]
        mark = float(luck.random()) * MOST_INCIDENTS
        if start >= days:
            return
        if mark < rate:
            end = None if lasts else start + length
            yield CATALOGUE[row.fault](start=start, end=end, severity=severity)


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
