"""C21, "popularity is not quality": front pages of the same items in parallel worlds.

A page retrieves by past clicks and shows everything. After sixty days its most clicked items are
held against the best ones: merit is an item's chance of an order if it is looked at, the mean of
all users. That is the definition kindest to popularity, since a click is a factor of it. Beside it
stand the same page in a parallel world (other early clicks, nothing else), and the page that gives
a fifth of its places to chance, with its money. Thresholds were written before the first run.

Expected before the first run: a rank correlation near .4, two thirds of the best tenth missed, a
few cents a slate lost to exploration within sixty days, and another hit in most parallel worlds.

It is about a loop and not about incidents: what is swept is the exponent of past clicks in what is
shown. 1 x is Polya's urn, 0 x no memory, 4 x a page where the leader takes all. It shows on every
day alike, so a run is shorter and smaller than most claims'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlsys_lessons.claims.claim import (
    ORDINARY,
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
from mlsys_lessons.experiments.front_pages import ParallelArm
from mlsys_lessons.experiments.statistics import Values, mean_interval
from mlsys_lessons.simulation.scenarios import ClaimSize

LOOP, PARALLEL, EXPLORES = "by clicks", "the parallel world", "a fifth by chance"
ALL = (LOOP, PARALLEL, EXPLORES)
EXPLORED = 0.2  # share of places (assumed)

# Written before the first run: "is not" is taken as "for the most part". Most of the best tenth is
# not among the most clicked tenth, and most of the variance of ranks is not merit's.
MOST = 0.5
_MISSED, _RANKS = "share of the best tenth", "share of the ranks' variance"


def arms(rate: float) -> Mapping[str, Arm]:
    """One page, its parallel world, and the page that explores."""
    return {
        LOOP: ParallelArm(NAIVE, rate=rate),
        PARALLEL: ParallelArm(NAIVE, rate=rate, another=True),
        EXPLORES: ParallelArm(NAIVE, rate=rate, exploration=EXPLORED),
    }


def measured(evidence: Evidence, column: str, arm: str, rate: float = ORDINARY) -> Values:
    """One measured column of an arm, by seed."""
    runs = evidence.runs[(evidence.runs["rate"] == rate) & (evidence.runs["arm"] == arm)]
    return numbers(runs.set_index("seed")[column])


def effects(evidence: Evidence, rate: float) -> Effects:
    """What the most clicked miss of the best, and what merit does not say of the ranks."""
    found = measured(evidence, "best_found", LOOP, rate)
    told = measured(evidence, "correlation", LOOP, rate).clip(min=0)
    return (
        mean_effect("missed by the most clicked tenth", _MISSED, 1 - found, MOST),
        mean_effect("not told by merit", _RANKS, 1 - told**2, MOST),
    )


def beside(evidence: Evidence) -> Effects:
    """What exploration finds back and what it costs, and the same counts read as rates."""
    more = measured(evidence, "best_found", EXPLORES) - measured(evidence, "best_found", LOOP)
    rates = measured(evidence, "rate_best_found", LOOP) - measured(evidence, "best_found", LOOP)
    money = evidence.gap(EXPLORES, LOOP)
    return (
        mean_effect("found more with a fifth by chance", _MISSED, more, 0.0),
        mean_effect("gained by a fifth by chance", "EUR per 1,000 slates", money, 0.0),
        mean_effect("found more by clicks a place", _MISSED, rates, 0.0),
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each page: what clicks say of merit, inequality, and what a slate brings."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    shown = ("correlation", "best_found", "rate_correlation", "rate_best_found", "gini", "clicks",
             "content", "orders")  # fmt: skip
    for name in ALL:
        mine = runs[runs["arm"] == name]
        gained = mean_interval(evidence.gap(name, LOOP, rate)).columns("gained")
        yield {
            "page": name, **{column: mine[column].mean() for column in shown},
            **evidence.means(name, rate), **gained,
        }  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What the rate is, and in how many parallel worlds the hit is another one."""
    hits = measured(evidence, "hit", LOOP), measured(evidence, "hit", PARALLEL)
    other = int((hits[0] != hits[1]).sum())
    return (
        "incidents are the loop: past clicks to the power 1, 0 or 4 in what is shown",
        f"the parallel world has another hit for {other} of {len(hits[0])} seeds",
        "merit is the chance of an order if looked at, the mean of all users",
    )


CLAIM = Claim(
    name="C21",
    sentence="Popularity is not quality.",
    fails_where=(
        "a page without memory (0 x) and with so many visitors that clicks are counted on equal "
        "terms; or a catalogue whose items differ more in merit than in early luck"
    ),
    arms=arms,
    effects=effects,
    beside=beside,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
    size=ClaimSize(days=60, daily=4_000),
)
