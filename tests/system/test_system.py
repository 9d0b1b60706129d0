"""The system: other components by `with_`, levels and upkeep that follow, the order of a midnight.

What each stage does is told in tests/components, whole runs in tests/simulation.
"""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.decisions import CostDecisions, ScoreCut
from mlsys_lessons.components.features import BatchFeatures, OnlineFeatures
from mlsys_lessons.components.features.event_store import SortedRun
from mlsys_lessons.components.feedback.retraining import Frozen, Retraining
from mlsys_lessons.components.inference.models import BaseRate, LogisticModel, RuleModel
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.ingestion.stages import ContractIngestion
from mlsys_lessons.components.monitoring import Monitor
from mlsys_lessons.domain import Domain
from mlsys_lessons.records import ClosedDay, InputError, News, StateError
from mlsys_lessons.simulation.simulate import simulate, warmed
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.faults.fault import on_rows
from mlsys_lessons.system.parts import YEAR_DAYS
from mlsys_lessons.system.system import Edge
from mlsys_lessons.worlds.payments.domain import COSTS, FEATURES

SEED = 7
WORLD = mls.payments_world(seed=SEED, daily=200)
DAY = WORLD.day(0, WORLD.start()).requests
NAIVE = mls.naive_system(seed=SEED)
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
COMPONENT = COSTS.upkeep_component_year
INPUTS = len(FEATURES) * COSTS.upkeep_feature_year


def average() -> BaseRate:
    """A model that costs nothing to keep."""
    return BaseRate().fit(pd.DataFrame({"x": [0, 0]}), np.array([0.0, 0.01]))


class _Frozen(pickle.Pickler):
    """Pickles that leave out what immutable things compute once and keep."""

    def reducer_override(self, thing: object) -> object:
        if isinstance(thing, Domain | SortedRun):
            return type(thing), tuple(getattr(thing, each.name) for each in fields(thing))
        return NotImplemented


def frozen(thing: object) -> bytes:
    """Every byte of a system or a component."""
    stream = io.BytesIO()
    _Frozen(stream).dump(thing)
    return stream.getvalue()


def lived_in(system: mls.System) -> Edge:
    """What a copy of the system makes of a day."""
    twin = copy.deepcopy(system)
    twin.handle(DAY)
    return twin.step(0)


def upkeep(system: mls.System) -> int:
    """Cents that a day without anybody costs for keeping the system alive."""
    return copy.deepcopy(system).step(0).overheads["upkeep"]


# --- with_ --------------------------------------------------------------------------------------

CHANGES = {
    "ingestion": ContractIngestion(),
    "features": OnlineFeatures(),
    "inference": mls.resilient_system(seed=SEED).inference,
    "decisions": CostDecisions(SEED),
    "monitor": Monitor(),
    "model": average(),
    "retraining": mls.RetrainingPolicy(every=2, first=2),
    "name": "another",
}


@pytest.mark.parametrize("slot", CHANGES)
def test_the_original_is_left_alone_to_the_byte(slot: str) -> None:
    system, part = mls.naive_system(seed=SEED), CHANGES[slot]
    before = simulate(WORLD, system, days=2)
    held, kept = frozen(system), frozen(part)
    other = system.with_(**{slot: part})
    assert (other is not system and repr(other) != repr(system)) or slot == "retraining"
    changed = simulate(WORLD, other, days=2)
    lived_in(other)
    assert frozen(system) == held
    assert frozen(part) == kept  # nor is the component that was handed over
    after = simulate(WORLD, system, days=2)
    assert after.actions_sha256 == before.actions_sha256
    pd.testing.assert_frame_equal(after.log, before.log, check_exact=True)
    pd.testing.assert_frame_equal(after.ledger, before.ledger, check_exact=True)
    same = changed.actions_sha256 == before.actions_sha256
    assert same == (slot not in ("features", "inference", "decisions", "model")), slot


def test_a_copy_without_changes_is_a_twin() -> None:
    twin = NAIVE.with_()
    assert twin is not NAIVE and repr(twin) == repr(NAIVE)
    assert simulate(WORLD, twin, days=2).value == simulate(WORLD, NAIVE, days=2).value


def test_every_component_exchanged_is_the_other_preset() -> None:
    """Naive with each part of the resilient one plugged in answers as the resilient one does."""
    resilient = mls.resilient_system(seed=SEED)
    plugged = mls.naive_system(seed=SEED).with_(
        name="resilient", ingestion=resilient.ingestion, features=resilient.features,
        inference=resilient.inference, decisions=resilient.decisions, monitor=resilient.monitor,
        retraining=mls.RetrainingPolicy(),
    )  # fmt: skip
    assert repr(plugged) == repr(resilient) and plugged.levels == set(COMPONENTS)
    runs = [simulate(WORLD, system, days=3) for system in (plugged, resilient)]
    assert runs[0].actions_sha256 == runs[1].actions_sha256
    assert runs[0].value == runs[1].value
    pd.testing.assert_frame_equal(runs[0].metrics, runs[1].metrics, check_exact=True)


