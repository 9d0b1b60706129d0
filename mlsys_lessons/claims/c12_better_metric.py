"""C12, "a better metric is not a better business": one model, its classes balanced, two books.

Frauds are rare, so many notebooks weight the classes until both count alike. The logistic model is
fitted both ways on the first three quarters of a history; its AUC is taken on the last quarter, its
money where it is served: in the resilient system, whose decisions multiply a score by an amount.
The pair was picked after it had been seen at work on worlds 31 to 33, which the claim does not use:
what it loses was known to be large before the thresholds were written. Whether a row is ranked
above another does not hang on rare incidents: a run is shorter and smaller than most claims'.
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
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.experiments.weighting import BALANCED, PLAIN, WeightedArm
from mlsys_lessons.simulation.scenarios import ClaimSize

NO_WORSE = -0.005  # half a point of AUC: less is not "a worse metric" to anybody


def arms(rate: float) -> Mapping[str, Arm]:
    """Both weightings in one system, and approving everything as the zero."""
    served = {
        name: WeightedArm(RESILIENT, rate=rate, retraining=False, weighting=name)
        for name in (PLAIN, BALANCED)
    }
    return {**served, NOTHING: Arm((), rate=rate), **yardstick(rate)}


def effects(evidence: Evidence, rate: float) -> Effects:
    """What balancing costs in money, and what it does to the metric."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    metric = runs.pivot(index="seed", columns="arm", values="auc")
    lost = evidence.gap(PLAIN, BALANCED, rate)
    moved = numbers(metric[BALANCED] - metric[PLAIN])
    unit = "EUR per 1,000 requests"
    return (
        mean_effect("lost by balancing the classes", unit, lost, evidence.practical),
        mean_effect("AUC gained by it", "", moved, NO_WORSE),
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each model: its AUC, and what it earns."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for name in (PLAIN, BALANCED, NOTHING):
        area = runs.loc[runs["arm"] == name, "auc"].mean() if name != NOTHING else float("nan")
        lost = mean_interval(evidence.gap(PLAIN, name, rate)).columns("lost")
        yield {"model": name, "auc": area, "euros": evidence.means(name, rate)["euros"], **lost}


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """How often the better AUC was the poorer business."""
    runs = evidence.runs[evidence.runs["rate"] == ORDINARY]
    metric = runs.pivot(index="seed", columns="arm", values="auc")
    better = numbers(metric[BALANCED] - metric[PLAIN]) > 0
    poorer = evidence.gap(PLAIN, BALANCED) > 0
    both = int((better & poorer).sum())
    return (f"balanced has the better AUC in {better.sum()} of {len(better)} worlds, "
            f"and earns less in {both} of these",)  # fmt: skip


CLAIM = Claim(
    name="C12",
    sentence="A better metric is not a better business.",
    fails_where=(
        "a business that only ranks, the hundred most suspect of a day say, and multiplies no "
        "score by money: balanced or not, the same hundred are looked at"
    ),
    arms=arms,
    size=ClaimSize(days=60, daily=1_000),
    effects=effects,
    notes=notes,
    table=table_by_rate(rows),
)
