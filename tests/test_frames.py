"""What is done to any frame, against plain pandas on random frames."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.errors import StateError
from mlsys_lessons.frames import (
    array_of,
    categorical,
    codes,
    codes_in,
    extend,
    framed,
    has_action,
    in_arrival_order,
    in_words,
    pile,
    stacked,
    subset,
    words,
)
from mlsys_lessons.records import DAY_MS, timestamps

WORDS = ("tea", "cup", "jam", "pen", "")
several = settings(max_examples=80, deadline=None)

vocabularies = st.lists(st.sampled_from(WORDS), min_size=1, unique=True)


@st.composite
def columns(draw: st.DrawFn) -> pd.Series:
    """A category column: any vocabulary in any order, any values of it, gaps, any index."""
    vocabulary = draw(vocabularies)
    values = draw(st.lists(st.sampled_from([*vocabulary, None]), max_size=20))
    index = np.arange(len(values))[::-1] + draw(st.integers(0, 100))
    return pd.Series(pd.Categorical(values, categories=vocabulary), index=index)


def texts(column: pd.Series) -> list[object]:
    """The values as plain objects, None for a gap."""
    return [None if pd.isna(value) else value for value in column.astype(object)]


# --- columns as arrays --------------------------------------------------------------------------

KINDS = pd.DataFrame({
    "amount": [2.5, np.nan, -1.0], "rows": [3, 1, 2], "late": [True, False, True],
    "code": np.array([0, -1, 7], np.int8), "word": ["a", None, "b"], "any": [1, "x", None],
    "time": pd.to_datetime(["2025-01-31", None, "2026-02-01"]).as_unit("ms"),
    "aware": pd.to_datetime(["2025-01-31", None, "2026-02-01"], utc=True),
    "whole": pd.array([1, None, 3], dtype="Int64"), "said": pd.Categorical(["tea", None, "cup"]),
}).astype({"any": object})  # fmt: skip


@pytest.mark.parametrize("name", KINDS.columns)
@pytest.mark.parametrize("cut", [slice(None), slice(None, None, -1), slice(1, 2), slice(0, 0)])
def test_the_array_of_a_column_is_its_values(name: str, cut: slice) -> None:
    """One block or a block a column, any index: what pandas' own door gives."""
    for frame in (KINDS[cut], pd.DataFrame({n: KINDS[cut][n].array for n in KINDS}, copy=False)):
        wanted = frame[name].values if name == "said" else np.asarray(frame[name])
        found = array_of(frame, name)
        assert found.dtype == wanted.dtype and type(found) is type(wanted)
        pd.testing.assert_series_equal(pd.Series(found), pd.Series(wanted))


def test_nobody_writes_through_an_array_and_a_type_can_be_asked_for() -> None:
    for name in ("amount", "rows", "late", "time"):
        with pytest.raises(ValueError, match="read-only"):
            array_of(KINDS, name)[0] = array_of(KINDS, name)[1]
    assert array_of(KINDS, "rows", np.float64).dtype == np.float64
    assert array_of(KINDS, "code", np.int64).tolist() == [0, -1, 7]
    with pytest.raises(KeyError, match="absent"):
        array_of(KINDS, "absent")


PLAIN = ("amount", "rows", "late", "code", "time", "said")


@pytest.mark.parametrize(
    "names", [PLAIN, PLAIN[::-1], ("said",), ("amount", "any"), ("aware",), ()]
)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_frame_around_arrays_is_pandas_own(names: tuple[str, ...], rows: int) -> None:
    """Also in what is done to it next: a row changed, a column added, more rows below."""
    columns = {name: KINDS[name].array[:rows] for name in names}
    columns |= {name: KINDS[name].to_numpy()[:rows] for name in names if name in PLAIN[:-1]}
    for index in (None, pd.Index(range(7, 7 + rows), name="row_id")):
        found = framed(columns, index)
        wanted = pd.DataFrame(dict(columns), index=index)
        pd.testing.assert_frame_equal(found, wanted)
        for both in (found, wanted):
            both["more"] = 1
        pd.testing.assert_frame_equal(pd.concat([found, found]), pd.concat([wanted, wanted]))
        pd.testing.assert_frame_equal(found[::-1], wanted[::-1])
        found.columns.name = "changed"
        assert framed(columns, index).columns.name is None


