"""Retraining: when to learn again, from what, and whether the result goes live.

The naive level is `Frozen`: what was fitted once stays. It fits models and does not know how they
are served; which version is in service is the registry's business.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import (
    DEFAULT_DOMAIN,
    Component,
    Model,
    ModelRegistry,
)
from mlsys_lessons.components.feedback.labels import REMEMBERED_DAYS, UNKNOWN, LabelQueue
from mlsys_lessons.domain import Costs, Domain
from mlsys_lessons.frames import array_of, subset
from mlsys_lessons.gaps import with_gaps
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import MATURITY_DAYS, ClosedDay

Measured = tuple[tuple[str, float], ...]  # a night's metrics, each with its path


@dataclass(frozen=True)
class Seen:
    """What a policy may know when it decides.

    `nights` are those of the metric that it watches, oldest first, as far as they were measured;
    `last_fit` is the day on which a fit was due last, None before the first.
    """

    nights: tuple[float, ...] = ()
    last_fit: int | None = None


NOTHING_SEEN = Seen()


@dataclass(frozen=True)
class RetrainingPolicy:
    """When to learn again, from what, and how good the result has to be to go live.

    This one goes by the calendar and watches nothing; triggers.py has those that watch a metric.
    """

    every: int = 42  # days between fits
    first: int = 84  # the first has to wait for live labels to mature
    window: int = 120  # days of matured requests to learn from
    holdout: int = 14  # the newest matured days, kept aside to compare with the champion
    rows_a_day: int = 1_000  # a uniform sample, so probabilities stay calibrated

    @property
    def watches(self) -> str:
        """The path of the metric that `due` wants to see, "" for none."""
        return ""

    def due(self, tick: int, seen: Seen = NOTHING_SEEN) -> bool:
        """Whether the midnight that closes this tick is one to learn at."""
        return tick + 1 >= self.first and (tick + 1 - self.first) % self.every == 0

    def learned_from(self, rows: pd.DataFrame, model: Model) -> pd.DataFrame:
        """Of matured rows those of known fate, each for 1 / propensity; others: label_sources.py.

        `model` is the one in service: a source may ask it what it believes.
        """
        return rows[array_of(rows, "label") != UNKNOWN].reset_index(drop=True)

    def kept_by(self, seed: int, domain: Domain) -> Retraining:
        """The component that carries this policy out."""
        return Retraining(self, seed, domain)


@dataclass
class TrainingSample:
    """A uniform daily sample of what the model saw, waiting for its labels.

    The sample is drawn by luck, without a look at label or score: fitted on it, a model's
    probabilities need no correction. Rows let through by exploration count 1 / propensity.
    """

    seed: int
    rows_a_day: int = 1_000
    domain: Domain = field(default=DEFAULT_DOMAIN, repr=False)
    days: deque[tuple[int, pd.DataFrame]] = field(default_factory=deque)

    def __repr__(self) -> str:
        rows = sum(len(sample) for _, sample in self.days)
        return f"TrainingSample({rows:,} rows over {len(self.days)} days)"

    def __deepcopy__(self, memo: dict[int, object]) -> TrainingSample:
        """A copy with the same days, each of which nobody changes."""
        return replace(self, days=self.days.copy())

    def remember(self, tick: int, closed: pd.DataFrame) -> None:
        """Sample a closed day; rows that the features could not be trusted on are left out."""
        usable = ~(array_of(closed, "is_duplicate") | array_of(closed, "is_quarantined"))
        share = self.rows_a_day / max(int(usable.sum()), 1)
        if share < 1:
            usable &= luck(self.seed, "sample", row_keys(closed, self.domain.identity)) < share
        columns = [*self.domain.identity, "propensity", *self.domain.inputs]
        self.days.append((tick, subset(closed, columns, usable)))
        while self.days[0][0] < tick - REMEMBERED_DAYS:
            self.days.popleft()

    def matured(self, labels: LabelQueue, tick: int, window: int) -> pd.DataFrame:
        """Rows old enough to be judged: features, tick, label (UNKNOWN where blocked), weight."""
        last = tick - MATURITY_DAYS
        old = [(day, rows) for day, rows in self.days if last - window < day <= last]
        if not old:
            return pd.DataFrame()
        label = [labels.labels_of(day, row_keys(rows, self.domain.identity)) for day, rows in old]
        sampled = pd.concat([rows for _, rows in old], ignore_index=True)
        return sampled.assign(
            tick=np.repeat([day for day, _ in old], [len(rows) for _, rows in old]),
            label=np.concatenate(label).astype(np.float64),
            weight=1.0 / array_of(sampled, "propensity"),
        )


class Frozen(Component):
    """Naive level: what the notebook fitted stays in service."""

    resilient = False

    def __repr__(self) -> str:
        return "Frozen()"

    def step(
        self, day: ClosedDay, labels: LabelQueue, registry: ModelRegistry, measured: Measured = ()
    ) -> str | None:
        """Take a closed day over midnight: nothing is learned at this level."""
        return None

    def fit(
        self, tick: int, labels: LabelQueue, registry: ModelRegistry, window: int
    ) -> str | None:
        """Learn now: this level keeps no rows to learn from."""
        return None


class Retraining(Component):
    """Resilient level: a challenger is fitted on a schedule, and has to beat the champion."""

    def __init__(
        self, policy: RetrainingPolicy, seed: int, domain: Domain = DEFAULT_DOMAIN
    ) -> None:
        self.policy = policy
        self.sample = TrainingSample(seed, policy.rows_a_day, domain)
        self.seen = NOTHING_SEEN
        self._last_fit: int | None = None

    def __repr__(self) -> str:
        return f"Retraining({self.policy!r}, {self.sample!r})"

    def step(
        self, day: ClosedDay, labels: LabelQueue, registry: ModelRegistry, measured: Measured = ()
    ) -> str | None:
        """Sample the day; when a fit is due, put a challenger in service if it beats the champion.

        `measured` is what the monitor wrote down last night. Returns the new version's label, or
        None.
        """
        self.sample.remember(day.tick, day.firsts)
        new = tuple(value for path, value in measured if path == self.policy.watches)
        self.seen = Seen((*self.seen.nights, *new)[-REMEMBERED_DAYS:], self._last_fit)
        if not self.policy.due(day.tick, self.seen):
            return None
        self._last_fit = day.tick
        return self.fit(day.tick + 1, labels, registry, self.policy.window)

    def fit(
        self, tick: int, labels: LabelQueue, registry: ModelRegistry, window: int
    ) -> str | None:
        """Put a challenger in service if it beats the champion; its label, or None."""
        matured = self.sample.matured(labels, tick - 1, window)
        if not registry.learns or not len(matured):
            return None
        champion = registry.model
        rows = self.policy.learned_from(matured, champion)
        if not len(rows):
            return None
        challenger = copy.deepcopy(champion)  # of the same kind; fit forgets what it learned
        holed = with_gaps(rows, self.sample.domain, self.sample.seed)
        winner = challenge(champion, challenger, holed, self.policy)
        return None if winner is None else registry.promote(winner, fitted_tick=tick)

    def overheads(self, day: ClosedDay, costs: Costs) -> Mapping[str, int]:
        """One fit with its checks, on the days when one is due."""
        return {"retraining": costs.retraining if self.policy.due(day.tick, self.seen) else 0}


def log_loss(
    scores: NDArray[np.float64], labels: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """Weighted mean log loss; lower is better.

    >>> round(log_loss(np.array([0.5]), np.array([1.0]), np.array([1.0])), 3)
    0.693
    """
    safe = np.clip(scores, 1e-12, 1 - 1e-12)
    loss = -(labels * np.log(safe) + (1 - labels) * np.log1p(-safe))
    return float(np.average(loss, weights=weights))


def challenge(
    champion: Model, challenger: Model, rows: pd.DataFrame, policy: RetrainingPolicy
) -> Model | None:
    """Fit the challenger on all but the newest rows; return it if it beats the champion there.

    Why it matters: a scheduled fit learns whatever happened last month, incidents included. A
    gate that the old model can win is the difference between a policy and a habit.
    """
    newest = array_of(rows, "tick") > rows["tick"].max() - policy.holdout
    past, recent = rows[~newest], rows[newest]
    if past["label"].sum() < 30 or recent["label"].sum() < 5:
        return None
    # A row let through by exploration stands for all those that were not. It is repeated rather
    # than weighted: scikit-learn's binning takes ten times as long once there are weights.
    past = past.loc[past.index.repeat(np.rint(past["weight"]).astype(np.int64))]
    challenger.fit(past, array_of(past, "label"))
    truth, weight = array_of(recent, "label"), array_of(recent, "weight")
    losses = [log_loss(model.predict(recent), truth, weight) for model in (champion, challenger)]
    return challenger if losses[1] < losses[0] else None
