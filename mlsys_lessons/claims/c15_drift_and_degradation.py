"""C15, "drift is not degradation, and degradation is not drift": one case for each direction.

A world without trends, four weeks of it, and one thing that happens on day 0 and that nobody ends.
*Drift*: half of the merchants begin to stamp local time, six hours off. *Degradation*: a botched
deployment puts another portfolio's model on one replica in three; the system refuses it and falls
back. The model reads the hour, and the contract may disbelieve a stamp: that a system can live with
drift is the point. Both are faults of the catalogue at severities of the ordinary year. Of six raw
columns the largest PSI counts (deciles of the four weeks before day 0). What a case costs is what
the decisions lose, in expected euros, without the price of calls: whoever chases a harmless alarm
pays for the alarm, not for the drift.

The cases were picked by their size on worlds 901 and 902, which the claim does not use; the
thresholds are the textbook's and the claims' own, and were written before the first run. Nothing
refits and cases are there every day, so a run is short: 28 days x 1,000. Incidents are doses: 4 x
is twelve hours, and every replica.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mlsys_lessons.claims.claim import (
    Claim,
    Effects,
    Evidence,
    Row,
    numbers,
    of_the_ordinary_year,
    table_by_rate,
    unless_quiet,
    yardstick,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.experiments.arms import RESILIENT, Arm, summary
from mlsys_lessons.experiments.column_drift import column_psi
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.worlds import Drift

CALM, DRIFTED, DEGRADED = "calm", "time zone", "wrong model"
SEVERITY = {  # by incident rate: what the ordinary year draws, and the most there can be
    "time_zone_shift": {1.0: 6.0, 4.0: 12.0},
    "wrong_model": {1.0: 0.34, 4.0: 1.0},
}

# Written before the first run: Siddiqi's limits of 2006. "Large" is what shouts; below "moderate"
# no report would mention a column.
MODERATE, LARGE = 0.1, 0.25
_MONEY = "EUR per 1,000 requests"


@dataclass(frozen=True)
class CaseArm(Arm):
    """The resilient system in a world at rest, and one thing that happens to it."""

    case: str = ""  # a fault's name

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The case alone, from day 0 on, until somebody ends it: nobody does."""
        if not self.case or not self.rate:
            return ()
        return (CATALOGUE[self.case](start=0, end=size.days, severity=self._severity),)

    @property
    def _severity(self) -> float:
        return SEVERITY[self.case][self.rate]

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """The money of the decisions: the run's, without the price of calls."""
        found = summary(_run(self.case, self.rate, seed, size))
        calls = found["items"].get("response", 0)
        return found | {name: found[name] - calls for name in ("value_cents", "expected_cents")}


@dataclass(frozen=True)
class PsiArm(CaseArm):
    """The same run; of 1,000 requests so many euros as the largest PSI of a raw column."""

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """The largest PSI, as euros per 1,000 requests."""
        moved = column_psi(_run(self.case, self.rate, seed, size))
        cents = round(100 * 1_000_000 * float(moved.max()))
        money = {"value_cents": cents, "expected_cents": cents, "items": {}}
        return {**money, "requests": 1_000, "alerts": 0}


@lru_cache(maxsize=2)
def _run(case: str, rate: float, seed: int, size: ClaimSize) -> Run:
    """Four weeks of a world at rest under a case: what both arms of a case look at."""
    arm = CaseArm(RESILIENT, rate=rate, drift=Drift.none(), retraining=False, case=case)
    faults = arm.faults(seed, size)
    return simulate(arm.world(seed, size), arm.system(seed), days=size.days, faults=faults)


def arms(rate: float) -> Mapping[str, Arm]:
    """The world at rest, both cases, and how far the columns of each have moved."""
    cases = {CALM: "", DRIFTED: "time_zone_shift", DEGRADED: "wrong_model"}
    found: dict[str, Arm] = {}
    for kind, ending in ((CaseArm, ""), (PsiArm, ", PSI")):
        for name, case in cases.items():
            found[f"{name}{ending}"] = kind(
                RESILIENT, rate=rate, drift=Drift.none(), retraining=False, case=case
            )
    return {**found, **yardstick(rate)}


def _psi(evidence: Evidence, name: str, rate: float) -> Any:
    """The largest PSI of a column by seed; a PSI arm has 1,000 requests of its own."""
    runs = evidence.runs
    mine = runs[(runs["rate"] == rate) & (runs["arm"] == f"{name}, PSI")]
    return numbers(mine.set_index("seed")["expected_cents"] / 1e8)


def effects(evidence: Evidence, rate: float) -> Effects:
    """Both directions: it shouts and costs nothing; it costs and nothing shouts."""
    lost = {name: evidence.gap(CALM, name, rate) for name in (DRIFTED, DEGRADED)}
    practical = evidence.practical
    return (
        mean_effect("largest PSI under drift", "", _psi(evidence, DRIFTED, rate), LARGE),
        mean_effect("drift costs less than counts, by", _MONEY, practical - lost[DRIFTED], 0.0),
        mean_effect("lost to the degradation", _MONEY, lost[DEGRADED], practical),
        mean_effect(
            "its largest PSI is below .1, by", "", MODERATE - _psi(evidence, DEGRADED, rate), 0.0
        ),
    )


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What counts, and the share of worlds in which both directions are there."""
    worlds = _psi(evidence, DRIFTED, 1.0)
    lost = evidence.gap(CALM, DEGRADED)
    return (
        f"what counts is {evidence.practical:.2f} {_MONEY}; the price of calls is left out",
        f"PSI under drift {worlds.min():.2f} to {worlds.max():.2f}; the degradation costs "
        f"{lost.min():.0f} to {lost.max():.0f} EUR",
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each case: euros per 1,000 requests, what it loses, and its largest PSI."""
    for name in (CALM, DRIFTED, DEGRADED):
        euros = evidence.means(name, rate)
        lost = float(evidence.gap(CALM, name, rate).mean())
        yield {"case": name, **euros, "lost": lost, "PSI": float(_psi(evidence, name, rate).mean())}


CLAIM = Claim(
    name="C15",
    sentence="Drift is not degradation, and degradation is not drift.",
    fails_where=(
        "a system whose decisions lean on the shifted column, the hour at night say, and whose "
        "contract knows no zones: there the same shift is a drift and a degradation at once"
    ),
    arms=arms,
    effects=effects,
    verdict_at=unless_quiet("nothing has happened"),
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table_by_rate(rows),
    size=ClaimSize(days=28, daily=1_000),
)
