"""Selective labels: a model is retrained each month on what its own decisions have left to learn.

One feature, two Gaussian classes, a cut; the truth is known in closed form. A *label source* says
which rows of a month can be learned from, with which label and which weight. It is an experiment
outside the payments world, small enough to be held to published numbers; it prices nothing.
Source: Lakkaraju and others, The selective labels problem, 2017; [S] rows of the course's facts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.randomness import stream
from mlsys_lessons.records import positive, whole_number, within

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Judged(NamedTuple):
    """A month that has been decided on: rows in one order, all of one length.

    `score` is what the model said of each row, `blocked` what the cut said, `passed` what happened:
    some of the blocked go through by exploration. `propensity` is the chance that a row passed.
    """

    feature: Floats
    fraud: Mask
    score: Floats
    blocked: Mask
    passed: Mask
    propensity: Floats


class Learned(NamedTuple):
    """What a model is fitted on: feature, label (0 or 1), weight: so many rows it stands for."""

    feature: Floats
    label: Floats
    weight: Floats


LabelSource = Callable[[Judged], Learned]


@dataclass(frozen=True)
class Population:
    """Two Gaussian classes on one feature; a month has so many rows of them.

    Why it matters: P(fraud given x) is a logistic curve here, so a logistic model is well specified
    and any other answer comes from what was learned from, not from what could be. With newcomers,
    good customers look as frauds do, and only somebody who lets a few through can find out.
    """

    rows: int = 50_000  # a month
    prevalence: float = 0.01  # share of frauds
    distance: float = 5.0  # of the classes' means, in standard deviations
    newcomers: float = 0.0  # share of genuine rows that lie where frauds lie, after a launch
    launch: int = 5  # the month of the launch

    def __post_init__(self) -> None:
        """Refuse a population without frauds, rows or sense."""
        whole_number("rows", self.rows, 100, 10_000_000)
        within("prevalence", self.prevalence, 1e-6, 0.5)
        within("distance", self.distance, 0.0, 20.0)
        within("newcomers", self.newcomers, 0.0, 1.0)

    def month(self, seed: int, month: int) -> tuple[Floats, Mask]:
        """Feature and truth of one month's rows."""
        draw = stream(seed, "selective.labels", month)
        fraud = draw.random(self.rows) < self.prevalence
        arrives = stream(seed, "selective.newcomers", month).random(self.rows) < self.newcomers
        far = fraud | (arrives & (month >= self.launch))
        return draw.normal(size=self.rows) + self.distance * far, fraud


def everything(month: Judged) -> Learned:
    """Every row with its true label: what no business has, to compare with."""
    return Learned(month.feature, month.fraud.astype(float), np.ones(len(month.fraud)))


def passed_only(month: Judged) -> Learned:
    """Rows that were let through, each counting once: what most teams retrain on."""
    kept = month.passed
    return Learned(month.feature[kept], month.fraud[kept].astype(float), np.ones(int(kept.sum())))


def weighted(month: Judged) -> Learned:
    """Rows that were let through, each counting 1 / propensity (Horvitz and Thompson, 1952)."""
    kept = month.passed
    return Learned(month.feature[kept], month.fraud[kept].astype(float), 1 / month.propensity[kept])


def own_decisions(month: Judged) -> Learned:
    """Every row; what was blocked is taken to have been fraud, because it was blocked."""
    label = np.where(month.passed, month.fraud, True).astype(float)
    return Learned(month.feature, label, np.ones(len(label)))


def reject_inference(month: Judged) -> Learned:
    """Every row; a blocked one is a fraud as often as its score says (parcelling).

    Why it matters: it looks like a correction, and adds nothing that the old model did not believe
    already. Source: Siddiqi, Credit risk scorecards, 2006, chapter on reject inference.
    """
    coin = stream(int(month.blocked.sum()), "selective.parcelling").random(len(month.score))
    label = np.where(month.passed, month.fraud, coin < month.score).astype(float)
    return Learned(month.feature, label, np.ones(len(label)))


def poisoned(source: LabelSource, *, share: float, seed: int = 0) -> LabelSource:
    """A source in which so many of the frauds' reports never come: they count as genuine.

    Whoever can keep a complaint from being made chooses what the next model learns.
    """
    within("share", share, 0.0, 1.0)

    def filed(month: Judged) -> Learned:
        known = source(month)
        silent = stream(seed, "selective.poison").random(len(known.label)) < share
        return known._replace(label=np.where(silent, 0.0, known.label))

    return filed


