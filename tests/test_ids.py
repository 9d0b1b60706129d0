"""Ids against sets, lists and Python's own integers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.ids import (
    BitFields,
    SeenIds,
    SortedIds,
    ascending,
    is_in,
    locate,
    locate_sorted,
    merged,
    stable_order,
)

small = st.integers(0, 12)
slates = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 7)), max_size=5).map(
    lambda heads: [8 * head + row for head, rows in heads for row in range(rows)]
)  # runs of consecutive numbers, some of them twice
batch = st.lists(small, max_size=10) | slates
day = st.lists(batch, max_size=4)  # the batches of one day


class PlainMemory:
    """The same promise with a list of sets."""

    def __init__(self, days: int) -> None:
        self.days: list[set[int]] = [set()]
        self.limit = days + 1

    def add(self, ids: list[int]) -> list[bool]:
        repeats = []
        for number in ids:
            repeats.append(any(number in day for day in self.days))
            if not repeats[-1]:
                self.days[-1].add(number)
        return repeats

    def close_day(self) -> None:
        self.days = [*self.days, set()][-self.limit :]


@settings(max_examples=150, deadline=None)
@given(days=st.integers(0, 3), week=st.lists(day, max_size=7))
def test_seen_ids_are_a_list_of_sets(days: int, week: list[list[list[int]]]) -> None:
    memory, plain = SeenIds(days), PlainMemory(days)
    for batches in week:
        for batch in batches:
            assert memory.add(np.array(batch, dtype=np.int64)).tolist() == plain.add(batch)
        memory.close_day()
        plain.close_day()


@settings(max_examples=80, deadline=None)
@given(ids=st.lists(small, min_size=1, max_size=30), sizes=st.lists(st.integers(1, 7), min_size=1))
def test_any_cut_gives_the_same_answer(ids: list[int], sizes: list[int]) -> None:
    whole = SeenIds(7).add(np.array(ids)).tolist()
    memory, start, answers = SeenIds(7), 0, []
    for turn in range(len(ids)):
        size = sizes[turn % len(sizes)]
        answers += memory.add(np.array(ids[start : start + size], dtype=np.int64)).tolist()
        start += size
    assert answers == whole


def test_an_id_is_known_for_the_stated_days_and_then_forgotten() -> None:
    for closed, known in ((0, True), (1, True), (2, True), (3, False)):
        memory = SeenIds(days=2)
        memory.add(np.array([5]))
        for _ in range(closed):
            memory.close_day()
        assert memory.add(np.array([5])).tolist() == [known], f"after {closed} closed days"


def test_repr_counts_distinct_ids() -> None:
    memory = SeenIds(days=7)
    memory.add(np.array([1, 1, 2]))
    memory.close_day()
    memory.add(np.array([2, 3]))
    assert repr(memory) == "SeenIds(3 ids of the last 7 days)"


@settings(max_examples=80, deadline=None)
@given(st.lists(small) | slates, st.sets(small))
def test_is_in_and_locate_sorted_are_those_of_a_list(wanted: list[int], keys: set[int]) -> None:
    ordered = sorted(keys)
    arrays = np.array(wanted, dtype=np.int64), np.array(ordered, dtype=np.int64)
    assert is_in(*arrays).tolist() == [number in keys for number in wanted]
    places = [ordered.index(number) if number in keys else -1 for number in wanted]
    assert locate_sorted(*arrays).tolist() == places


@settings(max_examples=80, deadline=None)
@given(st.lists(small), st.lists(small))
def test_locate_finds_the_first_of_equal_ids(wanted: list[int], ids: list[int]) -> None:
    arrays = np.array(wanted, dtype=np.int64), np.array(ids, dtype=np.int64)
    places = [ids.index(number) if number in ids else -1 for number in wanted]
    assert locate(*arrays).tolist() == places
    assert SortedIds(arrays[1]).locate(arrays[0]).tolist() == places


@settings(max_examples=80, deadline=None)
@given(st.lists(small), st.lists(small))
def test_merged_is_sorted_union_with_repeats(one: list[int], two: list[int]) -> None:
    arrays = [np.array(sorted(numbers), dtype=np.int64) for numbers in (one, two)]
    assert merged(*arrays).tolist() == sorted(one + two)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-3, 3) | st.integers(-(2**52), 2**52)) | slates)
def test_both_orders_are_pythons_stable_sort(ids: list[int]) -> None:
    order = sorted(range(len(ids)), key=ids.__getitem__)
    array = np.array(ids, dtype=np.int64)
    assert ascending(array).tolist() == order
    assert stable_order(array).tolist() == order


widths = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@settings(max_examples=80, deadline=None)
@given(widths=widths, data=st.data())
def test_bit_fields_hold_their_numbers_side_by_side(widths: list[int], data: st.DataObject) -> None:
    names = [f"field_{place}" for place in range(len(widths))]
    layout = BitFields(names[0], **dict(zip(names[1:], widths[1:], strict=True)))
    numbers = [data.draw(st.integers(0, 2**width - 1)) for width in widths]
    packed = layout.pack(
        **{name: np.array([number]) for name, number in zip(names, numbers, strict=True)}
    )
    digits = "".join(f"{number:0{width}b}" for number, width in zip(numbers, widths, strict=True))
    assert packed.tolist() == [int(digits, 2)]
    assert [int(layout.get(packed, name)[0]) for name in names] == numbers


def test_repr_of_a_layout_is_its_legend() -> None:
    assert repr(BitFields("ring", cohort=2, day=14)) == "BitFields('ring', cohort=2, day=14)"
