"""Lesson 05's instruments: six tickets from real runs, and models that grew up with a fault.

A ticket is one fault put on a running system for a week; its evidence is what that run's metrics
say. A life is a model with a past, clean or faulty, in a present, clean or faulty.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.claims import Result
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.experiments.pasts import (
    AnotherPast,
    UnderFaults,
    all_along,
    table_of,
    trained_on,
)
from mlsys_lessons.records import InputError
from mlsys_lessons.simulation.presets import assemble
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import resume, simulate
from mlsys_lessons.system import faults
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world

WITHOUT_CONTRACT = tuple(each for each in COMPONENTS if each != "ingestion")
QUIET_DAYS, STRUCK_DAYS, LIFE_DAYS = 21, 4, 30
FLOOR = 1e-3  # the least day-to-day noise that a metric is believed to have
FAR = 10.0  # this many times its own noise, and nobody calls it luck

# What the tickets say, and what was done to the system. The order on the desk is the learner's.
COMPLAINTS: Mapping[str, tuple[str, Callable[..., Fault], float]] = {
    "A": ("Merchants call: the model blocks their best customers.", faults.unit_change, 0.25),
    "B": ("The model has become indifferent: everybody looks average.", faults.null_flood, 0.3),
    "C": ("The model suspects people who shop by day.", faults.time_zone_shift, 6.0),
    "D": ("The model no longer knows an electronics shop.", faults.renamed_category, 1.0),
    "E": ("The model misses ten payments in an hour on one card.", faults.stale_features, 3.0),
    "F": ("The model changes its mind from one call to the next.", faults.wrong_model, 0.34),
}


# --- the desk ------------------------------------------------------------------------------------


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


def struck(quiet: Run, fault: Fault, days: int = STRUCK_DAYS) -> Run:
    """The same run some days later, under a fault; the quiet one stays as it is."""
    system = copy.deepcopy(quiet.system)
    system.install((fault,))
    return resume(replace(quiet, system=system, faults=(fault,)), days=days)


def desk(quiet: Run) -> list[Ticket]:
    """Six tickets, one fault each, all on the same luck."""
    tickets = []
    for letter, (complaint, factory, severity) in COMPLAINTS.items():
        fault = factory(start=quiet.days, end=quiet.days + STRUCK_DAYS, severity=severity)
        seen = by_day(struck(quiet, fault))
        before, now = seen.loc[: quiet.days - 1], seen.loc[quiet.days :].mean()
        tickets.append(Ticket(letter, complaint, before, now, fault))
    return tickets


def by_day(run: Run) -> pd.DataFrame:
    """Metrics that are there the same night, a column each: "layer.metric" or with its segment."""
    metrics = run.metrics[run.metrics["layer"] != "business"]
    segment = np.where(metrics["segment"] == "all", "", "." + metrics["segment"])
    name = metrics["layer"].astype(str) + "." + metrics["metric"] + segment
    return metrics.assign(name=name).pivot(index="tick", columns="name", values="value")


def evidence(ticket: Ticket, rows: int = 3) -> pd.DataFrame:
    """A ticket's metrics that are furthest from their own habit, before and now."""
    noise = ticket.before.std().clip(lower=FLOOR)
    usual = ticket.before.mean()
    far = ((ticket.now - usual).abs() / noise).sort_values(ascending=False).head(rows)
    return pd.DataFrame({
        "before": usual[far.index], "now": ticket.now[far.index], "times its noise": far,
    })  # fmt: skip


def diagnosed(
    tickets: Iterable[Ticket], first_suspect: Callable[[pd.DataFrame, pd.Series], str]
) -> pd.DataFrame:
    """Each ticket beside the suspect that a function names, and what had really been done."""
    rows = []
    for each in tickets:
        suspect = first_suspect(each.before.copy(), each.now.copy())
        layer = suspect.split(".")[0]
        kind = "data" if layer == "inputs" else "the model's surroundings"
        rows.append({
            "ticket": each.letter, "first suspect": suspect, "so it is": kind,
            "what was done": each.fault.name,
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("ticket")


# --- lives ---------------------------------------------------------------------------------------


def life(
    seed: int, fault: Fault, *, learned: bool, live: bool, days: int = LIFE_DAYS
) -> float:  # fmt: skip
    """Expected euros of a month: a fault in the model's past, in its present, in both, in neither.

    Every component but the contract; no refit, so that what was learned stays learned.
    """
    told = UnderFaults((all_along(fault),)) if learned else None
    world, system = payments_world(seed=seed, daily=1_000), _raised(seed, told)
    lived: Any = AnotherPast.of(world, told) if told else world
    faults = [all_along(fault)] if live else ()
    run = simulate(lived, system, days=days, faults=faults, keep="metrics")
    return run.expected_value / 100


@lru_cache(maxsize=4)
def _raised(seed: int, told: UnderFaults | None) -> System:
    return trained_on(table_of(seed, told), WITHOUT_CONTRACT, seed=seed)


def lives(seed: int, fault: Fault) -> pd.Series:
    """The four lives of one fault, in the order in which a business meets them; euros a month."""
    return pd.Series({
        "before the fault": life(seed, fault, learned=False, live=False),
        "the fault arrives": life(seed, fault, learned=False, live=True),
        "the model has learned it": life(seed, fault, learned=True, live=True),
        "the fault is fixed": life(seed, fault, learned=True, live=False),
    })  # fmt: skip


# --- stored claims -------------------------------------------------------------------------------


def beginning(result: Result, words: str) -> pd.DataFrame:
    """A claim's effects whose names begin with these words, a row each: effect, low, high."""
    found = {
        each.name.removeprefix(f"{words}, ").replace("_", " "): each.interval
        for each in result.effects
        if each.name.startswith(words)
    }
    if not found:
        raise InputError(f"{words!r} begins no effect of {result.claim}; see its effects.")
    rows = [(each.estimate, each.low, each.high) for each in found.values()]
    return pd.DataFrame(rows, index=list(found), columns=["effect", "low", "high"])
