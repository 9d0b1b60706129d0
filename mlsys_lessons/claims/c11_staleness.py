"""C11, "models reflect how stale their data is": value against the age of the feature table.

One system, one frozen model, one luck; the table of customers' histories is fresh to the payment,
written last midnight (age 0), or so many days older than that. The model was fitted on fresh
histories, as point-in-time joins give them. All components stand, and nothing is refitted: a refit
would learn the age, which is claim C9's subject.

A table's age is there on every day alike, so a run is shorter and smaller than most claims'
(60 days x 1,000): the question is not about rare incidents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlsys_lessons.claims.claim import (
    NOTHING,
    Claim,
    Effects,
    Evidence,
    Row,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.experiments.statistics import mean_interval, ratio_interval
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import CATALOGUE, Fault

AGES = (0.0, 1.0, 2.0, 4.0, 7.0)  # days since the table was written, at each midnight
YOUNG, OLD = 1.0, 7.0  # the two ages that the claim hangs on
FRESH = "fresh"


@dataclass(frozen=True)
class StaleArm(Arm):
    """The resilient system over a table that is always so many days old."""

    age: float = 0.0

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The year's incidents, and the job that never catches up."""
        stuck = CATALOGUE["stale_features"](start=0, end=size.days, severity=self.age)
        return (*super().faults(seed, size), stuck)


def arms(rate: float) -> Mapping[str, Arm]:
    """Fresh, each age, and approving everything as the zero."""
    aged = {f"{age:g} days": StaleArm(RESILIENT, rate=rate, retraining=False, age=age)
            for age in AGES}  # fmt: skip
    fresh = Arm(RESILIENT, rate=rate, retraining=False)
    return {FRESH: fresh, NOTHING: Arm((), rate=rate), **aged, **yardstick(rate)}


def effects(evidence: Evidence, rate: float) -> Effects:
    """What a table of one day and one of seven days cost; older must not be cheaper."""
    unit = "EUR per 1,000 requests"
    return tuple(
        mean_effect(
            f"lost at {age:g} days", unit, evidence.gap(FRESH, f"{age:g} days", rate),
            evidence.practical,
        )
        for age in (YOUNG, OLD)
    )  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """How much of the loss at the oldest age is there after the first day."""
    young, old = (evidence.gap(FRESH, f"{age:g} days") for age in (YOUNG, OLD))
    share = ratio_interval(young, old)
    first_day = (
        f"the first day of age costs {share.estimate:.0%} [{share.low:.0%}, {share.high:.0%}] of "
        f"what {OLD:g} days cost"
    )
    return (first_day,)


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each age: euros per 1,000 requests, the loss, its interval."""
    for table in (FRESH, *(f"{age:g} days" for age in AGES), NOTHING):
        lost = mean_interval(evidence.gap(FRESH, table, rate)).columns("lost")
        yield {"table": table, "euros": evidence.means(table, rate)["euros"], **lost}


CLAIM = Claim(
    name="C11",
    sentence="Models reflect how stale their data is.",
    fails_where=(
        "a business whose features change by the month, credit scoring say: a table that is a "
        "week old says there what it says today"
    ),
    arms=arms,
    size=ClaimSize(days=60, daily=1_000),
    effects=effects,
    notes=notes,
    table=table_by_rate(rows),
    earlier=(Earlier("against 10 EUR in any case, BCa intervals", "holds", "2026-11-23"),),
)
