"""A results page that keeps its order and counts its clicks, and four ways to read the count.

Queries, documents, matches and people are the package's own search engine, with its loop held
still: the order is the match of texts, so whatever an estimate learns, it learns from clicks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

import mlsys_lessons as mls
from mlsys_lessons.components.feedback.position_bias import swap_propensities
from mlsys_lessons.components.monitoring.ranking import ndcg
from mlsys_lessons.lessons.lesson10.pages import everything_shown
from mlsys_lessons.worlds.search.domain import PLACES, SEARCH
from mlsys_lessons.worlds.search.world import SearchWorld

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUERIES, DOCUMENTS, DAYS = 20, 60, 30
PRIOR = 20.0  # pages that "nothing is known" counts for in an estimate (assumed)
SHOWN, COUNTED = "as shown", "clicks"
BY_PLACE, MEASURED = "clicks by the place's rate", "weights by swaps"
KNOWN = "weights by the known curve"
ORDERS = (SHOWN, COUNTED, BY_PLACE, MEASURED, KNOWN)


class Log(NamedTuple):
    """Rows of pages: what a click log holds, and what only the world knows of each pair."""

    query: Ints
    slot: Ints  # which of the ten documents of its query
    position: Ints
    partner: Ints  # of each row's page; 0 where no coin was thrown
    swapped: Ints
    clicked: Ints
    match: Floats  # query x slot: the order that is shown
    relevance: Floats  # query x slot: the truth
    examination: Floats  # by place: the truth


def engine(seed: int, users: int, *, trust: float = 0.2, swaps: float = 0.5) -> SearchWorld:
    """A small search engine that never learns; people read by the curve, unless they trust."""
    habits = mls.SearchHabits(fresh=0.0, growth=0.0, loop=0.0, cascade=0.0, trust=trust,
                              swaps=swaps)  # fmt: skip
    return mls.search_world(seed, users, DOCUMENTS, QUERIES, habits)


@lru_cache(maxsize=4)
def logged(seed: int, *, users: int = 3_000, days: int = DAYS, trust: float = 0.2) -> Log:
    """The click log of some weeks, every page shown as ranked but for the swaps."""
    world = engine(seed, users, trust=trust)
    state, frames = world.start(), []
    shelf = state.order(world.habits)
    pairs = {name: np.take_along_axis(values, shelf, axis=1) for name, values in
             (("match", state.pairs.match),
              ("truth", state.pairs.relevance(world.corpus, world.habits, 0)))}  # fmt: skip
    for tick in range(days):
        day = world.day(tick, state)
        frames.append(day.requests.assign(**{n: day.truth[n].to_numpy() for n in day.truth}))
        world.react(state, tick, everything_shown(day, SEARCH))
    rows = pd.concat(frames, ignore_index=True)
    query, place = rows["query_id"].to_numpy(), rows["position"].to_numpy()
    slot = (shelf[query] == rows["true_shelf"].to_numpy()[:, None]).argmax(axis=1)
    return Log(query, slot, place, rows["swap_partner"].to_numpy().astype(np.int64),
               rows["swapped"].cat.codes.to_numpy().astype(np.int64),
               rows["true_click"].to_numpy().astype(np.int64), pairs["match"], pairs["truth"],
               np.asarray(world.habits.examination))  # fmt: skip


def click_curve(log: Log) -> Floats:
    """Clicks a page of each place, as a dashboard shows them: pages without a coin."""
    plain = log.partner == 0
    shown = np.bincount(log.position[plain], minlength=PLACES)
    return np.bincount(log.position[plain], log.clicked[plain], minlength=PLACES) / shown


def swapped_pages(log: Log) -> tuple[Ints, Ints, Ints, Ints]:
    """Pages with a coin: the partner place, whether it swapped, clicks at the top and there."""
    pages = log.position.reshape(-1, PLACES)
    assert (pages == np.arange(PLACES)).all()
    partner, swapped = (x.reshape(-1, PLACES)[:, 0] for x in (log.partner, log.swapped))
    clicked = log.clicked.reshape(-1, PLACES)
    rows = np.flatnonzero(partner > 0)
    place = partner[rows]
    return place, swapped[rows], clicked[rows, 0], clicked[rows, place]


def estimated(log: Log, weight: ArrayLike) -> Floats:
    """Mean weighted click of each query's documents, shrunk to the mean of all: query x slot.

    Pages with a coin are left out: they tell of places, the others of documents.
    """
    plain = log.partner == 0
    worth = (log.clicked * np.asarray(weight, dtype=np.float64)[log.position])[plain]
    pair, size = (log.query * PLACES + log.slot)[plain], log.match.size
    summed = np.bincount(pair, worth, minlength=size)
    shown = np.bincount(pair, minlength=size)
    return ((summed + PRIOR * worth.mean()) / (shown + PRIOR)).reshape(log.match.shape)


def scores(log: Log) -> dict[str, Floats]:
    """What each way to read one log would rank by."""
    curve, looks = click_curve(log), swap_propensities(*swapped_pages(log)).relative
    flat = np.ones(PLACES)
    return {
        SHOWN: log.match, COUNTED: estimated(log, flat), BY_PLACE: estimated(log, 1 / curve),
        MEASURED: estimated(log, 1 / looks), KNOWN: estimated(log, 1 / log.examination),
    }  # fmt: skip


def quality(log: Log, score: ArrayLike) -> float:
    """Mean ndcg of an order against the truth, over queries; every query counts once."""
    return float(np.nanmean(ndcg(log.relevance, score, places=PLACES)))


def compared(log: Log) -> pd.Series:
    """Quality of each order."""
    return pd.Series({name: quality(log, score) for name, score in scores(log).items()})
