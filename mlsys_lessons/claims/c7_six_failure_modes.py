"""C7, "the six ways in which traffic breaks a model service": each with and without its design.

Each mode strikes the resilient system for a week, at its stated severity, and the same system with
the answering component at its naive level, on the same luck. Each of the two is compared with
itself on undisturbed days, so that upkeep and everyday worth cancel: what is left is the damage,
held against the practical threshold (claim.py) for the days that are struck.
How often a mode must come for its design to pay is told beside it. A struck week needs no 120
days around it, so a run has 30.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    least_effect,
    numbers,
    of_the_ordinary_year,
    unless_quiet,
    yardstick,
)
from mlsys_lessons.claims.effects import HOLDS, Effect, mean_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import RESILIENT, Arm
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import ANSWERED_BY, FAILURE_MODES, Fault
from mlsys_lessons.worlds.payments.domain import COSTS

WINDOW_DAYS = 7.0

_QUIET = "no incident"
_UNIT = "EUR per 1,000 requests of the incident"


@dataclass(frozen=True)
class Struck(Arm):
    """An arm that meets `rate` incidents of one failure mode, evenly spread, and no other."""

    mode: str = ""

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The same days for every seed; no mode, no fault."""
        if not self.mode:
            return ()
        apart = size.days / self.rate
        starts = [
            max(0.0, (turn + 0.5) * apart - WINDOW_DAYS / 2) for turn in range(int(self.rate))
        ]
        factory = FAILURE_MODES[self.mode]
        return tuple(factory(start=start, end=start + WINDOW_DAYS) for start in starts)


def arms(rate: float) -> Mapping[str, Arm]:
    """With and without each design, undisturbed and struck; without incidents, undisturbed only."""
    drop = {
        design: tuple(part for part in RESILIENT if part != design)
        for design in ANSWERED_BY.values()
    }
    quiet = {_name("", design): Struck(levels) for design, levels in drop.items()}
    quiet[_name("", "")] = Struck(RESILIENT)
    if not rate:
        return quiet
    struck = {
        _name(mode, missing): Struck(drop.get(missing, RESILIENT), rate=rate, mode=mode)
        for mode, answer in ANSWERED_BY.items()
        for missing in ("", answer)
    }
    return {**quiet, **struck, **yardstick(rate)}


def _name(mode: str, missing: str) -> str:
    return f"{mode or _QUIET}, {'without ' + missing if missing else 'with'}"


def saved(evidence: Evidence, rate: float) -> Effects:
    """What each design saves of the damage, in money; nothing where nothing strikes."""
    return tuple(_saved(evidence, mode, rate) for mode in FAILURE_MODES) if rate else ()


def _saved(evidence: Evidence, mode: str, rate: float) -> Effect:
    without = _damage(evidence, mode, ANSWERED_BY[mode], rate)
    euros = numbers(without - _damage(evidence, mode, "", rate))
    return mean_effect(f"{mode}: saved", _UNIT, euros, evidence.practical)


def _damage(evidence: Evidence, mode: str, missing: str, rate: float) -> pd.Series:
    """Euros per 1,000 requests of the days that are struck, by seed."""
    euros = evidence.euros(rate)
    lost = euros[_name("", missing)] - euros[_name(mode, missing)]
    return lost * evidence.size.days / (WINDOW_DAYS * rate)


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """How many designs save more than the threshold, and which do not."""
    weak = [effect.name.removesuffix(": saved") for effect in effects if effect.verdict() != HOLDS]
    least = f"; below it or open: {', '.join(weak)}" if weak else ""
    return (f"{len(effects) - len(weak)} of {len(effects)} designs save more than that{least}",)


def table(evidence: Evidence) -> pd.DataFrame:
    """Each mode's damage without and with its design, and how often it must come to pay."""
    return pd.DataFrame(_rows(evidence))


def _rows(evidence: Evidence) -> Iterator[Row]:
    thousands = evidence.size.daily * WINDOW_DAYS / 1_000
    upkeep = COSTS.upkeep_component_year / 100
    for mode, answer in ANSWERED_BY.items():
        without = _damage(evidence, mode, answer, ORDINARY).mean()
        interval = _saved(evidence, mode, ORDINARY).interval
        worth = interval.estimate
        yield {
            "failure mode": mode, "design": answer, "without": without, "with": without - worth,
            **interval.columns("saved"),
            "pays from incidents a year": upkeep / (worth * thousands) if worth > 0 else None,
        }  # fmt: skip


CLAIM = Claim(
    name="C7",
    sentence="Each of the six failure modes costs less with its design than without.",
    fails_where=(
        "a unit change at one merchant in a hundred: the good rows that the contract holds back "
        "would cost more than the few that it catches"
    ),
    arms=arms,
    size=ClaimSize(days=30),
    effects=saved,
    verdict_at=unless_quiet("nothing to answer"),
    verdict=of_the_ordinary_year,
    shown=least_effect,
    notes=notes,
    table=table,
    earlier=(Earlier("against 10 EUR in any case, BCa intervals", "holds", "2026-11-23"),),
)
