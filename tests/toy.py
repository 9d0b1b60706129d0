"""A toy domain, to prove that the house knows no business by name: a shelf of four items.

Each request is a slate: four rows with one request_id, told apart by their position. There is no
fraud and no money at stake in a row; what a business wants to prevent here is an item that is
ignored. Three fields, five features, two kinds of visitors; nobody reviews.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from mlsys_lessons.domain import (
    ARRIVAL,
    ENTITY,
    EVENT,
    POSITION,
    REQUEST,
    AlertRule,
    BusinessRule,
    Costs,
    Domain,
    Feature,
    Field,
    Share,
)
from mlsys_lessons.frames import categorical
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck, opaque_id, stream
from mlsys_lessons.records import APPROVE, DAY_MS, HOUR_MS, MATURITY_DAYS, timestamps
from mlsys_lessons.worlds.world import Day, History

ITEMS, PLACES, VISITORS = ("tea", "cup", "jam", "pen", "hat", "map"), 4, 60


@dataclass(frozen=True)
class ShelfCosts(Costs):
    """A shown item that is liked earns 30 cents, an ignored one costs its place."""

    friction: int = 5

    def margin(self, amount_cents: np.ndarray) -> np.ndarray:
        """Cents of a liked item."""
        return np.full(len(amount_cents), 30)

    def loss(self, amount_cents: np.ndarray) -> np.ndarray:
        """Cents of an ignored one."""
        return np.full(len(amount_cents), 15)


SHELF = Domain(
    name="shelf",
    fields=(
        Field("request_id", "int64", "front page", minimum=0, role=REQUEST),
        Field("position", "int64", "front page", minimum=0, maximum=PLACES - 1, role=POSITION),
        Field("event_time", "datetime64[ms]", "front page", role=EVENT),
        Field("arrival_time", "datetime64[ms]", "front page", role=ARRIVAL),
        Field("visitor_id", "int64", "front page", minimum=0, maximum=1_000, role=ENTITY),
        Field("item", "category", "catalogue", categories=ITEMS),
    ),
    features=(
        Feature("hour_sin", "hour_sin", ("event_time",), "hour of the day"),
        Feature("is_tea", "equals", ("item",), "1 or 0", "tea"),
        Feature("seen_24h", "count", ("visitor_id", "event_time"), "rows seen", "day", "log1p"),
        Feature("away_hours", "recency", ("visitor_id", "event_time"), "since then", scale="log1p"),
        Feature("item_ignored", "risk", ("item",), "how often it is ignored", 50.0, "log"),
    ),
    costs=ShelfCosts(),
    items=("liked", "ignored", "spared", "missed", "shed"),
    actions=("show", "ask", "drop", "shed"),
    reasons=("score", "tired", "exploration", "no answer"),
    label_sources=("person", "click log", "matured", "late"),
    harm="ignore",
    actor="visitor_id",
    feed_owner="front page",
    rules=(BusinessRule("tired", "drop", (("seen_24h", ">=", 200.0),)),),
    questions=(("item_ignored", 0.5), ("seen_24h", 4.5)),
    shares=(Share("share_tea", "item", equals="tea"),),
    alert_rules=(
        AlertRule("operations", "requests", "all", "both", "platform", "page", transform="log"),
        AlertRule("inputs", "null_rate", "item", "up", "catalogue", "page"),
        AlertRule("decisions", "drop_rate", "all", "both", "front page", "ticket", cycle=7),
    ),
    caption="{item} at place {position}",
    traced=("seen_24h", "item_ignored"),
)


class Staff(NamedTuple):
    """Nobody."""

    capacity: int = 0


@dataclass
class ShelfState:
    """Ignored rows that the click log will tell of tomorrow."""

    reports: list[pd.DataFrame] = field(default_factory=list)


@dataclass(frozen=True)
class ShelfWorld:
    """Visitors of two kinds, each with a taste of its own."""

    seed: int
    daily: int  # rows a day, about
    name: ClassVar[str] = "shelf"
    domain: ClassVar[Domain] = SHELF
    reviewers: ClassVar[Staff] = Staff()

    def start(self) -> ShelfState:
        """Midnight of day 0."""
        return ShelfState()

    def day(self, tick: int, state: Any) -> Day:
        """The slates of a day, and which of their rows are ignored."""
        draw = stream(self.seed, "shelf", tick)
        slates = self.daily // PLACES
        visitor, event = (
            draw.integers(0, VISITORS, slates),
            np.sort(draw.integers(0, DAY_MS, slates)),
        )
        item = np.argsort(draw.random((slates, len(ITEMS))))[:, :PLACES].ravel()
        kind = np.repeat(visitor % 2, PLACES)
        ignored = np.where(item == kind, 0.2, np.where(item < 4, 0.6, 0.9))
        slate = np.repeat(opaque_id(np.arange(slates), tick, np.zeros(slates, int)), PLACES)
        times = timestamps(np.repeat(event + tick * DAY_MS, PLACES))
        requests = pd.DataFrame({
            "request_id": slate, "position": np.tile(np.arange(PLACES), slates),
            "event_time": times, "arrival_time": times, "visitor_id": np.repeat(visitor, PLACES),
            "item": categorical(item.astype(np.int8), SHELF.vocabularies["item"]),
        })  # fmt: skip
        keys = row_keys(requests, SHELF.identity)
        label = (luck(self.seed, "ignored", keys) < ignored).astype(np.int8)
        nothing = np.zeros(len(keys), dtype=np.int64)
        truth = {"true_label": label, "true_probability": ignored, "true_amount_cents": nothing}
        return Day(requests, pd.DataFrame(truth, index=pd.Index(keys, name="row_key")))

    def midnight(self, tick: int, state: Any) -> Any:
        """No reference asks here."""
        raise AssertionError("no reference reads received rows here")

    def review(self, state: Any, tick: int, picks: pd.DataFrame) -> pd.DataFrame:
        """Nobody is asked."""
        raise AssertionError("nobody reviews here")

    def reports(self, state: Any, tick: int) -> pd.DataFrame:
        """What the click log tells tonight: the shown and ignored rows of yesterday."""
        due, state.reports = state.reports, []
        empty = pd.DataFrame(columns=[*SHELF.identity, "event_tick", "label"], dtype=np.int64)
        return pd.concat([empty, *due]).assign(label_time=timestamps(np.array([tick * DAY_MS]))[0])

    def react(self, state: Any, tick: int, settled: pd.DataFrame) -> None:
        """Visitors ignore what they are shown, and come back all the same."""
        shown = settled["final_action"].array.codes == APPROVE
        ignored = settled[shown & (settled["true_label"] == 1).to_numpy()]
        state.reports.append(ignored[[*SHELF.identity]].assign(event_tick=tick, label=1))

    def history(self, days: int) -> History:
        """The days before day 0: everything was shown."""
        past = [self.day(tick, None) for tick in range(-days, 0)]
        requests = pd.concat([day.requests for day in past], ignore_index=True)
        label = np.concatenate([day.truth["true_label"] for day in past]).astype(np.int8)
        later = np.where(label == 1, HOUR_MS, MATURITY_DAYS * DAY_MS).astype("timedelta64[ms]")
        known = requests[[*SHELF.identity]].assign(
            label=label, label_time=requests["event_time"] + later
        )
        return History(requests, known[(known["label_time"] < "2025-01-01").to_numpy()])


def shelf_world(seed: int = 0, daily: int = 400) -> ShelfWorld:
    """A shelf with about `daily` rows a day."""
    return ShelfWorld(seed, daily)
