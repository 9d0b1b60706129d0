"""Labels late, selected and corrected; reviews; the sample to learn from; the gate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import received, training

from mlsys_lessons.components.feedback.labels import (
    LATEST_ARRIVAL_DAYS,
    REMEMBERED_DAYS,
    UNKNOWN,
    LabelQueue,
)
from mlsys_lessons.components.feedback.retraining import (
    RetrainingPolicy,
    TrainingStore,
    challenge,
    log_loss,
)
from mlsys_lessons.components.feedback.reviews import ReviewQueue
from mlsys_lessons.components.inference.models import BaseRate, LogisticModel
from mlsys_lessons.records import MATURITY_DAYS, timestamps
from mlsys_lessons.worlds.payments.domain import (
    CATEGORY_DTYPE,
    COUNTRY_DTYPE,
    FEATURES,
    SOURCE_DTYPE,
)

DAY = 86_400_000


def day_of(ids: list[int]) -> pd.DataFrame:
    """The closed log of a day, as far as the queue looks at it."""
    codes = np.array([each % 7 for each in ids])
    return pd.DataFrame({
        "request_id": np.array(ids, dtype=np.int64),
        "merchant_id": np.array(ids, dtype=np.int64) * 10,
        "country": pd.Categorical.from_codes(codes, dtype=COUNTRY_DTYPE),
        "category": pd.Categorical.from_codes(codes, dtype=CATEGORY_DTYPE),
        "score": np.array(ids) / 100,
    })  # fmt: skip


def said(ids: list[int], *, day: int = 0, label: int = 1,
         source: str = "cardholder") -> pd.DataFrame:  # fmt: skip
    """Reports or verdicts as they come in, about events of one day."""
    return pd.DataFrame({
        "request_id": np.array(ids, dtype=np.int64),
        "event_tick": np.full(len(ids), day),
        "label": np.full(len(ids), label, dtype=np.int8),
        "source": pd.Categorical([source] * len(ids), dtype=SOURCE_DTYPE),
    })  # fmt: skip


def steps(queue: LabelQueue, start: int, stop: int) -> pd.DataFrame:
    """The labels that became known over some quiet days."""
    chunks = []
    for tick in range(start, stop):
        queue.remember(tick, day_of([]), np.empty(0, dtype=bool))
        chunks.append(queue.step(tick))
    return pd.concat(chunks)


def known(labels: pd.DataFrame) -> list[tuple[int, int, str]]:
    return list(labels[["request_id", "label", "source"]].itertuples(index=False, name=None))


def queue_with(ids: list[int], approved: list[bool], tick: int = 0) -> LabelQueue:
    queue = LabelQueue()
    queue.remember(tick, day_of(ids), np.array(approved))
    return queue


def test_silence_becomes_genuine_at_the_edge_that_is_45_days_away() -> None:
    queue = queue_with([3, 1], [True, True])
    assert not len(queue.step(0))
    assert not len(steps(queue, 1, MATURITY_DAYS))
    labels = steps(queue, MATURITY_DAYS, MATURITY_DAYS + 1)
    assert sorted(known(labels)) == [(1, 0, "matured"), (3, 0, "matured")]
    edge = timestamps(np.array([(MATURITY_DAYS + 1) * DAY]))[0]
    assert set(labels["label_time"]) == {pd.Timestamp(edge)}
    assert not len(steps(queue, MATURITY_DAYS + 1, 2 * MATURITY_DAYS))


def test_a_report_before_maturity_is_the_only_label() -> None:
    queue = queue_with([3, 1], [True, True])
    queue.receive(said([3]))
    assert known(queue.step(0)) == [(3, 1, "cardholder")]
    assert known(steps(queue, 1, 200)) == [(1, 0, "matured")]


def test_a_report_after_maturity_is_a_second_row_called_late() -> None:
    queue = queue_with([3], [True])
    assert known(steps(queue, 1, 60)) == [(3, 0, "matured")]
    queue.receive(said([3]))
    assert known(steps(queue, 60, 61)) == [(3, 1, "late")]
    assert queue.labels_of(0, np.array([3])).tolist() == [1]


def test_a_report_corrects_a_reviewers_slip() -> None:
    queue = queue_with([3], [True])
    queue.receive(said([3], label=0, source="investigator"))
    assert known(queue.step(0)) == [(3, 0, "investigator")]
    queue.receive(said([3]))
    assert known(steps(queue, 1, 2)) == [(3, 1, "late")]
    assert not len(steps(queue, 2, 100))


def test_a_blocked_request_has_no_label_ever() -> None:
    queue = queue_with([1, 2, 3], [False, True, False])
    queue.receive(said([3], source="investigator"))
    labels = pd.concat([queue.step(0), steps(queue, 1, REMEMBERED_DAYS + 5)])
    assert known(labels) == [(3, 1, "investigator"), (2, 0, "matured")]


def test_labels_of_knows_what_is_known_and_nothing_else() -> None:
    queue = queue_with([9, 4, 7], [True, True, True], tick=2)
    queue.receive(said([7], day=2))
    queue.step(2)
    asked = np.array([7, 4, 5, 9, 99, 0])
    assert queue.labels_of(2, asked).tolist() == [1, *[UNKNOWN] * 5]
    assert queue.labels_of(3, asked).tolist() == [UNKNOWN] * 6
    steps(queue, 3, 2 + MATURITY_DAYS + 1)
    assert queue.labels_of(2, asked).tolist() == [1, 0, UNKNOWN, 0, UNKNOWN, UNKNOWN]


def test_each_label_carries_its_requests_keys_day_and_score() -> None:
    queue = queue_with([9, 4, 7], [True, True, True], tick=2)
    queue.receive(said([7, 9], day=2))
    labels = queue.step(2).set_index("request_id")
    for request in (7, 9):
        row = labels.loc[request]
        assert (row["tick"], row["merchant_id"], row["score"]) == (2, request * 10, request / 100)
        assert (row["country"], row["category"]) == (request % 7, request % 7)


def test_strangers_and_the_long_forgotten_are_passed_over() -> None:
    queue = queue_with([3], [True])
    queue.receive(said([555]))
    assert not len(queue.step(0))
    steps(queue, 1, REMEMBERED_DAYS + 2)
    queue.receive(said([3]))
    assert not len(steps(queue, REMEMBERED_DAYS + 2, REMEMBERED_DAYS + 3))


@pytest.mark.parametrize("delay", range(LATEST_ARRIVAL_DAYS + 1))
def test_a_report_finds_a_request_that_arrived_days_after_its_event(delay: int) -> None:
    queue = queue_with([3, 8], [True, True], tick=10 + delay)
    queue.remember(9, day_of([2]), np.array([True]))
    queue.receive(said([3], day=10))
    queue.receive(said([2], day=9))
    assert sorted(known(queue.step(20))) == [(2, 1, "cardholder"), (3, 1, "cardholder")]


def test_a_step_without_news_still_has_the_columns() -> None:
    labels = LabelQueue().step(0)
    assert list(labels.columns) == [
        "request_id", "label", "label_time", "source", "tick", "merchant_id", "country", "category",
        "score",
    ]  # fmt: skip
    assert labels["source"].dtype == SOURCE_DTYPE
    assert labels.dtypes.equals(queue_with([1], [True]).step(0).dtypes)


def history(days: range, per_day: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A past in which everything was approved; even days' first request is fraud."""
    ids = [1_000 * (day + 500) + k for day in days for k in range(per_day)]
    tick = np.repeat(np.array(days), per_day)
    requests = day_of(ids).drop(columns="score")
    requests["arrival_time"] = timestamps(tick * DAY + 5)
    fraud = (tick % 2 == 0) & (np.arange(len(ids)) % per_day == 0)
    rows = [(ids[k], 1, tick[k] + 20.0) for k in np.flatnonzero(fraud) if tick[k] + 20 < 0]
    rows += [(ids[k], 0, tick[k] + 45.0) for k in np.flatnonzero(~fraud) if tick[k] + 45 < 0]
    labels = pd.DataFrame(sorted(rows, key=lambda row: row[2]),
                          columns=["request_id", "label", "label_time"])  # fmt: skip
    return requests, labels


