"""Labels: late, selected, corrected, and found again among the requests that they are about."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.feedback.labels import (
    LATEST_ARRIVAL_DAYS,
    REMEMBERED_DAYS,
    UNKNOWN,
    LabelQueue,
)
from mlsys_lessons.records import MATURITY_DAYS, timestamps
from mlsys_lessons.worlds.payments.domain import CATEGORY_DTYPE, COUNTRY_DTYPE, SOURCE_DTYPE

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


def said(ids: list[int], *, day: int = 0, label: int = 1) -> pd.DataFrame:
    """Reports or verdicts as they come in, about events of one day."""
    return pd.DataFrame({
        "request_id": np.array(ids, dtype=np.int64),
        "event_tick": np.full(len(ids), day),
        "label": np.full(len(ids), label, dtype=np.int8),
    })  # fmt: skip


def known_by(
    queue: LabelQueue, tick: int, *, reports: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The labels that become known at the end of a day, given what people say of it."""
    return queue.step(tick, said([]) if verdicts is None else verdicts, reports)


def steps(
    queue: LabelQueue, start: int, stop: int, reports: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The labels that became known over some days, quiet ones but for reports on the first."""
    chunks = []
    for tick in range(start, stop):
        queue.remember(tick, day_of([]), np.empty(0, dtype=bool))
        chunks.append(known_by(queue, tick, reports=reports if tick == start else None))
    return pd.concat(chunks)


def known(labels: pd.DataFrame) -> list[tuple[int, int, str]]:
    return list(labels[["request_id", "label", "source"]].itertuples(index=False, name=None))


def queue_with(ids: list[int], approved: list[bool], tick: int = 0) -> LabelQueue:
    queue = LabelQueue()
    queue.remember(tick, day_of(ids), np.array(approved))
    return queue


def test_silence_becomes_genuine_at_the_edge_that_is_45_days_away() -> None:
    queue = queue_with([3, 1], [True, True])
    assert not len(known_by(queue, 0))
    assert not len(steps(queue, 1, MATURITY_DAYS))
    labels = steps(queue, MATURITY_DAYS, MATURITY_DAYS + 1)
    assert sorted(known(labels)) == [(1, 0, "matured"), (3, 0, "matured")]
    edge = timestamps(np.array([(MATURITY_DAYS + 1) * DAY]))[0]
    assert set(labels["label_time"]) == {pd.Timestamp(edge)}
    assert not len(steps(queue, MATURITY_DAYS + 1, 2 * MATURITY_DAYS))


def test_a_report_before_maturity_is_the_only_label() -> None:
    queue = queue_with([3, 1], [True, True])
    assert known(known_by(queue, 0, reports=said([3]))) == [(3, 1, "cardholder")]
    assert known(steps(queue, 1, 200)) == [(1, 0, "matured")]


def test_a_report_after_maturity_is_a_second_row_called_late() -> None:
    queue = queue_with([3], [True])
    assert known(steps(queue, 1, 60)) == [(3, 0, "matured")]
    assert known(steps(queue, 60, 61, said([3]))) == [(3, 1, "late")]
    assert queue.labels_of(0, np.array([3])).tolist() == [1]


def test_a_report_corrects_a_reviewers_slip() -> None:
    queue = queue_with([3], [True])
    slip = known_by(queue, 0, verdicts=said([3], label=0))
    assert known(slip) == [(3, 0, "investigator")]
    assert known(steps(queue, 1, 2, said([3]))) == [(3, 1, "late")]
    assert not len(steps(queue, 2, 100))


def test_a_blocked_request_has_no_label_ever() -> None:
    queue = queue_with([1, 2, 3], [False, True, False])
    reviewed = known_by(queue, 0, verdicts=said([3]))
    labels = pd.concat([reviewed, steps(queue, 1, REMEMBERED_DAYS + 5)])
    assert known(labels) == [(3, 1, "investigator"), (2, 0, "matured")]


def test_labels_of_knows_what_is_known_and_nothing_else() -> None:
    queue = queue_with([9, 4, 7], [True, True, True], tick=2)
    known_by(queue, 2, reports=said([7], day=2))
    asked = np.array([7, 4, 5, 9, 99, 0])
    assert queue.labels_of(2, asked).tolist() == [1, *[UNKNOWN] * 5]
    assert queue.labels_of(3, asked).tolist() == [UNKNOWN] * 6
    steps(queue, 3, 2 + MATURITY_DAYS + 1)
    assert queue.labels_of(2, asked).tolist() == [1, 0, UNKNOWN, 0, UNKNOWN, UNKNOWN]


def test_each_label_carries_its_requests_keys_day_and_score() -> None:
    queue = queue_with([9, 4, 7], [True, True, True], tick=2)
    labels = known_by(queue, 2, reports=said([7, 9], day=2)).set_index("request_id")
    for request in (7, 9):
        row = labels.loc[request]
        assert (row["tick"], row["merchant_id"], row["score"]) == (2, request * 10, request / 100)
        assert (row["country"], row["category"]) == (request % 7, request % 7)


def test_strangers_and_the_long_forgotten_are_passed_over() -> None:
    queue = queue_with([3], [True])
    assert not len(known_by(queue, 0, reports=said([555])))
    steps(queue, 1, REMEMBERED_DAYS + 2)
    assert not len(steps(queue, REMEMBERED_DAYS + 2, REMEMBERED_DAYS + 3, said([3])))


@pytest.mark.parametrize("delay", range(LATEST_ARRIVAL_DAYS + 1))
def test_a_report_finds_a_request_that_arrived_days_after_its_event(delay: int) -> None:
    queue = queue_with([3, 8], [True, True], tick=10 + delay)
    queue.remember(9, day_of([2]), np.array([True]))
    reports = pd.concat([said([3], day=10), said([2], day=9)])
    labels = known_by(queue, 20, reports=reports)
    assert sorted(known(labels)) == [(2, 1, "cardholder"), (3, 1, "cardholder")]


def test_a_copied_queue_learns_for_itself() -> None:
    queue, asked = queue_with([1, 2], [True, True], tick=0), np.array([1, 2])
    twin = copy.deepcopy(queue)
    known_by(twin, 0, reports=said([1]))
    assert twin.labels_of(0, asked).tolist() == [1, UNKNOWN]
    assert queue.labels_of(0, asked).tolist() == [UNKNOWN, UNKNOWN]


def test_a_step_without_news_still_has_the_columns() -> None:
    labels = known_by(LabelQueue(), 0)
    assert list(labels.columns) == [
        "request_id", "label", "label_time", "source", "tick", "merchant_id", "country", "category",
        "score",
    ]  # fmt: skip
    assert labels["source"].dtype == SOURCE_DTYPE
    assert labels.dtypes.equals(known_by(queue_with([1], [True]), 0).dtypes)


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
        told = [said([request], day=request // 100) for request in due.get(tick, [])]
        reports = pd.concat(told) if told else None
        old = tick - MATURITY_DAYS
        if 0 <= old < len(ids):
            for request, is_approved in zip(ids[old], approved[old], strict=True):
                if is_approved and request not in label:
                    label[request] = 0
                    expected.append((request, 0, "matured"))
        assert sorted(known(known_by(queue, tick, reports=reports))) == sorted(expected)
    for day, each in enumerate(ids):
        found = queue.labels_of(day, np.array(each, dtype=np.int64)).tolist()
        assert found == [label.get(request, UNKNOWN) for request in each]