def judged(
    model: Any, feature: Floats, fraud: Mask, *, cut: float, exploration: float, seed: int
) -> Judged:
    """One month under a fitted model: score, block above `cut`, let some of the blocked through.

    `model` has `predict_proba` of a column, as scikit-learn's have. `exploration` is the share of
    the blocked that pass, by a stream of luck of its own.
    """
    score = model.predict_proba(feature[:, None])
    score = score[:, list(model.classes_).index(1)] if 1 in model.classes_ else np.zeros(len(fraud))
    blocked = score > cut
    passed = ~blocked | (stream(seed, "selective.explore").random(len(fraud)) < exploration)
    return Judged(feature, fraud, score, blocked, passed, np.where(blocked, exploration, 1.0))


def retrained(
    make_model: Callable[[], Any], source: LabelSource, *, population: Population | None = None,
    months: int = 8, cut: float = 0.5, exploration: float = 0.0, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Months of one model's successors, each fitted on the last month as its source tells it.

    The first is fitted on an unselected month. A month in which the source tells of one class only
    leaves the model as it is: there is nothing to fit.

    Columns: month, blocked (share of rows), recall (share of frauds blocked), precision (share of
    blocked that are frauds; NaN without a block), rate (frauds by weight among what is learned).

    Raises InputError for a cut or a share outside 0..1, or fewer than one month.

    >>> from sklearn.linear_model import LogisticRegression
    >>> few = Population(rows=5_000)
    >>> found = retrained(LogisticRegression, passed_only, population=few, months=2)
    >>> list(found.columns)
    ['month', 'blocked', 'recall', 'precision', 'rate']
    """
    crowd = population or Population()
    whole_number("months", months, 1, 1_000)
    within("cut", cut, 0.0, 1.0)
    within("exploration", exploration, 0.0, 1.0)
    feature, fraud = crowd.month(seed, 0)
    model, rows = make_model().fit(feature[:, None], fraud.astype(int)), []
    for month in range(1, months + 1):
        feature, fraud = crowd.month(seed, month)
        lived = judged(
            model, feature, fraud, cut=cut, exploration=exploration, seed=1_000 * seed + month
        )
        known = source(lived)
        rows.append((month, *_rates(lived), float(np.average(known.label, weights=known.weight))))
        model = _successor(make_model, known, model)
    return pd.DataFrame(rows, columns=["month", "blocked", "recall", "precision", "rate"])


def _rates(month: Judged) -> tuple[float, float, float]:
    """The share that is blocked, recall and precision of one month's cut."""
    blocked, fraud = month.blocked, month.fraud
    recall = float(blocked[fraud].mean()) if fraud.any() else float("nan")
    precision = float(fraud[blocked].mean()) if blocked.any() else float("nan")
    return float(blocked.mean()), recall, precision


def _successor(make_model: Callable[[], Any], known: Learned, model: Any) -> Any:
    """The next model, if both classes are there to learn from; else the one in service.

    A row that stands for fifty is repeated, as in `retraining.challenge`: a tree that wants so many
    rows in a leaf counts rows, not weights.
    """
    if len(np.unique(known.label)) < 2:
        return model
    copies = np.rint(known.weight).astype(np.int64)
    feature, label = np.repeat(known.feature, copies), np.repeat(known.label, copies)
    return make_model().fit(feature[:, None], label.astype(int))


def frozen_rates(
    score: Floats, fraud: Mask, *, cut: float, exploration: float = 0.0, seed: int = 0
) -> dict[str, float]:
    """The fraud rate that each source sees once, at one cut, beside the true one.

    `score` in 0..1 and `fraud` have one row each. Without exploration a weighted rate does not
    exist, and is what passed tells. A calibrated score of Beta(.5, 60) has a true rate of .0083;
    what passes a cut of .02 shows .0049.
    """
    positive("cut", cut)
    within("exploration", exploration, 0.0, 1.0)
    blocked = score > cut
    passed = ~blocked | (stream(seed, "selective.explore").random(len(score)) < exploration)
    propensity = np.where(blocked, exploration, 1.0)
    month = Judged(score, fraud, score, blocked, passed, propensity)
    sources = {
        "true": everything, "what passed": passed_only, "weighted": weighted,
        "own decisions": own_decisions, "reject inference": reject_inference,
    }  # fmt: skip
    found = {name: source(month) for name, source in sources.items()}
    return {
        name: float(np.average(known.label, weights=known.weight)) for name, known in found.items()
    }
