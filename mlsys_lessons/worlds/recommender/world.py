"""The world of a front page, one day at a time: visits, slates, clicks, content, orders.

`RecommenderWorld` is immutable and knows everything; the state holds what decisions have changed. A
day is a pure function of (world, tick, state). Of the system it sees final actions only: what is
dropped is seen by nobody, and what is shown is clicked, counted and shown again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of, categorical, framed
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck, opaque_id
from mlsys_lessons.records import (
    DAY_MS,
    LAST_TICK,
    timestamps,
    whole_number,
)
from mlsys_lessons.worlds.pages import WEEK, Nobody, known_history, no_reports, no_verdicts, visits
from mlsys_lessons.worlds.recommender.domain import PLACES, RECOMMENDER
from mlsys_lessons.worlds.recommender.knobs import Habits
from mlsys_lessons.worlds.recommender.outcomes import Chances, chances
from mlsys_lessons.worlds.recommender.population import LOOKBACK, Population, populate
from mlsys_lessons.worlds.recommender.slates import Believed, exposure, fill
from mlsys_lessons.worlds.recommender.state import ATTRIBUTION_DAYS, FrontPageState
from mlsys_lessons.worlds.world import Day, History

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

USERS, ITEMS = (50, 1_000_000), (20, 500_000)  # least and most
ITEMS_A_USER, SMALLEST_CATALOGUE = 0.4, 400  # of fewer a model learns the names (assumed)
_MEETINGS = 5.0  # after so many retrieval errs 1 / sqrt(2) as much (assumed)


@dataclass(frozen=True)
class RecommenderWorld:
    """Users with tastes, items with qualities, and a front page that shows what was clicked.

    Why it matters: what would have been clicked elsewhere, and who would have been content, is
    what no real front page can tell.

    >>> recommender_world(seed=7, users=500, items=200)
    RecommenderWorld(seed=7, 500 users, 200 items, about 2,100 places a day)
    """

    seed: int
    users: int
    items: int
    habits: Habits
    early: int  # seed of the luck before day 0
    name: ClassVar[str] = "recommender"
    domain: ClassVar[Domain] = RECOMMENDER
    reviewers: ClassVar[Nobody] = Nobody()

    def __repr__(self) -> str:
        """Say how large the world is."""
        return (
            f"RecommenderWorld(seed={self.seed}, {self.users:,} users, {self.items:,} items, "
            f"about {self.daily:,} places a day)"
        )

    @property
    def daily(self) -> int:
        """Rows a day, about: places of slates."""
        return round(self.users * self.habits.visits * PLACES * float(np.mean(WEEK)))

    @property
    def population(self) -> Population:
        """Everybody who may ever come here; shared by all equal worlds."""
        return populate(self.seed, self.early, self.users, self.items, self.habits)

    def start(self) -> FrontPageState:
        """The state at midnight of day 0, after a history in which everything was shown."""
        return FrontPageState.start(self.population)

    def day(self, tick: int, state: FrontPageState) -> Day:
        """The slates of a day, in order of arrival, and the truth about each row."""
        return self._day(whole_number("tick", tick, 0, LAST_TICK), state)

    def _day(self, tick: int, state: FrontPageState) -> Day:
        user, event_ms = self._visits(tick, state)
        slate = opaque_id(user, tick, np.zeros(len(user), dtype=np.int64))
        believed = self._believed(tick, state)
        item, affinity = fill(self.seed, slate, user, believed, self.habits)
        requests = self._requests(state, (slate, user, event_ms), item.ravel(), affinity.ravel())
        return Day(requests, self._truth(state, requests))

    def _visits(self, tick: int, state: FrontPageState) -> tuple[Ints, Ints]:
        """Who visits on a day, and when, in order of time."""
        keeps = np.where(self.population.came > tick, 0.0, state.patience)
        return visits(self.seed, tick, self.habits.visits, keeps)

    def _believed(self, tick: int, state: FrontPageState) -> Believed:
        """What retrieval knows at midnight; it errs less the more often it has met somebody."""
        people = self.population
        there = np.flatnonzero(people.added <= tick)
        blur_user = 1 / np.sqrt(1 + state.visits / _MEETINGS)
        blur_item = 1 / np.sqrt(1 + state.counts.clicks / _MEETINGS)
        return Believed(
            there,
            exposure(state.retrieved_by[there], self.habits.exposure),
            state.tastes + people.misjudged_user * blur_user[:, None],
            people.traits + people.misjudged_item * blur_item[:, None],
        )

    def _requests(
        self, state: FrontPageState, visit: tuple[Ints, Ints, Ints], item: Ints, affinity: Floats
    ) -> pd.DataFrame:
        """The rows of slates as the front page sends them."""
        people = self.population
        slate, user, event_ms = (np.repeat(each, PLACES) for each in visit)
        times, words = timestamps(event_ms), RECOMMENDER.vocabularies
        return framed({
            "request_id": slate,
            "position": np.tile(np.arange(PLACES), len(visit[0])),
            "event_time": times, "arrival_time": times,
            "user_id": user, "joined": timestamps(people.came * DAY_MS)[user],
            "home_genre": categorical(people.home_genre[user], words["home_genre"]),
            "item_id": item, "added": timestamps(people.added * DAY_MS)[item],
            "genre": categorical(people.genre[item], words["genre"]),
            "cover": categorical(people.loud[item], words["cover"]),
            "affinity": affinity,
            "click_rate": state.counts.click_rate[item],
            "order_rate": state.counts.order_rate[item],
        })  # fmt: skip

    def chances(self, state: FrontPageState, user: Ints, item: Ints, position: Ints) -> Chances:
        """The chances of users with items at places, as things stand."""
        people = self.population
        match = np.einsum("rd,rd->r", state.tastes[user], people.traits[item])
        return chances(position, match, people.quality[item], people.bait[item], self.habits)

    def _truth(self, state: FrontPageState, requests: pd.DataFrame) -> pd.DataFrame:
        """What would become of each row if it is shown; coins keyed by the row's identity."""
        user, item, place = (array_of(requests, n) for n in ("user_id", "item_id", "position"))
        likely = self.chances(state, user, item, place)
        keys = row_keys(requests, RECOMMENDER.identity)
        click = luck(self.seed, "click", keys) < likely.click
        content = click & (luck(self.seed, "content", keys) < likely.content)
        order = content & (luck(self.seed, "order", keys) < likely.order)
        return framed({
            "true_label": (~order).astype(np.int8),
            "true_probability": 1 - likely.conversion,
            "true_amount_cents": np.zeros(len(keys), dtype=np.int64),
            "true_click": click.astype(np.int8), "true_content": content.astype(np.int8),
            "true_click_probability": likely.click, "true_user": user, "true_item": item,
        }, pd.Index(keys, name="row_key"))  # fmt: skip

    def midnight(self, tick: int, state: FrontPageState) -> Believed:
        """What retrieval knows when a day begins."""
        return self._believed(tick, state)

    def review(self, state: FrontPageState, tick: int, picks: pd.DataFrame) -> pd.DataFrame:
        """Nobody looks at held rows: no verdicts."""
        return no_verdicts(RECOMMENDER, picks)

    def reports(self, state: FrontPageState, tick: int) -> pd.DataFrame:
        """What the shop knows tonight: the places of three days ago that brought no order."""
        return state.reports.pop(tick) if tick in state.reports else no_reports(RECOMMENDER)

    def react(self, state: FrontPageState, tick: int, settled: pd.DataFrame) -> None:
        """Live with a day's final actions; changes `state`."""
        state.live(self.population, self.habits, tick, settled)

    def history(self, days: int) -> History:
        """The days before day 0: everything was shown, and retrieval read the same early counts.

        history(60) is the end of history(180). The labels have the proxy that a notebook would
        learn: whether the row was clicked.
        """
        days = whole_number("days", days, 1, LOOKBACK)
        state, past = self.start(), []
        past = [self._day(tick, state) for tick in range(-days, 0)]
        requests = pd.concat([day.requests for day in past], ignore_index=True)
        truth = pd.concat([day.truth for day in past])
        return known_history(RECOMMENDER, requests, truth, ATTRIBUTION_DAYS)


