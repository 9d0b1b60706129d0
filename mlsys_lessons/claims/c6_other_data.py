"""C6, "same code, other data": nothing differs but what the code was given.

*Served*: the naive system with last midnight's feature table, and with the table of the night
before; the effect is the share of its lift over approving everything that the older table costs.
*Taught*: the notebook's recipe on one random half of its history and on the other half; the effect
is by how much the two systems' earnings differ, whichever earns more. A further arm has the older
table in training as well, as a team gets it that trains on what its serving has logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effect,
    Evidence,
    Findings,
    across,
    all_of,
    numbers,
    p_of_all,
)
from mlsys_lessons.experiments.arms import NAIVE, Arm
from mlsys_lessons.experiments.pipelines import halves, logged_table, taught_on
from mlsys_lessons.experiments.statistics import FAMILY, mean_interval, p_value, ratio_interval
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.system import System

# Written before the first run: half of the lift; and a difference that a manager would notice (C2).
HALF, EUROS_PER_THOUSAND = 0.5, 10.0

_FRESH, _OLD, _MATCHED = "midnight table", "a day older", "a day older, trained on its own log"
_ONE, _OTHER, _NOTHING = "one half of the history", "the other half", "approve all"


@dataclass(frozen=True)
class OtherData(Arm):
    """The naive system with an older feature table, or a model that was taught other rows."""

    age: float = 0.0  # days by which the served table is older
    taught: str = "all"  # "all", "half 0", "half 1" or "its log"

    def system(self, seed: int) -> System:
        """The notebook's recipe on what it is given."""
        if self.taught == "its log":
            return taught_on(logged_table(seed, int(self.age)), seed=seed)
        if self.taught != "all":
            return taught_on(halves(seed)[int(self.taught[-1])], seed=seed)
        return super().system(seed)

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """The year's incidents, and the table's age on every day."""
        incidents = super().faults(seed, size)
        if not self.age:
            return incidents
        return (*incidents, CATALOGUE["stale_features"](start=0, end=size.days, severity=self.age))


def arms(rate: float) -> Mapping[str, Arm]:
    """Two tables, two halves of one history, and approving everything."""
    return {
        _NOTHING: Arm((), rate=rate),
        _FRESH: OtherData(NAIVE, rate=rate),
        _OLD: OtherData(NAIVE, rate=rate, age=1.0),
        _MATCHED: OtherData(NAIVE, rate=rate, age=1.0, taught="its log"),
        _ONE: OtherData(NAIVE, rate=rate, taught="half 0"),
        _OTHER: OtherData(NAIVE, rate=rate, taught="half 1"),
    }


def differences(euros: pd.DataFrame) -> tuple[Effect, Effect]:
    """What other data in serving costs, and what other data in training changes."""
    lift, lost = (numbers(euros[_FRESH] - euros[each]) for each in (_NOTHING, _OLD))
    served = Effect(
        "a table a day older", "of the lift lost", ratio_interval(lost, lift), HALF,
        p_value(lost - HALF * lift),
    )  # fmt: skip
    apart = abs(numbers(euros[_ONE] - euros[_OTHER]))
    taught = Effect(
        "the other half of the history", "EUR per 1,000 requests, either way",
        mean_interval(apart), EUROS_PER_THOUSAND, p_value(apart, EUROS_PER_THOUSAND),
    )  # fmt: skip
    return served, taught


def judge(evidence: Evidence) -> Findings:
    """Whether other data is another result, in serving and in training."""
    effects, by_rate = differences(evidence.euros()), {}
    for rate in evidence.rates():
        found, tests = differences(evidence.euros(rate)), FAMILY if rate == ORDINARY else 1
        by_rate[rate] = (found[0].interval.estimate, all_of(found, tests=tests))
    verdict = across({rate: said for rate, (_, said) in by_rate.items()})
    euros = evidence.euros()
    lost = numbers(euros[_FRESH] - euros[_OLD])
    back = ratio_interval(numbers(euros[_MATCHED] - euros[_OLD]), lost)
    notes = (
        f"taught on the features that the older table told, the same code has {back.estimate:.0%} "
        f"[{back.low:.0%}, {back.high:.0%}] of the loss back: the table stays as old as it was",
        "by incident rate, the effect shown is that of the older table",
    )
    return Findings(effects, _table(evidence), verdict, by_rate, p_of_all(effects), notes)


def _table(evidence: Evidence) -> pd.DataFrame:
    """Euros per 1,000 requests by incident rate and arm, and those beyond approving everything."""
    rows = []
    for rate in evidence.rates():
        expected, realised = evidence.euros(rate), evidence.euros(rate, money="value_cents")
        for name in expected.columns:
            lift = mean_interval(numbers(expected[name] - expected[_NOTHING]))
            rows.append({
                "incidents": rate, "system": name, "euros": expected[name].mean(),
                "realised": realised[name].mean(),
                "lift": lift.estimate, "low": lift.low, "high": lift.high,
            })  # fmt: skip
    return pd.DataFrame(rows)


CLAIM = Claim(
    name="C6",
    sentence="The same code on other data is another system.",
    fails_where=(
        "a model that reads only the payment itself, such as an amount and a country: no table is "
        "older for it; and a history so large that either half teaches the same"
    ),
    arms=arms,
    judge=judge,
)
