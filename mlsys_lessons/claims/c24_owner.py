"""C24, "the model owns it": the same incidents, with and without an owner on the alert.

Eight silent faults, those that ring and that only somebody can end who finds the cause, break one
at a time in the resilient system. Rules, limits, alerts, people and their delays are the same; an
alert names a team, or nobody: then somebody has to take it before anybody looks, which is one
hand-off more, and each hand-off draws a delay. Nobody has a runbook, so that what ends an incident
is somebody who has found its cause. A mean over the faults weights each with how often it comes.

The thresholds were written before the first run: a working day, and in money, for a year of such
incidents, the one practical threshold. Worlds 501 and 502, which the claim does not use, were
looked at for the run's length. One fault needs no busy world and is looked at for 16 days, so a run
is shorter and smaller than most claims'. Incidents are hours of a hand-off: 1 x is a median of
eight, 4 x of 32; at 0 x there is nothing to measure, for then nobody's alert is taken at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    numbers,
    of_the_ordinary_year,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.experiments.routing import NO_OWNER, ROUTES, SILENT, SIZE, TEAM, Routed
from mlsys_lessons.experiments.statistics import Values, mean_interval
from mlsys_lessons.simulation.scenarios import YEAR

A_DAY = 1.0  # days longer until it is over: what anybody would notice; written before the first run
_DAYS, _MONEY = "days", "EUR per 1,000 requests"


def name_of(fault: str, route: str) -> str:
    """An arm's name.

    >>> name_of("null_flood", NO_OWNER)
    'null_flood, no owner'
    """
    return f"{fault}, {route}"


def arms(rate: float) -> Mapping[str, Arm]:
    """Every silent fault with and without a team."""
    if not rate:
        return {}
    made = {
        name_of(fault, route): Routed(RESILIENT, rate=rate, route=route, fault=fault)
        for fault in SILENT
        for route in ROUTES
    }
    return {**made, **yardstick(rate)}


def days(evidence: Evidence, fault: str, route: str, rate: float) -> Values:
    """Days until a fault was over, by seed."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    mine = runs[runs["arm"] == name_of(fault, route)]
    return numbers(mine.set_index("seed")["days_to_end"])


def _euros(evidence: Evidence, fault: str, route: str, rate: float) -> Values:
    """Expected euros of a run, by seed."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    mine = runs[runs["arm"] == name_of(fault, route)]
    return numbers(mine.set_index("seed")["expected_cents"] / 100)


def longer(evidence: Evidence, rate: float) -> Values:
    """Days that a mean silent incident lasts longer without an owner, by seed."""
    each = [days(evidence, one, NO_OWNER, rate) - days(evidence, one, TEAM, rate) for one in SILENT]
    return np.average(each, axis=0, weights=list(SILENT.values()))


def dearer(evidence: Evidence, rate: float) -> Values:
    """What a year of them costs more without an owner, per 1,000 requests, by seed."""
    each = [
        a_year * (_euros(evidence, one, TEAM, rate) - _euros(evidence, one, NO_OWNER, rate))
        for one, a_year in SILENT.items()
    ]
    return np.sum(each, axis=0) / (YEAR * evidence.size.daily / 1_000)


def effects(evidence: Evidence, rate: float) -> Effects:
    """How much longer, and how much dearer."""
    return (
        mean_effect("an incident lasts longer", _DAYS, longer(evidence, rate), A_DAY),
        mean_effect("a year costs more", _MONEY, dearer(evidence, rate), evidence.practical),
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row a fault: days until it is over under each routing, and what no owner adds."""
    for fault, a_year in SILENT.items():
        without, team = (days(evidence, fault, route, rate) for route in (NO_OWNER, TEAM))
        more = _euros(evidence, fault, TEAM, rate) - _euros(evidence, fault, NO_OWNER, rate)
        yield {
            "fault": fault, "a_year": a_year, NO_OWNER: without.mean(), TEAM: team.mean(),
            "euros more": more.mean(), **mean_interval(without - team).columns("longer"),
        }  # fmt: skip


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What the rate is, and how often the name changed nothing."""
    same = [days(evidence, one, NO_OWNER, ORDINARY) == days(evidence, one, TEAM, ORDINARY)
            for one in SILENT]  # fmt: skip
    return (
        "incidents are hours of a hand-off: 1 x is a median of eight, 4 x of 32",
        f"in {np.mean(same):.0%} of incidents it makes no difference: the change waits for the "
        "same midnight, or nobody has found the cause by the end",
    )


CLAIM = Claim(
    name="C24",
    sentence='"The model owns it" means that nobody does.',
    fails_where=(
        "a business in which a page is taken within hours by whoever is awake, and changes wait "
        "for the night; or one whose runbook ends the fault before anybody looks for its cause"
    ),
    arms=arms,
    size=SIZE,
    effects=effects,
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
)
