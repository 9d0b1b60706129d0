"""The world of a search engine, one day at a time: searches, pages, clicks, answers.

`SearchWorld` is immutable and knows everything; the state holds what decisions have changed. A day
is a pure function of (world, tick, state). Of the system it sees final actions only: what is
dropped is seen by nobody, and what is shown is clicked, counted and ranked by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of, categorical, framed
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck, opaque_id
from mlsys_lessons.records import DAY_MS, LAST_TICK, timestamps, whole_number
from mlsys_lessons.worlds.pages import WEEK, Nobody, known_history, no_reports, no_verdicts, visits
from mlsys_lessons.worlds.search.corpus import LOOKBACK, SHELVES, Corpus, collect
from mlsys_lessons.worlds.search.domain import PLACES, SEARCH
from mlsys_lessons.worlds.search.knobs import SearchHabits
from mlsys_lessons.worlds.search.outcomes import Coins, came, chances
from mlsys_lessons.worlds.search.state import ATTRIBUTION_DAYS, SearchState
from mlsys_lessons.worlds.world import Day, History

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

USERS, QUERIES, DOCUMENTS = (50, 1_000_000), (20, 200_000), (SHELVES, 200_000)  # least and most
QUERIES_A_USER, DOCUMENTS_A_USER = 0.2, 0.4  # (assumed)
FEWEST_QUERIES, FEWEST_DOCUMENTS = 200, 400  # of fewer a model learns the names (assumed)


class Ranked(NamedTuple):
    """What is known at midnight: what the engine ranks by, and what it should; query x shelf."""

    score: Floats
    relevance: Floats
    share: Floats  # of each query in all searches


class Pages(NamedTuple):
    """The pages of a day, one entry each: who asks what and when, and what stands where."""

    page: Ints
    user: Ints
    event_ms: Ints
    query: Ints
    shelf: Ints  # page x place
    partner: Ints  # the place that a coin was about, 0: none
    swapped: NDArray[np.bool_]


@dataclass(frozen=True)
class SearchWorld:
    """People who search, graded documents, and a ranker that counts clicks.

    Why it matters: which document is relevant, and what would have been clicked elsewhere on the
    page, is what no real click log can tell.

    >>> search_world(seed=7, users=500, documents=400)
    SearchWorld(seed=7, 500 users, 1,000 queries, 400 documents, about 2,100 places a day)
    """

    seed: int
    users: int
    queries: int
    documents: int
    habits: SearchHabits
    name: ClassVar[str] = "search"
    domain: ClassVar[Domain] = SEARCH
    reviewers: ClassVar[Nobody] = Nobody()

    def __repr__(self) -> str:
        """Say how large the world is."""
        return (
            f"SearchWorld(seed={self.seed}, {self.users:,} users, {self.queries:,} queries, "
            f"{self.documents:,} documents, about {self.daily:,} places a day)"
        )

    @property
    def daily(self) -> int:
        """Rows a day, about: places of pages."""
        return round(self.users * self.habits.searches * PLACES * float(np.mean(WEEK)))

    @property
    def corpus(self) -> Corpus:
        """Queries and documents; shared by all equal worlds."""
        return collect(self.seed, self.queries, self.documents, self.habits)

    def start(self) -> SearchState:
        """The state at midnight of day 0, after a history in which everything was shown."""
        return self._start(0)

    def _start(self, tick: int) -> SearchState:
        return SearchState.start(self.seed, self.corpus, self.habits, self.daily / PLACES, tick)

    def day(self, tick: int, state: SearchState) -> Day:
        """The pages of a day, in order of arrival, and the truth about each row."""
        return self._day(whole_number("tick", tick, 0, LAST_TICK), state)

    def _day(self, tick: int, state: SearchState) -> Day:
        pages = self._pages(tick, state)
        requests = self._requests(state, pages)
        return Day(requests, self._truth(tick, state, pages, requests))

    def _pages(self, tick: int, state: SearchState) -> Pages:
        """Who searches for what, and the ranker's order; of some pages a coin swaps the top."""
        user, event_ms = visits(self.seed, tick, self.habits.searches, np.ones(self.users))
        page = opaque_id(user, tick, np.zeros(len(user), dtype=np.int64))
        query = np.searchsorted(self.corpus.popularity[:-1], luck(self.seed, "query", page))
        shelf = state.order(self.habits)[query]
        trial = luck(self.seed, "trial", page) < self.habits.swaps
        partner = 1 + (luck(self.seed, "partner", page) * (PLACES - 1)).astype(np.int64)
        swapped = trial & (luck(self.seed, "swap", page) < 0.5)
        rows = np.flatnonzero(swapped)
        top, other = shelf[rows, 0], shelf[rows, partner[rows]]
        shelf[rows, 0], shelf[rows, partner[rows]] = other, top
        return Pages(page, user, event_ms, query, shelf, np.where(trial, partner, 0), swapped)

    def _requests(self, state: SearchState, pages: Pages) -> pd.DataFrame:
        """The rows of pages as the results page sends them."""
        corpus, pairs, counts = self.corpus, state.pairs, state.counts
        page, user, query = (np.repeat(x, PLACES) for x in (pages.page, pages.user, pages.query))
        times, pair = timestamps(np.repeat(pages.event_ms, PLACES)), _pair(pages)
        document, words = pairs.document.ravel()[pair], SEARCH.vocabularies
        swapped = np.repeat(pages.swapped, PLACES).astype(np.int8)
        return framed({
            "request_id": page, "position": np.tile(np.arange(PLACES), len(pages.page)),
            "event_time": times, "arrival_time": times, "user_id": user, "query_id": query,
            "query_kind": categorical(corpus.kind[query], words["query_kind"]),
            "query_topic": categorical(corpus.topic[query], words["query_topic"]),
            "document_id": document,
            "published": timestamps(corpus.published[document] * DAY_MS),
            "topic": categorical(corpus.document_topic(document), words["topic"]),
            "match": np.exp(pairs.match).ravel()[pair].clip(1e-3, 1e3),
            "click_rate": counts.rate(counts.clicks).ravel()[pair],
            "weighted_rate": counts.rate(counts.weighted).ravel()[pair],
            "swap_partner": np.repeat(pages.partner, PLACES).astype(np.float64),
            "swapped": categorical(swapped, words["swapped"]),
        })  # fmt: skip

    def _truth(
        self, tick: int, state: SearchState, pages: Pages, requests: pd.DataFrame
    ) -> pd.DataFrame:
        """What would become of each row if its page is shown; coins keyed by identity."""
        corpus, pair = self.corpus, _pair(pages)
        relevant = state.pairs.relevance(corpus, self.habits, tick).ravel()[pair]
        on_pages, keys = relevant.reshape(-1, PLACES), row_keys(requests, SEARCH.identity)
        names = ("looks", "relevant", "trusts", "content")
        thrown = {name: luck(self.seed, name, keys).reshape(-1, PLACES) for name in names}
        coins = Coins(reads=luck(self.seed, "reads", pages.page), **thrown)
        happened = came(on_pages, coins, self.habits)
        likely = chances(on_pages, self.habits)
        return framed({
            "true_label": (~happened.answer.ravel()).astype(np.int8),
            "true_probability": 1 - likely.answer.ravel(),
            "true_amount_cents": np.zeros(len(keys), dtype=np.int64),
            "true_click": happened.click.ravel().astype(np.int8),
            "true_click_probability": likely.click.ravel(),
            "true_grade": state.pairs.grade.ravel()[pair], "true_relevance": relevant,
            "true_query": array_of(requests, "query_id"), "true_shelf": pages.shelf.ravel(),
            "true_document": array_of(requests, "document_id"),
        }, pd.Index(keys, name="row_key"))  # fmt: skip

    def midnight(self, tick: int, state: SearchState) -> Ranked:
        """What the engine ranks by when a day begins, and what the truth would."""
        relevant = state.pairs.relevance(self.corpus, self.habits, tick)
        return Ranked(state.score(self.habits), relevant, self.corpus.share)

    def review(self, state: SearchState, tick: int, picks: pd.DataFrame) -> pd.DataFrame:
        """Nobody looks at held rows: no verdicts."""
        return no_verdicts(SEARCH, picks)

    def reports(self, state: SearchState, tick: int) -> pd.DataFrame:
        """What the click log knows tonight: the places of yesterday that answered nothing."""
        return state.reports.pop(tick) if tick in state.reports else no_reports(SEARCH)

    def react(self, state: SearchState, tick: int, settled: pd.DataFrame) -> None:
        """Live with a day's final actions; changes `state`."""
        state.live(self.corpus, self.habits, tick, settled)

    def history(self, days: int) -> History:
        """The days before day 0: everything was shown, in the order of the day's early counts.

        history(60) is the end of history(180). The labels have the proxy that a notebook would
        learn: whether the row was clicked.
        """
        days = whole_number("days", days, 1, LOOKBACK)
        past = [self._day(tick, self._start(tick)) for tick in range(-days, 0)]
        requests = pd.concat([day.requests for day in past], ignore_index=True)
        truth = pd.concat([day.truth for day in past])
        return known_history(SEARCH, requests, truth, ATTRIBUTION_DAYS)


