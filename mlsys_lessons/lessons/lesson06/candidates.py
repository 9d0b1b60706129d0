"""Candidates: models that rank alike and mean different things, served in one and the same system.

What a model earns is measured where decisions are made by cost; what it promises, on the last
quarter of its history. It chooses nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mlsys_lessons as mls
from mlsys_lessons.components.component import Model
from mlsys_lessons.components.decisions import Policy
from mlsys_lessons.experiments import weighting

DAYS, DAILY = 30, 500
Floats = NDArray[np.float64]


history = weighting.earlier_and_later  # a notebook's rows of a seed: the earlier and the later


def balancing_weight(labels: Floats) -> float:
    """How much a fraud has to weigh so that both classes count alike.

    >>> balancing_weight(np.array([0, 0, 0, 1]))
    3.0
    """
    return float(weighting.class_weights(labels).max())


@lru_cache(maxsize=2)
def boosted(seed: int) -> Model:
    """A boosted model of the earlier rows, the classes as they are."""
    train, _ = history(seed)
    model = mls.models.BoostedModel(random_state=seed)
    return model.fit(train, train["label"].to_numpy(dtype=float))


def logistic(seed: int, *, balanced: bool = False) -> Model:
    """A logistic model of the earlier rows, with the classes balanced or as they are."""
    return weighting.fitted(seed, weighting.BALANCED if balanced else weighting.PLAIN)[0]


class Unweighted:
    """A balanced model whose scores are brought back by one formula."""

    name = "unweighted"

    def __init__(self, model: Model, weight: float, formula: Any) -> None:
        self.model, self.weight, self.formula = model, weight, formula

    def __repr__(self) -> str:
        return f"Unweighted({self.model!r}, classes had a weight of {self.weight:.0f})"

    @property
    def inputs(self) -> Any:
        """What the inner model reads."""
        return self.model.inputs  # type: ignore[attr-defined]

    def fit(self, frame: pd.DataFrame, labels: Floats, weights: Floats | None = None) -> Unweighted:
        """Fit the inner model anew."""
        self.model.fit(frame, labels, weights)
        return self

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Probabilities."""
        scores = self.model.predict(frame)
        return np.asarray(self.formula(scores, self.weight), dtype=float)


def served(
    seed: int, model: Model | None = None, *, policy: Policy | None = None,
    reviewers: int | None = None, days: int = DAYS, keep: str = "metrics",
) -> mls.Run:  # fmt: skip
    """A month of the resilient system around a model, a policy, or so many cases a day."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    if reviewers is not None:
        world = replace(world, reviewers=replace(world.reviewers, capacity=reviewers))
    system = mls.resilient_system(seed=seed, retraining=None, responder=None)
    if model is not None:
        system = system.with_(model=model)
    if policy is not None:
        stage: Any = system.decisions
        system = system.with_(decisions=replace(stage, policy=policy))
    return mls.simulate(world, system, days=days, keep=keep)


def approving_everything(seed: int) -> float:
    """Euros of a month in which nobody is ever stopped, and no system is paid for."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    run = mls.simulate(world, mls.assemble((), seed=seed), days=DAYS, keep="metrics")
    return run.expected_value / 100


def priced(run: mls.Run, model: Model | None = None) -> pd.DataFrame:
    """What each first-time row of a run is worth in expectation, in cents, beside a score.

    Columns: score (of the model that answered, or of another one on the same features), p, amount,
    approve, block.
    """
    log = run.log[~run.log["is_duplicate"] & run.log["score"].notna()]
    truth = run.truth().loc[log["request_id"]]
    score = log["score"].to_numpy() if model is None else model.predict(log)
    p, amount = truth["true_probability"].to_numpy(), truth["true_amount_cents"].to_numpy()
    approve = (1 - p) * mls.COSTS.margin(amount) - p * mls.COSTS.fraud_loss(amount)
    block = -(1 - p) * mls.COSTS.friction
    columns = {"score": score, "p": p, "amount": amount, "approve": approve, "block": block}
    return pd.DataFrame(columns)


def overrides(run: mls.Run) -> pd.DataFrame:
    """What reviewers decided, beside what the policy would have done without anybody: counts."""
    held = run.log[run.log["decided_by"] == "reviewer"]
    decisions: Any = run.system.decisions
    approve, block, _ = decisions.expected_cents(held)
    alone = pd.Series(np.where(approve >= block, "approve", "block"), held.index)
    said = held["final_action"].astype(str)
    return pd.crosstab(alone.rename("the policy alone"), said.rename("the reviewer"))
