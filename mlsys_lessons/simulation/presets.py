"""Presets: the systems that the course compares, component by component.

`naive_system` is what a competent notebook author ships; `resilient_system` is the same model with
an engineered system around it; `assemble` mixes the two levels; the references know the truth.
Longer than most: every system of the course begins here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import COMPONENTS, DEFAULT_DOMAIN, Model
from mlsys_lessons.components.decisions import CostDecisions, Policy, ScoreCut, best_f1_cut
from mlsys_lessons.components.features import BatchFeatures, OnlineFeatures, offline
from mlsys_lessons.components.feedback.labels import LabelQueue
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
from mlsys_lessons.components.feedback.reviews import ReviewQueue
from mlsys_lessons.components.inference.models import (
    BaseRate,
    BoostedModel,
    ClairvoyantModel,
    LogisticModel,
    PerfectModel,
    RuleModel,
)
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.components.inference.service import GuardedService, Service
from mlsys_lessons.components.inference.stages import BareInference, LadderInference
from mlsys_lessons.components.ingestion.stages import ContractIngestion, ParsingIngestion
from mlsys_lessons.components.monitoring import Monitor, OperationsOnly
from mlsys_lessons.components.response import Nobody, OnCall
from mlsys_lessons.components.response.responders import Responder
from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.gaps import with_gaps
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import MATURITY_DAYS, whole_number
from mlsys_lessons.system.parts import answered_by, retrained_by
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import WORLDS

HISTORY_DAYS = 180
TRAINING_DAILY = 1_000  # habits do not change with scale, so a small history fits a large world
WARM_UP_DAYS = 30  # the first days of a history have no history of their own
TEST_SHARE = 0.25
EVERY_SIX_WEEKS = RetrainingPolicy()
BY_LEVEL: Any = object()  # as the level of monitoring says: None means somebody who never acts
MODELS: dict[str, Callable[[Domain, int], Model]] = {  # of a domain and a seed, not fitted yet
    "boosted": lambda domain, seed: BoostedModel(random_state=seed, inputs=domain.inputs),
    "logistic": lambda domain, seed: LogisticModel(inputs=domain.inputs),
    "rule": lambda domain, seed: RuleModel(domain.questions),
    "base rate": lambda domain, seed: BaseRate(),
    "perfect": lambda domain, seed: PerfectModel(domain.identity),
    "clairvoyant": lambda domain, seed: ClairvoyantModel(domain.identity),
}


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


def notebook_model(
    table: pd.DataFrame, *, seed: int = 0, domain: Domain = DEFAULT_DOMAIN
) -> NotebookModel:
    """Lesson 01's recipe: random split, boosted trees, the cut with the best F1 on the test rows.

    `table` comes from `features.offline`. Anybody who runs it on `datasets/` gets the model of
    `naive_system("payments", seed=0)` bit for bit.
    """
    rows = training_rows(table)
    held_out = luck(seed, "split", row_keys(rows, domain.identity)) < TEST_SHARE
    train, test = rows[~held_out], rows[held_out]
    model = MODELS["boosted"](domain, seed).fit(train, train[domain.target].to_numpy())
    return NotebookModel(model, _chosen_cut(model, test, domain), train, test)


def _chosen_cut(model: Model, test: pd.DataFrame, domain: Domain) -> float:
    """How a notebook chooses: by F1, or as many of the best as there is room for."""
    scores = model.predict(test)
    if domain.proxy:
        return float(np.quantile(scores, domain.proxy_accepts, method="higher"))
    return best_f1_cut(scores, test["label"].to_numpy())


@lru_cache(maxsize=64)
def _table(domain: str, seed: int) -> pd.DataFrame:
    """The training table of one seed's history, computed once in a process."""
    world = WORLDS[domain](seed=seed, daily=TRAINING_DAILY)
    history = world.history(HISTORY_DAYS)
    return offline(history.requests, history.labels, world.domain)


@lru_cache(maxsize=64)
def _notebook(domain: str, seed: int) -> NotebookModel:
    return notebook_model(_table(domain, seed), seed=seed, domain=_domain(domain))


@lru_cache(maxsize=64)
def _fitted(domain: str, seed: int, name: str) -> Model:
    """A model of the resilient level: fitted on every row with a known fate, and with gaps."""
    rows = with_gaps(training_rows(_table(domain, seed)), _domain(domain), seed)
    return MODELS[name](_domain(domain), seed).fit(rows, rows["label"].to_numpy())


@lru_cache(maxsize=8)
def _domain(name: str) -> Domain:
    """What a domain is made of: any of its worlds knows."""
    return WORLDS[name](seed=0, daily=TRAINING_DAILY).domain


def _cut(domain: str, seed: int, name: str) -> float:
    """The notebook's F1 cut for a model; for the truth, the cut that F1 would choose on it."""
    if name in ("perfect", "clairvoyant"):
        return 0.5
    notebook = _notebook(domain, seed)
    model = notebook.model if name == "boosted" else _fitted(domain, seed, name)
    return _chosen_cut(model, notebook.test, _domain(domain))


