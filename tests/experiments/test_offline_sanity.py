"""Offline, the snapshot looks like public fraud data: not too easy, not hopeless, truth on top.

The range is that of public results on card fraud (Fraud-Detection-Handbook's simulator: logistic
.871, boosted .862). Each area comes with DeLong's interval; it says nothing about money.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

import mlsys_lessons as mls
from mlsys_lessons.components.component import Model
from mlsys_lessons.components.inference.models import BoostedModel, LogisticModel
from mlsys_lessons.simulation.presets import training_rows
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, FEATURES

LOW, HIGH, BEST_SINGLE = 0.85, 0.97, 0.90
TEST_DAYS = 26  # the last quarter of the labelled days
LIVE_DAYS = 45


class Area(NamedTuple):
    """An area under the ROC curve and its 95 % interval."""

    value: float
    low: float
    high: float


def area(score: NDArray[np.float64], label: NDArray[np.float64]) -> Area:
    """DeLong's variance in Sun and Xu's form (2014), the interval on the logit scale."""
    fraud, genuine = score[label == 1], score[label == 0]
    m, n = len(fraud), len(genuine)
    together = rankdata(np.concatenate([fraud, genuine]))
    above = (together[:m] - rankdata(fraud)) / n
    below = 1 - (together[m:] - rankdata(genuine)) / m
    value = float(above.mean())
    error = np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    low, high = expit(logit(value) + np.array([-1.96, 1.96]) * error / (value * (1 - value)))
    return Area(value, float(low), float(high))


@pytest.fixture(scope="module")
def split() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The snapshot's labelled rows, cut in time: learn from the earlier, judge on the later."""
    rows = training_rows(mls.features.offline(*mls.datasets.load()))
    late = (rows["tick"] > rows["tick"].max() - TEST_DAYS).to_numpy()
    return rows[~late], rows[late]


@pytest.fixture(scope="module")
def areas(split: tuple[pd.DataFrame, pd.DataFrame]) -> dict[str, Area]:
    """Both models on the time split, and the truth on live days in which all was approved."""
    train, test = split
    label = test["label"].to_numpy()
    kinds: tuple[Model, ...] = (LogisticModel(), BoostedModel(random_state=0))
    fitted = {kind.name: kind.fit(train, train["label"].to_numpy()) for kind in kinds}
    found = {name: area(model.predict(test), label) for name, model in fitted.items()}
    truth = live_truth()
    known = area(truth["true_probability"].to_numpy(), truth["true_label"].to_numpy())
    return {**found, "truth": known}


def live_truth() -> pd.DataFrame:
    """What the world knows of some days without a fraud system: everything is approved."""
    world = mls.payments_world(seed=mls.datasets.SEED, daily=mls.datasets.DAILY)
    state, days = world.start(), []
    for tick in range(LIVE_DAYS):
        truth = world.day(tick, state).truth
        approved = pd.Categorical(["approve"] * len(truth), dtype=ACTION_DTYPE)
        world.react(state, tick, truth.reset_index().assign(final_action=approved))
        days.append(truth)
    return pd.concat(days)


def test_the_area_is_scikit_learns_and_its_interval_covers() -> None:
    """200 samples of two unit normals one apart: the area is .760 (FACTS, missing feature)."""
    draw = np.random.default_rng(1)
    label = np.repeat([0.0, 1.0], [300, 60])
    covered = 0
    for _ in range(200):
        score = draw.normal(label, 1.0)
        found = area(score, label)
        covered += found.low <= 0.7602 <= found.high
    assert found.value == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    assert 180 <= covered <= 198


def test_the_split_is_in_time_and_has_fraud_on_both_sides(
    split: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    train, test = split
    assert train["tick"].max() < test["tick"].min()
    assert test["label"].sum() >= 100 and train["label"].sum() >= 300
    rate = pd.concat(split)["label"].mean()
    assert 0.002 < rate < 0.01


@pytest.mark.parametrize("name", ["logistic", "boosted"])
def test_models_lie_in_the_range_of_public_results(areas: dict[str, Area], name: str) -> None:
    found = areas[name]
    assert LOW <= found.value <= HIGH, found
    assert 0.80 < found.low < found.high < 0.98, found


def test_no_single_feature_gives_fraud_away(split: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Whichever way it points, and to the upper end of its interval."""
    _, test = split
    label = test["label"].to_numpy()
    found = {name: area(test[name].to_numpy(), label) for name in FEATURES}
    best = {name: max(each.high, 1 - each.low) for name, each in found.items()}
    assert max(best.values()) <= BEST_SINGLE, best


def test_the_truth_ranks_better_than_any_model_and_is_not_perfect(areas: dict[str, Area]) -> None:
    truth = areas["truth"]
    assert truth.low > max(areas["logistic"].high, areas["boosted"].value), areas
    assert truth.value < 1


def test_boosting_earns_its_trees(areas: dict[str, Area]) -> None:
    """A known order, so that a broken feature or a broken fit is noticed."""
    assert areas["boosted"].value > areas["logistic"].value
