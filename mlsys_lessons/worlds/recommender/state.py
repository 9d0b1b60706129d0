"""What decisions change in the world of a front page: counts, tastes, patience, reports to come.

A state is changed at midnight alone. What is drawn from it is told in world.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import array_of, has_action
from mlsys_lessons.records import APPROVE
from mlsys_lessons.worlds.pages import in_vain
from mlsys_lessons.worlds.recommender.domain import RECOMMENDER
from mlsys_lessons.worlds.recommender.knobs import Habits
from mlsys_lessons.worlds.recommender.population import Population

Floats = NDArray[np.float64]

ATTRIBUTION_DAYS = 3  # after which a place without an order is known to be one (assumed)
USUAL_CLICKS, USUAL_ORDERS = 0.1, 0.03  # a place, where nothing is known of an item (assumed)
_PRIOR = 100.0  # places that they count for (assumed)
_HEALING, _RETURNING = 0.05, 0.02  # of patience and of tastes, a day (assumed)


@dataclass
class Counts:
    """What the click log has counted of each item: places shown, clicks, orders."""

    shown: Floats
    clicks: Floats
    orders: Floats

    @classmethod
    def before(cls, population: Population) -> Counts:
        """The counts at the start: early clicks, and as many places and orders as are usual."""
        clicks = population.early
        return cls(clicks / USUAL_CLICKS, clicks.copy(), clicks * USUAL_ORDERS / USUAL_CLICKS)

    @property
    def click_rate(self) -> Floats:
        """Clicks of each item's places, smoothed."""
        return np.asarray((self.clicks + _PRIOR * USUAL_CLICKS) / (self.shown + _PRIOR))

    @property
    def order_rate(self) -> Floats:
        """Orders of each item's places, smoothed."""
        return np.asarray((self.orders + _PRIOR * USUAL_ORDERS) / (self.shown + _PRIOR))


@dataclass
class FrontPageState:
    """A front page at midnight."""

    counts: Counts
    retrieved_by: Floats  # clicks by item as retrieval read them last
    tastes: Floats  # user x dimension
    patience: Floats  # of each user: 1, less what letdowns have cost
    visits: Floats  # of each user, so far
    reports: dict[int, pd.DataFrame] = field(default_factory=dict)  # by the tick that hears of them

    @classmethod
    def start(cls, population: Population) -> FrontPageState:
        """Midnight of day 0."""
        counts, people = Counts.before(population), len(population.came)
        tenure = np.maximum(-population.came, 0.0)
        return cls(
            counts, counts.clicks.copy(), population.tastes.copy(), np.ones(people), tenure / 10
        )

    def __repr__(self) -> str:
        waiting = sum(len(frame) for frame in self.reports.values())
        return (
            f"FrontPageState({self.counts.clicks.sum():,.0f} clicks counted, patience "
            f"{self.patience.mean():.3f}, {waiting:,} reports to come)"
        )

    def live(
        self, population: Population, habits: Habits, tick: int, settled: pd.DataFrame
    ) -> None:
        """Live with a day's final actions: count, be swayed, be let down, wait for orders."""
        rows = np.flatnonzero(has_action(settled, APPROVE, "final_action"))
        names = ("true_user", "true_item", "true_click", "true_content", "true_label")
        user, item, click, content, label = (array_of(settled, name)[rows] for name in names)
        clicked, let_down = click == 1, (click == 1) & (content == 0)
        size = len(self.counts.clicks)
        self.counts.shown += np.bincount(item, minlength=size)
        self.counts.clicks += np.bincount(item[clicked], minlength=size)
        self.counts.orders += np.bincount(item[label == 0], minlength=size)
        if (tick + 1) % habits.refresh_days == 0:
            self.retrieved_by = self.counts.clicks.copy()
        people = len(self.patience)
        self.visits += np.bincount(array_of(settled, "true_user"), minlength=people) > 0
        lost = (1 - habits.lapse) ** np.bincount(user[let_down], minlength=people)
        self.patience = 1 - (1 - _HEALING) * (1 - self.patience * lost)
        self.tastes += _RETURNING * (population.tastes - self.tastes)
        np.add.at(self.tastes, user[clicked], habits.sway * population.traits[item[clicked]])
        due, waiting = tick + ATTRIBUTION_DAYS, rows[label == 1]
        self.reports[due] = in_vain(RECOMMENDER, settled, waiting, event=tick, due=due)