def test_columns_of_different_lengths_are_refused_by_pandas() -> None:
    with pytest.raises(ValueError, match="same length"):
        framed({"a": np.zeros(2), "b": np.zeros(3)})


def test_what_is_written_into_a_wider_frame_stays_there() -> None:
    """A stage that edits its frame in place changes nothing that came before it."""
    before = framed({"amount": np.array([1.0, 2.0])})
    after = extend(before, {"score": np.array([0.1, 0.2])})
    after.loc[0, "amount"] = 9.0
    after.loc[:, "score"] *= 2
    assert before["amount"].tolist() == [1.0, 2.0]


@several
@given(rows=st.lists(st.integers(0, 2), max_size=6))
def test_a_subset_is_pandas_own_with_new_row_numbers(rows: list[int]) -> None:
    names = ["time", "said", "amount"]
    found = subset(KINDS, names, np.array(rows, dtype=np.int64))
    pd.testing.assert_frame_equal(found, KINDS[names].iloc[rows].reset_index(drop=True))


# --- category columns ---------------------------------------------------------------------------


@several
@given(columns())
def test_codes_and_words_are_pandas_own(column: pd.Series) -> None:
    assert codes(column).tolist() == column.cat.codes.tolist()
    assert words(column).tolist() == column.cat.categories.tolist()
    vocabulary = [*words(column), None]  # the last: code -1
    assert [vocabulary[code] for code in codes(column)] == texts(column)


def test_codes_are_a_view_and_never_the_callers_to_change() -> None:
    column = pd.Series(pd.Categorical(["tea", "cup"], WORDS))
    assert np.shares_memory(codes(column), codes(column))
    with pytest.raises(ValueError, match="read-only"):
        codes(column)[0] = 3


@several
@given(column=columns(), action=st.integers(0, 4))
def test_an_action_is_one_code(column: pd.Series, action: int) -> None:
    frame = pd.DataFrame({"action": column, "final_action": column[::-1].array})
    found = has_action(frame, action), has_action(frame, action, "final_action")
    vocabulary = column.cat.categories
    if action < len(vocabulary):
        assert found[0].tolist() == (frame["action"] == vocabulary[action]).tolist()
        assert found[1].tolist() == (frame["final_action"] == vocabulary[action]).tolist()
    else:
        assert not found[0].any() and not found[1].any()
    assert found[0].dtype == bool


@several
@given(column=columns(), wanted=st.sets(st.sampled_from([*WORDS, "hat"])))
def test_in_words_is_isin(column: pd.Series, wanted: set[str]) -> None:
    for collection in (wanted, tuple(wanted), list(wanted)):
        assert in_words(column, collection).tolist() == column.isin(list(wanted)).tolist()


@several
@given(column=columns(), vocabulary=vocabularies, as_text=st.booleans())
def test_codes_in_a_vocabulary_are_places(
    column: pd.Series, vocabulary: list[str], as_text: bool
) -> None:
    """Whatever else the column holds, and whether it is a category or plain objects."""
    place = {word: code for code, word in enumerate(vocabulary)}
    expected = [place.get(value, -1) for value in texts(column)]
    asked = column.astype(object) if as_text else column
    found = codes_in(asked, pd.Index(vocabulary))
    assert found.tolist() == expected
    assert found.dtype == np.int64


@several
@given(st.lists(st.integers(-(2**40), 2**40), max_size=10))
def test_numbers_are_codes_already(values: list[int]) -> None:
    for dtype in ("int64", "int32"):
        column = pd.Series(np.array(values, dtype=np.int64).astype(dtype))
        assert codes_in(column, pd.Index(WORDS)).tolist() == column.tolist()


@several
@given(columns())
def test_a_column_from_its_codes_is_the_column(column: pd.Series) -> None:
    made = pd.Series(categorical(codes(column), column.dtype), index=column.index)
    pd.testing.assert_series_equal(made, column)


