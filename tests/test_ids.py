"""Who has been here before, against sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.ids import SeenIds, is_in, merged

small = st.integers(0, 12)
day = st.lists(st.lists(small, max_size=10), max_size=4)  # the batches of one day


class PlainMemory:
    """The same promise with a list of sets."""

    def __init__(self, days: int) -> None:
        self.days: list[set[int]] = [set()]
        self.limit = days + 1

    def add(self, ids: list[int]) -> list[bool]:
        known = []
        for each in ids:
            known.append(any(each in held for held in self.days))
            if not known[-1]:
                self.days[-1].add(each)
        return known

    def close_day(self) -> None:
        self.days = [*self.days, set()][-self.limit :]


@settings(max_examples=150, deadline=None)
@given(days=st.integers(0, 3), traffic=st.lists(day, max_size=7))
def test_seen_ids_are_a_list_of_sets(days: int, traffic: list[list[list[int]]]) -> None:
    seen, plain = SeenIds(days), PlainMemory(days)
    for batches in traffic:
        for batch in batches:
            assert seen.add(np.array(batch, dtype=np.int64)).tolist() == plain.add(batch)
        seen.close_day()
        plain.close_day()


@settings(max_examples=80, deadline=None)
@given(ids=st.lists(small, min_size=1, max_size=30), sizes=st.lists(st.integers(1, 7), min_size=1))
def test_any_cut_gives_the_same_answer(ids: list[int], sizes: list[int]) -> None:
    whole = SeenIds(7).add(np.array(ids)).tolist()
    seen, start, found = SeenIds(7), 0, []
    for turn in range(len(ids)):
        size = sizes[turn % len(sizes)]
        found += seen.add(np.array(ids[start : start + size], dtype=np.int64)).tolist()
        start += size
    assert found == whole


def test_an_id_is_known_for_the_stated_days_and_then_forgotten() -> None:
    for closed, known in ((0, True), (1, True), (2, True), (3, False)):
        seen = SeenIds(days=2)
        seen.add(np.array([5]))
        for _ in range(closed):
            seen.close_day()
        assert seen.add(np.array([5])).tolist() == [known], f"after {closed} closed days"


def test_repr_counts_distinct_ids() -> None:
    seen = SeenIds(days=7)
    seen.add(np.array([1, 1, 2]))
    seen.close_day()
    seen.add(np.array([2, 3]))
    assert repr(seen) == "SeenIds(3 ids of the last 7 days)"


@settings(max_examples=80, deadline=None)
@given(st.lists(small), st.sets(small))
def test_is_in_is_membership(queries: list[int], keys: set[int]) -> None:
    ordered = np.array(sorted(keys), dtype=np.int64)
    found = is_in(np.array(queries, dtype=np.int64), ordered)
    assert found.tolist() == [each in keys for each in queries]


@settings(max_examples=80, deadline=None)
@given(st.lists(small), st.lists(small))
def test_merged_is_sorted_union_with_repeats(one: list[int], two: list[int]) -> None:
    arrays = [np.array(sorted(each), dtype=np.int64) for each in (one, two)]
    assert merged(*arrays).tolist() == sorted(one + two)
