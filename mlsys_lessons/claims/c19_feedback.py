"""C19, "without feedback errors repeat, with naive feedback bias grows": three ways to learn.

One resilient system, three times: its model is never refitted; it is refitted every six weeks and
takes what it blocked for fraud; it is refitted on what was let through, explored rows weighted by
their propensity. Two effects: what the third earns beyond the first, and how many more genuine
payments the second blocks in the last quarter than the third. Both thresholds were written before
the first run; a tenth more is what a head of customer service would ask about (assumed).

Expected beforehand, from one world in which the four had been tried for 130 days: the second
effect is clear, the first may well be none, since a model ages by little in eight months here.
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
    numbers,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.experiments.feedback_arms import FROZEN, OWN, SIZE, WEIGHTED, FeedbackArm
from mlsys_lessons.experiments.statistics import Values, mean_interval

A_TENTH = 10.0  # per cent more genuine payments blocked


def arms(rate: float) -> Mapping[str, Arm]:
    """Three systems that differ in what they learn from; nothing at four times the incidents."""
    if rate > ORDINARY:
        return {}
    learning = {name: FeedbackArm(RESILIENT, rate=rate, source=name)
                for name in (FROZEN, OWN, WEIGHTED)}  # fmt: skip
    return {**learning, NOTHING: Arm((), rate=rate), **yardstick(rate)}


def more_wronged(evidence: Evidence, rate: float) -> Values:
    """Per cent more genuine payments blocked by own decisions, in the last quarter, by seed."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    last = runs.pivot(index="seed", columns="arm", values="wronged_last")
    return numbers(100 * (last[OWN] / last[WEIGHTED] - 1))


def effects(evidence: Evidence, rate: float) -> Effects:
    """What feedback adds, and whom naive feedback hurts."""
    unit = "EUR per 1,000 requests"
    gained = evidence.gap(WEIGHTED, FROZEN, rate)
    return (
        mean_effect("added by sound feedback", unit, gained, evidence.practical),
        mean_effect("more genuine blocked by naive feedback", "%", more_wronged(evidence, rate),
                    A_TENTH),
    )  # fmt: skip


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each way to learn: its money, refits that went live, and whom it blocks."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for name in (FROZEN, OWN, WEIGHTED):
        mine = runs[runs["arm"] == name]
        added = mean_interval(evidence.gap(name, FROZEN, rate)).columns("added")
        yield {
            "learns from": name, "refits": mine["refits"].mean(),
            "wronged_before": mine["wronged_before"].mean(),
            "wronged_last": mine["wronged_last"].mean(), **evidence.means(name, rate), **added,
        }  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What naive feedback costs in money."""
    lost = mean_interval(evidence.gap(OWN, WEIGHTED))
    return (f"own decisions as labels against weights: {lost} EUR per 1,000 requests",)


CLAIM = Claim(
    name="C19",
    sentence="Without feedback errors repeat, with naive feedback bias grows.",
    fails_where=(
        "a business that changes slowly, whose model is as good after a year; or a gate that is "
        "judged on rows with true labels, and lets no naive successor pass"
    ),
    arms=arms,
    size=SIZE,
    effects=effects,
    notes=notes,
    table=table_by_rate(rows),
)
