"""C20, "a little exploration pays for itself": two in a hundred small blocks are let through.

The same resilient system, refitted every six weeks on what was let through, with no exploration,
with the usual two in a hundred, and with ten. What exploration lets through is mostly fraud, and is
paid for; what it teaches comes out in the next model. The effect is the money of the usual share
beyond none. The threshold is every claim's, written before the first run.

Expected beforehand, from one world in which it had been tried for 130 days: nothing to be seen, for
blocks are few here, the boosted model sees frauds that pass, and its gate refuses most successors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlsys_lessons.claims.claim import (
    NOTHING,
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.experiments.feedback_arms import SIZE, FeedbackArm
from mlsys_lessons.experiments.statistics import mean_interval

SHARES = {"explores nothing": 0.0, "explores 2 %": 0.02, "explores 10 %": 0.10}
NONE, LITTLE, MUCH = SHARES


def arms(rate: float) -> Mapping[str, Arm]:
    """Three shares of exploration; nothing at four times the incidents."""
    if rate > ORDINARY:
        return {}
    exploring = {name: FeedbackArm(RESILIENT, rate=rate, share=share)
                 for name, share in SHARES.items()}  # fmt: skip
    return {**exploring, NOTHING: Arm((), rate=rate), **yardstick(rate)}


def effects(evidence: Evidence, rate: float) -> Effects:
    """What a little exploration adds, all told."""
    gained = evidence.gap(LITTLE, NONE, rate)
    unit = "EUR per 1,000 requests"
    return (mean_effect("added by exploring 2 %", unit, gained, evidence.practical),)


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each share: its money, refits that went live, and what it adds."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for name in SHARES:
        mine = runs[runs["arm"] == name]
        added = mean_interval(evidence.gap(name, NONE, rate)).columns("added")
        yield {
            "policy": name, "refits": mine["refits"].mean(),
            "wronged_last": mine["wronged_last"].mean(), **evidence.means(name, rate), **added,
        }  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What five times as much of it does."""
    much = mean_interval(evidence.gap(MUCH, NONE))
    return (f"ten in a hundred against none: {much} EUR per 1,000 requests",)


CLAIM = Claim(
    name="C20",
    sentence="A little exploration pays for itself.",
    fails_where=(
        "a business that blocks little, or whose labels are dear: what is let through is mostly "
        "fraud, and a model of the right shape needs no rows from behind its cut"
    ),
    arms=arms,
    size=SIZE,
    effects=effects,
    notes=notes,
    table=table_by_rate(rows),
)
