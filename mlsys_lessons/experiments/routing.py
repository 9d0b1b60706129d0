"""Routing: the same incidents, alerts and people; what differs is the owner that an alert names.

Each silent fault breaks on the same day of the same world in the resilient system, and lasts until
somebody has found its cause. Nobody follows a runbook here: a line that ends a fault by itself
needs no owner (`runbook=True` shows it). How long people take is dealt in
simulation/investigations.py; this module changes whom an alert calls, and how long a hand-off is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mlsys_lessons.components.monitoring import Monitor
from mlsys_lessons.components.response import OnCall
from mlsys_lessons.components.response.cases import UNOWNED
from mlsys_lessons.domain import AlertRule
from mlsys_lessons.experiments.arms import Arm, summary
from mlsys_lessons.simulation.incidents import Incidents
from mlsys_lessons.simulation.investigations import Investigations
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import BY_SOMEBODY, INCIDENTS, ClaimSize
from mlsys_lessons.simulation.simulate import resume, simulate
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.worlds import payments_world

NO_OWNER, TEAM = ROUTES = ("no owner", "a team")
BREAKS = 28  # days: four weeks for every limit
SIZE = ClaimSize(days=44, daily=300)  # 16 days to be found in; one fault needs no busy world
SILENT = {  # reports that do not come ring for weeks nowhere, and what does not ring has no owner
    row.fault: row.a_year
    for row in INCIDENTS
    if row.ends == BY_SOMEBODY and row.fault != "label_job_failure"
}


def routed(rules: tuple[AlertRule, ...], route: str) -> tuple[AlertRule, ...]:
    """The same rules with the team that each names, or with nobody.

    >>> from mlsys_lessons.worlds.payments.domain import PAYMENTS
    >>> {rule.owner for rule in routed(PAYMENTS.alert_rules, NO_OWNER)}
    {'nobody in particular'}
    """
    if route == TEAM:
        return rules
    return tuple(replace(rule, owner=UNOWNED) for rule in rules)


@dataclass
class SlowerHandOffs(Investigations):
    """The same people; a hand-off takes so many times its usual hours."""

    times: float = 1.0

    def hours(self, name: str, key: int, purpose: str) -> float:
        """A delay in hours."""
        return super().hours(name, key, purpose) * (self.times if name == "hand_off" else 1.0)


@dataclass(frozen=True)
class Routed(Arm):
    """One silent fault, or none, under one routing of alerts; `rate` multiplies a hand-off."""

    route: str = TEAM
    fault: str = ""
    runbook: bool = False

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The fault at its usual severity, and nothing else."""
        return (CATALOGUE[self.fault](start=BREAKS),) if self.fault else ()

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Live through it; beside the money, days until it was over."""
        before = _before(self.route, self.runbook, seed, size.daily)
        faults = self.faults(seed, size)
        before.system.install(faults)
        happening = replace(
            Incidents.of(seed, faults), people=SlowerHandOffs(seed, times=self.rate)
        )
        run = resume(replace(before, happening=happening), days=size.days - BREAKS)
        return {**summary(run), "measured": _measured(run)}


def _measured(run: Run) -> dict[str, float]:
    """Days from the break until it was noticed and over; the rest of the run where neither came."""
    if not run.faults:
        return {"days_to_notice": 0.0, "days_to_end": 0.0}
    life, last = run.life(0), float(run.days)
    noticed = last if life.noticed is None else life.noticed
    return {
        "days_to_notice": noticed - BREAKS,
        "days_to_end": min(life.fault.end, last) - BREAKS,
    }


@lru_cache(maxsize=4)
def _before(route: str, runbook: bool, seed: int, daily: int) -> Run:
    """The quiet days before the break."""
    responder = OnCall() if runbook else OnCall({})
    system = resilient_system(seed=seed, responder=responder)
    monitor = Monitor(routed(system.domain.alert_rules, route), system.domain)
    world = payments_world(seed=seed, daily=daily)
    return simulate(world, system.with_(monitor=monitor), days=BREAKS, keep="metrics")
