"""A front page as plain data: fields and their owners, words, features, costs, who is called.

A request is a slate of ten places, a row one item at one place, and the harm to be prevented is a
place that is filled in vain: no order comes of it. Nothing is computed here, and nothing here knows
the truth; reality is in world.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.domain import (
    ARRIVAL,
    ENTITY,
    EVENT,
    POSITION,
    REQUEST,
    Costs,
    Domain,
    Feature,
    Field,
    Share,
)
from mlsys_lessons.worlds.page_data import Crew, alert_rules, time_field, word_field

# --- words and who answers -----------------------------------------------------------------------

PLACES = 10  # of a slate
GENRES = ("crime", "comedy", "science", "sport", "romance", "history", "music", "family")
COVERS = ("plain", "loud")  # what a user sees before a click
MOST_USERS, MOST_ITEMS = 2**24, 2**20  # as ids

FRONT, ACCOUNTS, CATALOGUE = "front page", "accounts", "catalogue desk"
RETRIEVAL, CLICK_LOG, MODELS = "retrieval team", "click log", "ML team"
SHOP, PLATFORM = "shop", "payments platform"  # one platform runs both businesses

# --- fields and features -------------------------------------------------------------------------


def _rate(name: str, what: str) -> Field:
    return Field(
        name,
        "float64",
        CLICK_LOG,
        minimum=0.0,
        maximum=1.0,
        on_breach="degrade",
        about=f"{what} of the item by last midnight, of the places that it was shown at",
    )


FIELDS = (
    Field("request_id", "int64", FRONT, minimum=0, role=REQUEST, about="the slate"),
    Field("position", "int64", FRONT, minimum=0, maximum=PLACES - 1, role=POSITION),
    time_field("event_time", FRONT, EVENT),
    time_field("arrival_time", FRONT, ARRIVAL),
    Field("user_id", "int64", ACCOUNTS, minimum=0, maximum=MOST_USERS - 1, role=ENTITY),
    time_field("joined", ACCOUNTS, past=True),
    word_field("home_genre", ACCOUNTS, GENRES),
    Field("item_id", "int64", CATALOGUE, minimum=0, maximum=MOST_ITEMS - 1, on_breach="degrade",
          role=ENTITY),
    time_field("added", CATALOGUE, past=True),
    word_field("genre", CATALOGUE, GENRES),
    word_field("cover", CATALOGUE, COVERS),
    Field("affinity", "float64", RETRIEVAL, unit="odds", minimum=1e-3, maximum=1e3,
          null_rate=0.001, on_breach="degrade",
          about="how well item and user match, as retrieval believes: 1 is neither"),
    _rate("click_rate", "clicks"),
    _rate("order_rate", "orders"),
)  # fmt: skip

_PAST = ("user_id", "event_time")
FEATURES = (
    Feature("log_affinity", "log", ("affinity",), "ln(retrieval's odds of a match)"),
    Feature("place", "number", ("position",), "0 is the top of the slate"),
    Feature("click_share", "number", ("click_rate",), "clicks of the item's places", scale="log"),
    Feature("order_share", "number", ("order_rate",), "orders of the item's places", scale="log"),
    Feature("is_loud", "equals", ("cover",), "1 or 0", "loud"),
    Feature("is_other_genre", "differs", ("genre", "home_genre"), "1 or 0: not the user's own"),
    Feature("item_age_days", "days_since", ("event_time", "added"), "in the catalogue",
            scale="log1p"),
    Feature("user_age_days", "days_since", ("event_time", "joined"), "with us", scale="log1p"),
    Feature("seen_7d", "count", _PAST, "places shown to the user in a week", "week", "log1p"),
    Feature("recency_hours", "recency", _PAST, "since the user's last visit", scale="log1p"),
)  # fmt: skip

# --- money ---------------------------------------------------------------------------------------

PANEL = 100  # the simulated users are one in so many, so they carry that part of fixed costs


@dataclass(frozen=True)
class FrontPageCosts(Costs):
    """The one cost table of the front page, in integer cents; every number is assumed.

    A row that brings no order has filled a place in vain. A row that is dropped and would have
    brought one has sent a user away whose wish could be met. Clicks earn nothing. What letdown
    costs is lost future traffic, never a charge.
    """

    conversion: int = 30
    place: int = 1  # what the place might have held instead
    friction: int = 15  # a user whose wish could be met leaves
    shed: int = 1  # a blank place
    page: int = 2_500 // PANEL
    on_call_day: int = 500 // PANEL
    retraining: int = 3_000 // PANEL
    upkeep_component_year: int = 240_000 // PANEL
    upkeep_feature_year: int = 12_000 // PANEL
    people_share: float = 1 / PANEL
    quarantine: int = 0
    delay: int = 0

    def margin(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents of an order.

        >>> FrontPageCosts().margin(np.array([0, 0]))
        array([30, 30])
        """
        return np.full(len(amount_cents), self.conversion)

    def loss(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents of a place that was filled in vain."""
        return np.full(len(amount_cents), self.place)


RECOMMENDER = Domain(
    name="recommender",
    fields=FIELDS,
    features=FEATURES,
    costs=FrontPageCosts(),
    items=("conversion", "place_in_vain", "place_saved", "lost_conversion", "blank_place"),
    actions=("show", "hold", "drop", "shed"),
    reasons=("score", "exploration", "no answer"),
    label_sources=("person", "click log", "matured", "late"),
    harm="miss",
    actor="user_id",
    measure="affinity",
    usual_by="item_id",
    feed_owner=FRONT,
    typical_genuine=1.0,
    typical_harmful=1.0,
    questions=(("place", 4.5), ("is_other_genre", 0.5), ("is_loud", 0.5)),
    shares=(Share("share_loud", "cover", equals="loud"),
            Share("share_other_genre", "genre", differs_from="home_genre")),
    alert_rules=alert_rules(FIELDS, Crew(FRONT, MODELS, PLATFORM, SHOP), stake="affinity",
                            share=("share_loud", CATALOGUE)),
    caption="{genre} item {item_id} at place {position}, affinity {affinity:.2f}",
    traced=("log_affinity", "order_share", "seen_7d"),
    proxy="not clicked",
    proxy_accepts=0.3,
)  # fmt: skip
