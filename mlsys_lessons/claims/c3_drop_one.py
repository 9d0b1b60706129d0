"""C3, "ignore any one component and the system collapses": six systems, each without one part.

Each component in turn falls to its naive level while the other five stay resilient. Collapse means
that more than half of what engineering all six is worth is gone. The sentence says "any", so all
six have to collapse the system for it to hold. It drops no pairs; that is C4.
Beside the six stands the system from which nothing is missing but somebody who answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    least_effect,
    table_by_rate,
)
from mlsys_lessons.claims.effects import FAILS, HOLDS, UNDECIDED, Effect, all_of, ratio_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.experiments.unanswered import Unanswered

# Written before the first run: half of v(all) - v(none).
COLLAPSE = 0.5
NOBODY = "nobody answers"


def arms(rate: float) -> Mapping[str, Arm]:
    """Everything, nothing, and everything but one."""
    but_one = {
        f"without {name}": Arm(tuple(part for part in COMPONENTS if part != name), rate=rate)
        for name in COMPONENTS
    }
    beside = {NOBODY: Unanswered(COMPONENTS, rate=rate)} if rate == ORDINARY else {}
    return {"all": Arm(COMPONENTS, rate=rate), "none": Arm((), rate=rate), **but_one, **beside}


def losses(evidence: Evidence, rate: float) -> Effects:
    """The share of v(all) - v(none) that is lost with each component."""
    return tuple(_lost(evidence, f"without {name}", rate) for name in COMPONENTS)


def unanswered(evidence: Evidence) -> Effects:
    """The share that is lost with the people, in the ordinary year."""
    return (_lost(evidence, NOBODY, ORDINARY),)


def _lost(evidence: Evidence, system: str, rate: float) -> Effect:
    parts, whole = evidence.gap("all", system, rate), evidence.gap("all", "none", rate)
    return ratio_effect(system, "of the value lost", parts, whole, COLLAPSE)


def verdict_at(evidence: Evidence, rate: float, effects: Effects, tests: int) -> str:
    """Each must collapse; no verdict where all six are not surely worth more than none."""
    worth = mean_interval(evidence.gap("all", "none", rate))
    return all_of(effects, tests=tests) if worth.low > 0 else UNDECIDED


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """Which components cost more than half when they are ignored."""
    collapse = [effect.name for effect in effects if effect.verdict(tests=1) == HOLDS]
    stand = [effect.name for effect in effects if effect.verdict(tests=1) == FAILS]
    return (
        f"collapses: {', '.join(collapse) or 'none'}; stands: {', '.join(stand) or 'none'}",
        "by incident rate, the effect shown is that of the component that matters least",
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each component: euros per 1,000 requests and the share lost."""
    for system in ("all", "none"):
        yield {"system": system, **evidence.means(system, rate)}
    beside = unanswered(evidence) if rate == ORDINARY else ()
    for effect in (*losses(evidence, rate), *beside):
        share = effect.interval.columns("lost")
        yield {"system": effect.name, **evidence.means(effect.name, rate), **share}


CLAIM = Claim(
    name="C3",
    sentence="Ignore any one component and the system collapses.",
    fails_where=(
        "serving, in a year whose few outages last minutes: a bare call loses money only while "
        "something is down"
    ),
    arms=arms,
    effects=losses,
    beside=unanswered,
    verdict_at=verdict_at,
    shown=least_effect,
    notes=notes,
    table=table_by_rate(rows),
    earlier=(Earlier("the same with BCa intervals", "does not hold", "2026-11-23"),),
)
