"""A system of other parts: `with_`, levels and upkeep that follow, and what is refused."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from toy import SHELF

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
from mlsys_lessons.errors import InputError
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.parts import YEAR_DAYS
from mlsys_lessons.system.system import Midnight
from mlsys_lessons.worlds.payments.domain import COSTS, FEATURES

SEED = 7
WORLD = mls.payments_world(seed=SEED, daily=200)
DAY = WORLD.day(0, WORLD.start()).requests
NAIVE = mls.naive_system(seed=SEED)
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


def lived_in(system: mls.System) -> Midnight:
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
    before = simulate(WORLD, system, days=4)
    held, kept = frozen(system), frozen(part)
    other = system.with_(**{slot: part})
    assert (other is not system and repr(other) != repr(system)) or slot == "retraining"
    changed = simulate(WORLD, other, days=4)
    lived_in(other)
    assert frozen(system) == held
    assert frozen(part) == kept  # nor is the component that was handed over
    after = simulate(WORLD, system, days=4)
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
        retraining=mls.RetrainingPolicy(), responder=mls.response.OnCall(),
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
    "a component of another place": (
        {"ingestion": CostDecisions(seed=7)}, ("ingestion=", "plugs into decisions"),
    ),
    "retraining's own": ({"monitor": Frozen()}, ("monitor=", "plugs into nothing")),
    "a component of another business": (
        {"decisions": ScoreCut(0.5, domain=SHELF)}, ("decisions=", "made for shelf", "payments"),
    ),
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
