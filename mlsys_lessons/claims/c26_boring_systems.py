"""C26, "simple models, strong defaults, clear fallbacks win under faults": four systems, one year.

The same resilient system around a rule, a logistic and a boosted model, and once over-engineered:
three models averaged, refitted every five days without a gate and at any drift alarm, under a cut
that moves so that as much is blocked as ever. Boring is the logistic model with the system's own
defaults (a gated refit every six weeks, prices that stay) and its fallbacks. It wins if it earns
more than the over-engineered system *and* more than the boosted model under the same defaults.
What the defaults alone are worth, and how the four behave, stands beside it and is not judged.

The threshold is ten euros per 1,000 requests: the practical threshold of all claims wherever the
model adds 200 euros or more to approving everything, as it does in each that has been stored. Three
worlds (501, 503, 505) had been seen at work, one of them the other way, before this was written;
the claim uses none. The over-engineered system fits its models eight times in a run of
60 days, and more at alarms: hence the smaller size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlsys_lessons.claims.claim import (
    ORDINARY,
    PRACTICAL_EUROS,
    Claim,
    Effects,
    Evidence,
    Row,
    numbers,
    table_by_rate,
)
from mlsys_lessons.claims.effects import Effect, mean_effect
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.boring import SIMPLE, SYSTEMS, TREES, BoringArm
from mlsys_lessons.experiments.over_engineered import OVER_ENGINEERED
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.simulation.scenarios import ClaimSize

_EUROS, _FLIPS = "EUR per 1,000 requests", "decisions of 1,000, a month"
MEASURED = ("flips", "models", "ms_one", "ms_thousand", "lines")


def arms(rate: float) -> Mapping[str, Arm]:
    """The four systems."""
    return {kind: BoringArm(kind=kind, rate=rate) for kind in SYSTEMS}


def effects(evidence: Evidence, rate: float) -> Effects:
    """What boring earns beyond the over-engineered system, and beyond the boosted model."""
    return tuple(_gap(evidence, SIMPLE, other, rate) for other in (OVER_ENGINEERED, TREES))


def _gap(evidence: Evidence, more: str, less: str, rate: float) -> Effect:
    gap = evidence.gap(more, less, rate)
    return mean_effect(f"{more} - {less}", _EUROS, gap, PRACTICAL_EUROS)


def others(evidence: Evidence) -> Effects:
    """What the defaults alone are worth, what the rule gives up, and who changes their mind."""
    runs = evidence.runs[evidence.runs["rate"] == ORDINARY]
    flips = runs.pivot(index="seed", columns="arm", values="flips")
    return (
        _gap(evidence, TREES, OVER_ENGINEERED, ORDINARY),
        _gap(evidence, "rule", OVER_ENGINEERED, ORDINARY),
        mean_effect(f"flips, {OVER_ENGINEERED} - {TREES}", _FLIPS,
                    numbers(flips[OVER_ENGINEERED] - flips[TREES]), 0.0),
        mean_effect(f"flips, {OVER_ENGINEERED} - {SIMPLE}", _FLIPS,
                    numbers(flips[OVER_ENGINEERED] - flips[SIMPLE]), 0.0),
    )  # fmt: skip


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each system: its money, how it flickers, how large and how slow it is."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for name in SYSTEMS:
        mine = runs[runs["arm"] == name]
        kept = {column: mine[column].median() for column in MEASURED}
        gap = mean_interval(evidence.gap(name, OVER_ENGINEERED, rate)).columns("gap")
        yield {"system": name, **evidence.means(name, rate), **gap, **kept}


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """Who wins how many worlds, and what faults cost each."""
    earned = evidence.euros()[list(SYSTEMS)]
    wins = earned.idxmax(axis=1).value_counts()
    first = ", ".join(f"{name} {wins.get(name, 0)}" for name in SYSTEMS)
    calm, busy = evidence.euros(0.0), evidence.euros(max(evidence.rates()))
    cost = (calm - busy).mean()
    told = ", ".join(f"{name} {cost[name]:,.0f}" for name in SYSTEMS)
    return (
        f"of {len(earned)} ordinary years, best: {first}",
        f"what {max(evidence.rates()):g} x the incidents cost, EUR per 1,000 requests: {told}",
        "milliseconds are processor time on one machine: medians of thirty calls; lines are those "
        "of the models and of what is automated, libraries left out",
    )


CLAIM = Claim(
    name="C26",
    sentence="Simple models, strong defaults, clear fallbacks win under faults.",
    fails_where=(
        "incidents that people end within days, as here they do: then the boosted model keeps its "
        "lead over the logistic one, and only the automation loses; or frauds that change weekly, "
        "which a refit every six weeks meets too late"
    ),
    arms=arms,
    effects=effects,
    beside=others,
    notes=notes,
    table=table_by_rate(rows),
    size=ClaimSize(days=60, daily=1_000),
)
