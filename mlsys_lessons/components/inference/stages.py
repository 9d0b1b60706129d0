"""Inference: who answers, in time, and what happens when nobody does.

Third stage: features -> inference -> decisions. It adds a score, the version that gave it and
whether a fallback had to step in. What a call meets on its way is the service's (service.py, asked
just before), what an answer looks like answers.py's, how a model is fitted is told in models.py;
what a score is worth is the business of decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Columns, Component, Model
from mlsys_lessons.components.inference import answers
from mlsys_lessons.components.inference.answers import ANSWER, NO_FAILURE, Mask, Scores
from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.components.inference.service import FATE, GuardedService, Service
from mlsys_lessons.domain import Domain
from mlsys_lessons.frames import array_of, extend
from mlsys_lessons.records import SLOT_MS, ClosedDay, milliseconds

CALLER_PATIENCE_MS = 2_000  # after this the shop's own request has failed, whatever we answer
RESERVE_MS = 100  # what the rule and the way back need of it (assumed)
DEADLINE_MS = CALLER_PATIENCE_MS - RESERVE_MS  # a late answer is worth more than a simpler one


@dataclass
class BareInference(Component):
    """Naive level: call the model; if the call fails there is no score."""

    registry: Registry
    service: Service
    patience_ms: float = CALLER_PATIENCE_MS
    domain: Domain = field(default=DEFAULT_DOMAIN, repr=False)
    bypassed: bool = field(default=False, repr=False)  # taken out of service by somebody
    plugs_into = "inference"
    resilient = False

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add score (NaN where the call failed), version and the reason of the failure."""
        failure = self._bypassed(answers.failures(frame, self.patience_ms))
        answered = failure == NO_FAILURE
        scores = answers.scored(self.model, frame, answered)
        names = [self.registry.champion.label]
        version = np.where(answered, 0, -1).astype(np.int8)
        return extend(
            frame, answers.answer(scores, version, names, np.zeros(len(frame), bool), failure)
        )

    @property
    def model(self) -> Model:
        """The model in service."""
        return self.registry.champion.model

    def _bypassed(self, failure: NDArray[np.int8]) -> NDArray[np.int8]:
        """The failures, with those of a model that was taken out of service."""
        if not self.bypassed:
            return failure
        return np.where(failure == answers.QUARANTINED, failure, answers.BYPASSED)

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

    def on_unusable(
        self, answered: pd.DataFrame, hit: Mask, scores: Scores, label: str, failure: int
    ) -> pd.DataFrame:
        """The answers when rows that are `hit` get scores that are none of the champion's.

        At this level whatever comes back is a score: nobody reads the label beside it.
        """
        return answers.replaced(answered, hit, scores, label)


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
        failure = answers.failures(frame, self.deadline_ms)
        failure = self._bypassed(self._with_breaker(frame, failure))
        rungs = [self.registry.champion, self.rule, self.base_rate]
        failed = np.where(failure == answers.QUARANTINED, 2, 1)
        rung = np.where(failure == NO_FAILURE, 0, failed).astype(np.int8)
        scores = np.empty(len(frame))
        for place, version in enumerate(rungs):
            here = rung == place
            scores[here] = answers.scored(version.model, frame, here)[here]
        names = [version.label for version in rungs]
        return extend(frame, answers.answer(scores, rung, names, rung > 0, failure))

    @property
    def needs(self) -> Columns:
        """Also when the call is made, and whether its row is worth one."""
        return ("arrival_time", "is_quarantined", *super().needs)

    def on_unusable(
        self, answered: pd.DataFrame, hit: Mask, scores: Scores, label: str, failure: int
    ) -> pd.DataFrame:
        """The answers when rows that are `hit` get scores that are none of the champion's.

        The caller pins the version: an answer says who gave it, and any other one is refused.
        """
        by_rule = answers.scored(self.rule.model, answered, hit)
        return answers.replaced(answered, hit, by_rule, self.rule.label, failure)

    def _with_breaker(self, frame: pd.DataFrame, failure: NDArray[np.int8]) -> NDArray[np.int8]:
        """The failures, with those of rows that make no call and of calls that are not let out."""
        unreadable = self._unreadable(frame)
        calling = ~unreadable & (failure != answers.REFUSED)
        failure[unreadable] = answers.QUARANTINED
        slots = milliseconds(array_of(frame, "arrival_time")) // SLOT_MS
        admitted = self.breaker.admit(slots[calling], failure[calling] != NO_FAILURE)
        failure[np.flatnonzero(calling)[~admitted]] = answers.BREAKER
        return failure

    def _unreadable(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Quarantined rows of which not even the customer or the time is known.

        Any other quarantined row is worth an opinion: models know what to do with a missing field.
        """
        nobody = np.isnan(array_of(frame, self.domain.history[0]))
        return np.asarray(nobody & array_of(frame, "is_quarantined"))
