"""A new version meets the traffic: the candidate, its canary, its shadow, its ramp.

The candidate ranks as the champion does; its scores were corrected for undersampling twice. How a
release is taken on and counted stands in experiments/split_release.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.component import Model
from mlsys_lessons.components.decisions import Policy
from mlsys_lessons.components.inference.calibrated import CalibratedModel
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.inference.split import SHADOW, SplitInference
from mlsys_lessons.experiments.split_release import (
    OUTCOMES,
    answered,
    arms,
    counted,
    gone_on,
    ramped,
    sending,
)
from mlsys_lessons.system.system import System

__all__ = [
    "OUTCOMES", "answered", "arms", "at_home", "auc", "begun", "corrected_twice", "counted",
    "gone_on", "in_shadow", "on_trial", "ramped", "sending",
]  # fmt: skip

DAILY = 1_000
KEPT = 0.1  # of the genuine rows that the notebook trains on: one in ten (assumed, a usual choice)
SEEN = ("rows", "would stop", "frauds expected")


def corrected_twice(model: Model, *, kept: float = KEPT) -> CalibratedModel:
    """The model behind a curve that takes undersampling out of scores in which there was none.

    Scores of a model fitted on one genuine row in ten are too high by ten in the odds: so the curve
    divides by ten. This one was fitted on all rows. `kept` is the share that somebody believes to
    have been kept.

    Source of the correction: Dal Pozzolo and others, Calibrating probability with undersampling for
    unbalanced classification, 2015.
    """
    knots = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 200)])
    candidate = CalibratedModel(model)
    candidate.curve_ = knots, kept * knots / (1 - knots + kept * knots)
    return candidate


def on_trial(system: System, candidate: ModelVersion, *, share: float = 0.0) -> System:
    """A copy of a resilient system with a candidate beside its champion."""
    split = SplitInference.around(system.inference, candidate, share=share, seed=system.seed)
    return system.with_(inference=split)


def at_home(seed: int, *, model: str = "boosted") -> System:
    """The shop's own system: resilient, and its model stays until somebody ships another."""
    return mls.resilient_system(seed=seed, model=model, retraining=None)


def begun(system: System, *, days: int) -> mls.Run:
    """The first days of a system in its own world."""
    world = mls.payments_world(seed=system.seed, daily=DAILY)
    return mls.simulate(world, system, days=days, keep="log")


def auc(run: mls.Run) -> tuple[float, float]:
    """The AUC of both versions on the same rows, by the truth: what a test set would say."""
    from sklearn.metrics import roc_auc_score

    log = pd.concat(answered(run))
    fraud = run.truth().loc[log["request_id"], "true_label"].to_numpy()
    whole = run.system.inference.registry.model.predict(log)
    return float(roc_auc_score(fraud, whole)), float(roc_auc_score(fraud, log[SHADOW]))


def in_shadow(run: mls.Run) -> pd.DataFrame:
    """Both versions on the same rows, from the log: what each would have stopped, and believed.

    No row was answered otherwise for it. `would stop` counts rows for which approving is not the
    best action by the version's own score; `frauds expected` is the sum of its scores.
    """
    found = pd.DataFrame(0.0, index=["old", "new"], columns=list(SEEN))
    for day in answered(run):
        cents = np.rint(day["amount"].fillna(0).to_numpy() * 100).astype(np.int64)
        old = run.system.inference.registry.model.predict(day)
        for name, score in (("old", old), ("new", day[SHADOW].to_numpy())):
            approve, block, review = Policy().expected_cents(score, cents, cents)
            stops = np.count_nonzero(np.maximum(block, review) > approve)
            found.loc[name] += np.array([len(day), stops, score.sum()])
    return found
