"""Rankers: one search engine whose order learns from clicks, from weighted clicks, or not at all.

An arm is a knob of the world, since the ranker is the engine's own; everything on a page is shown.
What follows from it is the claims' business, and the lessons'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.components.monitoring.ranking import ndcg
from mlsys_lessons.experiments.arms import Arm, summary
from mlsys_lessons.simulation.presets import naive_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import SearchHabits
from mlsys_lessons.worlds.search import SearchWorld, search_engine
from mlsys_lessons.worlds.search.domain import PANEL, PLACES, SEARCH, SearchCosts
from mlsys_lessons.worlds.search.world import Ranked

MATCH, CLICKS, WEIGHTED = "the match alone", "raw clicks", "weighted clicks"
LEARNS = {MATCH: {"loop": 0.0}, CLICKS: {"weighting": 0.0}, WEIGHTED: {"weighting": 1.0}}


def quality(ranked: Ranked) -> float:
    """Mean ndcg of an engine's order against the truth, queries weighted by their searches.

    A query without any relevant document has no best order and is left out.
    """
    by_query = ndcg(ranked.relevance, ranked.score, places=PLACES)
    known = np.isfinite(by_query)
    return float(np.average(by_query[known], weights=ranked.share[known]))


@dataclass(frozen=True)
class RankerArm(Arm):
    """A search engine that shows everything, its ranker learning in one of three ways.

    `rate` is an exponent of examination: 0 looks at all places alike, 1 is the published curve.
    """

    learns: str = CLICKS

    @property
    def habits(self) -> SearchHabits:
        """The usual habits, with a curve so many times as steep in logarithms."""
        curve = tuple(chance**self.rate for chance in SearchHabits().examination)
        return SearchHabits(examination=curve, **LEARNS[self.learns])

    def faults(self, seed: int, size: ClaimSize) -> tuple[()]:
        """None: the rate is that of position bias."""
        return ()

    def world(self, seed: int, size: ClaimSize) -> SearchWorld:
        """The search engine of a seed."""
        return search_engine(seed, size.daily, self.habits)

    def system(self, seed: int) -> System:
        """The naive system without its cut: whatever is ranked is shown."""
        return naive_system("search", seed=seed).with_(decisions=ScoreCut(np.inf, SEARCH))

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it. Money is by search, satisfied or abandoned, as `SearchCosts.by_search` says."""
        world = self.world(seed, size)
        run = simulate(world, self.system(seed), days=size.days)
        searches = int(run.log["request_id"].nunique())
        truth = run.truth()
        likely = float((1 - truth["true_probability"]).sum())
        answered = int((truth["true_label"] == 0).sum())
        costs = SearchCosts()
        return {
            **summary(run),
            "requests": searches * PANEL,
            "expected_cents": costs.by_search(searches, likely),
            "value_cents": costs.by_search(searches, answered),
            "measured": {
                "ndcg": quality_after(run),
                "satisfied": likely / searches,
                "clicks": float(truth["true_click_probability"].sum()) / searches,
            },
        }


def quality_after(run: Run) -> float:
    """`quality` of the order that an engine has reached at the end of a run."""
    return quality(run.world.midnight(run.days, run.state))
