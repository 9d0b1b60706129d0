"""Presets: the systems that the course compares, component by component.

`naive_system` is what a competent notebook author ships; `resilient_system` is the same model with
an engineered system around it; `assemble` mixes the two levels; the references know the truth. The
components themselves are told in their own files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.decisions import CostDecisions, ScoreCut, best_f1_cut
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.features.online import BatchFeatures, OnlineFeatures
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy, TrainingStore
from mlsys_lessons.components.inference.models import (
    BaseRate,
    BoostedModel,
    ClairvoyantModel,
    LogisticModel,
    Model,
    PerfectModel,
    RuleModel,
)
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.components.inference.service import GuardedService, Service
from mlsys_lessons.components.inference.stages import BareInference, LadderInference
from mlsys_lessons.components.ingestion.stages import ContractIngestion, ParsingIngestion
from mlsys_lessons.components.monitoring import Monitor, OperationsOnly
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import MATURITY_DAYS, InputError, whole_number
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world

HISTORY_DAYS = 180
TRAINING_DAILY = 1_000  # habits do not change with scale, so a small history fits a large world
WARM_UP_DAYS = 30  # the first days of a history have no history of their own
TEST_SHARE = 0.25
DOMAINS = ("payments",)
EVERY_SIX_WEEKS = RetrainingPolicy()
MODELS = ("boosted", "logistic", "rule", "base rate", "perfect", "clairvoyant")


@dataclass(frozen=True)
class NotebookModel:
    """What lesson 01 ends with: a model, a cut, and the rows it was chosen on."""

    model: Model
    cut: float
    train: pd.DataFrame
    test: pd.DataFrame


def training_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of an offline table that have a label and enough history behind them."""
    day = table["tick"].to_numpy()
    settled = (day >= day.min() + WARM_UP_DAYS) & (day < -MATURITY_DAYS)
    return table[settled & table["label"].notna().to_numpy()].reset_index(drop=True)


def notebook_model(table: pd.DataFrame, *, seed: int = 0) -> NotebookModel:
    """Lesson 01's recipe: random split, boosted trees, the cut with the best F1 on the test rows.

    `table` comes from `features.offline`. Anybody who runs it on `datasets/` gets the model of
    `naive_system("payments", seed=0)` bit for bit.
    """
    rows = training_rows(table)
    held_out = luck(seed, "split", rows["request_id"].to_numpy()) < TEST_SHARE
    train, test = rows[~held_out], rows[held_out]
    model = BoostedModel(random_state=seed).fit(train, train["label"].to_numpy())
    cut = best_f1_cut(model.predict(test), test["label"].to_numpy())
    return NotebookModel(model, cut, train, test)


@lru_cache(maxsize=64)
def _table(seed: int) -> pd.DataFrame:
    """The training table of one seed's history, computed once in a process."""
    history = payments_world(seed=seed, daily=TRAINING_DAILY).history(HISTORY_DAYS)
    return offline(history.requests, history.labels)


@lru_cache(maxsize=64)
def _notebook(seed: int) -> NotebookModel:
    return notebook_model(_table(seed), seed=seed)


@lru_cache(maxsize=64)
def _fitted(seed: int, name: str) -> Model:
    """A model of the resilient level: fitted on every row with a known fate."""
    kinds: dict[str, Model] = {
        "boosted": BoostedModel(random_state=seed),
        "logistic": LogisticModel(),
        "rule": RuleModel(),
        "base rate": BaseRate(),
        "perfect": PerfectModel(),
        "clairvoyant": ClairvoyantModel(),
    }
    rows = training_rows(_table(seed))
    return kinds[name].fit(rows, rows["label"].to_numpy())


def _cut(seed: int, name: str) -> float:
    """The notebook's F1 cut for a model; for the truth, the cut that F1 would choose on it."""
    if name in ("perfect", "clairvoyant"):
        return 0.5
    test = _notebook(seed).test
    model = _notebook(seed).model if name == "boosted" else _fitted(seed, name)
    return best_f1_cut(model.predict(test), test["label"].to_numpy())


def _checked(domain: str, seed: int, model: str) -> None:
    if domain not in DOMAINS:
        raise InputError(f"domain {domain!r} is unknown; choose one of {', '.join(DOMAINS)}.")
    whole_number("seed", seed, 0, 2**31 - 1)
    if model not in MODELS:
        raise InputError(f"model {model!r} is unknown; choose one of {', '.join(MODELS)}.")


