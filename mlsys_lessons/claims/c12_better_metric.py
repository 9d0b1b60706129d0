"""C12, "a better metric is not a better business": one model, its classes balanced, two books.

Frauds are rare, so many notebooks weight the classes until both count alike. The logistic model is
fitted both ways on the first three quarters of a history; its AUC is taken on the last quarter, its
money where it is served: in the resilient system, whose decisions multiply a score by an amount.
The pair was chosen, and both thresholds were written, before the first run. Whether a row is ranked
above another does not hang on rare incidents, so a run is shorter and smaller than most claims'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

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
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.components.inference.models import LogisticModel
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.experiments.training_tables import history_table
from mlsys_lessons.gaps import with_gaps
from mlsys_lessons.simulation.presets import training_rows
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import PAYMENTS

PLAIN, BALANCED = "as it is", "classes balanced"
NO_WORSE = -0.005  # half a point of AUC: less is not "a worse metric" to anybody
TRAINED_ON = 0.75  # the earlier share of the history's rows


@dataclass(frozen=True)
class WeightedArm(Arm):
    """The resilient system around a logistic model that was fitted with one weighting."""

    weighting: str = PLAIN

    def system(self, seed: int) -> System:
        """The system, the model plugged in."""
        return super().system(seed).with_(model=fitted(seed, self.weighting)[0])

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it; beside the money stands the notebook's AUC."""
        return {**super().play(seed, size), "measured": {"auc": fitted(seed, self.weighting)[1]}}


@lru_cache(maxsize=4)
def fitted(seed: int, weighting: str) -> tuple[LogisticModel, float]:
    """The model, and its AUC on the last quarter of its seed's history."""
    rows = with_gaps(training_rows(history_table(seed)[1]), PAYMENTS, seed)
    rows = rows.sort_values("tick", kind="stable").reset_index(drop=True)
    label, split = rows["label"].to_numpy(dtype=float), int(TRAINED_ON * len(rows))
    known = label[:split]
    rare = (1 - known.mean()) / known.mean()
    weights = np.where(known == 1, rare, 1.0) if weighting == BALANCED else None
    model = LogisticModel(inputs=PAYMENTS.inputs).fit(rows.iloc[:split], known, weights)
    return model, auc(model.predict(rows.iloc[split:]), label[split:] == 1)


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
