"""Retraining: the calendar of fits, the sample to learn from, the gate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from strategies import received, training
from test_labels import known_by, said

from mlsys_lessons.components.feedback.labels import REMEMBERED_DAYS, UNKNOWN, LabelQueue
from mlsys_lessons.components.feedback.retraining import (
    RetrainingPolicy,
    TrainingSample,
    challenge,
    log_loss,
)
from mlsys_lessons.components.inference.models import BaseRate, LogisticModel
from mlsys_lessons.worlds.payments.domain import FEATURES


def test_the_calendar_of_fits() -> None:
    policy = RetrainingPolicy(every=10, first=30)
    assert [tick for tick in range(60) if policy.due(tick)] == [29, 39, 49, 59]


def test_the_sample_is_uniform_and_blind_to_label_score_and_order() -> None:
    day = received(4_000).assign(propensity=1.0)
    store = TrainingSample(seed=3, rows_a_day=1_000)
    store.remember(0, day)
    sample = store.days[0][1]
    assert abs(len(sample) - 1_000) < 5 * np.sqrt(750)
    taken = day["request_id"].isin(sample["request_id"]).to_numpy()
    for name in ("amount", "account_age_days", "merchant_risk", "hour_sin"):
        column = day[name].to_numpy()
        gap = column[taken].mean() - column.mean()
        assert abs(gap) < 4 * column.std() / np.sqrt(1_000)
    other = TrainingSample(seed=3, rows_a_day=1_000)
    other.remember(0, day.iloc[::-1])
    assert set(other.days[0][1]["request_id"]) == set(sample["request_id"])


def test_a_small_day_is_kept_whole_but_for_untrusted_rows() -> None:
    day = received(10).assign(propensity=1.0)
    day["is_duplicate"] = np.arange(10) == 3
    day["is_quarantined"] = np.arange(10) == 5
    store = TrainingSample(seed=3, rows_a_day=1_000)
    store.remember(0, day)
    expected = day["request_id"].drop(index=[3, 5]).tolist()
    assert store.days[0][1]["request_id"].tolist() == expected
    assert not any(name.startswith("true_") for name in store.days[0][1])


def test_matured_rows_are_of_the_window_known_and_weighted() -> None:
    queue, store = LabelQueue(), TrainingSample(seed=3, rows_a_day=100)
    share = 0.02
    days = {}
    for tick in range(60):
        day = received(8, seed=tick, day=tick).assign(propensity=1.0, score=0.1)
        day.loc[2, "propensity"] = share
        approved = np.arange(8) != 4
        queue.remember(tick, day, approved)
        store.remember(tick, day)
        known_by(queue, tick, reports=said([int(day["request_id"].iloc[1])], day=tick))
        days[tick] = day
    matured = store.matured(queue, 59, window=5)
    rows = RetrainingPolicy().learned_from(matured, BaseRate())
    assert len(matured) == 40 and (matured["label"] == UNKNOWN).sum() == 5
    assert sorted(rows["tick"].unique()) == [10, 11, 12, 13, 14]
    for tick, of_day in rows.groupby("tick"):
        day = days[tick]
        expected = day.drop(index=4)
        assert of_day["request_id"].tolist() == expected["request_id"].tolist()
        assert of_day["label"].tolist() == [0, 1, 0, 0, 0, 0, 0]
        assert of_day["weight"].tolist() == [1, 1, 1 / share, 1, 1, 1, 1]
        assert np.array_equal(of_day[list(FEATURES)], expected[list(FEATURES)])


def test_nothing_matured_is_an_empty_frame() -> None:
    assert not len(TrainingSample(seed=3).matured(LabelQueue(), 100, window=50))


def test_the_store_forgets() -> None:
    store = TrainingSample(seed=3, rows_a_day=5)
    day = received(3).assign(propensity=1.0)
    for tick in range(REMEMBERED_DAYS + 10):
        store.remember(tick, day)
    assert len(store.days) == REMEMBERED_DAYS + 1


def matured_rows(count: int = 4_000, *, last: int = 60) -> pd.DataFrame:
    frame, labels = training(count)
    tick = np.sort(np.random.default_rng(1).integers(0, last + 1, count))
    tick[-1] = last
    return frame.assign(label=labels, tick=tick, weight=1.0)


def test_the_gate_lets_a_better_model_in_and_keeps_a_worse_one_out() -> None:
    rows, policy = matured_rows(), RetrainingPolicy(holdout=14)
    average = BaseRate().fit(rows, rows["label"].to_numpy())
    challenger = LogisticModel()
    assert challenge(average, challenger, rows, policy) is challenger
    champion = LogisticModel().fit(rows, rows["label"].to_numpy())
    assert challenge(champion, BaseRate(), rows, policy) is None


def test_the_challenger_never_sees_the_rows_it_is_judged_on() -> None:
    rows, policy = matured_rows(), RetrainingPolicy(holdout=14)

    class Listening(BaseRate):
        seen: pd.DataFrame

        def fit(self, frame: pd.DataFrame, labels: np.ndarray,
                weights: np.ndarray | None = None) -> Listening:  # fmt: skip
            self.seen = frame
            super().fit(frame, labels, weights)
            return self

    challenger = Listening()
    challenge(BaseRate().fit(rows, rows["label"].to_numpy()), challenger, rows, policy)
    assert challenger.seen["tick"].max() == 60 - 14
    assert len(challenger.seen) == (rows["tick"] <= 46).sum()


@pytest.mark.parametrize("keep", ["past", "recent"])
def test_too_few_frauds_and_nothing_is_learned(keep: str) -> None:
    rows = matured_rows()
    newest = rows["tick"] > 60 - 14
    rows.loc[newest if keep == "past" else ~newest, "label"] = 0.0
    assert challenge(BaseRate(), LogisticModel(), rows, RetrainingPolicy(holdout=14)) is None


def test_log_loss_is_scikit_learns() -> None:
    from sklearn.metrics import log_loss as theirs

    draw = np.random.default_rng(2)
    scores, weights = draw.uniform(0.001, 0.999, 200), draw.uniform(1, 50, 200)
    labels = (draw.random(200) < scores).astype(float)
    expected = theirs(labels, scores, sample_weight=weights)
    assert log_loss(scores, labels, weights) == pytest.approx(expected, rel=1e-12)
    certain = log_loss(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.ones(2))
    assert np.isfinite(certain)
    assert certain > 25