def test_new_decisions_know_how_many_people_there_are() -> None:
    system = mls.naive_system(seed=SEED)
    system.staff(5)
    other = system.with_(decisions=CostDecisions(SEED))
    assert other.decisions.capacity == other.reviews.capacity == 5


def test_a_model_comes_on_top_of_the_versions_that_are_there() -> None:
    other = NAIVE.with_(model=average())
    versions = other.inference.registry.versions
    assert [version.label for version in versions] == ["boosted-1", "base rate-2"]
    assert other.inference.registry.roll_back().label == "boosted-1"
    named = NAIVE.with_(model=ModelVersion("mine", average(), fitted_tick=3))
    assert named.inference.registry.champion.label == "mine"
    assert len(NAIVE.inference.registry.versions) == 1


def test_a_model_and_its_inference_are_plugged_in_together() -> None:
    ladder = mls.resilient_system(seed=SEED).inference
    other = NAIVE.with_(inference=ladder, model=average())
    assert other.inference.registry.champion.label == "base rate-2"
    assert len(ladder.registry.versions) == 1


def test_retraining_is_a_policy_or_none() -> None:
    policy = mls.RetrainingPolicy(every=5, first=9)
    learning = NAIVE.with_(retraining=policy)
    assert isinstance(learning.retraining, Retraining) and learning.retraining.policy is policy
    assert isinstance(learning.with_(retraining=None).retraining, Frozen)
    assert isinstance(learning.with_(name="x").retraining, Retraining)


# --- levels and upkeep --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slot", "component"),
    [("ingestion", "ingestion"), ("features", "features"), ("inference", "serving"),
     ("decisions", "decisions"), ("monitor", "monitoring")],
)  # fmt: skip
def test_a_resilient_component_is_one_level_and_one_upkeep_more(slot: str, component: str) -> None:
    other = NAIVE.with_(**{slot: CHANGES[slot]})
    assert NAIVE.levels == {"model"} and other.levels == {"model", component}
    assert upkeep(NAIVE) == (COMPONENT + INPUTS) // YEAR_DAYS
    assert upkeep(other) == (2 * COMPONENT + INPUTS) // YEAR_DAYS


def test_a_naive_component_is_one_level_and_one_upkeep_less() -> None:
    resilient = mls.resilient_system(seed=SEED)
    assert upkeep(resilient) == (6 * COMPONENT + INPUTS) // YEAR_DAYS
    for slot, part in (("features", BatchFeatures()), ("decisions", ScoreCut(0.5))):
        other = resilient.with_(**{slot: part})
        assert other.levels == set(COMPONENTS) - {slot}
        assert upkeep(other) == (5 * COMPONENT + INPUTS) // YEAR_DAYS


def test_the_upkeep_of_the_model_is_that_of_the_one_in_service() -> None:
    other = NAIVE.with_(model=average())
    assert other.levels == frozenset() and upkeep(other) == 0
    assert "resilient: none" in repr(other)
    other.inference.registry.roll_back()
    assert other.levels == {"model"} and upkeep(other) == upkeep(NAIVE)
    rule = NAIVE.with_(model=RuleModel().fit(pd.DataFrame({name: [0.0, 1.0] for name in FEATURES}),
                                             np.array([0.0, 1.0])))  # fmt: skip
    assert rule.levels == {"model"} and upkeep(rule) == upkeep(NAIVE)


