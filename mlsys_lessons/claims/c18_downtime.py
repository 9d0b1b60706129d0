"""C18, "a wrong prediction at scale costs more than downtime": silent faults in hours of downtime.

Downtime is total: nothing is answered, nothing is sold, and an hour of it costs what an hour of the
healthy naive system earns, overheads left out, for those go on. A silent fault is one that only
somebody who finds its cause can end; its price is what the naive system loses against its healthy
twin until it is ended, to which its till, its customers or chance may lead, as in C17, whose runs
these are. What is not over after sixty days is counted only so far. The mean over those faults,
each weighted with how often it comes, is held against the mean outage of a bank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    numbers,
    of_the_ordinary_year,
)
from mlsys_lessons.claims.effects import ratio_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments import layer_matrix
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.layer_matrix import ALONE, name_of
from mlsys_lessons.experiments.statistics import Interval, Values, ratio_interval
from mlsys_lessons.simulation.scenarios import BY_SOMEBODY, INCIDENTS

# Hours: 8.1 outages a year and bank, mean 5.1 h (UK Treasury Committee's data, computed from it).
MEAN_OUTAGE = 5.1
SILENT = {row.fault: row.a_year for row in INCIDENTS if row.ends == BY_SOMEBODY}


def arms(rate: float) -> Mapping[str, Arm]:
    """The naive system, healthy and under each silent fault."""
    wanted = {name_of(fault, ALONE) for fault in ("", *SILENT)}
    both = layer_matrix.arms().items()
    return {name: arm for name, arm in both if name in wanted} if rate == ORDINARY else {}


def euros_an_hour(evidence: Evidence) -> pd.Series:
    """What an hour of the healthy system earns before overheads, by seed."""
    healthy = evidence.runs[evidence.runs["arm"] == name_of("", ALONE)].set_index("seed")
    earned = healthy["expected_cents"] - healthy["overhead_cents"]
    return earned / 100 / (24 * evidence.size.days)


def lost(evidence: Evidence, fault: str) -> Values:
    """Euros that a fault has cost until it was ended, by seed."""
    arm = evidence.runs[evidence.runs["arm"] == name_of(fault, ALONE)].set_index("seed")
    return numbers(arm["lost_euros"])


def effects(evidence: Evidence, rate: float) -> Effects:
    """A silent fault, as they come, in hours of downtime: a ratio of means."""
    by_fault = np.array([lost(evidence, fault) for fault in SILENT])
    mean = np.average(by_fault, axis=0, weights=list(SILENT.values()))
    name, unit = "a silent fault costs as much as", "hours of downtime"
    return (ratio_effect(name, unit, mean, numbers(euros_an_hour(evidence)), MEAN_OUTAGE),)


def rows(evidence: Evidence) -> Iterator[Row]:
    """A row a fault: euros it has cost, and how long the service could have been down."""
    for fault, a_year in SILENT.items():
        arm = evidence.runs[evidence.runs["arm"] == name_of(fault, ALONE)]
        yield {
            "incidents": ORDINARY, "fault": fault, "a_year": a_year,
            "days": float(arm["days_to_end"].median()), "euros": float(arm["lost_euros"].mean()),
            **_hours(evidence, fault).columns("hours"),
        }  # fmt: skip


def _hours(evidence: Evidence, fault: str) -> Interval:
    return ratio_interval(lost(evidence, fault), numbers(euros_an_hour(evidence)))


def table(evidence: Evidence) -> pd.DataFrame:
    """Break-even in hours: each silent fault against downtime."""
    return pd.DataFrame(rows(evidence))


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """The price of an hour, and the faults that one mean outage outweighs."""
    least = [fault for fault in SILENT if _hours(evidence, fault).estimate < MEAN_OUTAGE]
    return (
        f"an hour of downtime costs {euros_an_hour(evidence).mean():,.0f} euros here",
        f"a mean outage of {MEAN_OUTAGE:g} hours costs more than: {', '.join(least) or 'none'}",
    )


CLAIM = Claim(
    name="C18",
    sentence="A wrong prediction at scale costs more than downtime.",
    fails_where=(
        "a system in which every such fault is found on its first day; or a business whose model "
        "adds a hundredth to what it earns without one"
    ),
    arms=arms,
    size=layer_matrix.SIZE,
    effects=effects,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table,
    earlier=(
        Earlier("a mean of each world's own ratio, ten worlds", "undecided", "2026-11-27"),
        Earlier("to the end of the run, what follows the repair included", "holds", "2026-11-27"),
    ),
)
