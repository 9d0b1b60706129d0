"""C14, "recommendation is not conversion": one front page, one recipe, two columns to learn.

The notebook's recipe is fitted on the same history twice: on what was clicked, and on what was
ordered. Each model shows the rows that it likes best, as many as there is room for by one rule; all
else is the same system, the same users, the same luck. What counts is money per 1,000 slates, with
the clicks beside it. Both thresholds were written before the first run.

It is about two models and not about incidents: what is swept is the share of clickbait in the
catalogue. 1 x is the usual fifth, 0 x none, 4 x four items in five. It shows on every day alike, so
a run is shorter and smaller than most claims'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mlsys_lessons.claims.claim import (
    ORDINARY,
    PRACTICAL_SHARE,
    Claim,
    Effects,
    Evidence,
    Row,
    numbers,
    of_the_ordinary_year,
    table_by_rate,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.components.features import offline
from mlsys_lessons.experiments.arms import NAIVE, Arm, summary
from mlsys_lessons.experiments.statistics import Values, mean_interval
from mlsys_lessons.frames import has_action
from mlsys_lessons.ids import row_keys
from mlsys_lessons.records import APPROVE
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    NotebookModel,
    naive_system,
    notebook_model,
)
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import Habits, recommender_world
from mlsys_lessons.worlds.recommender import RecommenderWorld, front_page
from mlsys_lessons.worlds.recommender.domain import RECOMMENDER

CLICKS, ORDERS, EVERYTHING = "best on clicks", "best on conversions", "show everything"
LEARNED = {CLICKS: RECOMMENDER.proxy, ORDERS: "label"}

# Written before the first run. Money: a twentieth of what the model of clicks adds to showing
# everything, as for every claim. Clicks: one in a hundred, for which teams ship a model (assumed).
MORE_CLICKS = 1.0
_MONEY, _PERCENT = "EUR per 1,000 slates", "% of clicks"


@dataclass(frozen=True)
class FrontPageArm(Arm):
    """The naive system of a front page around a model that has learned one column."""

    learned: str = CLICKS

    @property
    def habits(self) -> Habits:
        """The usual habits, with so many times the usual clickbait."""
        return Habits(clickbait=min(1.0, self.rate * Habits().clickbait))

    def faults(self, seed: int, size: ClaimSize) -> tuple[()]:
        """None: the rate is that of clickbait."""
        return ()

    def world(self, seed: int, size: ClaimSize) -> RecommenderWorld:
        """The front page of a seed."""
        return _world(seed, size.daily, self.habits)

    def system(self, seed: int) -> System:
        """The system, the model and its cut plugged in."""
        naive = naive_system("recommender", seed=seed)
        if self.learned == EVERYTHING:
            return naive.with_(decisions=ScoreCut(np.inf, RECOMMENDER))
        found = fitted(seed, self.habits, LEARNED[self.learned])
        return naive.with_(model=found.model, decisions=ScoreCut(found.cut, RECOMMENDER))

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it; a request is a slate, and beside the money stand clicks and what was shown."""
        run = simulate(self.world(seed, size), self.system(seed), days=size.days)
        truth = run.truth().loc[row_keys(run.log, RECOMMENDER.identity)]
        shown = has_action(run.log, APPROVE, "final_action")
        measured = {
            "clicks": float(truth["true_click_probability"].to_numpy()[shown].sum()),
            "shown": float(shown.mean()),
        }
        slates = int(run.log["request_id"].nunique())
        return {**summary(run), "requests": slates, "measured": measured}


def _world(seed: int, daily: int, habits: Habits) -> RecommenderWorld:
    size = front_page(seed, daily)
    return recommender_world(seed, size.users, size.items, habits)


@lru_cache(maxsize=4)
def fitted(seed: int, habits: Habits, column: str) -> NotebookModel:
    """The notebook's recipe on one column of a seed's history: the model, and its cut."""
    history = _world(seed, TRAINING_DAILY, habits).history(HISTORY_DAYS)
    table = offline(*history, RECOMMENDER)
    learned = table.assign(**{RECOMMENDER.proxy: table[column]})
    return notebook_model(learned, seed=seed, domain=RECOMMENDER)


def arms(rate: float) -> Mapping[str, Arm]:
    """Both models on one page, and showing everything as the zero."""
    return {name: FrontPageArm(NAIVE, rate=rate, learned=name)
            for name in (CLICKS, ORDERS, EVERYTHING)}  # fmt: skip


def practical(evidence: Evidence) -> float:
    """The practical threshold for money: a share of what the model of clicks adds."""
    return max(0.0, PRACTICAL_SHARE * float(evidence.gap(CLICKS, EVERYTHING).mean()))


def more_clicks(evidence: Evidence, rate: float) -> Values:
    """Clicks that the model of clicks gets beyond the other, in per cent, by seed."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    clicks = runs.pivot(index="seed", columns="arm", values="clicks")
    return numbers(100 * (clicks[CLICKS] / clicks[ORDERS] - 1))


def effects(evidence: Evidence, rate: float) -> Effects:
    """What learning orders adds in money, and what it gives up in clicks."""
    gained = evidence.gap(ORDERS, CLICKS, rate)
    return (
        mean_effect("gained by learning conversions", _MONEY, gained, practical(evidence)),
        mean_effect("clicks given up for it", _PERCENT, more_clicks(evidence, rate), MORE_CLICKS),
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each policy: its clicks, the share it shows, its money."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for name in (CLICKS, ORDERS, EVERYTHING):
        mine = runs[runs["arm"] == name]
        gained = mean_interval(evidence.gap(name, CLICKS, rate)).columns("gained")
        yield {
            "policy": name, "clicks a slate": (mine["clicks"] / mine["requests"]).mean(),
            "shown": mine["shown"].mean(), **evidence.means(name, rate), **gained,
        }  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What the rate is, and in how many worlds the two orders of merit part."""
    part = (evidence.gap(ORDERS, CLICKS) > 0) & (more_clicks(evidence, ORDINARY) > 0)
    return (
        "incidents are clickbait: 1 x is a fifth of the items, 0 x none, 4 x four in five",
        f"more clicks and less money in {int(part.sum())} of {len(part)} worlds",
    )


CLAIM = Claim(
    name="C14",
    sentence="Recommendation is not conversion.",
    fails_where=(
        "a catalogue without clickbait, where clicks and orders follow one taste (0 x); or a shop "
        "with too few orders to learn from, while clicks are many"
    ),
    arms=arms,
    effects=effects,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
    size=ClaimSize(days=60, daily=4_000),
)
