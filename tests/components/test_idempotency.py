"""Callers who ask again get the first answer, and its final word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.ingestion.idempotency import ANSWER, FINAL, Answers
from mlsys_lessons.frames import stacked
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, ACTIONS, FEATURES

DECIDED_BY = pd.CategoricalDtype(("policy", "reviewer", "timeout"))


def decided(ids: list[int], *, day: int = 0, version: str = "v1") -> pd.DataFrame:
    """First answers whose every value tells the request and the day apart."""
    numbers = np.array(ids, dtype=np.float64) + day / 100
    codes = (np.array(ids, dtype=np.int64) + day) % 3
    return pd.DataFrame({
        "request_id": np.array(ids, dtype=np.int64),
        "is_duplicate": False,
        **dict.fromkeys(FEATURES, 1.0),
        "score": numbers,
        "model_version": pd.Categorical([version] * len(ids)),
        "is_fallback": codes == 1,
        "fallback_reason": pd.Categorical([None] * len(ids), categories=["deadline"]),
        "action": pd.Categorical.from_codes(codes, dtype=ACTION_DTYPE),
        "reason": pd.Categorical(["score"] * len(ids)),
        "propensity": 1 / (1 + numbers),
        "review_value": numbers * 2,
        "policy_version": pd.Categorical([f"cut-{day}"] * len(ids)),
    })  # fmt: skip


def received(ids: list[int]) -> pd.DataFrame:
    index = pd.RangeIndex(500, 500 + len(ids), name="row_id")
    return pd.DataFrame({"request_id": np.array(ids, dtype=np.int64), "is_duplicate": True},
                        index=index)  # fmt: skip


def finished(frame: pd.DataFrame) -> pd.DataFrame:
    """The day's log as it stands before repeats get their final word."""
    action = frame["action"].cat.codes.to_numpy().copy()
    held = action == ACTIONS.index("review")
    action[held] = np.where(frame["request_id"].to_numpy()[held] % 2 == 0, 2, 0)
    by = pd.Categorical.from_codes(held.astype(np.int8), dtype=DECIDED_BY)
    final = pd.Categorical.from_codes(action, dtype=ACTION_DTYPE)
    return frame.assign(final_action=final, decided_by=by)


batches = st.lists(st.lists(st.integers(0, 40), max_size=6, unique=True), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(days=st.lists(batches, min_size=1, max_size=4), data=st.data())
def test_repeats_get_the_first_answer_and_the_firsts_final_action(
    days: list[list[list[int]]], data: st.DataObject
) -> None:
    answers, first, last_word = Answers(days=7), {}, {}
    for day, traffic in enumerate(days):
        log = []
        for batch in traffic:
            fresh = [each for each in batch if each not in first]
            answer = decided(fresh, day=day, version=f"v{day}")
            said_first = answer[list(ANSWER)].itertuples(index=False)
            first.update(dict(zip(fresh, said_first, strict=True)))
            if fresh:
                answers.remember(answer)
                log.append(answer)
            if first:
                asked = data.draw(st.lists(st.sampled_from(sorted(first)), min_size=1, max_size=5))
                said = answers.repeat(received(asked))
                log.append(said)
                assert said.index.tolist() == list(range(500, 500 + len(asked)))
                found = said[list(ANSWER)].itertuples(index=False)
                for request, row in zip(asked, found, strict=True):
                    assert repr(tuple(row)) == repr(tuple(first[request]))
                assert said.columns.tolist() == ["request_id", "is_duplicate", *ANSWER]
        if not log:
            continue
        closed = answers.close_day(finished(stacked(log)))
        for row in closed.itertuples():
            if not row.is_duplicate:
                last_word[row.request_id] = (row.final_action, row.decided_by)
        for row in closed.itertuples():
            assert (row.final_action, row.decided_by) == last_word[row.request_id]


def test_a_day_without_repeats_is_closed_as_it_is() -> None:
    answers = Answers(days=7)
    answers.remember(decided([1, 2, 5]))
    day = finished(decided([1, 2, 5]))
    pd.testing.assert_frame_equal(answers.close_day(day), day)


def test_one_batch_may_repeat_requests_of_yesterday_and_of_today() -> None:
    answers = Answers(days=7)
    answers.remember(decided([1, 2]))
    answers.close_day(finished(decided([1, 2])))
    today = decided([5], day=1, version="v2")
    answers.remember(today)
    said = answers.repeat(received([5, 2, 1]))
    assert said["score"].tolist() == [5.01, 2.0, 1.0]
    assert said["model_version"].tolist() == ["v2", "v1", "v1"]
    assert not set(FINAL) & set(said.columns)
    closed = answers.close_day(finished(stacked([today, said])))
    assert closed["final_action"].tolist()[0] == closed["final_action"].tolist()[1]


def test_answers_are_kept_for_the_stated_days() -> None:
    answers = Answers(days=2)
    for day in range(4):
        answers.remember(decided([day]))
        answers.close_day(finished(decided([day])))
    assert repr(answers) == "Answers(2 of the last 2 days)"
    assert answers.repeat(received([3, 2]))["score"].tolist() == [3.0, 2.0]


def test_a_repeat_of_nothing_known_is_not_given_somebody_elses_answer() -> None:
    answers = Answers(days=2)
    answers.remember(decided([5, 9]))
    for stranger in (1, 7, 99):
        with pytest.raises(LookupError):
            answers.repeat(received([stranger]))


def test_the_callers_day_is_not_edited_in_place() -> None:
    answers = Answers(days=7)
    answers.remember(decided([5]))
    day = finished(stacked([decided([5]), answers.repeat(received([5]))]))
    before = day.copy()
    answers.close_day(day)
    pd.testing.assert_frame_equal(day, before)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=4), min_size=1))
def test_stacking_keeps_values_order_and_category_type(chunks: list[list[str | None]]) -> None:
    frames = [pd.DataFrame({"word": pd.Categorical(chunk), "n": 1.0}) for chunk in chunks]
    made = stacked(frames)
    assert isinstance(made["word"].dtype, pd.CategoricalDtype)
    words = [None if pd.isna(word) else word for word in made["word"]]
    assert words == [word for chunk in chunks for word in chunk]
    assert made.index.tolist() == [row for chunk in chunks for row in range(len(chunk))]


def test_final_words_are_not_part_of_the_first_answer() -> None:
    assert not set(ANSWER) & set(FINAL)
