"""A search engine as plain data: fields and their owners, words, features, costs, who is called.

A request is a page of ten places, a row one document at one place, and the harm to be prevented is
a place that answers nothing. Nothing is computed here, and nothing here knows the truth; reality is
in world.py.
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

PLACES = 10  # of a page
KINDS = ("find a site", "learn", "buy", "news")  # of queries; the last ages
TOPICS = ("arts", "business", "computers", "health", "home", "science", "sport", "travel")
MOST_USERS, MOST_QUERIES, MOST_DOCUMENTS = 2**24, 2**20, 2**28  # as ids

FRONT, ACCOUNTS, QUERIES = "results page", "accounts", "query team"
INDEX, CRAWLER, CLICK_LOG = "index team", "crawler", "click log"
MODELS = "ML team"
PLATFORM = "payments platform"  # one platform runs every business

# --- fields and features -------------------------------------------------------------------------


def _id(name: str, owner: str, most: int) -> Field:
    return Field(name, "int64", owner, minimum=0, maximum=most - 1, on_breach="degrade",
                 role=ENTITY)  # fmt: skip


def _rate(name: str, most: float, about: str) -> Field:
    return Field(name, "float64", CLICK_LOG, minimum=0.0, maximum=most, on_breach="degrade",
                 about=f"{about}, of this document for this query by last midnight")  # fmt: skip


FIELDS = (
    Field("request_id", "int64", FRONT, minimum=0, role=REQUEST, about="the page"),
    Field("position", "int64", FRONT, minimum=0, maximum=PLACES - 1, role=POSITION),
    time_field("event_time", FRONT, EVENT),
    time_field("arrival_time", FRONT, ARRIVAL),
    Field("user_id", "int64", ACCOUNTS, minimum=0, maximum=MOST_USERS - 1, role=ENTITY),
    _id("query_id", QUERIES, MOST_QUERIES),
    word_field("query_kind", QUERIES, KINDS),
    word_field("query_topic", QUERIES, TOPICS),
    _id("document_id", CRAWLER, MOST_DOCUMENTS),
    time_field("published", CRAWLER, past=True),
    word_field("topic", CRAWLER, TOPICS),
    Field("match", "float64", INDEX, unit="odds", minimum=1e-3, maximum=1e3, null_rate=0.001,
          on_breach="degrade", about="how well the texts match: 1 is usual"),
    _rate("click_rate", 1.0, "clicks by pages shown"),
    _rate("weighted_rate", 100.0, "the same, a click counted 1 / examination of its place"),
    Field("swap_partner", "float64", FRONT, minimum=0, maximum=PLACES - 1, on_breach="degrade",
          about="the place with which a coin may have exchanged the top document; 0: no coin"),
    word_field("swapped", FRONT, ("no", "yes")),
)  # fmt: skip

_PAST = ("user_id", "event_time")
FEATURES = (
    Feature("log_match", "log", ("match",), "ln(odds of a match of texts)"),
    Feature("place", "number", ("position",), "0 is the top of the page"),
    Feature("click_share", "number", ("click_rate",), "clicks by pages shown", scale="log"),
    Feature("weighted_share", "number", ("weighted_rate",), "clicks / examination", scale="log"),
    Feature("is_news", "equals", ("query_kind",), "1 or 0: the query is about news", "news"),
    Feature("is_other_topic", "differs", ("topic", "query_topic"), "1 or 0: not the query's own"),
    Feature("document_age_days", "days_since", ("event_time", "published"), "since it appeared",
            scale="log1p"),
    Feature("seen_7d", "count", _PAST, "places shown to the user in a week", "week", "log1p"),
    Feature("recency_hours", "recency", _PAST, "since the user's last search", scale="log1p"),
)  # fmt: skip

# --- money ---------------------------------------------------------------------------------------

PANEL = 100  # searches that each simulated one stands for, so that money is whole cents


@dataclass(frozen=True)
class SearchCosts(Costs):
    """The one cost table of the search engine, in integer cents; every number is assumed.

    A satisfied search earns 2 cents, an abandoned one costs 5, a place that answers nothing a tenth
    of a cent; a simulated search stands for a hundred. The row that would answer its page is worth
    the one if it is shown and costs the other if it is dropped. A page on which nothing would have
    answered is abandoned whatever the system does: no row is charged for it, and `by_search`
    counts it.
    """

    satisfied: int = 2 * PANEL
    friction: int = 5 * PANEL  # a search is abandoned because its answer was dropped
    place: int = PANEL // 10  # what the place might have held
    shed: int = 0  # a blank place
    people_share: float = 1.0
    quarantine: int = 0
    delay: int = 0

    def margin(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents of an answer.

        >>> SearchCosts().margin(np.array([0]))
        array([200])
        """
        return np.full(len(amount_cents), self.satisfied)

    def loss(self, amount_cents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cents of a place that answers nothing."""
        return np.full(len(amount_cents), self.place)

    def by_search(self, searches: float, satisfied: float) -> float:
        """Cents of searches of which some were satisfied and the others abandoned, whyever.

        What an order of pages is worth; a decision changes the second part alone.

        >>> SearchCosts().by_search(10, 7)
        -100
        """
        return self.satisfied * satisfied - self.friction * (searches - satisfied)


SEARCH = Domain(
    name="search",
    fields=FIELDS,
    features=FEATURES,
    costs=SearchCosts(),
    items=("satisfied", "place_in_vain", "place_saved", "abandoned", "blank_place"),
    actions=("show", "hold", "drop", "shed"),
    reasons=("score", "exploration", "no answer"),
    label_sources=("person", "click log", "matured", "late"),
    harm="miss",
    actor="user_id",
    measure="match",
    usual_by="document_id",
    feed_owner=FRONT,
    typical_genuine=1.0,
    typical_harmful=1.0,
    questions=(("place", 2.5), ("is_other_topic", 0.5), ("is_news", 0.5)),
    shares=(Share("share_news", "query_kind", equals="news"),
            Share("share_other_topic", "topic", differs_from="query_topic")),
    alert_rules=alert_rules(FIELDS, Crew(FRONT, MODELS, PLATFORM, FRONT), stake="match",
                            share=("share_news", QUERIES)),
    caption="document {document_id} for query {query_id} at place {position}, match {match:.2f}",
    traced=("log_match", "click_share", "weighted_share"),
    proxy="not clicked",
    proxy_accepts=0.8,
)  # fmt: skip
