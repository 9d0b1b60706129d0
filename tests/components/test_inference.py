"""Who answers: the ladder's rungs and their reasons, the bare call's silence, the registry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from strategies import batch_sizes, call_histories, cut, received, slot_times

from mlsys_lessons.components.inference.answers import ARTEFACT, VERSION
from mlsys_lessons.components.inference.models import BaseRate, RuleModel
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.components.inference.service import GuardedService, Service
from mlsys_lessons.components.inference.stages import (
    CALLER_PATIENCE_MS,
    DEADLINE_MS,
    RESERVE_MS,
    BareInference,
    LadderInference,
)
from mlsys_lessons.worlds.payments.domain import HISTORY

NOBODY = [np.nan] * len(HISTORY)  # the history of a row that belongs to nobody


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


def test_a_label_is_given_once_also_after_a_roll_back() -> None:
    registry = Registry([ModelVersion("echo-1", Echo())])  # type: ignore[arg-type]
    first = registry.promote(Echo())  # type: ignore[arg-type]
    registry.roll_back()
    second = registry.promote(Echo())  # type: ignore[arg-type]
    assert (first, second) == ("echo-2", "echo-3")
    assert registry.retire(second) and not registry.retire(second) and not registry.retire("echo-1")


# --- answers that may not be used ---------------------------------------------------------------


def test_an_answer_of_another_version_is_refused_by_the_ladder_and_taken_by_the_bare_call() -> None:
    frame, hit = received(40), np.arange(40) % 3 == 0
    other = np.full(40, 0.77)
    stage = ladder(frame)
    answered = stage(frame)
    told = stage.on_unusable(answered, hit, other, "other-3", VERSION)
    assert told["score"][hit].tolist() == fitted_rule(frame).predict(frame)[hit].tolist()
    assert set(told["model_version"][hit]) == {"rule-f"}
    assert set(told["fallback_reason"][hit]) == {"version"}
    assert told["is_fallback"].tolist() == hit.tolist()
    pd.testing.assert_frame_equal(told[~hit], answered[~hit], check_exact=True)
    taken = bare_call().on_unusable(bare_call()(frame), hit, other, "other-3", VERSION)
    assert (taken["score"][hit] == 0.77).all() and not taken["is_fallback"].any()
    assert set(taken["model_version"][hit]) == {"other-3"}


def test_without_its_file_the_ladder_says_so_and_the_bare_call_does_not() -> None:
    frame, hit = received(40), np.arange(40) % 3 == 0
    stage = ladder(frame)
    told = stage.on_unusable(stage(frame), hit, np.zeros(40), "echo-1", ARTEFACT)
    assert set(told["fallback_reason"][hit]) == {"artefact"}
    assert told["score"][hit].tolist() == fitted_rule(frame).predict(frame)[hit].tolist()
    bare = bare_call()(frame)
    silent = bare_call().on_unusable(bare, hit, np.zeros(40), "echo-1", ARTEFACT)
    assert (silent["score"][hit] == 0.0).all()
    others = [name for name in silent.columns if name != "score"]
    pd.testing.assert_frame_equal(silent[others], bare[others], check_exact=True)


def test_a_late_answer_counts_while_the_caller_waits_and_the_rule_still_has_time() -> None:
    frame = received(3).assign(latency_ms=[DEADLINE_MS, DEADLINE_MS + 1.0, 400.0])
    assert ladder(frame)(frame)["is_fallback"].tolist() == [False, True, False]
    assert DEADLINE_MS + RESERVE_MS == CALLER_PATIENCE_MS
