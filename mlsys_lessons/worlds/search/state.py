"""What decisions change at a search engine: what was clicked where, and reports to come.

Beside it stand tonight's pages: which document each shelf of a query holds, its match and grade,
and the order in which the ranker will show them. A state is changed at midnight alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import array_of, has_action
from mlsys_lessons.records import APPROVE
from mlsys_lessons.worlds.pages import in_vain
from mlsys_lessons.worlds.search.corpus import SHELVES, Corpus, graded, matched, relevance
from mlsys_lessons.worlds.search.domain import KINDS, PLACES, SEARCH
from mlsys_lessons.worlds.search.knobs import SearchHabits
from mlsys_lessons.worlds.search.outcomes import chances

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ATTRIBUTION_DAYS = 1  # after which a place without an answer is known to be one (assumed)
EARLY_DAYS = 100  # of clicks that the engine has counted at the start, in the order of the match
USUAL_RATE, _PRIOR = 0.1, 20.0  # of clicks where nothing is known, and the pages it counts for


def weights(habits: SearchHabits, exponent: float) -> Floats:
    """What a click counts for at each place: (examination of the top / of the place) ^ exponent."""
    looked_at = np.asarray(habits.examination)
    return np.asarray((looked_at[0] / looked_at) ** exponent)


@dataclass
class Pairs:
    """Every query with the documents that could answer it: query x shelf."""

    document: Ints
    match: Floats  # log-odds
    grade: NDArray[np.int8]

    @classmethod
    def of(cls, seed: int, corpus: Corpus, habits: SearchHabits, tick: int) -> Pairs:
        """The pairs of a day."""
        document = corpus.held(tick)[corpus.shelves]
        query = np.arange(len(document))[:, None]
        grade = graded(seed, query, document)
        return cls(document, matched(seed, query, document, grade, habits.blur), grade)

    def relevance(self, corpus: Corpus, habits: SearchHabits, tick: int) -> Floats:
        """Chance that a searcher finds each relevant on a day."""
        age, news = tick - corpus.published[self.document], corpus.kind == len(KINDS) - 1
        return relevance(self.grade, age, news[:, None], habits.half_life)


@dataclass
class Counts:
    """What the click log has counted of each pair: pages, clicks, clicks by two weights."""

    shown: Floats
    clicks: Floats
    weighted: Floats  # by 1 / examination
    learned: Floats  # by what the ranker weighs them with

    def rate(self, clicks: Floats) -> Floats:
        """Clicks by pages shown, smoothed."""
        return np.asarray((clicks + _PRIOR * USUAL_RATE) / (self.shown + _PRIOR))

    def forget(self, rows: NDArray[np.bool_]) -> None:
        """Nothing is known of these pairs."""
        for counted in (self.shown, self.clicks, self.weighted, self.learned):
            counted[rows] = 0.0


@dataclass
class SearchState:
    """A search engine at midnight."""

    seed: int
    tick: int  # the day that begins
    pairs: Pairs
    counts: Counts
    reports: dict[int, pd.DataFrame] = field(default_factory=dict)  # by the tick that hears of them

    @classmethod
    def start(
        cls, seed: int, corpus: Corpus, habits: SearchHabits, searches: float, tick: int
    ) -> SearchState:
        """A midnight before which pages were in the order of the match, for `EARLY_DAYS`.

        The counts are what is to be expected then, of `searches` a day; later days will add luck.
        """
        pairs = Pairs.of(seed, corpus, habits, tick)
        place = np.argsort(np.argsort(-pairs.match, axis=1, kind="stable"), axis=1)
        seen = place < PLACES
        age = np.minimum(tick - corpus.published[pairs.document], EARLY_DAYS)
        shown = np.where(seen, corpus.share[:, None] * searches * age, 0.0)
        page = np.argsort(place, axis=1)[:, :PLACES]
        relevant = pairs.relevance(corpus, habits, tick)
        on_page = chances(np.take_along_axis(relevant, page, axis=1), habits).click
        clicks = np.zeros_like(shown)
        np.put_along_axis(clicks, page, on_page, axis=1)
        clicks *= shown
        at = np.minimum(place, PLACES - 1)
        by = [clicks * weights(habits, exponent)[at] for exponent in (1.0, habits.weighting)]
        return cls(seed, tick, pairs, Counts(shown, clicks, *by))

    def __repr__(self) -> str:
        waiting = sum(len(frame) for frame in self.reports.values())
        return (
            f"SearchState({self.counts.clicks.sum():,.0f} clicks counted, "
            f"{waiting:,} reports to come)"
        )

    def score(self, habits: SearchHabits) -> Floats:
        """What the ranker orders by: the match, and what was clicked beyond the usual.

        Why it matters: with loop = 1 a document that was clicked twice as often as usual is worth
        ln 2 of match, and it was clicked where it was shown.
        """
        found = self.counts.rate(self.counts.learned)
        return self.pairs.match + habits.loop * np.log(found / USUAL_RATE)

    def order(self, habits: SearchHabits) -> Ints:
        """The shelves of each query's page, the top first."""
        return np.argsort(-self.score(habits), axis=1, kind="stable")[:, :PLACES]

    def live(self, corpus: Corpus, habits: SearchHabits, tick: int, settled: pd.DataFrame) -> None:
        """Live with a day's final actions: count what was shown, wait, take in new documents."""
        rows = np.flatnonzero(has_action(settled, APPROVE, "final_action"))
        names = ("true_query", "true_shelf", "true_document", "true_click", "true_label")
        query, shelf, document, click, label = (array_of(settled, name)[rows] for name in names)
        pair = query * SHELVES + shelf
        here = self.pairs.document.ravel()[pair] == document
        clicked = here & (click == 1)
        at = array_of(settled, "position")[rows[clicked]]
        size, counts = self.pairs.document.size, self.counts

        def add(to: Floats, rows: Ints, by: Floats | None = None) -> None:
            to += np.bincount(rows, weights=by, minlength=size).reshape(to.shape)

        add(counts.shown, pair[here])
        add(counts.clicks, pair[clicked])
        add(counts.weighted, pair[clicked], weights(habits, 1.0)[at])
        add(counts.learned, pair[clicked], weights(habits, habits.weighting)[at])
        due, waiting = tick + ATTRIBUTION_DAYS, rows[label == 1]
        self.reports[due] = in_vain(SEARCH, settled, waiting, event=tick, due=due)
        self._renew(corpus, habits, tick + 1)

    def _renew(self, corpus: Corpus, habits: SearchHabits, tick: int) -> None:
        """Take in the documents of a new day; nobody has clicked them yet."""
        fresh = Pairs.of(self.seed, corpus, habits, tick)
        self.counts.forget(fresh.document != self.pairs.document)
        self.pairs, self.tick = fresh, tick
