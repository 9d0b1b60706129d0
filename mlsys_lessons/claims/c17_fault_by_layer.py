"""C17, "operations monitoring is not ML observability": every fault, every layer, days and money.

The experiment is layer_matrix.py's: each fault of the catalogue breaks once, at its usual severity,
in a watched system in which nobody acts, in the same system with its on-call, and in the naive one,
which has its till, its customers and chance. Two effects: how many days later operations alone
speaks up than any layer, and how many of the sixteen faults it never speaks of. What never comes
counts as the last of the sixty days, so a longer run would make the first effect larger. Euros are
lost until the fault is ended, or to the last day. There is no calendar of incidents, so
other rates say nothing. Ten seeds, not twenty: they are forty minutes of a core.
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
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments import layer_matrix
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.layer_matrix import ALONE, ANSWERED, BREAKS, WATCHED, name_of
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.records import LAYERS
from mlsys_lessons.system.faults import CATALOGUE

# Written before the stored run, after two faults had been tried in one of its worlds: a week is
# what a team would call late, a quarter of the catalogue what it would not call an exception.
WEEK, QUARTER = 7.0, len(CATALOGUE) / 4


def arms(rate: float) -> Mapping[str, Arm]:
    """Every fault in every system, once; no calendar, so nothing at other rates."""
    return layer_matrix.arms() if rate == ORDINARY else {}


def measured(evidence: Evidence, column: str, kind: str) -> pd.DataFrame:
    """One measured column, a row a seed and a column a fault."""
    faults = {name_of(fault, kind): fault for fault in CATALOGUE}
    runs = evidence.runs[evidence.runs["arm"].isin(list(faults))]
    return runs.pivot(index="seed", columns="arm", values=column).rename(columns=faults)


def days(evidence: Evidence, layer: str) -> pd.DataFrame:
    """Days to a layer's first alert, the rest of the run where it never comes."""
    return measured(evidence, f"days_{layer}", WATCHED).fillna(evidence.size.days - BREAKS)


def effects(evidence: Evidence, rate: float) -> Effects:
    """How much later operations alone is, in the mean of the faults, and what it never sees."""
    operations = days(evidence, "operations")
    by_layer = np.stack([days(evidence, layer)[list(CATALOGUE)] for layer in LAYERS])
    later = (operations[list(CATALOGUE)] - by_layer.min(axis=0)).mean(axis=1)
    never = measured(evidence, "days_operations", WATCHED).isna().sum(axis=1)
    return (
        mean_effect("operations alone is later by", "days a fault", numbers(later), WEEK),
        mean_effect("faults that operations never sees", "of 16", numbers(never), QUARTER),
    )


def rows(evidence: Evidence) -> Iterator[Row]:
    """A row for each fault and layer; what ended it and what it cost are the fault's."""
    quiet = evidence.runs[evidence.runs["arm"] == name_of("", WATCHED)]
    seen = {layer: measured(evidence, f"days_{layer}", WATCHED) for layer in LAYERS}
    lost = measured(evidence, "lost_euros", ANSWERED)
    alone, ended = (
        measured(evidence, "days_to_notice", ALONE), measured(evidence, "days_to_end", ANSWERED),
    )  # fmt: skip
    for fault in CATALOGUE:
        for layer in LAYERS:
            yield {
                "incidents": ORDINARY, "fault": fault, "layer": layer,
                "detected": float(seen[layer][fault].notna().mean()),
                "days": float(days(evidence, layer)[fault].median()),
                "false_alarms": float(quiet[f"false_{layer}"].mean()),
                "ended": float(ended[fault].median()), "alone": float(alone[fault].median()),
                **mean_interval(numbers(lost[fault])).columns("euros"),
            }  # fmt: skip


def table(evidence: Evidence) -> pd.DataFrame:
    """Fault by layer: share of seeds that see it, days to see it, false alarms, euros lost."""
    return pd.DataFrame(rows(evidence))


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """Which faults nobody sees, and how a business without monitors compares."""
    seen = np.stack([
        measured(evidence, f"days_{layer}", WATCHED)[list(CATALOGUE)].notna() for layer in LAYERS
    ]).any(axis=0).mean(axis=0)  # fmt: skip
    blind = [fault for fault, share in zip(CATALOGUE, seen, strict=True) if share < 0.5]
    first = np.stack([days(evidence, layer)[list(CATALOGUE)] for layer in LAYERS]).min(axis=0)
    alone = measured(evidence, "days_to_notice", ALONE)[list(CATALOGUE)]
    return (
        f"no layer sees in most worlds: {', '.join(blind) or 'none of them'}",
        f"mean over faults of the median days: any layer {np.median(first, axis=0).mean():.0f}, "
        f"till, customers and chance {alone.median().mean():.0f}, of {evidence.size.days - BREAKS}",
    )


CLAIM = Claim(
    name="C17",
    sentence="Operations monitoring is not ML observability.",
    fails_where=(
        "a service whose faults are outages, delays and overload: there the platform's page is the "
        "first to know, and the only one that is needed"
    ),
    arms=arms,
    size=layer_matrix.SIZE,
    effects=effects,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table,
)
