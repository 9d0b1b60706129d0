"""Front pages that show everything: one lived through, ten in parallel, and what a list says.

The world is the package's own front page. No system stands in between, so that what the loop does
is the loop's. `policy` is the learner's seam: what retrieval reads of each item tonight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mlsys_lessons as mls
from mlsys_lessons.domain import Domain
from mlsys_lessons.experiments.front_pages import merit
from mlsys_lessons.frames import categorical
from mlsys_lessons.records import APPROVE
from mlsys_lessons.worlds.recommender import RecommenderWorld
from mlsys_lessons.worlds.recommender.domain import RECOMMENDER
from mlsys_lessons.worlds.recommender.state import FrontPageState
from mlsys_lessons.worlds.world import Day

Floats = NDArray[np.float64]
# places shown, clicks, orders of each item -> what retrieval reads as its clicks
Policy = Callable[[Floats, Floats, Floats], Floats]

USERS, ITEMS, DAYS, WORLDS = 240, 100, 30, 10  # about 1,000 places a day
LAST = 20  # days whose clicks say what a user takes


class Lived(NamedTuple):
    """A front page after some days: the world, its state, and what each day brought."""

    world: RecommenderWorld
    state: FrontPageState
    days: pd.DataFrame  # slates, clicks, content, orders: expected, but for content
    taken: NDArray[np.bool_]  # user x item: clicked in the last twenty days

    @property
    def clicks(self) -> Floats:
        """Clicks of the items of day 0."""
        return self.state.counts.clicks[: self.world.items]

    @property
    def orders_a_slate(self) -> float:
        """Expected orders of a slate over all days."""
        return float(self.days["orders"].sum() / self.days["slates"].sum())


def founded(seed: int, *, early: int | None = None, **turned: float) -> RecommenderWorld:
    """A small front page without exploration, but for what is turned; 100 items on day 0."""
    habits = mls.Habits(**{"exploration": 0.0, **turned})  # type: ignore[arg-type]
    return mls.recommender_world(seed, USERS, ITEMS, habits, early=early)


def lived(world: RecommenderWorld, days: int = DAYS, policy: Policy | None = None) -> Lived:
    """Some days of a front page that shows all ten places of every slate.

    `policy` takes what the click log has counted of each item (places, clicks, orders) and says
    what retrieval reads as clicks that night; without one these are the clicks.
    """
    state, told, people = world.start(), [], world.population
    taken = np.zeros((len(people.came), len(people.added)), dtype=np.bool_)
    for tick in range(days):
        if policy is not None:
            counts = state.counts
            copies = (counts.shown.copy(), counts.clicks.copy(), counts.orders.copy())
            state.retrieved_by = np.maximum(np.asarray(policy(*copies), dtype=np.float64), 0.0)
        day = world.day(tick, state)
        told.append(_told(day.truth))
        clicked = day.truth[day.truth["true_click"] == 1]
        if tick >= days - LAST:
            taken[clicked["true_user"], clicked["true_item"]] = True
        world.react(state, tick, everything_shown(day, RECOMMENDER))
    return Lived(world, state, pd.DataFrame(told), taken)


def everything_shown(day: Day, domain: Domain) -> pd.DataFrame:
    """What a world is told of a day of which every place was shown."""
    columns = {name: day.requests[name].to_numpy() for name in domain.identity}
    columns |= {name: day.truth[name].to_numpy() for name in day.truth}
    final = categorical(np.full(len(day.requests), APPROVE, dtype=np.int8), domain.action_dtype)
    return pd.DataFrame({**columns, "final_action": final}, copy=False)


def _told(truth: pd.DataFrame) -> dict[str, float]:
    return {
        "slates": len(truth) / 10,
        "clicks": float(truth["true_click_probability"].sum()),
        "content": float(truth["true_content"].sum()),
        "orders": float((1 - truth["true_probability"]).sum()),
    }


@lru_cache(maxsize=4)
def parallel(seed: int, worlds: int = WORLDS, exploration: float = 0.0) -> tuple[Lived, ...]:
    """The same users, items and tastes in parallel worlds: the luck of early clicks differs."""
    return tuple(
        lived(founded(seed, early=1_000 * (seed + 1) + number, exploration=exploration))
        for number in range(worlds)
    )


def rank(values: Iterable[float]) -> NDArray[np.int64]:
    """The place of each in the order of the largest, 1 at the top; ties by order.

    >>> rank([3.0, 9.0, 1.0]).tolist()
    [2, 1, 3]
    """
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(1, len(order) + 1)
    return place


def front(page: Lived, count: int = 5) -> pd.DataFrame:
    """The most clicked items: clicks, and what only the world knows."""
    good, size = merit(page.world)[:ITEMS], ITEMS
    people = page.world.population
    table = pd.DataFrame({
        "item": np.arange(size), "clicks": page.clicks.round().astype(int),
        "true rank": rank(good), "orders of 100 looks": (100 * good).round(1),
        "clickbait": np.where(people.bait[:size], "yes", "no"),
    })  # fmt: skip
    table = table.sort_values("clicks", ascending=False, kind="stable").head(count)
    return table.set_index(pd.RangeIndex(1, count + 1, name="place"))


def number_ones(pages: Iterable[Lived]) -> pd.DataFrame:
    """Each world's most clicked item, and its true rank among the hundred."""
    rows = []
    for number, page in enumerate(pages, start=1):
        top = int(page.clicks.argmax())
        true = int(rank(merit(page.world)[:ITEMS])[top])
        rows.append({"world": number, "number one": top, "true rank": true,
                     "share of clicks": page.clicks[top] / page.clicks.sum()})  # fmt: skip
    return pd.DataFrame(rows).set_index("world")


def newcomers(page: Lived) -> pd.DataFrame:
    """Items by when they came: how many, places a day each, true orders of 100 looks."""
    added = page.world.population.added
    there = np.flatnonzero(added < len(page.days))
    new = added[there] > 0
    places = page.state.counts.shown - page.world.start().counts.shown
    ages = len(page.days) - np.maximum(added[there], 0)
    a_day, good = places[there] / ages, merit(page.world)[there]
    return pd.DataFrame({
        "items": [int((~new).sum()), int(new.sum())],
        "places a day": [a_day[~new].mean(), a_day[new].mean()],
        "orders of 100 looks": [100 * good[~new].mean(), 100 * good[new].mean()],
    }, index=["there on day 0", "came since"])  # fmt: skip
