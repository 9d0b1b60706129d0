"""Front pages in parallel worlds: the same users and items, other early luck, more or less chance.

An arm is a knob of the world, since the loop is the page's own; everything on a slate is shown.
Beside the money stands what the most clicked items have to do with merit. What follows from it is
the claims' business, and the lessons'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.arms import Arm, summary
from mlsys_lessons.simulation.presets import naive_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import Habits, recommender_world
from mlsys_lessons.worlds.recommender import RecommenderWorld, front_page
from mlsys_lessons.worlds.recommender.domain import RECOMMENDER
from mlsys_lessons.worlds.recommender.outcomes import chances
from mlsys_lessons.worlds.recommender.popularity import gini

Floats = NDArray[np.float64]

TOP_SHARE = 0.1  # of a catalogue: what a page calls its best, and what is best
ANOTHER_EARLY = 10**6  # added to a seed: the early luck of its parallel world


class Told(NamedTuple):
    """What clicks tell of merit: rank correlation, and how much of the best tenth is on top."""

    correlation: float
    best_found: float


def told_of_merit(clicks: ArrayLike, merit: ArrayLike, *, top: float = TOP_SHARE) -> Told:
    """Hold the most clicked against the best.

    Why it matters: a list of the most clicked is read as a list of the best.

    clicks, merit
        A number for each item; ties in clicks rank by order, as a page's list would.
    top
        Share of the items that counts as best, and as most clicked; at least one item.

    Errors: InputError for fewer than two items, lengths that differ, merit that is all one, or a
    share outside (0, 1].

    >>> told = told_of_merit([1, 2, 3, 4], [1, 2, 4, 3], top=0.5)
    >>> round(told.correlation, 3), told.best_found
    (0.8, 1.0)

    Source: Spearman's rank correlation; precision at k, Manning and others, Introduction to
    information retrieval, 2008.
    """
    counted, good = (np.asarray(values, dtype=np.float64) for values in (clicks, merit))
    if counted.ndim != 1 or counted.shape != good.shape or len(good) < 2:
        raise InputError(
            f"clicks {counted.shape} and merit {good.shape} differ; pass a number for each of two "
            "items or more."
        )
    if np.ptp(good) == 0:
        raise InputError(f"merit is {good[0]:g} for all items; without a best none can be missed.")
    if not 0 < top <= 1:
        raise InputError(f"top={top!r} must lie above 0 and up to 1; a tenth is .1.")
    most = max(1, round(top * len(good)))
    held = np.isin(_first(counted, most), _first(good, most))
    if np.ptp(counted) == 0:
        return Told(0.0, float(held.mean()))
    from scipy.stats import spearmanr

    return Told(float(spearmanr(counted, good).statistic), float(held.mean()))


def _first(values: Floats, count: int) -> NDArray[np.int64]:
    return np.argsort(-values, kind="stable")[:count]


def merit(world: RecommenderWorld) -> Floats:
    """Each item's chance of an order if it is looked at, the mean of all users' own tastes.

    It counts a click for what it is worth: clickbait that is ordered has its share of merit.
    """
    people, habits = world.population, world.habits
    top = np.zeros((len(people.came), 1), dtype=np.int64)
    likely = chances(
        top, people.tastes @ people.traits.T, people.quality, people.bait, habits
    ).conversion.mean(axis=0)
    return np.asarray(likely / habits.examination[0])


@dataclass(frozen=True)
class ParallelArm(Arm):
    """A front page that shows everything; `rate` is the exponent of past clicks in what it shows.

    `exploration` is the share of places filled at random, `another` lives in the parallel world:
    the same users and items with other early clicks.
    """

    exploration: float = 0.0
    another: bool = False

    @property
    def habits(self) -> Habits:
        """The usual habits, with this loop and this share of chance."""
        return Habits(exposure=self.rate, exploration=self.exploration)

    def faults(self, seed: int, size: ClaimSize) -> tuple[()]:
        """None: the rate is that of the loop."""
        return ()

    def world(self, seed: int, size: ClaimSize) -> RecommenderWorld:
        """The front page of a seed."""
        usual = front_page(seed, size.daily)
        early = seed + ANOTHER_EARLY * self.another
        return recommender_world(seed, usual.users, usual.items, self.habits, early=early)

    def system(self, seed: int) -> System:
        """The naive system without its cut: whatever is retrieved is shown."""
        naive = naive_system("recommender", seed=seed)
        return naive.with_(decisions=ScoreCut(np.inf, RECOMMENDER))

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it; a request is a slate."""
        run = simulate(self.world(seed, size), self.system(seed), days=size.days)
        slates = int(run.log["request_id"].nunique())
        return {**summary(run), "requests": slates, "measured": market(run, slates)}


def market(run: Run, slates: int) -> dict[str, float]:
    """What a run's clicks say of merit, its hit and inequality, and what a slate brings.

    Items that were there on day 0 and since: the late ones have had no time.
    """
    world = run.world
    assert isinstance(world, RecommenderWorld)
    there = world.population.added <= 0
    counts, good = run.state.counts, merit(world)[there]
    by_clicks = told_of_merit(counts.clicks[there], good)
    by_rate = told_of_merit(counts.click_rate[there], good)
    truth = run.truth()
    content = truth["true_content"].sum()
    return {
        "correlation": by_clicks.correlation, "best_found": by_clicks.best_found,
        "rate_correlation": by_rate.correlation, "rate_best_found": by_rate.best_found,
        "hit": float(counts.clicks[there].argmax()),
        "gini": float(gini(counts.clicks[there])),
        "clicks": float(truth["true_click_probability"].sum()) / slates,
        "content": float(content) / slates,
        "orders": float((1 - truth["true_probability"]).sum()) / slates,
    }  # fmt: skip