def recommender_world(
    seed: int = 0, users: int = 5_000, items: int = 2_000, habits: Habits | None = None,
    *, early: int | None = None,
) -> RecommenderWorld:  # fmt: skip
    """Found a front page of some users and items.

    Equal arguments give equal worlds, byte for byte. `early` seeds the luck of the clicks before
    day 0 (the world's own without it): the same qualities in a parallel world.

    >>> recommender_world(users=3)
    Traceback (most recent call last):
        ...
    mlsys_lessons.errors.InputError: users=3 must lie in 50..1000000; try the nearer end.
    """
    seed = whole_number("seed", seed, 0, 2**63 - 1)
    users, items = whole_number("users", users, *USERS), whole_number("items", items, *ITEMS)
    habits = Habits() if habits is None else habits
    if not isinstance(habits, Habits):
        raise InputError(f"habits={habits!r} must be Habits; try Habits.still().")
    early = seed if early is None else whole_number("early", early, 0, 2**63 - 1)
    return RecommenderWorld(seed, users, items, habits, early)


def front_page(seed: int = 0, daily: int = 20_000) -> RecommenderWorld:
    """A front page of about so many places a day: what every domain has under its own name."""
    usual = Habits()
    users = max(USERS[0], round(daily / (usual.visits * PLACES * float(np.mean(WEEK)))))
    return recommender_world(seed, users, max(SMALLEST_CATALOGUE, round(ITEMS_A_USER * users)))
