"""C23, people and model together beat either alone, until the queue or the deference breaks them.

One system, the usual four cases a day for each thousand payments. The model alone decides by cost
without a queue; people alone look at cases drawn by lot or by amount, see no score, and everything
else is approved; together, the queue holds the cases in which a look is worth most. Reviewers are
as in the published studies: sure where nobody doubts, hardly better than chance in the grey zone,
with the usual deference (.10). C13 found no effect of the same people in the same setting, and the
setting stays: a share of cases and a quality were not chosen for this claim.

Written before the first run. The sentence has two halves, each with a threshold: together beat the
model alone, and together beat the better of the two ways in which people are alone, each by the
practical threshold. Expected: the second surely, the first not, as in C13; with people who can ask
the customer (`sure`: they err in doubtful cases as in clear ones) the first as well. "Until": full
deference and three reviewers in four absent are rows of the table, and are expected to take back
what people add; with nothing added there is nothing to take.

A run is shorter than most claims': people are asked every day. Nothing is retrained.

Read afterwards: the second half came, the first did not, and the strains take back more than people
add. One expectation was wrong: people who can ask are hardly worth more. Few cases of the queue are
hard to tell; most are honest customers, and the frauds that the model misses it does not doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlsys_lessons.claims.claim import (
    NOTHING,
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.people_alone import BY_AMOUNT, BY_LOT, staffed
from mlsys_lessons.experiments.statistics import Values, mean_interval
from mlsys_lessons.simulation.scenarios import ClaimSize

MODEL, BOTH = "model alone", "both"
LOT, AMOUNT = "people alone, by lot", "people alone, by amount"
DEFERENT, ABSENT, SURE = "both, full deference", "both, one in four at work", "both, who can ask"
STRAINED: Mapping[str, Mapping[str, Any]] = {
    DEFERENT: {"deference": 1.0},
    ABSENT: {"present": 0.25},
    SURE: {"sure": True},
}
_UNIT = "EUR per 1,000 requests"


def arms(rate: float) -> Mapping[str, Arm]:
    """Either alone, both, and in the ordinary year both under a strain."""
    found: dict[str, Arm] = {
        MODEL: staffed(rate, capacity=0),
        LOT: staffed(rate, chosen=BY_LOT, deference=0.0),
        AMOUNT: staffed(rate, chosen=BY_AMOUNT, deference=0.0),
        BOTH: staffed(rate),
    }
    if rate == ORDINARY:
        found |= {name: staffed(rate, **people) for name, people in STRAINED.items()}
    return {**found, NOTHING: Arm((), rate=rate), **yardstick(rate)}


def beyond_people(evidence: Evidence, rate: float) -> Values:
    """What both earn beyond the better of the two ways in which people are alone, by seed."""
    gaps = [evidence.gap(BOTH, alone, rate) for alone in (LOT, AMOUNT)]
    return np.minimum(*gaps)


def effects(evidence: Evidence, rate: float) -> Effects:
    """What both earn beyond either."""
    parts = {
        "beyond the model alone": evidence.gap(BOTH, MODEL, rate),
        "beyond people alone": beyond_people(evidence, rate),
    }
    return tuple(mean_effect(name, _UNIT, gap, evidence.practical) for name, gap in parts.items())


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each arm: what it earns, and what it earns beyond the model alone."""
    for name in arms(rate):
        if name in (MODEL, LOT, AMOUNT, BOTH, NOTHING, *STRAINED):
            added = mean_interval(evidence.gap(name, MODEL, rate)).columns("added")
            yield {"system": name, **evidence.means(name, rate), **added}


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What each strain does to both, in the ordinary year."""
    changes = {name: mean_interval(evidence.gap(name, BOTH)) for name in STRAINED}
    return tuple(
        f"{name}: {one.estimate:+.1f} {_UNIT} against both, {one.low:+.1f} to {one.high:+.1f}"
        for name, one in changes.items()
    )


CLAIM = Claim(
    name="C23",
    sentence=(
        "People and model together beat either alone, until the queue or the deference breaks them."
    ),
    fails_where=(
        "reviewers who doubt where the model doubts: a look then costs its minutes and brings no "
        "second opinion"
    ),
    arms=arms,
    effects=effects,
    notes=notes,
    table=table_by_rate(rows),
    size=ClaimSize(days=30, daily=1_000),
)
