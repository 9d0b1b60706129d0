"""The circuit breaker against a slow twin, one call at a time with the whole history kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import batch_sizes, call_histories, cut

from mlsys_lessons.components.inference.breaker import Breaker


class SlowBreaker:
    """The breaker's docstring, one call at a time, with the whole history kept.

    Closed until at least `failure_share` of at least `minimum_calls` calls in the last `window`
    slots failed; then open for `open_slots`; then one slot of calls decides.
    """

    def __init__(self, breaker: Breaker) -> None:
        self.rule = breaker
        self.history: list[tuple[int, bool]] = []  # admitted calls: slot, failed
        self.closed_since = -(10**9)  # calls before this slot are forgotten
        self.open_until = -(10**9)
        self.probing = False
        self.slot: int | None = None

    def admit(self, slot: int, failing: bool) -> bool:
        if self.slot is not None and slot != self.slot:
            self._judge(self.slot)
        self.slot = slot
        if slot < self.open_until:
            return False
        self.history.append((slot, failing))
        return True

    def _judge(self, slot: int) -> None:
        if not any(each == slot for each, _ in self.history):
            return
        first = max(self.closed_since, slot - self.rule.window + 1)
        seen = [failed for each, failed in self.history if first <= each <= slot]
        enough = self.probing or len(seen) >= self.rule.minimum_calls
        self.probing = any(seen) and enough and sum(seen) >= self.rule.failure_share * len(seen)
        if self.probing:
            self.open_until = slot + 1 + self.rule.open_slots
            self.closed_since = slot + 1


breakers = st.builds(
    Breaker,
    window=st.integers(1, 6),
    minimum_calls=st.integers(1, 8),
    failure_share=st.sampled_from([0.1, 0.5, 0.75, 1.0]),
    open_slots=st.integers(1, 6),
)


def fresh(breaker: Breaker) -> Breaker:
    """A breaker with the same rule and no memory."""
    rule = (breaker.window, breaker.minimum_calls, breaker.failure_share, breaker.open_slots)
    return Breaker(*rule)


@settings(max_examples=200, deadline=None)
@given(breaker=breakers, calls=call_histories())
def test_the_breaker_is_its_docstring(
    breaker: Breaker, calls: tuple[np.ndarray, np.ndarray]
) -> None:
    slots, failing = calls
    slow = SlowBreaker(breaker)
    expected = [slow.admit(*call) for call in zip(slots.tolist(), failing.tolist(), strict=True)]
    assert breaker.admit(slots, failing).tolist() == expected


@settings(max_examples=200, deadline=None)
@given(breaker=breakers, calls=call_histories(), sizes=batch_sizes())
def test_any_cut_admits_the_same_calls(
    breaker: Breaker, calls: tuple[np.ndarray, np.ndarray], sizes: list[int]
) -> None:
    whole, twin = fresh(breaker).admit(*calls), fresh(breaker)
    table = pd.DataFrame({"slot": calls[0], "failing": calls[1]})
    pieces = [
        twin.admit(batch["slot"].to_numpy(), batch["failing"].to_numpy())
        for batch in cut(table, sizes)
    ]
    assert np.concatenate(pieces).tolist() == whole.tolist()


def test_a_dead_model_is_called_in_one_slot_out_of_six() -> None:
    slots = np.repeat(np.arange(60), 5)
    admitted = Breaker().admit(slots, np.ones(300, dtype=bool)).reshape(60, 5)
    assert admitted[:, 0].tolist() == [slot % 6 == 0 for slot in range(60)]
    assert (admitted == admitted[:, :1]).all()


def test_a_recovered_model_is_let_back_after_one_good_slot() -> None:
    slots = np.repeat(np.arange(30), 5)
    admitted = Breaker().admit(slots, slots < 1).reshape(30, 5)[:, 0]
    assert admitted.tolist() == [slot < 1 or slot > 5 for slot in range(30)]


def test_few_calls_do_not_open_the_breaker() -> None:
    assert Breaker(minimum_calls=5).admit(np.zeros(4, int), np.ones(4, bool)).all()
    breaker = Breaker(minimum_calls=5)
    breaker.admit(np.zeros(4, int), np.ones(4, bool))
    assert breaker.admit(np.array([1]), np.array([True])).all()
    assert not breaker.admit(np.array([2]), np.array([True])).any()


def test_calm_calls_before_the_first_failure_count_in_the_share() -> None:
    """Five failures in a minute are no outage when fifty calls of the last minutes went well."""
    slots = np.repeat(np.arange(11), 5)
    assert Breaker().admit(slots, slots == 9).all()
    split = Breaker()
    split.admit(slots[slots < 9], slots[slots < 9] == 9)
    assert split.admit(slots[slots >= 9], slots[slots >= 9] == 9).all()


def test_an_empty_batch_changes_nothing() -> None:
    breaker = Breaker()
    assert len(breaker.admit(np.empty(0, int), np.empty(0, bool))) == 0
    assert breaker == Breaker()


def test_the_repr_says_open_or_closed() -> None:
    breaker = Breaker()
    assert repr(breaker) == "Breaker(closed)"
    breaker.admit(np.array([0] * 9 + [1]), np.ones(10, bool))
    assert repr(breaker) == "Breaker(open)"