def test_upkeep_is_paid_every_day_and_by_no_reference() -> None:
    run = simulate(WORLD, NAIVE.with_(decisions=CostDecisions(SEED)), days=3)
    paid = run.ledger[run.ledger["item"] == "upkeep"]
    assert paid["cents"].tolist() == [-((2 * COMPONENT + INPUTS) // YEAR_DAYS)] * 3
    assert copy.deepcopy(mls.reference_system(seed=SEED)).step(0).overheads == {}


# --- what is refused ----------------------------------------------------------------------------


class Oracle:
    """A model that asks for a number which nobody computes."""

    name = "oracle"
    inputs = ("log_amount", "tomorrows_paper")

    def fit(self, *_: object) -> Oracle:
        return self

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return frame["tomorrows_paper"].to_numpy()


class Nameless:
    """An estimator of another library: it predicts, and has no name."""

    def fit(self, *_: object) -> Nameless:
        return self

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(frame))


REFUSED: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "a class as ingestion": ({"ingestion": ContractIngestion}, ("ingestion=", "component")),
    "a class as features": ({"features": OnlineFeatures}, ("features=", "component")),
    "a class as inference": ({"inference": type(NAIVE.inference)}, ("inference=", "component")),
    "a class as decisions": ({"decisions": CostDecisions}, ("decisions=", "component")),
    "a class as monitor": ({"monitor": Monitor}, ("monitor=", "component")),
    "a function": ({"decisions": lambda frame: frame}, ("decisions=", "component")),
    "nothing": ({"decisions": None}, ("decisions=None", "component")),
    "a name": ({"features": "online"}, ("features='online'", "component")),
    "a system": ({"monitor": NAIVE}, ("monitor=", "component")),
    "a class as model": ({"model": BaseRate}, ("model=", "fit and predict")),
    "a function as model": ({"model": len}, ("model=", "fit and predict")),
    "no model": ({"model": None}, ("model=None", "fit and predict")),
    "a model without a name": ({"model": Nameless()}, ("model=", "a name")),
    "unknown inputs": ({"model": Oracle()}, ("tomorrows_paper", "payments", "features")),
    "unknown inputs of a version": (
        {"model": ModelVersion("o-1", Oracle())}, ("o-1", "tomorrows_paper"),
    ),
    "inputs by another name": (
        {"model": LogisticModel(inputs={"amount_log": "log"})}, ("amount_log", "payments"),
    ),
    "a number as retraining": ({"retraining": 42}, ("retraining=42", "RetrainingPolicy()")),
    "a class as retraining": (
        {"retraining": mls.RetrainingPolicy}, ("retraining=", "RetrainingPolicy()"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_component_is_refused_in_one_sentence(what: str) -> None:
    change, named = REFUSED[what]
    before = frozen(NAIVE)
    with pytest.raises(InputError) as refused:
        NAIVE.with_(**change)
    sentence = str(refused.value)
    assert "\n" not in sentence and sentence.endswith("."), sentence
    assert [word for word in named if word not in sentence] == [], sentence
    assert frozen(NAIVE) == before


# --- the order of a midnight --------------------------------------------------------------------


def ready(name: str) -> mls.System:
    """A warm system with the requests of day 0 in it."""
    system = warmed(WORLD, PRESETS[name](seed=SEED))
    system.handle(DAY)
    return system


def same_edge(one: Edge, other: Edge) -> None:
    assert (one.tick, one.overheads, one.adopted) == (other.tick, other.overheads, other.adopted)
    pd.testing.assert_frame_equal(one.labels, other.labels, check_exact=True)


@pytest.mark.parametrize("name", PRESETS)
def test_a_tick_by_hand_is_a_day_closed_and_taken_over_midnight(name: str) -> None:
    """When nobody reviews, the two ways leave the same system behind, to the byte."""
    first, second = ready(name), ready(name)
    for tick in (0, 1, 2):
        same_edge(first.step(tick), second.step(second.close(tick)))
    tomorrow = WORLD.day(3, WORLD.start()).requests
    answered = [system.handle(tomorrow) for system in (first, second)]
    pd.testing.assert_frame_equal(*answered, check_exact=True)
    pd.testing.assert_frame_equal(first.monitor.metrics, second.monitor.metrics, check_exact=True)


@pytest.mark.parametrize("name", PRESETS)
def test_midnight_is_taken_once_and_a_slip_does_no_harm(name: str) -> None:
    """Each wrong call is refused in one sentence, and the system goes on as a calm twin does."""
    system, calm = ready(name), ready(name)
    never = ClosedDay(0, calm.today[0], pd.DataFrame(), held=0)
    refused(lambda: system.step(never), "day 0 is not the one that was closed")
    day = system.close(0)
    refused(lambda: system.close(0), "day 0 is closed; give it to step first")
    refused(lambda: system.close(1), "day 0 is closed; give it to step first")
    refused(lambda: system.step(0), "day 0 is closed; give it to step first")
    refused(lambda: system.step(replace(day, tick=1)), "day 1 is not the one that was closed")
    edge = system.step(day)
    refused(lambda: system.step(day), "day 0 is not the one that was closed")
    refused(lambda: system.step(0), "tick 0 is over; the next edge is 1")
    refused(lambda: system.close(0), "tick 0 is over; the next edge is 1")
    same_edge(edge, calm.step(0))
    tomorrow = WORLD.day(1, WORLD.start()).requests
    answered = [each.handle(tomorrow) for each in (system, calm)]
    pd.testing.assert_frame_equal(*answered, check_exact=True)
    same_edge(system.step(1), calm.step(calm.close(1)))
    assert system.last_tick == calm.last_tick == 1


def test_the_day_of_another_system_is_foreign() -> None:
    """Also one that a twin has closed under the same tick."""
    mine, other = ready("naive"), ready("resilient")
    day, foreign = mine.close(0), other.close(0)
    refused(lambda: mine.step(foreign), "day 0 is not the one that was closed")
    fork = copy.deepcopy(mine)
    same_edge(mine.step(day), fork.step(day))  # a copy of the system has closed it too
    assert mine.last_tick == fork.last_tick == 0


def refused(call: object, sentence: str) -> None:
    with pytest.raises(StateError) as caught:
        call()
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_requests_between_close_and_midnight_belong_to_the_next_day() -> None:
    system = ready("resilient")
    day = system.close(0)
    assert system.today == [] and len(day.log) == len(DAY)
    late = WORLD.day(1, WORLD.start()).requests
    system.handle(late)
    system.step(day)
    assert system.close(1).log["request_id"].tolist() == late["request_id"].tolist()


def test_days_may_be_skipped_and_a_day_without_anybody_has_every_column() -> None:
    system = ready("resilient")
    day = system.close(0)
    columns = list(day.log.columns)
    system.step(day)
    empty = system.close(7)
    assert list(empty.log.columns) == columns and len(empty.log) == empty.held == 0
    assert system.step(empty).tick == 7


def test_a_repeat_meets_the_service_and_is_spared_everything_behind_it() -> None:
    """It has its first answer, no features of its own, and the luck of its own call."""
    system = ready("resilient")
    again = system.handle(DAY.iloc[:20])
    first = system.today[0].set_index("request_id").loc[again["request_id"]]
    assert again["is_duplicate"].all()
    assert again[list(FEATURES)].isna().all(axis=None)
    assert list(again.columns) == list(system.today[0].columns)
    for name in ("latency_ms", "score", "model_version", "action", "propensity"):
        assert again[name].tolist() == first[name].tolist(), name


# --- faults at the seam "labels" ----------------------------------------------------------------


def flipped(start: float, end: float) -> Fault:
    """The desk types reports in with their labels the wrong way round."""

    def change(frame: pd.DataFrame, inside: np.ndarray, fault: Fault) -> pd.DataFrame:
        return frame.assign(label=np.where(inside, 1 - frame["label"], frame["label"]))

    calm = mls.faults.latency(start=start, end=end)
    return replace(calm, name="flipped", seam="labels", wrap=on_rows(change))


@dataclass
class Twins:
    """The same days with reports as they were made, and as they were typed in."""

    calm: mls.Run
    hit: mls.Run


@pytest.fixture(scope="module", params=PRESETS)
def twins(request: pytest.FixtureRequest) -> Twins:
    system = PRESETS[request.param](seed=SEED)
    runs = [simulate(WORLD, system, days=6, faults=faults) for faults in ((), (flipped(2.0, 4.0),))]
    return Twins(*runs)


def reported(run: mls.Run) -> pd.DataFrame:
    """The labels of a run that cardholders gave, and the day that they became known."""
    told = run.labels[run.labels["source"].isin(["cardholder", "late"])]
    tick = (told["label_time"] - np.datetime64("2025-01-01")) / np.timedelta64(1, "D") - 1
    return told.assign(tick=tick.astype(int)).set_index("request_id")


def test_reports_are_flipped_inside_the_window_and_nowhere_else(twins: Twins) -> None:
    calm, hit = reported(twins.calm), reported(twins.hit)
    assert (calm["label"] == 1).all()
    assert calm.index.tolist() == hit.index.tolist()
    inside = hit["tick"].between(2, 3)
    assert inside.sum() >= 2 <= (~inside).sum()
    assert hit["label"].tolist() == np.where(inside, 0, 1).tolist()


def test_what_is_typed_in_wrongly_happened_all_the_same(twins: Twins) -> None:
    """Nothing of reality asks the desk: truth, and what became known in the books, are the same."""
    pd.testing.assert_frame_equal(twins.calm.truth(), twins.hit.truth(), check_exact=True)
    pd.testing.assert_frame_equal(twins.calm.ledger, twins.hit.ledger, check_exact=True)
    pd.testing.assert_frame_equal(twins.calm.books, twins.hit.books, check_exact=True)
    assert twins.calm.outstanding == twins.hit.outstanding
    assert twins.calm.actions_sha256 == twins.hit.actions_sha256  # 45 days too early for a risk


def test_a_midnight_without_reports_asks_no_fault() -> None:
    system = ready("naive")
    system.install([flipped(0.0, 9.0)])
    assert system.step(0).labels["label"].eq(0).all()
    nobody = WORLD.reports(WORLD.start(), 1).iloc[:0]
    assert system.step(system.close(1), News(nobody)).tick == 1
