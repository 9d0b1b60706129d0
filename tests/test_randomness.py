"""Named streams and order-free luck against arithmetic with Python's own integers."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlsys_lessons.randomness import DAY_OFFSET, luck, normal_luck, opaque_id, stream

WORD = 2**64 - 1
ids = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30)
purposes = st.sampled_from(["report", "explore", "latency", ""])


def mixed(word: int) -> int:
    """SplitMix64's finalizer on one Python integer."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & WORD
    return word ^ (word >> 31)


def unmixed(word: int) -> int:
    """The inverse of `mixed`."""
    for shift, odd in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9)):
        word = word ^ (word >> shift) ^ (word >> 2 * shift)
        word = word * pow(odd, -1, 2**64) & WORD
    return word ^ (word >> 30) ^ (word >> 60)


def key(seed: int, purpose: str) -> int:
    word = mixed((seed << 32 ^ crc32(purpose.encode())) & WORD)
    return mixed(word ^ seed >> 32) if seed >> 32 else word


def id_with_word(seed: int, purpose: str, word: int) -> int:
    """The id whose luck is made from a chosen 64-bit word."""
    salt = key(seed, purpose)
    unsigned = unmixed((unmixed(word) - salt) & WORD) ^ salt
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**40), purpose=purposes, values=ids)
def test_luck_is_the_published_hash(seed: int, purpose: str, values: list[int]) -> None:
    salt = key(seed, purpose)
    words = [mixed((mixed((each & WORD) ^ salt) + salt) & WORD) for each in values]
    expected = [((word >> 11) + 0.5) / 2**53 for word in words]
    found = luck(seed, purpose, np.array(values, dtype=np.int64))
    assert np.allclose(found, expected, rtol=0, atol=2**-52)


def test_the_whole_seed_counts() -> None:
    """Seeds that differ in high bits alone have luck of their own."""
    seeds = [7, 7 + 2**32, 7 + 2**33, 7 + 2**62]
    coins = {float(luck(seed, "report", np.array([11]))[0]) for seed in seeds}
    assert len(coins) == len(seeds)


@pytest.mark.parametrize("word", [0, 1, WORD, WORD - 1, WORD - 2048, 2**63])
def test_luck_stays_inside_the_open_interval_at_its_ends(word: int) -> None:
    value = luck(3, "report", np.array([id_with_word(3, "report", word)]))
    assert 0 < value[0] < 1
    assert np.isfinite(normal_luck(3, "report", np.array([id_with_word(3, "report", word)]))).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1_000), values=ids, data=st.data())
def test_luck_does_not_depend_on_order_or_company(
    seed: int, values: list[int], data: st.DataObject
) -> None:
    together = dict(zip(values, luck(seed, "x", np.array(values)).tolist(), strict=True))
    chosen = data.draw(st.permutations(values))[: data.draw(st.integers(1, len(values)))]
    assert luck(seed, "x", np.array(chosen)).tolist() == [together[each] for each in chosen]


def test_luck_is_uniform_and_its_purposes_are_independent() -> None:
    numbers = np.arange(100_000)
    first, second = luck(5, "report", numbers), luck(5, "explore", numbers)
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    for other in (second, luck(6, "report", numbers), np.roll(first, 1)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 5 / np.sqrt(len(numbers))


def test_normal_luck_is_standard_normal() -> None:
    assert stats.kstest(normal_luck(5, "delay", np.arange(100_000)), "norm").pvalue > 1e-3


@pytest.mark.parametrize("integer", [int, np.int64, np.int32, np.uint32])
def test_any_kind_of_integer_is_a_seed(integer: type) -> None:
    numbers = np.arange(5)
    assert luck(integer(7), "x", numbers).tolist() == luck(7, "x", numbers).tolist()
    assert stream(integer(7), "x").random() == stream(7, "x").random()


def test_a_stream_is_numpys_own_seed_sequence() -> None:
    sequence = np.random.SeedSequence(7, spawn_key=(crc32(b"traffic"), 3 + DAY_OFFSET))
    expected = np.random.default_rng(sequence).random(4)
    assert stream(7, "traffic", 3).random(4).tolist() == expected.tolist()


def test_streams_differ_by_seed_name_and_day_and_history_days_are_legal() -> None:
    calls = [(7, "a", 0), (7, "a", 1), (7, "b", 0), (8, "a", 0), (7, "a", -365), (70, "", 0)]
    draws = {stream(*call).random() for call in calls}
    assert len(draws) == len(calls)


MASK = 2**52 - 1


def unpacked(opaque: int) -> tuple[int, int, int]:
    """(entity, day, count) of an opaque id, by undoing each step."""
    word = opaque ^ (opaque >> 26)
    for odd in (0xC2B2AE3D27D4F, 0x9E3779B97F4A7):
        word = word * pow(odd, -1, 2**52) & MASK
        word ^= word >> 26
    return word >> 24, (word >> 10 & 2**14 - 1) - DAY_OFFSET, word & 1_023


keys = st.tuples(st.integers(0, 2**28 - 1), st.integers(-8_192, 8_191), st.integers(0, 1_023))


@settings(max_examples=100, deadline=None)
@given(st.lists(keys, min_size=1, max_size=20))
def test_opaque_ids_can_be_undone_so_they_never_collide(
    triples: list[tuple[int, int, int]],
) -> None:
    entity, day, count = (np.array(column) for column in zip(*triples, strict=True))
    made = opaque_id(entity, day, count)
    assert made.dtype == np.int64
    assert ((made >= 0) & (made <= MASK)).all()
    assert [unpacked(each) for each in made.tolist()] == triples


def test_opaque_ids_show_no_order() -> None:
    made = opaque_id(np.arange(2_000), 0, np.zeros(2_000, dtype=np.int64))
    assert abs(stats.spearmanr(np.arange(2_000), made).statistic) < 0.1