def assemble(
    resilient: Iterable[str], *, domain: str = "payments", seed: int = 0, model: str = "boosted",
    name: str | None = None, retraining: RetrainingPolicy | None = EVERY_SIX_WEEKS,
) -> System:  # fmt: skip
    """A system with the named components at their resilient level and the others naive.

    `resilient` is any subset of COMPONENTS; without "model" the model is the base rate. `model`
    picks what is put in service otherwise. Retraining belongs to the monitoring component.

    >>> assemble({"model", "features"}, seed=3).name
    'features+model'
    """
    _checked(domain, seed, model)
    if isinstance(resilient, str) or not isinstance(resilient, Iterable):
        raise InputError(f"components {resilient!r} are not a list; pass [{resilient!r}], say.")
    if not isinstance(retraining, RetrainingPolicy | None):
        raise InputError(
            f"retraining={retraining!r} is no policy; pass RetrainingPolicy() or None."
        )
    levels = frozenset(resilient)
    unknown = sorted(levels - set(COMPONENTS))
    if unknown:
        raise InputError(f"component {unknown[0]!r} is unknown; choose from {COMPONENTS}.")
    kind = model if "model" in levels else "base rate"
    watched = "monitoring" in levels
    label = name or "+".join(each for each in COMPONENTS if each in levels) or "nothing"
    policy = retraining if watched else None
    return System(
        name=label,
        seed=seed,
        levels=levels,
        ingestion=ContractIngestion() if "ingestion" in levels else ParsingIngestion(),
        features=OnlineFeatures() if "features" in levels else BatchFeatures(),
        inference=_inference("serving" in levels, kind, seed, "decisions" in levels),
        decisions=CostDecisions(seed) if "decisions" in levels else ScoreCut(_cut(seed, kind)),
        monitor=Monitor() if watched else OperationsOnly(),
        retraining=policy,
        store=TrainingStore(seed, policy.rows_a_day if policy else 0),
        service=GuardedService(seed) if "serving" in levels else Service(seed),
    )


def _inference(
    resilient: bool, kind: str, seed: int, priced: bool
) -> BareInference | LadderInference:
    """The serving level around a model; a cut needs the model that it was chosen for."""
    cut_model = kind == "boosted" and not priced
    fitted = _notebook(seed).model if cut_model else _fitted(seed, kind)
    registry = Registry([ModelVersion(f"{kind}-1", fitted)])
    if not resilient:
        return BareInference(registry)
    rule = ModelVersion("rule-fallback", _fitted(seed, "rule"))
    base_rate = ModelVersion("base-rate-fallback", _fitted(seed, "base rate"))
    return LadderInference(registry, rule, base_rate)


def naive_system(domain: str = "payments", *, seed: int = 0, model: str = "boosted") -> System:
    """The notebook's model behind an endpoint, as a competent author ships it.

    Parse only; yesterday's batch table; a bare call whose error approves; one F1-optimal cut; no
    monitors beyond what the platform gives, no retraining.

    >>> naive_system("payments", seed=7)
    System('naive', model 'boosted-1', resilient: model; last tick None)
    """
    return assemble({"model"}, domain=domain, seed=seed, model=model, name="naive", retraining=None)


def resilient_system(
    domain: str = "payments", *, seed: int = 0, model: str = "boosted",
    retraining: RetrainingPolicy | None = EVERY_SIX_WEEKS,
) -> System:  # fmt: skip
    """The same model with every component at its resilient level."""
    return assemble(
        COMPONENTS, domain=domain, seed=seed, model=model, name="resilient", retraining=retraining
    )


def reference_system(domain: str = "payments", *, seed: int = 0) -> System:
    """The Bayes reference (myopic): the cheapest action on the true probability; no upkeep."""
    return _reference(domain, seed, "perfect", "Bayes reference")


def clairvoyant_system(domain: str = "payments", *, seed: int = 0) -> System:
    """A ceiling nobody can reach: it knows every label in advance."""
    return _reference(domain, seed, "clairvoyant", "clairvoyant")


def _reference(domain: str, seed: int, model: str, name: str) -> System:
    levels = set(COMPONENTS) - {"monitoring"}
    system = assemble(levels, domain=domain, seed=seed, model=model, name=name, retraining=None)
    system.charged = False
    return system
