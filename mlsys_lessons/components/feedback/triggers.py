"""Triggers: policies of retraining that wait for a sign instead of a date.

Three signs, from the earliest to the surest: the scores have moved, the estimate says that more is
missed, the reports say that more was lost. What is learned, and whether it goes live, is as in
retraining.py; only `due` differs. Limits are assumed, and were set before anything was compared.

    mls.resilient_system(seed=7, retraining=OnRealisedHarm())
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlsys_lessons.components.feedback.retraining import NOTHING_SEEN, RetrainingPolicy, Seen


@dataclass(frozen=True)
class Triggered(RetrainingPolicy):
    """Learns when its metric speaks, and then not again for a while.

    The mean of the newest `recent` nights is held against that of the `usual` nights before them.
    A night without a value counts for neither; with no value at all nothing is due.
    """

    recent: int = 14  # nights
    usual: int = 28  # nights before those
    rest: int = 42  # days after a fit until the next: the calendar's own pace
    limit: float = 0.25  # how far is far

    def due(self, tick: int, seen: Seen = NOTHING_SEEN) -> bool:
        """Whether tonight is one to learn at: late enough, rested, and the sign is there."""
        rested = seen.last_fit is None or tick - seen.last_fit >= self.rest
        nights = np.array(seen.nights, dtype=float)
        if tick + 1 < self.first or not rested or len(nights) < self.recent + self.usual:
            return False
        now, before = nights[-self.recent :], nights[-self.recent - self.usual : -self.recent]
        if np.isnan(now).all() or np.isnan(before).all():
            return False
        return self.speaks(float(np.nanmean(now)), float(np.nanmean(before)))

    def speaks(self, now: float, before: float) -> bool:
        """Whether the metric has moved too far; this one never says so."""
        return False


@dataclass(frozen=True)
class OnDrift(Triggered):
    """Learns when the scores no longer look like those of the weeks before.

    >>> OnDrift(first=1).due(50, Seen((0.02,) * 28 + (0.3,) * 14))
    True

    Source of the limit: .25, a "major shift" by the convention of credit scoring (Siddiqi 2006).
    """

    @property
    def watches(self) -> str:
        """The distance of today's scores from those of the last weeks."""
        return "outputs.psi_score"

    def speaks(self, now: float, before: float) -> bool:
        """Whether the distance itself is beyond the limit."""
        return now > self.limit


@dataclass(frozen=True)
class OnEstimatedHarm(Triggered):
    """Learns when the estimate, made without labels, says that a fourth more is missed.

    >>> OnEstimatedHarm(first=1).due(50, Seen((0.8,) * 28 + (0.7,) * 14))
    True
    """

    @property
    def watches(self) -> str:
        """The share of harm that is caught, if the scores are probabilities."""
        return "outputs.estimated_recall"

    def speaks(self, now: float, before: float) -> bool:
        """Whether what is missed has grown by more than the limit."""
        return 1 - now > (1 + self.limit) * (1 - before)


@dataclass(frozen=True)
class OnRealisedHarm(Triggered):
    """Learns when a fourth more harm is reported than in the weeks before.

    >>> OnRealisedHarm(first=1).due(50, Seen((0.004,) * 28 + (0.006,) * 14))
    True
    """

    @property
    def watches(self) -> str:
        """Reports that came in, per request: late, and true."""
        return "business.reported_fraud_rate"

    def speaks(self, now: float, before: float) -> bool:
        """Whether the reports have grown by more than the limit."""
        return now > (1 + self.limit) * before