# --- order --------------------------------------------------------------------------------------


@several
@given(st.lists(st.integers(0, 5), max_size=30))
def test_arrival_order_is_a_stable_sort(hours: list[int]) -> None:
    arrival = timestamps(np.array(hours, dtype=np.int64) * (DAY_MS // 24))
    index = np.arange(len(hours)) * 7
    frame = pd.DataFrame({"arrival_time": arrival, "row": np.arange(len(hours))}, index=index)
    before = frame.copy()
    found = in_arrival_order(frame)
    pd.testing.assert_frame_equal(found, before.sort_values("arrival_time", kind="stable"))
    pd.testing.assert_frame_equal(frame, before)
    assert (found is frame) == (hours == sorted(hours))


# --- wider and longer ---------------------------------------------------------------------------


@pytest.mark.parametrize("left", [PLAIN, ("any",), ()])
@pytest.mark.parametrize("right", [("said",), ("amount", "late"), ()])
def test_a_wider_frame_is_pandas_own(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    """Also in what is done to it next: rows changed, columns added, frames piled."""
    index = pd.Index(range(7, 7 + len(KINDS)), name="row_id")
    frame = KINDS[list(left)].set_index(index)
    added = {f"{name}_again": KINDS[name].array.copy() for name in right}
    found = extend(frame, added)
    wanted = pd.concat([frame, pd.DataFrame(added, index=index)], axis=1) if right else frame.copy()
    pd.testing.assert_frame_equal(found, wanted)
    for both in (found, wanted):
        both["more"] = 1
        both.iloc[0] = both.iloc[1]
    pd.testing.assert_frame_equal(found, wanted)
    pd.testing.assert_frame_equal(found[::-1], wanted[::-1])
    pd.testing.assert_frame_equal(pd.concat([found, found]), pd.concat([wanted, wanted]))
    pd.testing.assert_frame_equal(frame, KINDS[list(left)].set_index(index))


@several
@given(left=st.lists(st.sampled_from("abc"), unique=True), right=st.lists(st.sampled_from("abcd"),
       unique=True), rows=st.integers(0, 4))  # fmt: skip
def test_a_frame_only_grows_to_the_right(left: list[str], right: list[str], rows: int) -> None:
    index = pd.RangeIndex(5, 5 + rows, name="row_id")
    frame = pd.DataFrame({name: np.arange(rows) for name in left}, index=index)
    added = {name: np.arange(rows) * 2.0 for name in right}
    twice = [name for name in right if name in left]
    if twice:
        with pytest.raises(StateError, match=f"column '{twice[0]}' is already there"):
            extend(frame, added)
        return
    pd.testing.assert_frame_equal(extend(frame, added), frame.assign(**added))
    assert list(frame.columns) == left


@several
@given(st.lists(columns(), min_size=1, max_size=5))
def test_stacked_keeps_values_and_every_word_in_the_order_it_came(parts: list[pd.Series]) -> None:
    frames = [part.to_frame("word").assign(number=1.0) for part in parts]
    found = stacked(frames)
    assert texts(found["word"]) == [value for part in parts for value in texts(part)]
    assert found.index.tolist() == [row for part in parts for row in part.index]
    known = list(dict.fromkeys(word for part in parts for word in part.cat.categories))
    if any(part.dtype != parts[0].dtype for part in parts):
        assert words(found["word"]).tolist() == known
    else:
        assert found["word"].dtype == parts[0].dtype


@several
@given(st.lists(st.integers(1, 40), max_size=40))
def test_a_pile_keeps_every_row_in_order_in_few_frames(sizes: list[int]) -> None:
    frames: list[pd.DataFrame] = []
    rows = 0
    for size in sizes:
        pile(frames, pd.DataFrame({"row": np.arange(rows, rows + size)}))
        rows += size
    kept = stacked(frames)["row"].tolist() if frames else []
    assert kept == list(range(rows))
    single: list[pd.DataFrame] = []
    for row in range(rows):
        pile(single, pd.DataFrame({"row": [row]}))
    magnitude = Counter(len(frame) for frame in single)
    assert all(count < 16 for count in magnitude.values())
