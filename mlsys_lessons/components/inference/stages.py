"""Inference: who answers, in time, and what happens when nobody does.

Third stage: features -> inference -> decisions. It adds a score, the version that gave it and
whether a fallback had to step in. What a call meets on its way is the service's (service.py, asked
just before), how a model is fitted is told in models.py; what a score is worth is the business
of decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Columns, Component, Model
from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.components.inference.service import FATE, GuardedService, Service
from mlsys_lessons.domain import Domain
from mlsys_lessons.frames import categorical, extend
from mlsys_lessons.records import FAILURES, SLOT_MS, ClosedDay, milliseconds

CALLER_PATIENCE_MS = 2_000  # after this the shop's own request has failed, whatever we answer
RESERVE_MS = 100  # what the rule and the way back need of it (assumed)
DEADLINE_MS = CALLER_PATIENCE_MS - RESERVE_MS  # a late answer is worth more than a simpler one
DEFAULT_SCORE = 0.0  # what a handler that swallows errors returns
FAILURE_DTYPE = pd.CategoricalDtype(FAILURES)
DEPENDENCY, DEADLINE, BREAKER, QUARANTINED, REFUSED, VERSION, ARTEFACT = range(len(FAILURES))
NO_FAILURE = -1
ANSWER = ("score", "model_version", "is_fallback", "fallback_reason")
Mask = NDArray[np.bool_]


@dataclass
class BareInference(Component):
    """Naive level: call the model; if the call fails there is no score."""

    registry: Registry
    service: Service
    patience_ms: float = CALLER_PATIENCE_MS
    domain: Domain = field(default=DEFAULT_DOMAIN, repr=False)
    plugs_into = "inference"
    resilient = False

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add score (NaN where the call failed), version and the reason of the failure."""
        failure = _failures(frame, self.patience_ms)
        answered = failure == NO_FAILURE
        scores = _scored(self.model, frame, answered)
        names = [self.registry.champion.label]
        version = np.where(answered, 0, -1).astype(np.int8)
        return extend(frame, _answer(scores, version, names, np.zeros(len(frame), bool), failure))

    @property
    def model(self) -> Model:
        """The model in service."""
        return self.registry.champion.model

    @property
    def needs(self) -> Columns:
        """What the call met, and what models read: a reference knows each row by its identity."""
        named = self.domain.identity if self.registry.truth_column else ()
        return (*named, *FATE, *self.domain.inputs)

    @property
    def adds(self) -> Columns:
        """A score, and who gave it."""
        return ANSWER

    def step(self, day: ClosedDay) -> None:
        """Take a closed day over midnight: nothing changes overnight."""

    def on_other_version(
        self, answered: pd.DataFrame, hit: Mask, scores: NDArray[np.float64], label: str
    ) -> pd.DataFrame:
        """The answers when rows that are `hit` got their scores from another version.

        At this level whatever comes back is a score. Nobody reads the label that came with it.
        """
        return answered.assign(
            score=np.where(hit, scores, answered["score"]),
            model_version=_relabelled(answered["model_version"].array, hit, label),
        )

    def on_broken_artefact(self, answered: pd.DataFrame, hit: Mask) -> pd.DataFrame:
        """The answers when the replicas of rows that are `hit` cannot use their model file.

        The handler catches the error and returns its default: no failed call, and no opinion.
        """
        return answered.assign(score=np.where(hit, DEFAULT_SCORE, answered["score"]))


