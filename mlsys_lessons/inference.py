"""Inference: who answers, in time, and what happens when nobody does.

Third stage: features -> inference -> decisions. It adds a score, the version that gave it and
whether a fallback had to step in. How a model is fitted is told in models.py; what a score is worth
is the business of decisions.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.models import Model
from mlsys_lessons.records import SLOT_MS, categorical, extend, milliseconds

CALLER_PATIENCE_MS = 2_000  # after this the shop's own request has failed, whatever we answer
DEADLINE_MS = 150  # the budget a payment leaves for a model
FAILURES = ("dependency", "deadline", "breaker", "quarantined", "refused")
FAILURE_DTYPE = pd.CategoricalDtype(FAILURES)
_DEPENDENCY, _DEADLINE, _BREAKER, _QUARANTINED, _REFUSED = range(len(FAILURES))


@dataclass(frozen=True)
class ModelVersion:
    """One fitted model with a name of its own, as it is written beside every score."""

    label: str
    model: Model
    fitted_tick: int = 0

    def __repr__(self) -> str:
        return f"ModelVersion({self.label!r}, fitted at tick {self.fitted_tick})"


@dataclass
class Registry:
    """The fitted versions in order; the last adopted one is the champion.

    >>> from mlsys_lessons.models import RuleModel
    >>> registry = Registry([ModelVersion("rule-1", RuleModel())])
    >>> registry.adopt(ModelVersion("rule-2", RuleModel(), fitted_tick=28))
    >>> registry.champion.label, registry.roll_back().label
    ('rule-2', 'rule-1')
    """

    versions: list[ModelVersion]

    @property
    def champion(self) -> ModelVersion:
        """The version in service."""
        return self.versions[-1]

    def adopt(self, version: ModelVersion) -> None:
        """Put a version in service; the one before stays for a roll-back."""
        self.versions.append(version)

    def roll_back(self) -> ModelVersion:
        """Return to the version before, if there is one."""
        if len(self.versions) > 1:
            self.versions.pop()
        return self.champion


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
class Breaker:
    """A circuit breaker that counts in one-minute slots of arrival time.

    Rows of a slot see the state left by earlier slots, so cutting the stream into other batches
    changes no answer. Closed until at least `failure_share` of at least `minimum_calls` calls in
    the last `window` slots failed; then open for `open_slots`; then one slot of calls decides.

    Why it matters: a model that does not answer still takes your threads, your retries and your
    caller's patience. An open breaker gives them back.
    """

    window: int = 10
    minimum_calls: int = 5
    failure_share: float = 0.5
    open_slots: int = 5
    slot: int = -(2**62)  # the running slot and its counts so far
    calls: int = 0
    failed: int = 0
    open_until: int = -(2**62)  # calls are refused in slots before this one
    probing: bool = False  # the next slot with calls decides alone
    recent: deque[tuple[int, int, int]] = field(default_factory=deque)  # slot, calls, failed

    def __repr__(self) -> str:
        return f"Breaker({'open' if self.slot < self.open_until else 'closed'})"

    def admit(self, slots: NDArray[np.int64], failing: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which rows may call, given their slots (ascending) and whether the call would fail."""
        if not len(slots):
            return np.ones(0, dtype=bool)
        distinct, first, rows = np.unique(slots, return_index=True, return_counts=True)
        if self._all_is_well(failing):
            last = slice(-self.window, None)
            for slot, count in zip(distinct[last].tolist(), rows[last].tolist(), strict=True):
                self.enter(slot, count, 0)
            return np.ones(len(slots), dtype=bool)
        bad = np.add.reduceat(failing.astype(np.int64), first)
        counts = zip(distinct.tolist(), rows.tolist(), bad.tolist(), strict=True)
        admitted = [self.enter(*count) for count in counts]
        return np.repeat(np.array(admitted, dtype=bool), rows)

    def _all_is_well(self, failing: NDArray[np.bool_]) -> bool:
        """Closed, with no failure in sight: slots need not be walked one by one."""
        quiet = not self.failed and not self.probing and not any(bad for _, _, bad in self.recent)
        return quiet and self.slot >= self.open_until and not failing.any()

    def enter(self, slot: int, rows: int, bad: int) -> bool:
        """Move to a slot and count its calls; returns whether they are let through."""
        if slot != self.slot:
            self._judge()
            self.slot, self.calls, self.failed = slot, 0, 0
        if slot < self.open_until:
            return False
        self.calls += rows
        self.failed += bad
        return True

    def _judge(self) -> None:
        """The running slot is over: open, stay, or forget."""
        if not self.calls:
            return
        self.recent.append((self.slot, self.calls, self.failed))
        while self.recent[0][0] <= self.slot - self.window:
            self.recent.popleft()
        calls = sum(entry[1] for entry in self.recent)
        failed = sum(entry[2] for entry in self.recent)
        enough = self.probing or calls >= self.minimum_calls
        self.probing = failed > 0 and enough and failed >= self.failure_share * calls
        if self.probing:
            self.open_until = self.slot + 1 + self.open_slots
        if self.probing:
            self.recent.clear()


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
