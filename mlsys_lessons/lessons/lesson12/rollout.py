"""A new version meets the traffic: the candidate, its canary, its shadow, its ramp.

The candidate ranks as the champion does; its scores were corrected for undersampling twice. What an
arm counts stands here; the statistics are the package's (components/inference/canary.py, ramp.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.component import Model
from mlsys_lessons.components.decisions import Policy
from mlsys_lessons.components.inference.calibrated import CalibratedModel
from mlsys_lessons.components.inference.canary import Arm
from mlsys_lessons.components.inference.ramp import GO, HARM, WRONG_SPLIT, RampPlan, word_of
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.inference.split import SHADOW, SplitInference
from mlsys_lessons.simulation.simulate import copied
from mlsys_lessons.system.system import System

DAILY = 1_000
KEPT = 0.1  # of the genuine rows that the notebook trains on: one in ten (assumed, a usual choice)
OUTCOMES = ("blocked", "reported")
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


def gone_on(run: mls.Run, *, share: float, days: int) -> mls.Run:
    """The same run some days later, the candidate answering this share of them."""
    later = copied(run)
    later.system.inference.send(share)
    for _ in range(days):
        later.step()
    return later


def _answered(run: mls.Run, *, since: int = 0) -> list[pd.DataFrame]:
    """Day by day, the rows that came for the first time and that a version answered."""
    days = run.recorder.kept("log")[since:]
    return [day[~day["is_duplicate"].to_numpy() & ~day["is_fallback"].to_numpy()] for day in days]


def counted(run: mls.Run, *, since: int = 0) -> pd.DataFrame:
    """A row for each of the two versions: requests answered, blocked, reported as fraud by now."""
    known = run.labels.loc[run.labels["label"] == 1, "request_id"]
    inference = run.system.inference
    names = {inference.registry.champion.label: "old", inference.challenger.label: "new"}
    total = pd.DataFrame(0, index=["old", "new"], columns=["rows", *OUTCOMES])
    for day in _answered(run, since=since):
        blocked = day["final_action"].eq("block").to_numpy()
        reported = ~blocked & day["request_id"].isin(known).to_numpy()
        counts = pd.DataFrame({"rows": 1, "blocked": blocked, "reported": reported}).astype(int)
        version = day["model_version"].astype("str").map(names).to_numpy()
        total += counts.groupby(version).sum().reindex(total.index, fill_value=0)
    return total


def arms(table: pd.DataFrame, outcome: str) -> tuple[Arm, Arm]:
    """The old and the new version's counts of one outcome."""
    old, new = (Arm(*map(int, table.loc[name, [outcome, "rows"]])) for name in ("old", "new"))
    return old, new


def auc(run: mls.Run) -> tuple[float, float]:
    """The AUC of both versions on the same rows, by the truth: what a test set would say."""
    from sklearn.metrics import roc_auc_score

    log = pd.concat(_answered(run))
    fraud = run.truth().loc[log["request_id"], "true_label"].to_numpy()
    whole = run.system.inference.registry.model.predict(log)
    return float(roc_auc_score(fraud, whole)), float(roc_auc_score(fraud, log[SHADOW]))


def in_shadow(run: mls.Run) -> pd.DataFrame:
    """Both versions on the same rows, from the log: what each would have stopped, and believed.

    No row was answered otherwise for it. `would stop` counts rows for which approving is not the
    best action by the version's own score; `frauds expected` is the sum of its scores.
    """
    found = pd.DataFrame(0.0, index=["old", "new"], columns=list(SEEN))
    for day in _answered(run):
        cents = np.rint(day["amount"].fillna(0).to_numpy() * 100).astype(np.int64)
        old = run.system.inference.registry.model.predict(day)
        for name, score in (("old", old), ("new", day[SHADOW].to_numpy())):
            approve, block, review = Policy().expected_cents(score, cents, cents)
            stops = np.count_nonzero(np.maximum(block, review) > approve)
            found.loc[name] += np.array([len(day), stops, score.sum()])
    return found


def ramped(run: mls.Run, plan: RampPlan) -> Iterator[tuple[int, float, str, mls.Run]]:
    """Take a run through a plan, night by night: day, share, the word of that night, the run.

    A step that is not clear by its last night is held on; GO after the last one is everybody. Any
    stop sends everybody back to the old version, the same night.
    """
    run = copied(run)
    for step in plan.steps:
        run.system.inference.send(step.share)
        since, word = run.days, ""
        while word != GO:
            run.step()
            table = counted(run, since=since)
            rows = int(table.at["old", "rows"]), int(table.at["new", "rows"])
            found = {rail: arms(table, rail.metric) for rail in plan.guardrails}
            word = word_of(found, share=step.share, rows=rows, alpha=plan.alpha)
            if word in (HARM, WRONG_SPLIT):
                run.system.inference.send(0.0)
                yield run.days, step.share, word, run
                return
            if run.days - since < step.days and word == GO:
                word = "held"
            yield run.days, step.share, word, run
    run.system.inference.send(1.0)
