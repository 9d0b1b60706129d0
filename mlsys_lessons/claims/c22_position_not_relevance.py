"""C22, "clicks teach position, not relevance": one search engine, two ways to count a click.

The engine orders pages by the match of texts and by what was clicked. Once it counts clicks, once
it counts each click 1 / examination of its place (inverse propensity scoring); queries, documents,
people and luck are the same. What counts is the quality of the order that it has reached, against
the truth, and money per 1,000 searches: 2 cents a satisfied one, -5 an abandoned one. Everything
on a page is shown, so that nothing but the order differs. Thresholds were written before the first
run.

It is about two rankers and not about incidents: what is swept is how steep position bias is. 1 x is
the published curve, 0 x a page of which every place is looked at, 4 x its fourth power. The loop is
a daily one and shows within weeks, so a run is shorter and smaller than most claims'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
from mlsys_lessons.experiments.arms import NAIVE, Arm
from mlsys_lessons.experiments.rankers import CLICKS, LEARNS, MATCH, WEIGHTED, RankerArm
from mlsys_lessons.experiments.statistics import Values, mean_interval
from mlsys_lessons.simulation.scenarios import ClaimSize

# Written before the first run. Money: a twentieth of what counting weighted clicks adds to the
# match of texts, as for every claim. The order: .01 of ndcg, for which teams ship a ranker
# (assumed).
BETTER_ORDER = 0.01
_MONEY, _ORDER = "EUR per 1,000 searches", "ndcg of ten"


def arms(rate: float) -> Mapping[str, Arm]:
    """Both rankers on one engine, and the match alone as the zero."""
    return {name: RankerArm(NAIVE, rate=rate, learns=name) for name in LEARNS}


def practical(evidence: Evidence) -> float:
    """The practical threshold for money: a share of what weighted clicks add to the match."""
    return max(0.0, PRACTICAL_SHARE * float(evidence.gap(WEIGHTED, MATCH).mean()))


def better_order(evidence: Evidence, rate: float) -> Values:
    """Quality of the order that weights reach beyond counting, by seed."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    order = runs.pivot(index="seed", columns="arm", values="ndcg")
    return numbers(order[WEIGHTED] - order[CLICKS])


def effects(evidence: Evidence, rate: float) -> Effects:
    """What weighting clicks by their place adds, to the order and in money."""
    gained = evidence.gap(WEIGHTED, CLICKS, rate)
    return (
        mean_effect(
            "a better order by weights", _ORDER, better_order(evidence, rate), BETTER_ORDER
        ),
        mean_effect("gained by weights", _MONEY, gained, practical(evidence)),
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each ranker: the order it reaches, clicks, satisfied searches, money."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for name in LEARNS:
        mine = runs[runs["arm"] == name]
        gained = mean_interval(evidence.gap(name, CLICKS, rate)).columns("gained")
        yield {
            "ranker": name, "ndcg": mine["ndcg"].mean(), "clicks a page": mine["clicks"].mean(),
            "satisfied": mine["satisfied"].mean(), **evidence.means(name, rate), **gained,
        }  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What the rate is, in how many worlds both hold, and what counting did to the match."""
    better = better_order(evidence, ORDINARY) > 0
    both = better & (evidence.gap(WEIGHTED, CLICKS) > 0)
    counting = mean_interval(evidence.gap(CLICKS, MATCH))
    return (
        "incidents are position bias: 1 x the published curve, 0 x none, 4 x its fourth power",
        f"weights give a better order and more money in {int(both.sum())} of {len(both)} worlds",
        f"counting raw clicks adds {counting} EUR per 1,000 searches to the match alone",
    )


CLAIM = Claim(
    name="C22",
    sentence="Clicks teach position, not relevance.",
    fails_where=(
        "a page of which every place is looked at (0 x); or an engine with so few clicks at its "
        "lower places that weights of eleven bring more noise than position brings bias"
    ),
    arms=arms,
    effects=effects,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
    size=ClaimSize(days=60, daily=4_000),
)