def test_a_warmed_queue_goes_on_where_the_history_ended() -> None:
    requests, labels = history(range(-60, 0))
    queue = LabelQueue()
    queue.warm(requests, labels)
    told = labels.set_index("request_id")["label"]
    for day in range(-60, 0):
        ids = requests["request_id"].to_numpy()[(day + 60) * 2 : (day + 60) * 2 + 2]
        expected = [told.get(each, UNKNOWN) for each in ids]
        assert queue.labels_of(day, ids).tolist() == expected
    matured = steps(queue, 0, 45)
    waiting = [each for each in requests["request_id"] if each not in told.index
               and each >= 1_000 * (500 - MATURITY_DAYS)]  # fmt: skip
    assert sorted(matured["request_id"]) == sorted(waiting)


def test_a_warmed_queue_believes_the_later_of_two_labels() -> None:
    requests, _ = history(range(-60, 0))
    first = int(requests["request_id"].iloc[0])
    when = timestamps(np.array([-15, -2]) * DAY)
    labels = pd.DataFrame({"request_id": [first] * 2, "label": [0, 1], "label_time": when})
    queue = LabelQueue()
    queue.warm(requests, labels)
    assert queue.labels_of(-60, np.array([first])).tolist() == [1]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_queue_is_a_dictionary_with_a_calendar(data: st.DataObject) -> None:
    """Random days, reports at random times, against one dictionary entry a request."""
    horizon = MATURITY_DAYS + 12
    days = data.draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 63)), min_size=1,
                              max_size=6))  # fmt: skip
    ids = [[100 * day + k for k in range(count)] for day, (count, _) in enumerate(days)]
    approved = [[bool(mask >> k & 1) for k in range(count)] for count, mask in days]
    due: dict[int, list[int]] = {}
    for day, each in enumerate(ids):
        for request, is_approved in zip(each, approved[day], strict=True):
            delay = data.draw(st.sampled_from([None, None, 0, 3, 44, 45, 46, 50]))
            if is_approved and delay is not None:
                due.setdefault(day + delay, []).append(request)
    queue, label = LabelQueue(), {}
    for tick in range(horizon):
        today = ids[tick] if tick < len(ids) else []
        mask = approved[tick] if tick < len(ids) else []
        queue.remember(tick, day_of(today), np.array(mask, dtype=bool))
        expected = []
        for request in due.get(tick, []):
            expected.append((request, 1, "late" if label.get(request) == 0 else "cardholder"))
            label[request] = 1
        for request in due.get(tick, []):
            queue.receive(said([request], day=request // 100))
        old = tick - MATURITY_DAYS
        if 0 <= old < len(ids):
            for request, is_approved in zip(ids[old], approved[old], strict=True):
                if is_approved and request not in label:
                    label[request] = 0
                    expected.append((request, 0, "matured"))
        assert sorted(known(queue.step(tick))) == sorted(expected)
    for day, each in enumerate(ids):
        found = queue.labels_of(day, np.array(each, dtype=np.int64)).tolist()
        assert found == [label.get(request, UNKNOWN) for request in each]


# --- reviews ------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.integers(-5, 5), max_size=20), capacity=st.integers(0, 8))
def test_people_see_the_most_valuable_cases_first(values: list[int], capacity: int) -> None:
    held = pd.DataFrame({
        "request_id": np.arange(len(values)),
        "score": 0.5,
        "review_value": np.array(values, dtype=np.float64),
        "amount": 1.0,
    })  # fmt: skip
    picks = ReviewQueue(capacity).picks(held)
    order = sorted(range(len(values)), key=lambda row: (-values[row], row))[:capacity]
    assert picks["request_id"].tolist() == order
    assert {"request_id", "score", "review_value"} <= set(picks.columns)


# --- learning again -----------------------------------------------------------------------------


def test_the_calendar_of_fits() -> None:
    policy = RetrainingPolicy(every=10, first=30)
    assert [tick for tick in range(60) if policy.due(tick)] == [29, 39, 49, 59]


def test_the_sample_is_uniform_and_blind_to_label_score_and_order() -> None:
    day = received(4_000).assign(propensity=1.0)
    store = TrainingStore(seed=3, rows_a_day=1_000)
    store.remember(0, day)
    sample = store.days[0][1]
    assert abs(len(sample) - 1_000) < 5 * np.sqrt(750)
    taken = day["request_id"].isin(sample["request_id"]).to_numpy()
    for name in ("amount", "account_age_days", "merchant_risk", "hour_sin"):
        column = day[name].to_numpy()
        gap = column[taken].mean() - column.mean()
        assert abs(gap) < 4 * column.std() / np.sqrt(1_000)
    other = TrainingStore(seed=3, rows_a_day=1_000)
    other.remember(0, day.iloc[::-1])
    assert set(other.days[0][1]["request_id"]) == set(sample["request_id"])


def test_a_small_day_is_kept_whole_but_for_untrusted_rows() -> None:
    day = received(10).assign(propensity=1.0)
    day["is_duplicate"] = np.arange(10) == 3
    day["is_quarantined"] = np.arange(10) == 5
    store = TrainingStore(seed=3, rows_a_day=1_000)
    store.remember(0, day)
    expected = day["request_id"].drop(index=[3, 5]).tolist()
    assert store.days[0][1]["request_id"].tolist() == expected
    assert not any(name.startswith("true_") for name in store.days[0][1])


def test_matured_rows_are_of_the_window_known_and_weighted() -> None:
    queue, store = LabelQueue(), TrainingStore(seed=3, rows_a_day=100)
    share = 0.02
    days = {}
    for tick in range(60):
        day = received(8, seed=tick, day=tick).assign(propensity=1.0, score=0.1)
        day.loc[2, "propensity"] = share
        approved = np.arange(8) != 4
        queue.remember(tick, day, approved)
        store.remember(tick, day)
        queue.receive(said([int(day["request_id"].iloc[1])], day=tick))
        queue.step(tick)
        days[tick] = day
    rows = store.matured(queue, 59, window=5)
    assert sorted(rows["tick"].unique()) == [10, 11, 12, 13, 14]
    for tick, of_day in rows.groupby("tick"):
        day = days[tick]
        expected = day.drop(index=4)
        assert of_day["request_id"].tolist() == expected["request_id"].tolist()
        assert of_day["label"].tolist() == [0, 1, 0, 0, 0, 0, 0]
        assert of_day["weight"].tolist() == [1, 1, 1 / share, 1, 1, 1, 1]
        assert np.array_equal(of_day[list(FEATURES)], expected[list(FEATURES)])


def test_nothing_matured_is_an_empty_frame() -> None:
    assert not len(TrainingStore(seed=3).matured(LabelQueue(), 100, window=50))


def test_the_store_forgets() -> None:
    store = TrainingStore(seed=3, rows_a_day=5)
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