@dataclass
class LadderInference(BareInference):
    """Resilient level: a deadline, a breaker, and a ladder of simpler answers.

    Rungs: the champion; a rule that runs in this process; the base rate for rows of which not even
    the customer is known. Every answer says which rung gave it.
    """

    service: GuardedService
    rule: ModelVersion = field(kw_only=True)
    base_rate: ModelVersion = field(kw_only=True)
    deadline_ms: float = DEADLINE_MS
    breaker: Breaker = field(default_factory=Breaker)
    resilient = True

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add score, version, and whether and why a fallback stepped in."""
        failure = self._with_breaker(frame, _failures(frame, self.deadline_ms))
        rungs = [self.registry.champion, self.rule, self.base_rate]
        failed = np.where(failure == QUARANTINED, 2, 1)
        rung = np.where(failure == NO_FAILURE, 0, failed).astype(np.int8)
        scores = np.empty(len(frame))
        for place, version in enumerate(rungs):
            here = rung == place
            scores[here] = _scored(version.model, frame, here)[here]
        names = [version.label for version in rungs]
        return extend(frame, _answer(scores, rung, names, rung > 0, failure))

    @property
    def needs(self) -> Columns:
        """Also when the call is made, and whether its row is worth one."""
        return ("arrival_time", "is_quarantined", *super().needs)

    def on_other_version(
        self, answered: pd.DataFrame, hit: Mask, scores: NDArray[np.float64], label: str
    ) -> pd.DataFrame:
        """The answers when rows that are `hit` got their scores from another version.

        The caller pins the version: an answer says who gave it, and one that is not the champion's
        is no answer.
        """
        return self._by_rule(answered, hit, VERSION)

    def on_broken_artefact(self, answered: pd.DataFrame, hit: Mask) -> pd.DataFrame:
        """The answers when the replicas of rows that are `hit` cannot use their model file."""
        return self._by_rule(answered, hit, ARTEFACT)

    def _by_rule(self, answered: pd.DataFrame, hit: Mask, failure: int) -> pd.DataFrame:
        """Answers, with the rule's in place of those that may not be used."""
        by_rule = _scored(self.rule.model, answered, hit)
        reasons = np.where(hit, failure, answered["fallback_reason"].array.codes)
        return answered.assign(
            score=np.where(hit, by_rule, answered["score"]),
            model_version=_relabelled(answered["model_version"].array, hit, self.rule.label),
            is_fallback=answered["is_fallback"].to_numpy() | hit,
            fallback_reason=categorical(reasons.astype(np.int8), FAILURE_DTYPE),
        )

    def _with_breaker(self, frame: pd.DataFrame, failure: NDArray[np.int8]) -> NDArray[np.int8]:
        """The failures, with those of rows that make no call and of calls that are not let out."""
        unreadable = self._unreadable(frame)
        calling = ~unreadable & (failure != REFUSED)
        failure[unreadable] = QUARANTINED
        slots = milliseconds(frame["arrival_time"]) // SLOT_MS
        admitted = self.breaker.admit(slots[calling], failure[calling] != NO_FAILURE)
        failure[np.flatnonzero(calling)[~admitted]] = BREAKER
        return failure

    def _unreadable(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Quarantined rows of which not even the customer or the time is known.

        Any other quarantined row is worth an opinion: models know what to do with a missing field.
        """
        nobody = np.isnan(frame[self.domain.history[0]].to_numpy())
        return np.asarray(nobody & frame["is_quarantined"].to_numpy())


def _failures(frame: pd.DataFrame, limit_ms: float) -> NDArray[np.int8]:
    """Index into FAILURES of what goes wrong with each row's model call, or NO_FAILURE."""
    latency = frame["latency_ms"].to_numpy()
    failure = np.full(len(frame), NO_FAILURE, dtype=np.int8)
    failure[latency > limit_ms] = DEADLINE
    failure[~frame["dependency_up"].to_numpy()] = DEPENDENCY
    failure[np.isnan(latency)] = REFUSED  # at the door: no call was made
    return failure


def _relabelled(version: pd.Categorical, hit: Mask, label: str) -> pd.Categorical:
    """Version labels, with another one where hit."""
    if label not in version.categories:
        version = version.add_categories([label])
    codes = np.where(hit, version.categories.get_loc(label), version.codes)
    return pd.Categorical.from_codes(codes, dtype=version.dtype)


def _scored(model: Model, frame: pd.DataFrame, wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The model's scores on the wanted rows, NaN elsewhere; no call for rows that need none."""
    if wanted.all():
        return model.predict(frame)
    scores = np.full(len(frame), np.nan)
    if wanted.any():
        scores[wanted] = model.predict(frame[wanted])
    return scores


def _answer(
    scores: NDArray[np.float64],
    version: NDArray[np.int8],
    names: list[str],
    fallback: NDArray[np.bool_],
    failure: NDArray[np.int8],
) -> dict[str, object]:
    columns = (
        scores, categorical(version, pd.CategoricalDtype(names)), fallback,
        categorical(failure, FAILURE_DTYPE),
    )  # fmt: skip
    return dict(zip(ANSWER, columns, strict=True))
