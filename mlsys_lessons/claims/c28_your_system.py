"""C28, "how resilient is your system?": what a system keeps of the achievable while things break.

The course's resilient system, or a learner's (`claims C28 --system module:factory`), lives through
ordinary years that no lesson shows. Achievable is what the Bayes reference makes beyond approving
everything in the same world without a fault. Held against it: what the system makes beyond
approving everything, with faults; what it keeps of its own fault-free self; and how soon somebody
notices what does not end by itself. The dearest incident is told, and not judged.

The thresholds were written before the first run. A run is 90 days of 1,000 payments, less than
most claims', so that a learner's own system takes an evening and not a night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from mlsys_lessons.claims.claim import (
    NOTHING,
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    numbers,
    of_the_ordinary_year,
    table_by_rate,
)
from mlsys_lessons.claims.effects import mean_effect, ratio_effect
from mlsys_lessons.experiments.arms import REFERENCE, Arm
from mlsys_lessons.experiments.statistics import Values, mean_interval
from mlsys_lessons.experiments.unseen_years import OURS, YearArm
from mlsys_lessons.simulation.scenarios import ClaimSize

# Written before the first run. "Most" is half, as everywhere; a resilient system loses less than a
# tenth of itself to a year's faults (assumed); a week is what a release cycle takes (assumed).
MOST, OF_ITSELF, A_WEEK = 0.5, 0.9, 7.0
YOURS, UNBROKEN, BEST = "the system", "nothing breaks", "Bayes reference"

ArmsAt = Callable[[float], Mapping[str, Arm]]


def by_system(named: str) -> ArmsAt:
    """The arms of somebody's system, by incident rate; the zero and the best break nothing."""

    def arms(rate: float) -> Mapping[str, Arm]:
        return {
            YOURS: YearArm(rate=rate, named=named), UNBROKEN: YearArm(rate=0.0, named=named),
            BEST: Arm(REFERENCE, rate=0.0), NOTHING: Arm((), rate=0.0),
        }  # fmt: skip

    return arms


def effects(evidence: Evidence, rate: float) -> Effects:
    """Kept of the achievable, kept of itself, and days to spare before a week is over."""
    made, alone, best = (evidence.gap(arm, NOTHING, rate) for arm in (YOURS, UNBROKEN, BEST))
    kept = ratio_effect("kept of the achievable", "share", made, best, MOST)
    itself = ratio_effect("kept of its own fault-free year", "share", made, alone, OF_ITSELF)
    waited = waits(evidence, rate)
    if len(waited) < 2:
        return kept, itself
    return kept, itself, mean_effect("days sooner than a week", "days", A_WEEK - waited, 0.0)


def waits(evidence: Evidence, rate: float) -> Values:
    """Mean days until somebody noticed, of each year that had something to notice."""
    return numbers(_runs(evidence, rate).set_index("seed")["to_notice"].dropna())


def _runs(evidence: Evidence, rate: float) -> pd.DataFrame:
    runs = evidence.runs
    return runs[(runs["rate"] == rate) & (runs["arm"] == YOURS)]


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each arm: its money; for the system also days, incidents and the dearest one."""
    for name in (NOTHING, BEST, UNBROKEN, YOURS):
        gained = mean_interval(evidence.gap(name, NOTHING, rate)).columns("gained")
        row = {"arm": name, **evidence.means(name, rate), **gained}
        if name == YOURS and rate:
            runs, waited = _runs(evidence, rate), waits(evidence, rate)
            row |= {
                "incidents": runs["incidents"].mean(),
                "to_notice": float(waited.mean()) if len(waited) else float("nan"),
                "worst_euros": runs["worst_cents"].min() / 100,
            }
        yield row


def notes(evidence: Evidence, found: Effects) -> tuple[str, ...]:
    """The dearest incident of all years, and how many years had something to notice."""
    runs, waited = _runs(evidence, ORDINARY), waits(evidence, ORDINARY)
    return (
        f"the dearest incident of {len(runs)} years cost {-runs['worst_cents'].min() / 100:,.0f} "
        "euros against the quiet weeks before it; those that overlap count each other's loss",
        f"{len(waited)} of {len(runs)} years had an incident that somebody has to end; unnoticed "
        "ones count as the rest of the run",
    )


CLAIM = Claim(
    name="C28",
    sentence="How resilient is your system?",
    fails_where=(
        "a system whose alerts reach nobody: each lasting fault then costs weeks (the naive "
        "system, handed in with --system mlsys_lessons:naive_system)"
    ),
    arms=by_system(OURS),
    effects=effects,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
    by_system=by_system,
    size=ClaimSize(days=90, daily=1_000),
)
