"""The payments world: a card portfolio under attack, one day at a time.

`PaymentsWorld` is immutable and knows everything; the state holds what decisions have changed so
far. A day is a pure function of (world, tick, state). Nothing here knows how the system works: of
it the world sees final actions only. Longer than most: all that the loop asks stands in one class.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of, codes_in
from mlsys_lessons.ids import locate
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import DAY_MS, LAST_TICK, whole_number
from mlsys_lessons.worlds.payments.adaptation import adapt, ended_campaigns
from mlsys_lessons.worlds.payments.appeals import Appeals
from mlsys_lessons.worlds.payments.customers import LOOKBACK, Population
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, ACTIONS, PAYMENTS
from mlsys_lessons.worlds.payments.frames import (
    in_arrival_order,
    known_labels,
    request_frame,
    truth_frame,
)
from mlsys_lessons.worlds.payments.fraudsters import gather_rings
from mlsys_lessons.worlds.payments.knobs import Drift
from mlsys_lessons.worlds.payments.people import CHURN, Reviewers, schedule_reports
from mlsys_lessons.worlds.payments.population import populate
from mlsys_lessons.worlds.payments.purchases import genuine_payments, join
from mlsys_lessons.worlds.payments.state import (
    REMEMBERED_DAYS,
    Doubts,
    WorldState,
    attempts_of_day,
    carry_over,
    let_go,
    move_trust,
    past_attempts,
    plan_appeals,
    plan_reports,
    recollect,
    remembered_attempts,
    usable,
    world_at_start,
)
from mlsys_lessons.worlds.payments.trust import Trust
from mlsys_lessons.worlds.payments.truth import Midnight, fraud_probability
from mlsys_lessons.worlds.world import Day, History

MIN_DAILY, MAX_DAILY = 50, 100_000  # below, no ring fits; above, customer ids run out
_REVIEWED_SHARE = 0.004  # cases a day that the reviewers can take, of all payments


@dataclass(frozen=True)
class PaymentsWorld:
    """A card portfolio: customers, merchants, fraud rings and the people who report and review.

    Why it matters: the world knows the truth and the price of each decision, which is what
    real portfolios never tell.

    Fraud is 0.5 % of payments, on purpose more than in life (real portfolios: 0.03 % of value,
    ECB 2021, to 0.25 % of count, Fraud-Detection-Handbook), so that small runs show effects.

    >>> payments_world(seed=7, daily=1_000)
    PaymentsWorld(seed=7, 1,000 payments a day, 2,500 customers, 117 merchants, 2 rings)
    """

    seed: int
    daily: int
    drift: Drift
    reviewers: Reviewers
    appeals: Appeals = field(default=Appeals(), repr=False, kw_only=True)
    name: ClassVar[str] = "payments"
    domain: ClassVar[Domain] = PAYMENTS

    def __repr__(self) -> str:
        """Say how large the world is."""
        people = self.population
        rings = len(gather_rings(people, self.daily).level)
        base = people.cohorts[0].stop
        return (
            f"PaymentsWorld(seed={self.seed}, {self.daily:,} payments a day, {base:,} customers, "
            f"{len(people.merchants):,} merchants, {rings} rings)"
        )

    @property
    def population(self) -> Population:
        """Everybody who may ever pay here; shared by all equal worlds."""
        return populate(self.seed, self.daily, self.drift)

    def start(self) -> WorldState:
        """Return the world at midnight of day 0, after a history in which all was approved.

        >>> payments_world(seed=7, daily=1_000).start()
        WorldState(8 stolen cards in use, 0 customers gone, 100 reports to come)
        """
        return replace(world_at_start(self.population, self.daily), trust=self.reviewers.trust)

    def day(self, tick: int, state: WorldState) -> Day:
        """Return the payments of a day, in order of arrival, and the truth about them.

        >>> world = payments_world(seed=7, daily=1_000)
        >>> requests, truth = world.day(2, world.start())
        >>> len(requests), int(truth.true_label.sum())
        (1162, 7)
        """
        tick = whole_number("tick", tick, 0, LAST_TICK)
        people = self.population
        attempts, campaigns = attempts_of_day(people, state, tick)
        genuine = genuine_payments(people, tick, state.gone)
        payments = join([genuine, attempts])
        order, arrival = in_arrival_order(payments)
        payments = payments.take(order)
        actors = [
            np.append(np.full(len(genuine.seat), -1), actor)[order].astype(np.int16)
            for actor in (campaigns.ring, campaigns.scheme)
        ]
        probability = fraud_probability(self.midnight(tick, state), payments)
        state.doubts_today = tick, Doubts.of(payments, probability)
        return Day(
            request_frame(people, payments, arrival), truth_frame(payments, actors, probability)
        )

    def midnight(self, tick: int, state: WorldState) -> Midnight:
        """Return what can be known when a day begins; it stays as it is when the state goes on."""
        live = usable(self.population, state, tick)
        rings = replace(state.rings, targets=state.rings.targets.copy())
        return Midnight(self.population, rings, live, tick)

    def review(self, state: WorldState, tick: int, picks: pd.DataFrame) -> pd.DataFrame:
        """Let the reviewers judge picks (request_id, score): request_id, label, minutes.

        >>> world = payments_world(seed=7, daily=1_000)
        >>> picks = pd.DataFrame({"request_id": [1, 2], "score": [0.5, 0.4]})
        >>> world.review(world.start(), 0, picks).label.tolist()
        [0, 0]
        """
        attempts, _ = remembered_attempts(self.population, state, tick)
        ids = array_of(picks, "request_id", np.int64)
        fraud = locate(ids, attempts.request_id) >= 0
        doubts = recollect([state.doubts, self._doubts(state, tick)], tick - REMEMBERED_DAYS)
        state.looked = ids, array_of(picks, "score", np.float64)
        people = self.reviewers.trusting(state.trust)
        return people.judge(self.seed, picks, fraud, doubts.about(ids))

    def _doubts(self, state: WorldState, tick: int) -> Doubts:
        """True probabilities of a day; the state keeps them until the day is carried over."""
        if state.doubts_today is None or state.doubts_today[0] != tick:
            self.day(tick, state)
        assert state.doubts_today is not None
        return state.doubts_today[1]

    def reports(self, state: WorldState, tick: int) -> pd.DataFrame:
        """Hand over the cardholders' reports due by the end of day `tick`; each comes once.

        With them come the upheld appeals of blocked customers, with label 0, where there are any.

        >>> world = payments_world(seed=7, daily=1_000)
        >>> world.reports(world.start(), 0).columns.tolist()
        ['request_id', 'event_tick', 'label', 'label_time']
        """
        due, free = (each.time < (tick + 1) * DAY_MS for each in (state.reports, state.appeals))
        news, state.reports = state.reports.take(due), state.reports.take(~due)
        upheld, state.appeals = state.appeals.take(free), state.appeals.take(~free)
        if not free.any():
            return news.frame()
        return pd.concat([news.frame(), upheld.frame(label=0)], ignore_index=True)

    def react(self, state: WorldState, tick: int, settled: pd.DataFrame) -> None:
        """Apply a day's final actions to the world; changes `state`.

        Approved frauds will be reported, wronged customers may leave, rings adapt. `settled`
        holds request_id and final_action of the requests settled in the tick, each once.
        """
        payments, campaigns = remembered_attempts(self.population, state, tick)
        ids, action = array_of(settled, "request_id", np.int64), _action_codes(settled)
        row = locate(payments.request_id, ids)  # -1 (not settled today) reads the appended False
        through = np.append(action == ACTIONS.index("approve"), False)[row]
        blocked = np.append(action == ACTIONS.index("block"), False)[row]
        plan_reports(self.population, state, tick, payments.take(through))
        for name, chance in CHURN.items():
            stung = ids[action == ACTIONS.index(name)]
            wronged = stung[locate(stung, payments.request_id) < 0]
            leaving = wronged[luck(self.seed, "churn", wronged) < chance]
            let_go(self.population, state, tick, leaving)
        stopped = ids[action == ACTIONS.index("block")]
        guilty = locate(stopped, payments.request_id) >= 0
        plan_appeals(state, self.seed, tick, stopped, guilty, self.appeals)
        move_trust(state, payments.request_id)
        ended = ended_campaigns(self.population, campaigns, blocked)
        carry_over(
            self.population, state, tick, (payments, campaigns), self._doubts(state, tick), ended
        )
        fate = through.astype(np.int8) - blocked
        adapt(self.population, state.rings, tick, (payments, campaigns), fate)

    def history(self, days: int) -> History:
        """Return the `days` days before day 0, all approved, and the labels known by then.

        history(60) is the end of history(180): the past does not depend on how much of it
        is asked for.

        >>> requests, labels = payments_world(seed=7, daily=1_000).history(90)
        >>> labels.source.value_counts().to_dict()
        {'matured': 46544, 'cardholder': 268, 'late': 8, 'investigator': 0}
        """
        days = whole_number("days", days, 1, LOOKBACK)
        attempts, _, _ = past_attempts(self.population, self.daily, days)
        nobody = np.zeros(len(self.population), dtype=bool)
        parts, arrivals = [], []
        for day in range(-days, 0):
            today = attempts.take(attempts.time // DAY_MS == day)
            payments = join([genuine_payments(self.population, day, nobody), today])
            order, arrival = in_arrival_order(payments)
            parts.append(payments.take(order))
            arrivals.append(arrival)
        payments = join(parts)
        return History(
            request_frame(self.population, payments, np.concatenate(arrivals)),
            known_labels(payments, schedule_reports(self.seed, attempts)),
        )


def _action_codes(settled: pd.DataFrame) -> NDArray[np.int64]:
    """Final actions by their place in ACTIONS."""
    return codes_in(array_of(settled, "final_action"), ACTION_DTYPE.categories)


def payments_world(
    seed: int = 0, daily: int = 10_000, drift: Drift | None = None, *,
    appeals: Appeals | None = None, trust: Trust | None = None,
) -> PaymentsWorld:  # fmt: skip
    """Found a card portfolio of about `daily` payments a day.

    `daily` scales customers (2.5 a payment), merchants (a tenth) and rings (one for 500 payments),
    never a habit, so what is learned in a small world holds in a large one. Equal arguments give
    equal worlds, byte for byte. Without `drift` the world changes as in an ordinary year;
    `Drift.none()` is the healthy world. With `appeals`, blocked customers come back; with `trust`,
    reviewers defer as far as they trust the score.

    >>> payments_world(seed=0, daily=20)
    Traceback (most recent call last):
        ...
    mlsys_lessons.errors.InputError: daily=20 must lie in 50..100000; try the nearer end.
    """
    seed = whole_number("seed", seed, 0, 2**63 - 1)
    daily = whole_number("daily", daily, MIN_DAILY, MAX_DAILY)
    drift = Drift() if drift is None else drift
    if not isinstance(drift, Drift):
        raise InputError(f"drift={drift!r} must be a Drift; try Drift.none().")
    reviewers = Reviewers(capacity=max(1, round(daily * _REVIEWED_SHARE)), trust=trust)
    return PaymentsWorld(seed, daily, drift, reviewers, appeals=appeals or Appeals())
