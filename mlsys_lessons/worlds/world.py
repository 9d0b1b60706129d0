"""A world, as the loop sees it: reality behind a few questions.

What a world is made of is told in its own folder. Whatever has these methods can be simulated;
nothing here is known to a system.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import pandas as pd

from mlsys_lessons.domain import Domain


class Day(NamedTuple):
    """One day: requests in order of arrival, and the truth about each, in the same order.

    The truth is indexed by row identity and has true_label (1: harm), true_probability and
    true_amount_cents, what else a world likes.
    """

    requests: pd.DataFrame
    truth: pd.DataFrame


class History(NamedTuple):
    """The days before day 0: requests, and the labels known when day 0 opens."""

    requests: pd.DataFrame
    labels: pd.DataFrame


class Staff(Protocol):
    """The people who can look at held rows."""

    @property
    def capacity(self) -> int:
        """Cases a day."""


@runtime_checkable
class World(Protocol):
    """Reality: immutable itself; `state` holds what decisions have changed in it so far."""

    def __hash__(self) -> int:
        """Worlds are immutable: what is computed of one is kept by it."""

    @property
    def name(self) -> str:
        """Its domain's name."""

    @property
    def domain(self) -> Domain:
        """The business that lives in it."""

    @property
    def seed(self) -> int:
        """All its luck."""

    @property
    def daily(self) -> int:
        """Requests a day, about."""

    @property
    def reviewers(self) -> Staff:
        """The people who can look at held rows."""

    def history(self, days: int) -> History:
        """The days before day 0, in which everything was approved."""

    def start(self) -> Any:
        """The state at midnight of day 0."""

    def day(self, tick: int, state: Any) -> Day:
        """The requests of a day, and the truth about them."""

    def midnight(self, tick: int, state: Any) -> Any:
        """What can be known when a day begins; for references that read received rows."""

    def review(self, state: Any, tick: int, picks: pd.DataFrame) -> pd.DataFrame:
        """What people find on held rows (identity, score): identity, label, minutes."""

    def reports(self, state: Any, tick: int) -> pd.DataFrame:
        """Harm that is reported by the end of a day: identity, event_tick, label, label_time."""

    def react(self, state: Any, tick: int, settled: pd.DataFrame) -> None:
        """Live with a day's final actions (identity, final_action, true_*); changes `state`."""
