"""C27, "a few incidents a year make interpretability worth half a per cent": days to diagnose.

Six data faults, one at a time, in worlds that nobody tends. Whoever diagnoses looks at the inputs
in the order in which their share of the score has moved (experiments/diagnosis.py), at half a day
each, until the broken one is found; a day costs what that fault costs the running system. Faults
come as often as in the ordinary year: 4.1 a year. Interpretable is the logistic model, accurate the
boosted one; half a per cent of accuracy is half a per cent of what the boosted system adds to
approving everything, in euros: half a point of accuracy itself would be every fraud there is.

It holds if a year of faster diagnoses is worth more than that. By incident rate it scales, so the
rate at which it flips, times 4.1, is the break-even in incidents a year. Beside it, not judged:
inspections with no order at all, and in the order of the inputs' own drift, which asks no model.
A fault lasts three days after two quiet weeks, hence the size. One world (511) had been seen before
this was written, in which the boosted model's order was the shorter; the claim does not use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    numbers,
    of_the_ordinary_year,
    table_by_rate,
    unless_quiet,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments import diagnosis
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.diagnosis import (
    A_YEAR,
    DAYS_AN_INSPECTION,
    DRIFT,
    FAULTS,
    ORDERS,
    UNORDERED,
)
from mlsys_lessons.experiments.statistics import Values, mean_interval
from mlsys_lessons.simulation.scenarios import YEAR, ClaimSize

INTERPRETABLE, ACCURATE = "logistic", "boosted"
ACCURACY = 0.005  # of what the boosted system adds: "half a per cent"
_EUROS, _LOOKS = "EUR per 1,000 requests", "inspections an incident"


@dataclass(frozen=True)
class Diagnoser(Arm):
    """Whoever goes through the inputs in one order, for a year of incidents."""

    levels: tuple[str, ...] = ()
    order: str = ACCURATE

    def faults(self, seed: int, size: ClaimSize) -> tuple[()]:
        """None of the calendar: each fault is tried by itself."""
        return ()

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """What a year of diagnoses costs per 1,000 requests; beside it, inspections by fault."""
        found, lift = _tried(seed, size.daily)
        looks = found[self.order]
        rate = pd.Series(A_YEAR).loc[looks.index]
        days = looks.fillna(0.0) * DAYS_AN_INSPECTION  # a fault that breaks no input is none here
        year = self.rate * float((rate * days * found["euros a day"]).sum())
        cents = round(-100 * year / (YEAR * size.daily / 1_000))
        known = looks.notna()
        mean = float(np.average(looks[known], weights=rate[known])) if known.any() else np.nan
        measured = {"looks": mean, "lift": 1_000 * lift / size.daily, **looks.to_dict()}
        money = {"value_cents": cents, "expected_cents": cents, "items": {}}
        return {**money, "requests": 1_000, "alerts": 0, "measured": measured}


@lru_cache(maxsize=1)
def _tried(seed: int, daily: int) -> tuple[pd.DataFrame, float]:
    """Every fault in one world, and what the boosted system adds a day; shared by the orders."""
    return diagnosis.table(seed, daily), diagnosis.lift_a_day(seed, daily)


def arms(rate: float) -> Mapping[str, Arm]:
    """The five orders."""
    return {order: Diagnoser(order=order, rate=rate) for order in ORDERS}


def effects(evidence: Evidence, rate: float) -> Effects:
    """A year of faster diagnoses, less half a per cent of what the accurate model adds."""
    saved = evidence.gap(INTERPRETABLE, ACCURATE, rate)
    half = ACCURACY * _measured(evidence, "lift", rate)[ACCURATE]
    name = f"saved by {INTERPRETABLE} diagnoses - {ACCURACY:.1%} of the lift"
    return (mean_effect(name, _EUROS, saved - numbers(half), 0.0),)


def others(evidence: Evidence) -> Effects:
    """Inspections that one order saves against another."""
    looks = _measured(evidence, "looks", ORDINARY)

    def saved(by: str, against: str) -> Values:
        return numbers(looks[against] - looks[by])

    pairs = ((INTERPRETABLE, ACCURATE), (ACCURATE, UNORDERED), (INTERPRETABLE, UNORDERED),
             (DRIFT, ACCURATE))  # fmt: skip
    return tuple(
        mean_effect(f"saved by {by} against {other}", _LOOKS, saved(by, other), 0.0)
        for by, other in pairs
    )


def _measured(evidence: Evidence, what: str, rate: float) -> pd.DataFrame:
    runs = evidence.runs[evidence.runs["rate"] == rate]
    return runs.pivot(index="seed", columns="arm", values=what)


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each order: inspections, by fault too, and what a year of them costs."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    for name in ORDERS:
        mine = runs[runs["arm"] == name]
        cost = mean_interval(-numbers(evidence.euros(rate)[name])).columns("cost")
        looks = {fault: mine[fault].mean() for fault in FAULTS}
        yield {"order": name, "looks": mine["looks"].mean(), **cost, **looks}


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What half a per cent is, and how many incidents an order must serve to be worth it."""
    half = ACCURACY * _measured(evidence, "lift", ORDINARY)[ACCURATE].mean()
    of_year = sum(A_YEAR.values())
    told = []
    for better, worse in ((INTERPRETABLE, ACCURATE), (INTERPRETABLE, UNORDERED)):
        saved = evidence.gap(better, worse).mean() / of_year
        even = f"{half / saved:,.1f} incidents a year" if saved > 0 else "never: it saves nothing"
        told.append(f"{better} against {worse} breaks even at: {even}")
    return (
        f"{ACCURACY:.1%} of the lift is {half:.2f} EUR per 1,000 requests; "
        f"the ordinary year has {of_year:.1f} such incidents",
        *told,
    )


CLAIM = Claim(
    name="C27",
    sentence="A few incidents a year make interpretability worth 0.5 % accuracy.",
    fails_where=(
        "an accurate model whose attributions can be computed as easily, one call an input: then "
        "its order is as short and there is nothing to pay for; or few incidents in a large book"
    ),
    arms=arms,
    effects=effects,
    beside=others,
    verdict_at=unless_quiet("nothing to diagnose"),
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
    size=ClaimSize(days=17, daily=1_000),
)
