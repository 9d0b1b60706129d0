"""The people around the payments: cardholders who report, reviewers who judge, customers who leave.

Each decision is luck keyed by the request, so it does not depend on who else is asked. Who is
asked, and what follows from an answer, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.records import DAY_MS, timestamps
from mlsys_lessons.worlds.payments.purchases import Payments

REPORT_MEDIAN_DAYS, _REPORT_SPREAD, LAST_REPORT_DAY = 14.0, 0.9, 120.0
_NEVER_BIG, _NEVER_SMALL, _NOTICED = 0.05, 0.34, 50.0  # shares, and the euros between them
CHURN = {"block": 0.04, "shed": 0.01}  # chance that a wronged genuine customer leaves for good
_MINUTES_SPREAD = 0.6  # log points between cases


class Reports(NamedTuple):
    """Reports to come, as parallel arrays."""

    request_id: NDArray[np.int64]
    event_tick: NDArray[np.int64]
    time: NDArray[np.int64]  # milliseconds since day 0 opened

    def take(self, rows: NDArray[np.bool_]) -> Reports:
        """Select reports by mask."""
        return Reports(*(column[rows] for column in self))

    def frame(self) -> pd.DataFrame:
        """Return the reports as the system receives them."""
        columns = {
            "request_id": self.request_id,
            "event_tick": self.event_tick,
            "label": np.ones(len(self.request_id), dtype=np.int8),
            "label_time": timestamps(self.time),
        }
        return pd.DataFrame(columns)


def report_delay_days(
    seed: int, request_id: NDArray[np.int64], cents: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Days until a cardholder reports an approved fraud; inf where it never happens.

    Why it matters: whatever is learned from labels is learned this late, and small frauds
    are missing from it for ever.

    >>> days = report_delay_days(0, np.arange(1, 20_001), np.full(20_000, 20_000))
    >>> bool(13 < np.median(days[np.isfinite(days)]) < 15)
    True
    """
    euros = cents / 100.0
    never = _NEVER_BIG + (_NEVER_SMALL - _NEVER_BIG) * np.exp(-euros / _NOTICED)
    noise = _REPORT_SPREAD * normal_luck(seed, "report.delay", request_id)
    days = REPORT_MEDIAN_DAYS * np.exp(noise)
    silent = (luck(seed, "report.never", request_id) < never) | (days > LAST_REPORT_DAY)
    return np.where(silent, np.inf, days)


def schedule_reports(seed: int, payments: Payments) -> Reports:
    """Return the reports of approved frauds, from the midnight after the payment on."""
    days = report_delay_days(seed, payments.request_id, payments.cents)
    reported = np.isfinite(days)
    time = payments.time[reported]
    event_tick = time // DAY_MS
    due = np.maximum(time + (days[reported] * DAY_MS).astype(np.int64), (event_tick + 1) * DAY_MS)
    return Reports(payments.request_id[reported], event_tick, due)


@dataclass(frozen=True)
class Reviewers:
    """People who judge held payments: few, quick, mostly right, and human.

    Why it matters: a reviewer is a noisy label with a capacity, and the noise leans toward
    whatever the screen says (automation bias).

    capacity
        Cases a day that they can take; the queue decides which.
    minutes
        Mean minutes a case (lognormal).
    miss, false_accusation
        Chance to let a fraud pass, and to accuse an honest customer, when fresh.
    fatigue
        Relative growth of both from the first to the last case of a full day.
    deference
        Share of cases in which the score decides instead: "fraud" with probability score.

    >>> Reviewers(capacity=40)
    Reviewers(40 cases a day, 6 minutes each, 10% missed, 2% falsely accused)
    """

    capacity: int
    minutes: float = 6.0
    miss: float = 0.10
    false_accusation: float = 0.02
    fatigue: float = 0.5
    deference: float = 0.10

    def __repr__(self) -> str:
        """Say what to expect of them."""
        return (
            f"Reviewers({self.capacity} cases a day, {self.minutes:g} minutes each, "
            f"{self.miss:.0%} missed, {self.false_accusation:.0%} falsely accused)"
        )

    def judge(self, seed: int, picks: pd.DataFrame, fraud: NDArray[np.bool_]) -> pd.DataFrame:
        """Judge picks (request_id, score) in the order given, where `fraud` is the truth.

        >>> picks = pd.DataFrame({"request_id": [5, 6], "score": [0.9, 0.1]})
        >>> people, truth = Reviewers(4, deference=0.0, miss=0.0), np.array([True, False])
        >>> people.judge(0, picks, truth).label.tolist()
        [1, 0]
        """
        ids = picks["request_id"].to_numpy(np.int64)
        tiredness = 1.0 + self.fatigue * np.arange(len(ids)) / max(self.capacity, 1)
        slip = np.minimum(np.where(fraud, self.miss, self.false_accusation) * tiredness, 0.5)
        opinion = np.where(luck(seed, "review.slip", ids) < slip, ~fraud, fraud)
        score = picks["score"].to_numpy(np.float64)
        deferring = (luck(seed, "review.defers", ids) < self.deference) & np.isfinite(score)
        label = np.where(deferring, luck(seed, "review.agrees", ids) < score, opinion)
        noise = _MINUTES_SPREAD * normal_luck(seed, "review.minutes", ids)
        minutes = self.minutes * np.exp(noise - _MINUTES_SPREAD**2 / 2)
        columns = {"request_id": ids, "label": label.astype(np.int8), "minutes": minutes}
        return pd.DataFrame(columns)
