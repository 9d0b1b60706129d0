"""C3, "ignore any one component and the system collapses": six systems, each without one part.

Each component in turn falls to its naive level while the other five stay resilient. Collapse means
that more than half of what engineering all six is worth is gone. The sentence says "any", so all
six have to collapse the system for it to hold. It drops no pairs; that is C4.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mlsys_lessons.claims.claim import (
    FAILS,
    HOLDS,
    ORDINARY,
    UNDECIDED,
    Claim,
    Effect,
    Evidence,
    Findings,
    across,
    all_of,
    numbers,
    p_of_all,
)
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.statistics import FAMILY, mean_interval, p_value, ratio_interval

# Written before the first run (SEMANTICS.md): half of v(all) - v(none).
COLLAPSE = 0.5


def arms(rate: float) -> Mapping[str, Arm]:
    """Everything, nothing, and everything but one."""
    but_one = {
        f"without {name}": Arm(tuple(each for each in COMPONENTS if each != name), rate=rate)
        for name in COMPONENTS
    }
    return {"all": Arm(COMPONENTS, rate=rate), "none": Arm((), rate=rate), **but_one}


def losses(euros: pd.DataFrame) -> tuple[Effect, ...]:
    """The share of v(all) - v(none) that is lost with each component."""
    whole = numbers(euros["all"] - euros["none"])
    effects = []
    for name in COMPONENTS:
        lost = numbers(euros["all"] - euros[f"without {name}"])
        interval = ratio_interval(lost, whole)
        p = p_value(lost - COLLAPSE * whole)
        effects.append(Effect(f"without {name}", "of the value lost", interval, COLLAPSE, p))
    return tuple(effects)


def verdict_on(euros: pd.DataFrame, *, tests: int = FAMILY) -> str:
    """The verdict at one incident rate; none where all six are not surely worth more than none."""
    worth = mean_interval(numbers(euros["all"] - euros["none"]))
    return all_of(losses(euros), tests=tests) if worth.low > 0 else UNDECIDED


def judge(evidence: Evidence) -> Findings:
    """Which components cost more than half when they are ignored."""
    effects = losses(evidence.euros())
    by_rate = {}
    for rate in evidence.rates():
        euros, tests = evidence.euros(rate), FAMILY if rate == ORDINARY else 1
        least = min(effect.interval.estimate for effect in losses(euros))
        by_rate[rate] = (least, verdict_on(euros, tests=tests))
    verdict = across({rate: said for rate, (_, said) in by_rate.items()})
    collapse = [each.name for each in effects if each.verdict(tests=1) == HOLDS]
    stand = [each.name for each in effects if each.verdict(tests=1) == FAILS]
    notes = (
        f"collapses: {', '.join(collapse) or 'none'}; stands: {', '.join(stand) or 'none'}",
        "by incident rate, the effect shown is that of the component that matters least",
    )
    return Findings(effects, _table(evidence), verdict, by_rate, p_of_all(effects), notes)


def _table(evidence: Evidence) -> pd.DataFrame:
    """A row for each rate and component: euros per 1,000 requests and the share lost."""
    rows = []
    for rate in evidence.rates():
        expected, realised = evidence.euros(rate), evidence.euros(rate, money="value_cents")
        for name in ("all", "none"):
            rows.append({"incidents": rate, "system": name, "euros": expected[name].mean(),
                         "realised": realised[name].mean()})  # fmt: skip
        for effect in losses(expected):
            share = effect.interval
            rows.append({
                "incidents": rate, "system": effect.name, "euros": expected[effect.name].mean(),
                "realised": realised[effect.name].mean(),
                "lost": share.estimate, "low": share.low, "high": share.high,
            })  # fmt: skip
    return pd.DataFrame(rows)


CLAIM = Claim(
    name="C3",
    sentence="Ignore any one component and the system collapses.",
    fails_where=(
        "serving, in a year whose few outages last minutes: a bare call loses money only while "
        "something is down"
    ),
    arms=arms,
    judge=judge,
)
