"""Shadow mode: a challenger is asked about every live row, and never heard.

`shadowed` puts one beside a system's model, `shadow` reads the run: what either would have blocked,
and the labels that there are. What switching is worth is the learner's to say (lesson 03).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.inference.stages import BareInference
from mlsys_lessons.frames import extend
from mlsys_lessons.records import MATURITY_DAYS, ticks
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import COSTS


@dataclass
class ShadowInference(BareInference):
    """A bare call, and beside it a challenger that is asked about every row and never heard."""

    challenger: ModelVersion | None = None

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Answer with the champion; write the challenger's score beside it."""
        answers = super().__call__(frame)
        assert self.challenger is not None
        return extend(answers, {"shadow_score": self.challenger.model.predict(frame)})


def shadowed(system: System, challenger: Model) -> System:
    """A copy of the system with a challenger in its shadow."""
    version, served = ModelVersion("challenger", challenger), system.inference
    beside = ShadowInference(served.registry, served.service, challenger=version)
    return system.with_(inference=beside)


@dataclass(frozen=True)
class Shadow:
    """What a shadow run lets one compare: matured rows, both verdicts, the labels there are."""

    label: NDArray[np.float64]  # 1, 0, or NaN where the champion blocked
    cents: NDArray[np.int64]
    champion: NDArray[np.bool_]
    challenger: NDArray[np.bool_]
    truth: NDArray[np.bool_]  # for the lesson's eyes only

    def __repr__(self) -> str:
        disagree = self.champion != self.challenger
        return (
            f"{len(self.label):,} matured rows, the two disagree on {int(disagree.sum())}; "
            f"of these {int(np.isnan(self.label[disagree]).sum())} have no label"
        )

    @property
    def views(self) -> tuple[Any, ...]:
        """The arguments of `switch_bounds`."""
        return self.label, self.cents, self.champion, self.challenger

    @property
    def in_truth(self) -> int:
        """What switching would really have earned on these rows, in cents."""
        cost = -(COSTS.margin(self.cents) + COSTS.friction)
        gain = np.where(self.truth, COSTS.fraud_loss(self.cents), cost)
        more, freed = self.challenger & ~self.champion, self.champion & ~self.challenger
        return int(gain[more].sum() - gain[freed].sum())


def shadow(run: Run, cut: float) -> Shadow:
    """The matured rows of a shadow run; `cut` is the challenger's own."""
    log = run.log[ticks(run.log["arrival_time"]) < run.days - MATURITY_DAYS]
    log = log[log["score"].notna()]
    newest = run.labels.sort_values("label_time", kind="stable")
    newest = newest.drop_duplicates("request_id", keep="last").set_index("request_id")
    champion = (log["action"] == "block").to_numpy()
    label = newest["label"].reindex(log["request_id"]).to_numpy(float)
    label = np.where(champion, np.nan, np.nan_to_num(label))
    truth = run.truth().loc[log["request_id"], "true_label"].to_numpy() == 1
    cents = np.rint(log["amount"].to_numpy() * 100).astype(np.int64)
    return Shadow(label, cents, champion, log["shadow_score"].to_numpy() >= cut, truth)
