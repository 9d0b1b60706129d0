"""C25, "ship small, iterate fast": the same sixteen changes, one at a time or eight in a release.

A change in about seven is bad: a fault of the catalogue, from its release until on call has rolled
back, and a roll-back undoes the whole release. What bad changes cost is measured in the resilient
system, against its twin in which every change is good. Three things beside are arithmetic: good
changes wait until their batch is full; after a roll-back they stay out until each suspect has been
tried in turn, a day each; and every release costs half an hour of people. What counts is the sum,
for eight in a release against one, in euros per 1,000 requests.

The threshold and every figure below were written before the first run; no world had been looked at.
Nothing else goes wrong, so a run needs no year: 90 days x 1,000. Incidents are bad changes: 1 x is
15 % of them, 0 x none, 4 x three in five.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mlsys_lessons.claims.claim import (
    MODEL_ALONE,
    NOTHING,
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    of_the_ordinary_year,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.components.response.assumptions import FIGURES
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.experiments.batches import (
    BATCHES,
    CHANGES,
    EVERY,
    SIZE,
    Shipped,
    bad_changes,
    releases,
)
from mlsys_lessons.experiments.statistics import Values, mean_interval

SMALL, LARGE = min(BATCHES), max(BATCHES)
WORTH = 0.005  # of what the model adds to approving everything: a good change, assumed
DAYS_A_SUSPECT = 1.0  # to try one change of a release that was rolled back, assumed
RELEASE_HOURS = 0.5  # of people, each release: a pipeline that is automated, assumed
_MONEY = "EUR per 1,000 requests"


def name_of(batch: int) -> str:
    """An arm's name.

    >>> name_of(8)
    '8 a release'
    """
    return f"{batch} a release"


def arms(rate: float) -> Mapping[str, Arm]:
    """Each batch size, and the twin in which every change is good: the same for all of them."""
    bad = {name_of(batch): Shipped(RESILIENT, rate=rate, batch=batch) for batch in BATCHES if rate}
    return {"all good": Shipped(RESILIENT, rate=0.0), **bad, **yardstick(rate)}


def damage(evidence: Evidence, batch: int, rate: float) -> Values:
    """What bad changes cost, by seed: measured."""
    if not rate:
        return np.zeros(len(_seeds(evidence, rate)))
    return evidence.gap("all good", name_of(batch), rate)


def _seeds(evidence: Evidence, rate: float) -> list[int]:
    runs = evidence.runs
    return sorted(runs.loc[runs["rate"] == rate, "seed"].unique().tolist())


def _a_change_and_day(evidence: Evidence) -> float:
    """Euros per 1,000 requests of the run that one good change adds on each day in service."""
    lift = float(evidence.gap(MODEL_ALONE, NOTHING).mean())
    return WORTH * lift / evidence.size.days


def waiting(evidence: Evidence, batch: int) -> float:
    """What is lost while changes wait for their batch."""
    days = CHANGES * EVERY * (batch - 1) / 2.0
    return days * _a_change_and_day(evidence)


def searching(evidence: Evidence, batch: int, rate: float) -> Values:
    """What is lost while the good changes of a bad release stay out, by seed."""
    lost = [_good_days_out(seed, batch, rate) for seed in _seeds(evidence, rate)]
    return np.array(lost) * _a_change_and_day(evidence)


def _good_days_out(seed: int, batch: int, rate: float) -> float:
    """Days x good changes: half of the suspects are tried, on average, and the culprit."""
    bad = set(bad_changes(seed, rate))
    found = [(len(set(one) & bad), len(one)) for one in releases(batch).values()]
    days = DAYS_A_SUSPECT * (batch + 1) / 2.0
    return float(sum(days * (size - culprits) for culprits, size in found if culprits))


def shipping(evidence: Evidence, batch: int) -> float:
    """What the releases themselves cost."""
    euros = len(releases(batch)) * RELEASE_HOURS * FIGURES["hour"] / 100
    return euros / (evidence.size.days * evidence.size.daily / 1_000)


def cost(evidence: Evidence, batch: int, rate: float) -> Values:
    """All four, by seed."""
    fixed = waiting(evidence, batch) + shipping(evidence, batch)
    return damage(evidence, batch, rate) + searching(evidence, batch, rate) + fixed


def effects(evidence: Evidence, rate: float) -> Effects:
    """What eight in a release cost beyond one."""
    more = cost(evidence, LARGE, rate) - cost(evidence, SMALL, rate)
    name = f"{LARGE} a release cost more than {SMALL}"
    return (mean_effect(name, _MONEY, more, evidence.practical),)


def beside(evidence: Evidence) -> Effects:
    """The measured part alone: the damage of bad changes until they are rolled back."""
    more = damage(evidence, LARGE, ORDINARY) - damage(evidence, SMALL, ORDINARY)
    return (mean_effect("of it damage done", _MONEY, more, evidence.practical),)


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row a batch size: the four parts, and the sum."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for batch in BATCHES:
        mine = runs[runs["arm"] == (name_of(batch) if rate else "all good")]
        yield {
            "a release": batch, "bad": mine["bad"].mean(), "bad days": mine["bad_days"].mean(),
            "waiting": waiting(evidence, batch),
            "searching": float(searching(evidence, batch, rate).mean()),
            "shipping": shipping(evidence, batch),
            "damage": float(damage(evidence, batch, rate).mean()),
            **mean_interval(cost(evidence, batch, rate)).columns("cost"),
        }  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What is assumed, and how many worlds have a bad change at all."""
    seeds = _seeds(evidence, ORDINARY)
    hit = sum(bool(bad_changes(seed, ORDINARY)) for seed in seeds)
    return (
        "incidents are bad changes: 1 x is 15 % of sixteen, 0 x none, 4 x 60 %",
        f"assumed: a good change is worth {WORTH:.1%} of what the model adds; a suspect takes "
        f"{DAYS_A_SUSPECT:g} day, a release {RELEASE_HOURS:g} hours of people",
        f"{hit} of {len(seeds)} worlds have a bad change among their sixteen",
    )


CLAIM = Claim(
    name="C25",
    sentence="Ship small, iterate fast.",
    fails_where=(
        "a shop in which a release takes people a day rather than half an hour; or one whose "
        "changes hardly ever help, so that nothing is lost while they wait"
    ),
    arms=arms,
    size=SIZE,
    effects=effects,
    beside=beside,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
)