def _pair(pages: Pages) -> Ints:
    """Each row's place in arrays of query x shelf."""
    return np.asarray((pages.query[:, None] * SHELVES + pages.shelf).ravel())


def search_world(
    seed: int = 0, users: int = 5_000, documents: int = 2_000, queries: int = 1_000,
    habits: SearchHabits | None = None,
) -> SearchWorld:  # fmt: skip
    """Found a search engine of some users, documents and queries.

    Equal arguments give equal worlds, byte for byte.

    >>> search_world(users=3)
    Traceback (most recent call last):
        ...
    mlsys_lessons.errors.InputError: users=3 must lie in 50..1000000; try the nearer end.
    """
    seed = whole_number("seed", seed, 0, 2**63 - 1)
    users = whole_number("users", users, *USERS)
    documents = whole_number("documents", documents, *DOCUMENTS)
    queries = whole_number("queries", queries, *QUERIES)
    habits = SearchHabits() if habits is None else habits
    if not isinstance(habits, SearchHabits):
        raise InputError(f"habits={habits!r} must be SearchHabits; try SearchHabits.still().")
    return SearchWorld(seed, users, queries, documents, habits)


def search_engine(
    seed: int = 0, daily: int = 20_000, habits: SearchHabits | None = None
) -> SearchWorld:
    """A search engine of about so many places a day: what every domain has under its own name."""
    searches = (habits or SearchHabits()).searches
    users = max(USERS[0], round(daily / (searches * PLACES * float(np.mean(WEEK)))))
    documents = max(FEWEST_DOCUMENTS, round(DOCUMENTS_A_USER * users))
    queries = max(FEWEST_QUERIES, round(QUERIES_A_USER * users))
    return search_world(seed, users, documents, queries, habits)
