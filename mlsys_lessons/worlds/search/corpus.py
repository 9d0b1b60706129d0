"""What is searched for and what there is to find: queries, documents, grades.

Documents stand on shelves; a new one takes an old one's shelf. A query can be answered from a run
of neighbouring shelves. Everything is luck keyed by identity. Nothing happens here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.ids import BitFields
from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.records import LAST_TICK
from mlsys_lessons.worlds.search.domain import KINDS, TOPICS
from mlsys_lessons.worlds.search.knobs import SearchHabits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHELVES = 20  # that a query can be answered from (assumed)
LOOKBACK = 180  # days of history that can be asked for
YEAR = 365
_TWO_YEARS = 2 * YEAR  # documents that are there at the start were published within them (assumed)
_GRADES = np.cumsum([0.50, 0.25, 0.15, 0.07, 0.03])  # shares of grades 0 to 4 (assumed)
HIGHEST = 4
_SLOPE = 0.6  # log-odds of a match that a grade adds (assumed)
_PAIR = BitFields("query", document=28)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Queries and documents as arrays; `published` is the day on which each document appears."""

    popularity: Floats  # of queries, cumulated: the last is 1
    kind: NDArray[np.int8]  # of each query
    topic: NDArray[np.int8]  # of each query
    shelves: Ints  # query x SHELVES
    published: Ints  # by document: those of the start, then the new ones in order
    shelf: Ints  # by document
    stock: int  # how many shelves there are

    def __repr__(self) -> str:
        return f"Corpus({len(self.kind):,} queries, {len(self.published):,} documents in all)"

    @property
    def share(self) -> Floats:
        """Each query's share of all searches."""
        return np.diff(self.popularity, prepend=0.0)

    def document_topic(self, document: Ints) -> NDArray[np.int8]:
        """Topics lie side by side along the shelves."""
        return _topic(self.shelf[document], self.stock)

    def held(self, tick: int) -> Ints:
        """The document on each shelf on a day: the newest of those that were put there."""
        there = int(np.searchsorted(self.published[self.stock :], tick, side="right"))
        newest = np.arange(self.stock)
        np.maximum.at(newest, self.shelf[self.stock : self.stock + there],
                      self.stock + np.arange(there))  # fmt: skip
        return newest


@lru_cache(maxsize=8)
def collect(seed: int, queries: int, documents: int, habits: SearchHabits) -> Corpus:
    """All queries, and all documents that may ever be published."""
    ids = np.arange(queries)
    weight = (1.0 + ids) ** -habits.skew
    first = (luck(seed, "shelf of query", ids) * documents).astype(np.int64)
    shelves = (first[:, None] + np.arange(SHELVES)) % documents
    news = luck(seed, "news", ids) < habits.fresh
    other = (luck(seed, "kind", ids) * (len(KINDS) - 1)).astype(np.int8)
    old = -LOOKBACK - (luck(seed, "published", np.arange(documents)) * _TWO_YEARS).astype(int)
    rate = habits.growth * documents / YEAR
    count = int(rate * (LAST_TICK + LOOKBACK))
    new = np.ceil(np.arange(1, count + 1) / rate).astype(np.int64) - LOOKBACK if count else old[:0]
    shelf = (luck(seed, "shelf", documents + np.arange(count)) * documents).astype(np.int64)
    return Corpus(
        popularity=np.cumsum(weight) / weight.sum(),
        kind=np.where(news, len(KINDS) - 1, other).astype(np.int8),
        topic=_topic(shelves[:, SHELVES // 2], documents),
        shelves=shelves,
        published=np.concatenate([old, new]),
        shelf=np.concatenate([np.arange(documents), shelf]),
        stock=documents,
    )


def _topic(shelf: Ints, stock: int) -> NDArray[np.int8]:
    return (shelf * len(TOPICS) // stock).astype(np.int8)


def graded(seed: int, query: Ints, document: Ints) -> NDArray[np.int8]:
    """The grade of documents for queries: 0, of no use, to 4, perfect."""
    drawn = luck(seed, "grade", _PAIR.pack(query=query, document=document))
    return np.searchsorted(_GRADES[:-1], drawn, side="right").astype(np.int8)


def matched(seed: int, query: Ints, document: Ints, grade: NDArray[np.int8], blur: float) -> Floats:
    """How well the texts match, in log-odds: the grade, blurred; 0 for the usual grade."""
    error = normal_luck(seed, "match", _PAIR.pack(query=query, document=document))
    usual = float(np.arange(HIGHEST + 1) @ np.diff(_GRADES, prepend=0.0))
    return np.asarray(_SLOPE * (grade - usual + blur * error))


def relevance(
    grade: NDArray[np.int8], age: Ints, is_news: NDArray[np.bool_], half_life: float
) -> Floats:
    """Chance that a searcher finds a document relevant: (2^grade - 1) / 16; for news it ages.

    >>> relevance(np.array([0, 2, 4]), np.array([0, 0, 90]), np.array([True]), 90.0).tolist()
    [0.0, 0.1875, 0.46875]

    Source: Chapelle and others, Expected reciprocal rank for graded relevance, 2009.
    """
    chance = (2.0**grade - 1) / 2**HIGHEST
    return np.where(is_news, chance * 0.5 ** (np.maximum(age, 0) / half_life), chance)
