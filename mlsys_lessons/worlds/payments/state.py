"""What decisions have changed in the world, and how it is carried over midnight.

A world is immutable, its state is not: campaigns in progress, customers who left, reports to come,
what rings have learned. A function changes the state only where its docstring says so; the luck and
the habits behind these changes are in campaigns, people and adaptation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.frames import array_of
from mlsys_lessons.ids import Ints, locate
from mlsys_lessons.randomness import Floats
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.worlds.payments.appeals import Appeals
from mlsys_lessons.worlds.payments.campaigns import (
    Campaigns,
    attempted_payments,
    start_campaigns,
    together,
)
from mlsys_lessons.worlds.payments.customers import Population
from mlsys_lessons.worlds.payments.fraudsters import Rings, gather_rings
from mlsys_lessons.worlds.payments.people import (
    LAST_REPORT_DAY,
    NO_REPORTS,
    Reports,
    schedule_reports,
    seen_of_score,
)
from mlsys_lessons.worlds.payments.purchases import Payments, join, visits
from mlsys_lessons.worlds.payments.schemes import MAX_DAYS
from mlsys_lessons.worlds.payments.trust import Trust

REMEMBERED_DAYS = 7  # how late a request may be settled and still be recognised
CLEAR = 0.001  # a request with less true probability of fraud is doubted by nobody


class Doubts(NamedTuple):
    """True probabilities of requests, as parallel arrays; below `CLEAR` they are left out."""

    request_id: NDArray[Any]
    time: NDArray[Any]
    probability: NDArray[Any]

    @classmethod
    def of(cls, payments: Payments, probability: Floats) -> Doubts:
        """What is worth remembering of a day."""
        rows = probability >= CLEAR
        return cls(payments.request_id[rows], payments.time[rows], probability[rows])

    def about(self, request_id: Ints) -> Floats:
        """The probability of each request, 0 where nobody doubts it."""
        return np.append(self.probability, 0.0)[locate(request_id, self.request_id)]


def recollect(parts: Iterable[Doubts], since: int) -> Doubts:
    """Put doubts one after another, but not those of days before `since`."""
    whole = Doubts(*map(np.concatenate, zip(*parts, strict=True)))
    kept = np.flatnonzero(whole.time >= since * DAY_MS)
    return Doubts(*(column[kept] for column in whole))


@dataclass(eq=False)
class WorldState:
    """What decisions have changed in the world so far; opaque to systems."""

    rings: Rings
    live: Campaigns  # started on an earlier day, not ended
    gone: NDArray[np.bool_]  # by seat: left for good
    reports: Reports  # to come
    recent: tuple[Payments, Campaigns]  # attempts of fraud in the last days, with their campaigns
    doubts: Doubts  # the true probability of what was requested in the last days
    # Of a day, once drawn: its attempts and the campaigns that start on it.
    today: tuple[int, tuple[Payments, Campaigns], Campaigns] | None = None
    doubts_today: tuple[int, Doubts] | None = None  # and its probabilities, once computed
    appeals: Reports = NO_REPORTS  # upheld, whose answer is still to come
    trust: Trust | None = None  # of the reviewers, where it moves
    looked: tuple[Ints, Floats] | None = None  # what they judged today: requests, scores

    def __repr__(self) -> str:
        """Say how much has happened."""
        return (
            f"WorldState({len(self.live.key)} stolen cards in use, {int(self.gone.sum())} "
            f"customers gone, {len(self.reports.time)} reports to come)"
        )


def world_at_start(population: Population, daily: int) -> WorldState:
    """Return the state at midnight of day 0, after a history in which all was approved."""
    payments, campaigns, live = past_attempts(population, daily, int(LAST_REPORT_DAY) + 1)
    reports = schedule_reports(population.seed, payments)
    recent = payments.time >= -REMEMBERED_DAYS * DAY_MS
    return WorldState(
        rings=gather_rings(population, daily),
        live=live,
        gone=np.zeros(len(population), dtype=bool),
        reports=reports.take(reports.time >= 0),
        recent=(payments.take(recent), campaigns.take(recent)),
        doubts=Doubts.of(payments.take(np.empty(0, dtype=int)), np.empty(0)),
    )


def past_attempts(
    population: Population, daily: int, days: int
) -> tuple[Payments, Campaigns, Campaigns]:
    """Return the attempts of the last days of history, their campaigns, and those still going on.

    Nobody was stopped then, so a campaign depends on nothing but its ring and its first day.
    """
    rings, nobody = gather_rings(population, daily), np.zeros(len(population), dtype=bool)
    campaigns = start_campaigns(population, rings, np.arange(-days - MAX_DAYS + 1, 0), nobody)
    offset = np.repeat(np.arange(MAX_DAYS), len(campaigns.key))
    sittings = campaigns.take(np.tile(np.arange(len(campaigns.key)), MAX_DAYS))
    day = sittings.start + offset
    same_account = population.account(sittings.seat, day)[1] <= sittings.start
    asked = same_account & (day >= -days) & (day < 0) & (offset < rings.book.days[sittings.scheme])
    attempts, owners = attempted_payments(population, rings, sittings.take(asked), offset[asked])
    return attempts, owners, campaigns.take(campaigns.start > -MAX_DAYS)


def usable(population: Population, state: WorldState, tick: int) -> Campaigns:
    """Return the campaigns of earlier days whose card still works on a day."""
    live, age = state.live, tick - state.live.start
    days = state.rings.book.days[live.scheme]
    same_account = population.account(live.seat, tick)[1] <= live.start
    return live.take((age >= 1) & (age < days) & same_account & ~state.gone[live.seat])


def attempts_of_day(
    population: Population, state: WorldState, tick: int
) -> tuple[Payments, Campaigns]:
    """Return the attempts of a day, with cards in use and with those stolen today.

    They stay the same until the day is carried over, so the state keeps them.
    """
    return _drawn(population, state, tick)[0]


def _drawn(
    population: Population, state: WorldState, tick: int
) -> tuple[tuple[Payments, Campaigns], Campaigns]:
    """The attempts of a day with their campaigns, and the campaigns that start on it."""
    if state.today is None or state.today[0] != tick:
        new = start_campaigns(population, state.rings, np.array([tick]), state.gone)
        campaigns = together(usable(population, state, tick), new)
        attempts = attempted_payments(population, state.rings, campaigns, tick - campaigns.start)
        state.today = tick, attempts, new
    return state.today[1:]


def remembered_attempts(
    population: Population, state: WorldState, tick: int
) -> tuple[Payments, Campaigns]:
    """Return the attempts of a day and of the days before it."""
    payments, campaigns = attempts_of_day(population, state, tick)
    return join([state.recent[0], payments]), together(state.recent[1], campaigns)


def plan_appeals(
    state: WorldState, seed: int, tick: int, blocked: Ints, fraud: NDArray[np.bool_],
    appeals: Appeals,
) -> None:  # fmt: skip
    """Let blocked customers appeal; the upheld hear of it in later days; changes `state`."""
    if not (appeals.genuine or appeals.fraud):
        return
    heard = appeals.heard(seed, blocked, fraud)
    upheld = heard[heard["upheld"]]
    ids, days = array_of(upheld, "request_id", np.int64), array_of(upheld, "days")
    time = (tick + 1) * DAY_MS + (days * DAY_MS).astype(np.int64)
    new = Reports(ids, np.full(len(ids), tick), time)
    state.appeals = Reports(*map(np.concatenate, zip(state.appeals, new, strict=True)))


def move_trust(state: WorldState, attempts: Ints) -> None:
    """Let the reviewers' trust move by what the judged cases showed of it; changes `state`.

    `attempts` are the requests that are frauds.
    """
    if state.trust is not None and state.looked is not None:
        ids, score = state.looked
        state.trust = state.trust.after(seen_of_score(locate(ids, attempts) >= 0, score).tolist())
    state.looked = None


def plan_reports(population: Population, state: WorldState, tick: int, through: Payments) -> None:
    """Schedule the reports of approved frauds, from the next midnight on; changes `state`."""
    new = schedule_reports(population.seed, through)
    new = new._replace(time=np.maximum(new.time, (tick + 1) * DAY_MS))
    state.reports = Reports(*map(np.concatenate, zip(state.reports, new, strict=True)))


def let_go(population: Population, state: WorldState, tick: int, leaving: Ints) -> None:
    """Mask the customers who made these genuine requests, for good; changes `state`."""
    # An id does not show its customer, so the visits of that day are drawn again; rarely needed.
    for day in range(tick, tick - REMEMBERED_DAYS, -1):
        for cohort in population.cohorts if len(leaving) else ():
            candidates = visits(population, cohort, day)
            row = locate(leaving, candidates.request_id)
            state.gone[candidates.seat[row[row >= 0]]] = True
            leaving = leaving[row < 0]


def carry_over(
    population: Population,
    state: WorldState,
    tick: int,
    attempts: tuple[Payments, Campaigns],
    doubts: Doubts,
    ended: Ints,
) -> None:
    """Carry attempts and campaigns over midnight, but not those too old or ended; changes `state`.

    `attempts` are the remembered ones with their campaigns, `doubts` those of the day, `ended` the
    keys of stopped campaigns.
    """
    state.doubts = recollect([state.doubts, doubts], tick + 1 - REMEMBERED_DAYS)
    in_hand = together(state.live, _drawn(population, state, tick)[1])
    state.today = state.doubts_today = None
    payments, campaigns = attempts
    recent = payments.time >= (tick + 1 - REMEMBERED_DAYS) * DAY_MS
    state.recent = payments.take(recent), campaigns.take(recent)
    young = in_hand.start + state.rings.book.days[in_hand.scheme] > tick + 1
    state.live = in_hand.take(young & ~np.isin(in_hand.key, ended))
