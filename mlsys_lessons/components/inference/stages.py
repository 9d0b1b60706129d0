"""Inference: who answers, in time, and what happens when nobody does.

Third stage: features -> inference -> decisions. It adds a score, the version that gave it and
whether a fallback had to step in. How a model is fitted is told in models.py; what a score is worth
is the business of decisions.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.components.inference.models import Model
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.frames import categorical, extend
from mlsys_lessons.records import SLOT_MS, milliseconds

CALLER_PATIENCE_MS = 2_000  # after this the shop's own request has failed, whatever we answer
DEADLINE_MS = 150  # the budget a payment leaves for a model
FAILURES = ("dependency", "deadline", "breaker", "quarantined", "refused")
FAILURE_DTYPE = pd.CategoricalDtype(FAILURES)
_DEPENDENCY, _DEADLINE, _BREAKER, _QUARANTINED, _REFUSED = range(len(FAILURES))


@dataclass
class BareInference:
    """Naive level: call the model; if the call fails there is no score."""

    registry: Registry
    patience_ms: float = CALLER_PATIENCE_MS

    @property
    def model(self) -> Model:
        """The model in service."""
        return self.registry.champion.model

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add score (NaN where the call failed), version and the reason of the failure."""
        failure = _failures(frame, self.patience_ms)
        scores = _scored(self.model, frame, failure < 0)
        names = [self.registry.champion.label]
        version = np.where(failure < 0, 0, -1).astype(np.int8)
        return extend(frame, _answer(scores, version, names, np.zeros(len(frame), bool), failure))

    def step(self, tick: int) -> None:
        """Nothing changes overnight at this level."""


@dataclass
class LadderInference:
    """Resilient level: a deadline, a breaker, and a ladder of simpler answers.

    Rungs: the champion; a rule that runs in this process; the base rate for rows of which not even
    the customer is known. Every answer says which rung gave it.
    """

    registry: Registry
    rule: ModelVersion
    base_rate: ModelVersion
    deadline_ms: float = DEADLINE_MS
    breaker: Breaker = field(default_factory=Breaker)

    @property
    def model(self) -> Model:
        """The model in service."""
        return self.registry.champion.model

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add score, version, and whether and why a fallback stepped in."""
        failure = _failures(frame, self.deadline_ms)
        slots = milliseconds(frame["arrival_time"]) // SLOT_MS
        unreadable = _unreadable(frame)
        calling = ~unreadable & (failure != _REFUSED)
        failure[unreadable] = _QUARANTINED
        admitted = self.breaker.admit(slots[calling], failure[calling] >= 0)
        failure[np.flatnonzero(calling)[~admitted]] = _BREAKER
        rungs = [self.registry.champion, self.rule, self.base_rate]
        rung = np.where(failure < 0, 0, np.where(failure == _QUARANTINED, 2, 1)).astype(np.int8)
        scores = np.empty(len(frame))
        for step, version in enumerate(rungs):
            here = rung == step
            scores[here] = _scored(version.model, frame, here)[here]
        names = [version.label for version in rungs]
        return extend(frame, _answer(scores, rung, names, rung > 0, failure))

    def step(self, tick: int) -> None:
        """The breaker lives in slots of minutes; a day's edge means nothing to it."""


def _unreadable(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Quarantined rows of which not even the customer or the time is known.

    Any other quarantined row is worth an opinion: the models know what to do with a missing field.
    """
    nobody = np.isnan(frame["count_24h"].to_numpy())
    return np.asarray(nobody & frame["is_quarantined"].to_numpy())


def _failures(frame: pd.DataFrame, limit_ms: float) -> NDArray[np.int8]:
    """Index into FAILURES of what goes wrong with each row's model call, or -1."""
    failure, latency = np.full(len(frame), -1, dtype=np.int8), frame["latency_ms"].to_numpy()
    failure[latency > limit_ms] = _DEADLINE
    failure[~frame["dependency_up"].to_numpy()] = _DEPENDENCY
    failure[np.isnan(latency)] = _REFUSED  # at the door: no call was made
    return failure


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
    return {
        "score": scores,
        "model_version": categorical(version, pd.CategoricalDtype(names)),
        "is_fallback": fallback,
        "fallback_reason": categorical(failure, FAILURE_DTYPE),
    }
