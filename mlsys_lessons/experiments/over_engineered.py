"""The over-engineered stack: an average of three models, refitted all the time, under a moving cut.

What a competent and enthusiastic team adds to the resilient system, none of it sabotage: four ideas
(ensemble, online learning, auto-retrain, auto-threshold) in three parts that plug in with `with_`:

    Ensemble         in place of the model
    AutoRetraining   in place of the gated refit every six weeks: every few days, at any drift alarm
    AutoThreshold    in place of the plain prices: the cut follows, so that as much is blocked

Ingestion, features, serving with its fallbacks, monitors, owners and reviewers are the resilient
system's own. Every number below is assumed, and was written before the first run.
Longer than most: three parts, each of which is read against the boring one that it replaces.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model, ModelRegistry
from mlsys_lessons.components.decisions import CostDecisions, Policy
from mlsys_lessons.components.feedback.labels import UNKNOWN, LabelQueue
from mlsys_lessons.components.feedback.retraining import (
    Measured,
    Retraining,
    RetrainingPolicy,
)
from mlsys_lessons.components.monitoring.drift import psi
from mlsys_lessons.domain import Costs, Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import has_action
from mlsys_lessons.gaps import with_gaps
from mlsys_lessons.ids import is_in, row_keys
from mlsys_lessons.records import APPROVE, ClosedDay
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import PAYMENTS

Floats = NDArray[np.float64]
OVER_ENGINEERED = "over-engineered"
PARTS = ENSEMBLE, RETRAINING, THRESHOLD = "ensemble", "auto-retrain", "auto-threshold"
MEMBERS = ("boosted", "logistic", "rule")
LEAST_POSITIVES = 30  # frauds to fit on: fewer, and the old model stays another few days
REFERENCE_DAYS = 28
DRIFTED = 0.1  # PSI of an input: the textbook's "moderate" (Siddiqi, Credit Scorecards, 2006)
LEAST_ODDS = 1e-9


class Ensemble:
    """Several models, and the mean of what they say.

    >>> from mlsys_lessons.components.inference.models import BaseRate
    >>> frame, label = pd.DataFrame({"x": [0, 0]}), np.array([0.0, 1.0])
    >>> Ensemble([BaseRate(), BaseRate()]).fit(frame, label).predict(frame).tolist()
    [0.5, 0.5]
    """

    name = "ensemble"

    def __init__(self, models: Sequence[Model]) -> None:
        if not models:
            raise InputError("models=[] average to nothing; pass one or more.")
        self.models = tuple(models)

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(model.name for model in self.models)})"

    @property
    def inputs(self) -> tuple[str, ...]:
        """What any of them reads."""
        return tuple(
            dict.fromkeys(x for model in self.models for x in getattr(model, "inputs", ()))
        )

    def fit(self, frame: pd.DataFrame, labels: Floats, weights: Floats | None = None) -> Ensemble:
        """Fit each of them on the same rows."""
        for model in self.models:
            model.fit(frame, labels, weights)
        return self

    def predict(self, frame: pd.DataFrame) -> Floats:
        """The mean probability of each row."""
        return np.mean([model.predict(frame) for model in self.models], axis=0)


@dataclass(frozen=True)
class Continuous(RetrainingPolicy):
    """Online learning: every few days, on what is known by now, and straight into service.

    What was let through and not reported within a week counts as genuine. A drift alarm is a reason
    to learn at once, and from the last weeks alone: the days before were of another world.
    """

    every: int = 5
    first: int = 21
    window: int = 60
    holdout: int = 0  # no gate: the newest model is the best informed
    settled: int = 7  # days after which silence counts as genuine
    on_alarm: int = 21  # days to learn from when an input has drifted

    def kept_by(self, seed: int, domain: Domain) -> AutoRetraining:
        """The component that carries this policy out."""
        return AutoRetraining(self, seed, domain)


class AutoRetraining(Retraining):
    """Refits without a gate: on a short calendar, and on the day that any input has drifted."""

    policy: Continuous

    def __init__(self, policy: Continuous, seed: int, domain: Domain = PAYMENTS) -> None:
        super().__init__(policy, seed, domain)
        self.through: dict[int, NDArray[np.int64]] = {}  # day -> the keys that were let through
        self.alarms: list[int] = []  # days on which an input had drifted
        self.fits = 0
        self._spent = 0  # fits of the last midnight

    def step(
        self, day: ClosedDay, labels: LabelQueue, registry: ModelRegistry, measured: Measured = ()
    ) -> str | None:
        """Sample the day; fit when it is due or an input has drifted; the label, or None."""
        rows, before = day.firsts, self.fits
        self.sample.remember(day.tick, rows)
        approved = has_action(rows, APPROVE, "final_action")
        self.through[day.tick] = np.sort(row_keys(rows, self.sample.domain.identity)[approved])
        label = None
        if self._drifted():
            self.alarms.append(day.tick)
            label = self.fit(day.tick + 1, labels, registry, self.policy.on_alarm)
        elif self.policy.due(day.tick):
            label = self.fit(day.tick + 1, labels, registry, self.policy.window)
        self._spent = self.fits - before
        return label

    def fit(
        self, tick: int, labels: LabelQueue, registry: ModelRegistry, window: int
    ) -> str | None:
        """Put a model in service that has learned from the newest days; its label, or None."""
        rows = self.known(labels, tick - 1, window)
        if not registry.learns or not len(rows) or rows["label"].sum() < LEAST_POSITIVES:
            return None
        self.fits += 1
        rows = with_gaps(rows, self.sample.domain, self.sample.seed)
        times = np.rint(rows["weight"]).astype(np.int64)
        rows = rows.loc[rows.index.repeat(times)].reset_index(drop=True)
        newest = copy.deepcopy(registry.model)
        newest.fit(rows, rows["label"].to_numpy())
        return registry.promote(newest, fitted_tick=tick)

    def known(self, labels: LabelQueue, tick: int, window: int) -> pd.DataFrame:
        """The sampled rows of the newest settled days: label and weight; silence is genuine."""
        last, chunks = tick - self.policy.settled, []
        for day, sample in self.sample.days:
            if last - window < day <= last:
                keys = row_keys(sample, self.sample.domain.identity)
                label = labels.labels_of(day, keys).astype(np.float64)
                silent = (label == UNKNOWN) & is_in(keys, self.through[day])
                label[silent] = 0.0
                weight = 1.0 / sample["propensity"].to_numpy()
                rows = sample.assign(tick=day, label=label, weight=weight)
                chunks.append(rows[label != UNKNOWN])
        return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame()

    def overheads(self, day: ClosedDay, costs: Costs) -> Mapping[str, int]:
        """The fits of the day, without the checks that nobody does."""
        return {"retraining": costs.retraining * self._spent}

    def _drifted(self) -> bool:
        """Whether an input of the last day lies far from the four weeks before it."""
        days = [rows for _, rows in self.sample.days][-REFERENCE_DAYS - 1 :]
        if len(days) <= REFERENCE_DAYS or not len(days[-1]):
            return False
        before = pd.concat(days[:-1])
        return any(
            psi(before[name].to_numpy(), days[-1][name].to_numpy()) > DRIFTED
            for name in self.watched
        )

    @property
    def watched(self) -> tuple[str, ...]:
        """The inputs whose drift is an alarm; tables of risk are new every night, and left out."""
        return tuple(one.name for one in self.sample.domain.features if one.formula != "risk")


@dataclass
class AutoThreshold(CostDecisions):
    """Prices as before, at log-odds that are shifted each midnight so that as much is blocked.

    The target is the share that prices alone blocked in the first fortnight. After that the shift
    follows the last week's rows: it makes up for scores that run high or low, whatever the reason.
    """

    learning_days: int = 14
    following_days: int = 7
    shift: float = 0.0  # log-odds, subtracted from each score's own
    target: float | None = None
    shifts: list[float] = field(default_factory=list, repr=False)  # of each day so far
    gaps: list[Floats] = field(default_factory=list, repr=False)  # today's, as they come
    days: deque[Floats] = field(default_factory=deque, repr=False)

    def expected_cents(self, frame: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Expected cents of approving, blocking and reviewing, at the shifted scores."""
        return super().expected_cents(self.shifted(frame))

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add action, reason and propensity, and remember how far each row is from its block."""
        scores = frame["score"].to_numpy()
        self.gaps.append((log_odds(scores) - self.break_even(frame))[~np.isnan(scores)])
        return super().__call__(frame)

    def shifted(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with its scores moved by today's shift."""
        moved = log_odds(frame["score"].to_numpy()) - self.shift
        return frame.assign(score=1.0 / (1.0 + np.exp(-moved)))

    def break_even(self, frame: pd.DataFrame) -> Floats:
        """The log-odds at which blocking a row costs as much as approving it."""
        ends = [
            super(AutoThreshold, self).expected_cents(frame.assign(score=p)) for p in (0.0, 1.0)
        ]
        (good, wronged, _), (bad, stopped, _) = ends
        return np.log(
            np.maximum(good - wronged, LEAST_ODDS) / np.maximum(stopped - bad, LEAST_ODDS)
        )

    def step(self, day: ClosedDay) -> None:
        """Fix tomorrow's price and tomorrow's shift."""
        super().step(day)
        self.days.append(np.concatenate(self.gaps) if self.gaps else np.empty(0))
        self.gaps = []
        longest = self.learning_days if self.target is None else self.following_days
        while len(self.days) > longest:
            self.days.popleft()
        seen = np.concatenate(self.days)
        if self.target is None and len(self.days) == self.learning_days and len(seen):
            self.target = float(np.mean(seen >= 0))
        elif self.target is not None and len(seen):
            self.shift = float(np.quantile(seen, 1 - self.target))
        self.shifts.append(self.shift)


def log_odds(scores: Floats) -> Floats:
    """Scores as log-odds, none of them infinite; NaN stays.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    safe = np.clip(scores, LEAST_ODDS, 1 - LEAST_ODDS)
    return np.asarray(np.log(safe / (1 - safe)))


def parts(seed: int) -> dict[str, dict[str, Any]]:
    """What each part plugs into, as `with_` takes it: by its name, for the system of a seed."""
    fitted = [resilient_system(seed=seed, model=name).inference.model for name in MEMBERS]
    return {
        ENSEMBLE: {"model": Ensemble(fitted)},
        RETRAINING: {"retraining": Continuous()},
        THRESHOLD: {"decisions": AutoThreshold(seed, Policy.of(PAYMENTS), domain=PAYMENTS)},
    }


def stack(seed: int, *names: str) -> System:
    """The resilient system with these parts; with all three where none is named.

    Raises InputError for a part that there is not.
    """
    plugs: dict[str, Any] = {}
    for name in names or PARTS:
        if name not in PARTS:
            raise InputError(f"part {name!r} is unknown; choose from {', '.join(PARTS)}.")
        plugs |= parts(seed)[name]
    return resilient_system(seed=seed).with_(name=" + ".join(names) or OVER_ENGINEERED, **plugs)