def _checked(domain: str, seed: int, model: str) -> None:
    if domain not in WORLDS:
        raise InputError(f"domain {domain!r} is unknown; choose one of {', '.join(WORLDS)}.")
    whole_number("seed", seed, 0, 2**31 - 1)
    if model not in MODELS:
        raise InputError(f"model {model!r} is unknown; choose one of {', '.join(MODELS)}.")


def assemble(
    resilient: Iterable[str], *, domain: str = "payments", seed: int = 0, model: str = "boosted",
    name: str | None = None, retraining: RetrainingPolicy | None = EVERY_SIX_WEEKS,
    responder: Responder | None = BY_LEVEL,
) -> System:  # fmt: skip
    """A system with the named components at their resilient level and the others naive.

    `resilient` is any subset of COMPONENTS; without "model" the model is the base rate. `model`
    picks what is put in service otherwise. Retraining and who responds belong to the monitoring
    component: by default `OnCall()` with it, `Nobody()` without.

    >>> assemble({"model", "features"}, seed=3).name
    'features+model'
    """
    _checked(domain, seed, model)
    levels = _levels(resilient)
    business, kind = _domain(domain), model if "model" in levels else "base rate"
    watched, priced = "monitoring" in levels, "decisions" in levels
    policy = retrained_by(retraining, seed, business)  # also where it is not used: it is checked
    return System(
        name=name or "+".join(part for part in COMPONENTS if part in levels) or "nothing",
        seed=seed,
        domain=business,
        ingestion=(ContractIngestion if "ingestion" in levels else ParsingIngestion)(
            domain=business
        ),
        features=(OnlineFeatures if "features" in levels else BatchFeatures)(business),
        inference=_inference(domain, seed, kind, resilient="serving" in levels, priced=priced),
        decisions=CostDecisions(seed, Policy.of(business), domain=business)
        if priced
        else ScoreCut(_cut(domain, seed, kind), business),
        monitor=(Monitor if watched else OperationsOnly)(domain=business),
        retraining=policy if watched else retrained_by(None, seed, business),
        labels=LabelQueue(business),
        reviews=ReviewQueue(),
        response=answered_by(
            (OnCall() if watched else Nobody()) if responder is BY_LEVEL else responder, business
        ),
    )


def _levels(resilient: Iterable[str]) -> frozenset[str]:
    """The named components, if each of them is one."""
    if isinstance(resilient, str) or not isinstance(resilient, Iterable):
        raise InputError(f"components {resilient!r} are not a list; pass [{resilient!r}], say.")
    levels = frozenset(resilient)
    unknown = sorted(levels - set(COMPONENTS))
    if unknown:
        raise InputError(f"component {unknown[0]!r} is unknown; choose from {COMPONENTS}.")
    return levels


def _inference(
    domain: str, seed: int, kind: str, *, resilient: bool, priced: bool
) -> BareInference:
    """The serving level around a model; a cut needs the model that it was chosen for."""
    cut_model = kind == "boosted" and not priced
    fitted = _notebook(domain, seed).model if cut_model else _fitted(domain, seed, kind)
    business = _domain(domain)
    registry = Registry([ModelVersion(f"{kind}-1", fitted)], business)
    if not resilient:
        return BareInference(registry, Service(seed), domain=business)
    return LadderInference(
        registry, GuardedService(seed), domain=business,
        rule=ModelVersion("rule-fallback", _fitted(domain, seed, "rule")),
        base_rate=ModelVersion("base-rate-fallback", _fitted(domain, seed, "base rate")),
    )  # fmt: skip


def naive_system(
    domain: str = "payments", *, seed: int = 0, model: str = "boosted",
    responder: Responder | None = BY_LEVEL,
) -> System:  # fmt: skip
    """The notebook's model behind an endpoint, as a competent author ships it.

    Parse only; yesterday's batch table; a bare call whose error approves; one F1-optimal cut; no
    monitors beyond what the platform gives, no retraining, nobody who is called.

    >>> naive_system("payments", seed=7)
    System('naive', model 'boosted-1', resilient: model; last tick None)
    """
    return assemble(
        {"model"}, domain=domain, seed=seed, model=model, name="naive", retraining=None,
        responder=responder,
    )  # fmt: skip


def resilient_system(
    domain: str = "payments", *, seed: int = 0, model: str = "boosted",
    retraining: RetrainingPolicy | None = EVERY_SIX_WEEKS, responder: Responder | None = BY_LEVEL,
) -> System:  # fmt: skip
    """The same model with every component at its resilient level."""
    return assemble(
        COMPONENTS, domain=domain, seed=seed, model=model, name="resilient", retraining=retraining,
        responder=responder,
    )  # fmt: skip


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
