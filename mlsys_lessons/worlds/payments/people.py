"""The people around the payments: cardholders who report, reviewers who judge, customers who leave.

Each decision is luck keyed by the request, so it does not depend on who else is asked. Who is
asked, and what follows from an answer, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import array_of, framed
from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import Floats, luck, normal_luck
from mlsys_lessons.records import DAY_MS, timestamps
from mlsys_lessons.worlds.payments.purchases import Payments
from mlsys_lessons.worlds.payments.trust import Trust, rarer

REPORT_MEDIAN_DAYS, _REPORT_SPREAD, LAST_REPORT_DAY = 14.0, 0.9, 120.0
_NEVER_BIG, _NEVER_SMALL, _NOTICED = 0.05, 0.34, 50.0  # shares, and the euros between them
CHURN = {"block": 0.04, "shed": 0.01}  # chance that a wronged genuine customer leaves for good
_MINUTES_SPREAD = 0.6  # log points between cases
_ALWAYS = 0.9  # no slip is more likely than this, however tired anybody is
GREY_ZONE = 0.05, 0.60  # true probabilities of cases that are hard to tell; assumed


class Reports(NamedTuple):
    """Reports to come, as parallel arrays."""

    request_id: Ints
    event_tick: Ints
    time: Ints  # milliseconds since day 0 opened

    def take(self, rows: NDArray[np.bool_]) -> Reports:
        """Select reports by mask."""
        return Reports(*(column[rows] for column in self))

    def frame(self, label: int = 1) -> pd.DataFrame:
        """Return the reports as the system receives them; those of upheld appeals have label 0."""
        columns = {
            "request_id": self.request_id,
            "event_tick": self.event_tick,
            "label": np.full(len(self.request_id), label, dtype=np.int8),
            "label_time": timestamps(self.time),
        }
        return framed(columns)


NO_REPORTS = Reports(*(np.empty(0, dtype=np.int64) for _ in range(3)))


def report_delay_days(seed: int, request_id: Ints, cents: Ints) -> Floats:
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


def hardness(probability: Floats) -> Floats:
    """How hard a case is to tell, by its true probability p: 4 p (1 - p), from 0 to 1.

    >>> hardness(np.array([0.0, 0.5, 1.0])).tolist()
    [0.0, 1.0, 0.0]
    """
    return np.asarray(4.0 * probability * (1.0 - probability))


def _mean_hardness(fraud: bool) -> float:
    """Mean of `hardness` over the frauds or the others of a grey zone with p spread evenly."""
    p = np.array(GREY_ZONE)  # integrals up to each end, of p or 1 - p, and of 4 p (1 - p) times it
    cases = p**2 / 2 if fraud else p - p**2 / 2
    hard = 4 * p**3 / 3 - p**4 if fraud else 2 * p**2 - 8 * p**3 / 3 + p**4
    return float(np.diff(hard)[0] / np.diff(cases)[0])


_MEAN_HARDNESS = np.array([_mean_hardness(False), _mean_hardness(True)])


@dataclass(frozen=True)
class Reviewers:
    """People who judge held payments: few, quick, right where it is easy, and human.

    Why it matters: a reviewer is a noisy label with a capacity; the noise is largest where the
    model is unsure too, and leans toward whatever the screen says (automation bias).

    A slip's chance goes from its value at the ends (nobody doubts) to its mean in the grey zone
    as end + (grey - end) x hardness / mean hardness of the grey zone: smooth in p.

    capacity
        Cases a day that they can take; the queue decides which.
    minutes
        Mean minutes a case (lognormal).
    miss, false_accusation
        Chance to let a fraud pass, and to accuse an honest customer, when fresh, where the true
        probability is near 0 or 1 (assumed).
    grey_miss, grey_false_accusation
        The same in the mean over GREY_ZONE: of three professional analysts, recall was 36 %, and
        11.7 % of the honest were declined (Feedzai's study, computed from its data).
    fatigue
        Relative growth of both from the first to the last case of a full day.
    deference
        Share of cases in which the score decides instead: "fraud" with probability score.
    rarity
        How much more is missed when frauds are rare among the cases of a day (trust.py, `rarer`);
        0 is off, .38 as in visual search. Against `usual`, the share that they know (assumed).
    trust
        With one (trust.py), how far they defer follows what they see of the score, from its level
        on day 0, and `deference` is not asked. None: it stays.

    >>> Reviewers(capacity=40)
    Reviewers(40 cases a day, 6 minutes each, 10-64% missed, 2-12% falsely accused)
    """

    capacity: int
    minutes: float = 6.0
    miss: float = 0.10
    false_accusation: float = 0.02
    grey_miss: float = 0.64
    grey_false_accusation: float = 0.117
    fatigue: float = 0.5
    deference: float = 0.10
    rarity: float = 0.0
    usual: float = 0.5
    trust: Trust | None = None

    def __repr__(self) -> str:
        """Say what to expect of them."""
        return (
            f"Reviewers({self.capacity} cases a day, {self.minutes:g} minutes each, "
            f"{100 * self.miss:.0f}-{self.grey_miss:.0%} missed, "
            f"{100 * self.false_accusation:.0f}-{self.grey_false_accusation:.0%} falsely accused)"
        )

    def slip(self, fraud: NDArray[np.bool_], probability: Floats) -> Floats:
        """Chance that somebody fresh is wrong about each case, by the truth and its probability.

        >>> Reviewers(4).slip(np.array([True, True]), np.array([1.0, 0.4])).round(2)
        array([0.1 , 0.69])
        """
        ends = np.where(fraud, self.miss, self.false_accusation)
        grey = np.where(fraud, self.grey_miss, self.grey_false_accusation)
        weight = hardness(probability) / _MEAN_HARDNESS[fraud.astype(int)]
        return ends + (grey - ends) * weight

    def trusting(self, trust: Trust | None) -> Reviewers:
        """The same people, who defer as far as they trust; unchanged without a trust."""
        return self if trust is None else replace(self, deference=trust.deference)

    def judge(
        self, seed: int, picks: pd.DataFrame, fraud: NDArray[np.bool_], probability: Floats
    ) -> pd.DataFrame:
        """Judge picks (request_id, score) in the order given; the rest is the truth about them.

        >>> picks = pd.DataFrame({"request_id": [5, 6], "score": [0.9, 0.1]})
        >>> people, fraud = Reviewers(4, deference=0.0, miss=0.0), np.array([True, False])
        >>> people.judge(0, picks, fraud, np.array([1.0, 0.0])).label.tolist()
        [1, 0]
        """
        ids = array_of(picks, "request_id", np.int64)
        tiredness = 1.0 + self.fatigue * np.arange(len(ids)) / max(self.capacity, 1)
        seen = float(probability.mean()) if len(ids) else self.usual
        fresh = rarer(
            self.slip(fraud, probability), fraud, seen, usual=self.usual, rarity=self.rarity
        )
        slip = np.minimum(fresh * tiredness, _ALWAYS)
        opinion = np.where(luck(seed, "review.slip", ids) < slip, ~fraud, fraud)
        score = array_of(picks, "score", np.float64)
        deferring = (luck(seed, "review.defers", ids) < self.deference) & np.isfinite(score)
        label = np.where(deferring, luck(seed, "review.agrees", ids) < score, opinion)
        noise = _MINUTES_SPREAD * normal_luck(seed, "review.minutes", ids)
        minutes = self.minutes * np.exp(noise - _MINUTES_SPREAD**2 / 2)
        columns = {"request_id": ids, "label": label.astype(np.int8), "minutes": minutes}
        return framed(columns)


def seen_of_score(fraud: NDArray[np.bool_], score: Floats) -> NDArray[np.bool_]:
    """Which of the score's answers on judged cases were right, of those that show what they were.

    An honest customer calls or is content within the day: there the score is seen to be wrong if
    it said more than one half. A fraud that it gave less was let through, and is reported weeks
    later, to somebody else: that answer shows nothing, and is left out.

    >>> seen_of_score(np.array([False, False, True, True]), np.array([0.9, 0.1, 0.9, 0.1])).tolist()
    [False, True, True]
    """
    accused = score > 0.5
    return (accused == fraud)[~fraud | accused]
