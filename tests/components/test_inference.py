"""Who answers: the breaker against a slow twin, the ladder's rungs, the bare call's silence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import batch_sizes, call_histories, cut, received, slot_times

from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.components.inference.models import BaseRate, RuleModel
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.components.inference.service import GuardedService, Service
from mlsys_lessons.components.inference.stages import DEADLINE_MS, BareInference, LadderInference
from mlsys_lessons.worlds.payments.domain import HISTORY

NOBODY = [np.nan] * len(HISTORY)  # the history of a row that belongs to nobody


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


# --- the stages ---------------------------------------------------------------------------------


class Echo:
    """A model whose score is a column, and which counts its calls."""

    name = "echo"

    def __init__(self) -> None:
        self.rows = 0

    def fit(self, *_: object) -> Echo:
        return self

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        self.rows += len(frame)
        return np.asarray(frame["amount_to_habit"].to_numpy() + 10.0)


def fitted_rule(frame: pd.DataFrame) -> RuleModel:
    return RuleModel().fit(frame, (frame["count_24h"] > 2).to_numpy(dtype=float))


def ladder(frame: pd.DataFrame, champion: object = None) -> LadderInference:
    """A ladder whose three rungs cannot be taken for each other."""
    base = BaseRate().fit(frame, np.zeros(len(frame)))
    base.rate_ = 0.123
    registry = Registry([ModelVersion("echo-1", champion or Echo())])  # type: ignore[arg-type]
    rule, average = ModelVersion("rule-f", fitted_rule(frame)), ModelVersion("base-f", base)
    return LadderInference(registry, GuardedService(0), rule=rule, base_rate=average)


def bare_call() -> BareInference:
    """The naive level around a model that echoes."""
    return BareInference(Registry([ModelVersion("echo-1", Echo())]), Service(0))


def test_calm_rows_are_answered_by_the_champion() -> None:
    frame = received(50)
    answered = ladder(frame)(frame)
    assert answered["score"].tolist() == (frame["amount_to_habit"] + 10).tolist()
    assert set(answered["model_version"]) == {"echo-1"}
    assert not answered["is_fallback"].any()
    assert answered["fallback_reason"].isna().all()


def test_each_trouble_has_its_rung_and_its_reason() -> None:
    frame = received(6).assign(arrival_time=slot_times(np.arange(6) * 60))
    frame.loc[1, "latency_ms"] = DEADLINE_MS + 0.001
    frame.loc[2, "dependency_up"] = False
    frame.loc[3, ["is_quarantined", *HISTORY]] = [True, *NOBODY]
    frame.loc[4, ["latency_ms", "dependency_up"]] = [1e6, False]
    frame.loc[5, "latency_ms"] = DEADLINE_MS
    answered = ladder(frame)(frame)
    versions = ["echo-1", "rule-f", "rule-f", "base-f", "rule-f", "echo-1"]
    reasons = [None, "deadline", "dependency", "quarantined", "dependency", None]
    assert answered["model_version"].tolist() == versions
    assert answered["fallback_reason"].astype(object).where(
        answered["fallback_reason"].notna(), None).tolist() == reasons  # fmt: skip
    assert answered["is_fallback"].tolist() == [reason is not None for reason in reasons]
    assert answered["score"].iloc[3] == 0.123
    rule = fitted_rule(frame).predict(frame)
    assert answered["score"].iloc[[1, 2, 4]].tolist() == rule[[1, 2, 4]].tolist()


def test_quarantine_outranks_every_other_trouble() -> None:
    frame = received(2).assign(dependency_up=False, is_quarantined=True)
    frame[list(HISTORY)] = np.nan
    answered = ladder(frame)(frame)
    assert set(answered["model_version"]) == {"base-f"}
    assert set(answered["fallback_reason"]) == {"quarantined"}


def test_an_open_breaker_spares_the_model_and_says_so() -> None:
    frame = received(20).assign(arrival_time=slot_times(np.repeat([0, 1], 10)))
    frame["dependency_up"] = np.arange(20) >= 10
    model = Echo()
    answered = ladder(frame, model)(frame)
    assert answered["fallback_reason"].tolist() == ["dependency"] * 10 + ["breaker"] * 10
    assert set(answered["model_version"]) == {"rule-f"}
    assert model.rows == 0


def test_rows_that_never_reach_the_model_do_not_count_as_its_calls() -> None:
    """Ten quarantined rows cannot vouch for a dependency that fails every real call."""
    frame = received(21).assign(arrival_time=slot_times(np.repeat([0, 1], [20, 1])))
    frame["is_quarantined"] = np.arange(21) < 12
    frame.loc[frame["is_quarantined"], list(HISTORY)] = np.nan
    frame["dependency_up"] = np.arange(21) < 12
    assert ladder(frame)(frame)["fallback_reason"].iloc[-1] == "breaker"


@settings(max_examples=30, deadline=None)
@given(calls=call_histories(), sizes=batch_sizes())
def test_any_cut_gives_the_same_scores_and_reasons(
    calls: tuple[np.ndarray, np.ndarray], sizes: list[int]
) -> None:
    frame = received(len(calls[0])).assign(
        arrival_time=slot_times(calls[0]), dependency_up=~calls[1]
    )
    frame["is_quarantined"] = np.arange(len(frame)) % 7 == 3
    frame["latency_ms"] = np.where(np.arange(len(frame)) % 5 == 0, 1_000.0, 20.0)
    whole, stage = ladder(frame)(frame), ladder(frame)
    pieces = pd.concat([stage(batch) for batch in cut(frame, sizes)])
    pd.testing.assert_frame_equal(pieces, whole)


def test_the_naive_level_has_no_score_where_the_call_failed() -> None:
    frame = received(4)
    frame.loc[1, "dependency_up"] = False
    frame.loc[2, "latency_ms"] = 2_000.5
    frame.loc[3, "latency_ms"] = 2_000.0
    answered = bare_call()(frame)
    assert answered["score"].isna().tolist() == [False, True, True, False]
    assert answered["model_version"].isna().tolist() == [False, True, True, False]
    assert answered["fallback_reason"].tolist()[1:3] == ["dependency", "deadline"]
    assert not answered["is_fallback"].any()


@pytest.mark.parametrize("level", [ladder, lambda _: bare_call()])
def test_an_empty_batch_is_answered_with_an_empty_frame(
    level: Callable[[pd.DataFrame], LadderInference | BareInference],
) -> None:
    frame = received(5)
    answered = level(frame)(frame.iloc[:0])
    assert list(answered.columns)[: frame.shape[1]] == list(frame.columns)
    assert len(answered) == 0


def test_the_registry_rolls_back_but_never_to_nothing() -> None:
    versions = [ModelVersion(f"v{number}", Echo(), number) for number in range(3)]
    registry = Registry(versions[:1])
    registry.adopt(versions[1])
    registry.adopt(versions[2])
    assert registry.champion is versions[2]
    assert [registry.roll_back() for _ in range(3)] == [versions[1], versions[0], versions[0]]
    assert repr(versions[2]) == "ModelVersion('v2', fitted at tick 2)"
