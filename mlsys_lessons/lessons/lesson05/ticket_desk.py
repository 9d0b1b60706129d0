"""The ticket desk: six complaints from real runs, and the metrics that point to their causes.

A ticket is one fault put on a running system for some days; its evidence is what that run's metrics
say. Which metric to suspect first is the learner's to say.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.response import Mitigation, Observation
from mlsys_lessons.simulation.presets import assemble
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import resume, simulate
from mlsys_lessons.system import faults
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.worlds import payments_world

WITHOUT_CONTRACT = tuple(part for part in COMPONENTS if part != "ingestion")
QUIET_DAYS, FAULTY_DAYS = 21, 4
BREAKS, LIVED_DAYS = 35, 56  # a ticket that nobody ends: its first day, and the last one shown
FLOOR = 1e-3  # the least day-to-day noise that a metric is believed to have

# What the tickets say, and what was done to the system. The order on the desk is the learner's.
COMPLAINTS: Mapping[str, tuple[str, Callable[..., Fault], float]] = {
    "A": ("Merchants call: the model blocks their best customers.", faults.unit_change, 0.25),
    "B": ("The model has become indifferent: everybody looks average.", faults.null_flood, 0.3),
    "C": ("The model suspects people who shop by day.", faults.time_zone_shift, 6.0),
    "D": ("The model no longer knows an electronics shop.", faults.renamed_category, 1.0),
    "E": ("The model misses ten payments in an hour on one card.", faults.stale_features, 3.0),
    "F": ("The model changes its mind from one call to the next.", faults.wrong_model, 0.34),
}


@dataclass(frozen=True)
class Ticket:
    """One complaint with the metrics of the weeks before and of the days since."""

    letter: str
    complaint: str
    before: pd.DataFrame  # a row a day, a column a metric
    now: pd.Series  # the mean of the days since
    fault: Fault

    def __repr__(self) -> str:
        return f"Ticket {self.letter}: {self.complaint}"


def quiet_weeks(seed: int, *, daily: int = 1_000, days: int = QUIET_DAYS) -> Run:
    """Three weeks of a system with every component but the contract, and without a fault."""
    world = payments_world(seed=seed, daily=daily)
    return simulate(world, assemble(WITHOUT_CONTRACT, seed=seed), days=days)


def resumed_under(quiet: Run, fault: Fault, days: int = FAULTY_DAYS) -> Run:
    """The same run some days later, under a fault; the quiet one stays as it is."""
    system = copy.deepcopy(quiet.system)
    system.install((fault,))
    return resume(replace(quiet, system=system), days=days)


def desk(quiet: Run) -> list[Ticket]:
    """Six tickets, one fault each, all on the same luck."""
    tickets = []
    for letter, (complaint, factory, severity) in COMPLAINTS.items():
        fault = factory(start=quiet.days, end=quiet.days + FAULTY_DAYS, severity=severity)
        metrics = by_day(resumed_under(quiet, fault))
        before, now = metrics.loc[: quiet.days - 1], metrics.loc[quiet.days :].mean()
        tickets.append(Ticket(letter, complaint, before, now, fault))
    return tickets


def by_day(run: Run) -> pd.DataFrame:
    """Metrics that are there the same night, a column each: "layer.metric" or with its segment."""
    metrics = run.metrics[run.metrics["layer"] != "business"]
    segment = np.where(metrics["segment"] == "all", "", "." + metrics["segment"])
    name = metrics["layer"].astype(str) + "." + metrics["metric"] + segment
    return metrics.assign(name=name).pivot(index="tick", columns="name", values="value")


def largest_shifts(ticket: Ticket, rows: int = 3) -> pd.DataFrame:
    """A ticket's metrics that are furthest from their own habit, before and now."""
    noise = ticket.before.std().clip(lower=FLOOR)
    usual = ticket.before.mean()
    far = ((ticket.now - usual).abs() / noise).sort_values(ascending=False).head(rows)
    return pd.DataFrame({
        "before": usual[far.index], "now": ticket.now[far.index], "times its noise": far,
    })  # fmt: skip


def diagnoses(
    tickets: Iterable[Ticket], first_suspect: Callable[[pd.DataFrame, pd.Series], str]
) -> pd.DataFrame:
    """Each ticket beside the suspect that a function names, and what had really been done."""
    rows = []
    for ticket in tickets:
        suspect = first_suspect(ticket.before.copy(), ticket.now.copy())
        layer = suspect.split(".")[0]
        kind = "data" if layer == "inputs" else "the model's surroundings"
        rows.append({
            "ticket": ticket.letter, "first suspect": suspect, "so it is": kind,
            "what was done": ticket.fault.name,
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("ticket")


# --- somebody ends it ----------------------------------------------------------------------------


@dataclass(frozen=True)
class OneLine:
    """A responder with one line: as soon as anybody works on a case, this is done."""

    mitigation: Mitigation

    def __call__(self, observation: Observation) -> list[Mitigation]:
        """The mitigation, once for each case."""
        taken = [case for case in observation.cases if case.is_open and case.acknowledged]
        return [self.mitigation] * any(self.mitigation not in case.applied for case in taken)


def lived(seed: int, fault: Fault | None, mitigation: Mitigation) -> Run:
    """Eight weeks of a system without a contract, under a fault that somebody has to end."""
    system = assemble(WITHOUT_CONTRACT, seed=seed, responder=OneLine(mitigation))
    faults_here = [] if fault is None else [fault]
    world = payments_world(seed=seed, daily=1_000)
    return simulate(world, system, days=LIVED_DAYS, faults=faults_here, keep="metrics")
