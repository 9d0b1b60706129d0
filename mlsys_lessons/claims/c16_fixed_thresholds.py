"""C16, "fixed drift thresholds cry wolf": healthy days, few rows, and the textbook's limits.

A world without drift and without incidents. Of each day so many rows are compared with the four
weeks before day 28, column by column, by PSI over the reference's deciles. The textbook calls .1 a
moderate change and .25 a large one, however many rows there are (Siddiqi, Credit Risk Scorecards,
2006). Beside them stands a limit that is drawn from the reference itself: what the PSI of as many
of its own rows stays below in 995 of 1,000 draws. What counts is how many of 1,000 healthy
column-days alarm. No system runs, so incidents are the number of rows: 4 x is four times as many.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    numbers,
    of_the_ordinary_year,
    unless_quiet,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.components.monitoring.drift import psi_of_counts
from mlsys_lessons.components.monitoring.prepared import NumericColumn, PreparedReference
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.watched_columns import watched
from mlsys_lessons.randomness import luck, stream
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.worlds import Drift, payments_world

ROWS, MORE_ROWS = 100, 300
MODERATE, LARGE, OWN = 0.1, 0.25, "own limit"
REFERENCE_DAYS, DRAWS, STATED = 28, 4_000, 0.005  # false alarms a column-day that a team asks for

# Written before the first run. To cry wolf: one healthy column-day in ten alarms, which is a page
# every other day from six columns. To keep its word: at most twice what was stated.
MANY, TWICE = 100.0, 10.0
_UNIT = "of 1,000 healthy column-days"


@dataclass(frozen=True)
class Watch(Arm):
    """Healthy days of so many rows under one limit; `limit=None` is drawn from the reference."""

    levels: tuple[str, ...] = ()
    rows: int = ROWS
    limit: float | None = MODERATE

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Alarms as euros per 1,000 requests, a request being a column-day."""
        count = round(self.rows * self.rate)
        share = alarms(seed, size, rows=count, limit=self.limit) if count else 0.0
        cents = round(100_000 * share)
        money = {"value_cents": cents, "expected_cents": cents, "items": {}}
        return {**money, "requests": 1_000, "alerts": 0}


def alarms(seed: int, size: ClaimSize, *, rows: int, limit: float | None) -> float:
    """Share of healthy column-days of so many rows whose PSI is above a limit."""
    reference, days = _healthy(seed, size)
    limits = own_limits(reference, rows, seed) if limit is None else dict.fromkeys(
        reference.columns, limit
    )  # fmt: skip
    fired = []
    for place, day in enumerate(days):
        lots = luck(seed, f"watched.{place}", np.arange(len(day)))
        moved = reference.compare(day.iloc[np.argsort(lots)[:rows]], ["psi"])
        fired += (moved["value"] > moved["column"].map(limits)).tolist()
    return float(np.mean(fired))


def own_limits(reference: PreparedReference, rows: int, seed: int) -> dict[Any, float]:
    """For each column what the PSI of so many of its own rows stays below in 995 of 1,000 draws."""
    draw, limits = stream(seed, "own limits"), {}
    for name, column in reference.columns.items():
        counts = column.deciles if isinstance(column, NumericColumn) else column.counts
        draws = draw.multinomial(rows, counts / counts.sum(), size=DRAWS)
        distances = [psi_of_counts(counts, drawn) for drawn in draws]
        limits[name] = float(np.quantile(distances, 1 - STATED))
    return limits


@lru_cache(maxsize=1)
def _healthy(seed: int, size: ClaimSize) -> tuple[PreparedReference, tuple[pd.DataFrame, ...]]:
    """Four weeks as a reference, and the days behind them, of a world that stays as it is."""
    world = payments_world(seed=seed, daily=size.daily, drift=Drift.none())
    state = world.start()
    days = [watched(world.day(tick, state).requests) for tick in range(size.days)]
    reference = PreparedReference.of(pd.concat(days[:REFERENCE_DAYS], ignore_index=True))
    return reference, tuple(days[REFERENCE_DAYS:])


def arms(rate: float) -> Mapping[str, Arm]:
    """Both textbook limits and the reference's own, for days of a hundred rows and of more."""
    named = {f"{MODERATE:g}": MODERATE, f"{LARGE:g}": LARGE, OWN: None}
    return {
        f"{rows} rows, {name}": Watch(rate=rate, rows=rows, limit=limit)
        for rows in (ROWS, MORE_ROWS)
        for name, limit in named.items()
    }


def effects(evidence: Evidence, rate: float) -> Effects:
    """How often the textbook's first limit cries, and whether the own one keeps its word."""
    fired = evidence.euros(rate)
    textbook = numbers(fired[f"{ROWS} rows, {MODERATE:g}"])
    own = numbers(fired[f"{ROWS} rows, {OWN}"])
    return (
        mean_effect("alarms of .1 on days of 100 rows", _UNIT, textbook, MANY),
        mean_effect("own limit below twice its stated rate by", _UNIT, TWICE - own, 0.0),
    )


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What rates mean here."""
    return (f"incidents are rows: 1 x is {ROWS} and {MORE_ROWS} a day, 4 x four times as many",)


def table(evidence: Evidence) -> pd.DataFrame:
    """Alarms of 1,000 healthy column-days, by limit and by rows a day."""
    rows = [
        {"limit": name.split(", ")[1], "rows a day": round(arm.rows * rate),
         "alarms": evidence.euros(rate)[name].mean()}
        for rate in evidence.rates() if rate
        for name, arm in arms(ORDINARY).items() if isinstance(arm, Watch)
    ]  # fmt: skip
    found = pd.DataFrame(rows).pivot(index="limit", columns="rows a day", values="alarms")
    return found.rename(columns=lambda rows: f"{rows:,} rows").reset_index()


CLAIM = Claim(
    name="C16",
    sentence="Fixed drift thresholds cry wolf on few rows; one that is drawn from data does not.",
    fails_where="days of several hundred rows: there the textbook's .1 is quiet",
    arms=arms,
    effects=effects,
    verdict_at=unless_quiet("nothing to compare"),
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table,
    size=ClaimSize(days=90, daily=1_500),
)
