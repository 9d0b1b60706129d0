"""The runs behind a drill: quiet days, the break, the page; shared by the players of a process.

Also the two runs that a score is held against: nobody acts, and the remedy at the first midnight of
harm. A player is a script to the running system: what is asked for at which midnight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from mlsys_lessons.components.response import Mitigation
from mlsys_lessons.components.response import Observation as Midnight
from mlsys_lessons.drill.scenario import PAGE_DAY, QUIET_DAYS, scenario
from mlsys_lessons.simulation.incidents import Incidents
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import copied, simulate
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import Drift, PaymentsWorld, payments_world

DAILY = 1_500  # payments


@dataclass
class Script:
    """A responder that asks for what is planned, and remembers what it saw last."""

    plan: dict[int, tuple[Mitigation, ...]] = field(default_factory=dict)
    seen: Midnight | None = field(default=None, repr=False)

    def __call__(self, observation: Midnight) -> Iterable[Mitigation]:
        """What is planned for tonight."""
        self.seen = observation
        return self.plan.get(observation.tick, ())


def world_of(seed: int, drift: Drift) -> PaymentsWorld:
    """The world of a drill."""
    return payments_world(seed=seed, daily=DAILY, drift=drift)


def system_of(seed: int) -> System:
    """The course's resilient system, with a script for a responder."""
    return resilient_system(seed=seed, responder=Script())


def script_of(run: Run) -> Script:
    """The script that a run follows."""
    responder = run.system.response.responder
    assert isinstance(responder, Script)
    return responder


@lru_cache(maxsize=2)
def quiet(seed: int, drift: Drift) -> Run:
    """The days before anything happens; scenarios of one world share them."""
    return simulate(world_of(seed, drift), system_of(seed), days=QUIET_DAYS)


def _broken(name: str, seed: int) -> Run:
    """The quiet days, with the scenario's faults about to come."""
    what = scenario(name)
    run, faults = copied(quiet(seed, what.world)), what.happening()
    run.system.install(faults)
    run.happening = Incidents.of(seed, faults)
    return run


@lru_cache(maxsize=4)
def paged(name: str, seed: int) -> Run:
    """The scenario at the moment of the page, nobody having done anything."""
    run = _broken(name, seed)
    while run.days < PAGE_DAY:
        run.step()
    return run


class Idle:
    """A scenario while nobody acts, lived as far as somebody has asked: all players share it.

    >>> Idle("unlucky_day", 3).at(1).tick
    63
    """

    def __init__(self, name: str, seed: int) -> None:
        self.run, self._name = copied(paged(name, seed)), name
        self._midnights = [seen_last(self.run)]  # the first is the page's

    def __repr__(self) -> str:
        return f"Idle({self._name!r}, {len(self._midnights) - 1} days)"

    def at(self, day: int) -> Midnight:
        """What was to be seen at the midnight that ended so many days."""
        while len(self._midnights) <= day:
            self.run.step()
            self._midnights.append(seen_last(self.run))
        return self._midnights[day]


def seen_last(run: Run) -> Midnight:
    """What the script of a run saw last."""
    midnight = script_of(run).seen
    assert midnight is not None  # a run of sixty days has asked
    return midnight


@lru_cache(maxsize=4)
def idle(name: str, seed: int) -> Idle:
    """The days that players share until one of them acts."""
    return Idle(name, seed)


def lived(name: str, seed: int) -> Run:
    """The scenario to its end, nobody having done anything."""
    shared = idle(name, seed)
    shared.at(scenario(name).days)
    return shared.run


@lru_cache(maxsize=8)
def remedied(name: str, seed: int) -> Run:
    """The scenario to its end, with the listed remedies at the first midnight of harm."""
    what = scenario(name)
    run, last = _broken(name, seed), PAGE_DAY + what.days
    first = min((int(fault.start) for fault in what.happening()), default=PAGE_DAY)
    script_of(run).plan = {first: what.remedies}
    while run.days < last:
        run.step()
    return run


def best(name: str, seed: int) -> float:
    """Expected cents with the listed remedies at the first midnight of harm."""
    run = lived(name, seed) if scenario(name).quiet else remedied(name, seed)
    return run.expected_value


@lru_cache(maxsize=4)
def usual_day(seed: int, drift: Drift) -> float:
    """Cents that a quiet day is expected to earn."""
    return quiet(seed, drift).expected_value / QUIET_DAYS
