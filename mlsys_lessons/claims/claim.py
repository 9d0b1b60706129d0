"""A claim: one sentence of the talk as an experiment, and the one judge that all claims share.

A claim says beforehand which runs it needs, which effects it hangs on and against which threshold,
and where it would fail. `Claim.judge` asks for the effects at every incident rate, reaches a
verdict at each, and then the one that counts. It runs nothing: laboratory.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.claims.effects import FAILS, HOLDS, Effect, all_of, p_of_all
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import NAIVE, Arm
from mlsys_lessons.experiments.statistics import FAMILY, Values
from mlsys_lessons.simulation.scenarios import CLAIM_SIZE, ClaimSize

ORDINARY = 1.0  # the incident rate of the ordinary year
RATES = (0.0, ORDINARY, 4.0)  # swept: no faults, the ordinary year, four times as many
SWEEP_SHARE, SWEEP_LEAST = 4, 3  # a quarter of the seeds at the other rates, at least three

# The one practical threshold: a twentieth of what the model adds to approving everything, or, where
# that is smaller, what a manager would notice (about 1 % of the margin). A claim has another one
# where its sentence says more ("collapses", "most": half) or where its unit is not money.
PRACTICAL_SHARE, PRACTICAL_EUROS = 0.05, 10.0
NOTHING, MODEL_ALONE = "approve all", "the model alone"

Effects = tuple[Effect, ...]
Verdicts = Mapping[float, str]  # by incident rate
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """The measured runs of a claim: long frame seed, rate, arm, and money in cents; `size`."""

    runs: pd.DataFrame
    size: ClaimSize
    promises: pd.DataFrame = field(default_factory=pd.DataFrame)  # C1's notebook, by seed

    def euros(self, rate: float = ORDINARY, *, money: str = "expected_cents") -> pd.DataFrame:
        """Euros per 1,000 requests, one row a seed and one column an arm.

        One denominator for all arms of a seed and rate, the requests of the busiest one, so that
        traffic lost to churn counts as lost. `money` is expected_cents or value_cents.
        """
        runs = self.runs[self.runs["rate"] == rate]
        cents = runs.pivot(index="seed", columns="arm", values=money)
        thousands = runs.groupby("seed")["requests"].max() / 1_000
        return cents.div(thousands, axis=0) / 100

    def gap(self, arm: str, other: str, rate: float = ORDINARY) -> Values:
        """Euros per 1,000 requests that one arm makes beyond another, by seed."""
        euros = self.euros(rate)
        return numbers(euros[arm] - euros[other])

    @property
    def practical(self) -> float:
        """The practical threshold, euros per 1,000 requests; needs the arms of `yardstick`."""
        lift = float(self.gap(MODEL_ALONE, NOTHING).mean())
        return max(0.0, min(PRACTICAL_SHARE * lift, PRACTICAL_EUROS))

    def means(self, arm: str, rate: float = ORDINARY) -> dict[str, float]:
        """Mean euros per 1,000 requests of an arm, expected and realised: columns of a table."""
        realised = self.euros(rate, money="value_cents")[arm].mean()
        return {"euros": self.euros(rate)[arm].mean(), "realised": realised}

    def rates(self) -> list[float]:
        """The incident rates that were run."""
        return sorted(self.runs["rate"].unique().tolist())


@dataclass(frozen=True)
class Findings:
    """What the judge concludes from a claim's evidence."""

    effects: Effects
    table: pd.DataFrame
    verdict: str
    by_rate: Mapping[float, tuple[float, str]]  # incident rate -> effect, verdict there
    p: float  # of the whole claim, before Holm's correction over the family
    notes: tuple[str, ...] = ()


# evidence, incident rate, effects there, size of the family of tests -> verdict at that rate
VerdictAt = Callable[[Evidence, float, Effects, int], str]


def yardstick(rate: float) -> Mapping[str, Arm]:
    """The arms that the practical threshold is taken from: those of the ordinary year."""
    return {NOTHING: Arm(()), MODEL_ALONE: Arm(NAIVE)} if rate == ORDINARY else {}


# --- how most claims are judged ------------------------------------------------------------------


def each_holds(evidence: Evidence, rate: float, effects: Effects, tests: int) -> str:
    """The verdict at one incident rate: every effect must hold."""
    return all_of(effects, tests=tests)


def unless_quiet(words: str) -> VerdictAt:
    """Every effect must hold; at the rate without incidents these words stand for a verdict."""

    def verdict_at(evidence: Evidence, rate: float, effects: Effects, tests: int) -> str:
        return all_of(effects, tests=tests) if rate else words

    return verdict_at


def unless_contradicted(evidence: Evidence, verdicts: Verdicts) -> str:
    """The verdict of the ordinary year, unless another incident rate decidedly contradicts it."""
    decided = set(verdicts.values()) & {HOLDS, FAILS}
    return "depends on the incident rate" if len(decided) == 2 else verdicts[ORDINARY]


def of_the_ordinary_year(evidence: Evidence, verdicts: Verdicts) -> str:
    """The verdict of the ordinary year, for claims about the incidents themselves."""
    return verdicts[ORDINARY]


def first_effect(effects: Effects) -> float:
    """The estimate that stands for a rate: that of the first effect."""
    return effects[0].interval.estimate


def least_effect(effects: Effects) -> float:
    """The estimate that stands for a rate: the smallest; 0 where there is no effect."""
    return min((effect.interval.estimate for effect in effects), default=0.0)


def nothing_beside(evidence: Evidence) -> Effects:
    """No further effects."""
    return ()


def no_notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """No notes."""
    return ()


@dataclass(frozen=True)
class Claim:
    """One sentence of the talk as an experiment; what it leaves open is judged as most claims."""

    name: str
    sentence: str
    fails_where: str  # a plausible setting, named beforehand, in which it would fail
    arms: Callable[[float], Mapping[str, Arm]]  # incident rate -> the runs needed there
    effects: Callable[[Evidence, float], Effects]  # what it hangs on at an incident rate
    table: Callable[[Evidence], pd.DataFrame]
    beside: Callable[[Evidence], Effects] = nothing_beside  # shown with the effects, not judged
    notes: Callable[[Evidence, Effects], tuple[str, ...]] = no_notes
    shown: Callable[[Effects], float] = first_effect  # the number that stands for a rate
    verdict_at: VerdictAt = each_holds
    verdict: Callable[[Evidence, Verdicts], str] = unless_contradicted
    promises: Callable[[int], dict[str, float]] | None = None  # a notebook's, by seed, if needed
    by_system: Callable[[str], Callable[[float], Mapping[str, Arm]]] | None = None  # one's own
    size: ClaimSize = CLAIM_SIZE  # of each run; another one has its reason in the claim's module
    earlier: tuple[Earlier, ...] = ()  # what it meant before, if that was changed after a result

    def __repr__(self) -> str:
        return f"Claim({self.name}: {self.sentence!r})"

    def judge(self, evidence: Evidence) -> Findings:
        """Effects and verdict at each incident rate, and the verdict that counts.

        The ordinary year is corrected for the family of claims; other rates are no claims of their
        own and are not corrected.
        """
        effects = {rate: self.effects(evidence, rate) for rate in evidence.rates()}
        verdicts = {
            rate: self.verdict_at(evidence, rate, found, FAMILY if rate == ORDINARY else 1)
            for rate, found in effects.items()
        }
        ordinary = effects[ORDINARY]
        return Findings(
            effects=(*ordinary, *self.beside(evidence)),
            table=self.table(evidence),
            verdict=self.verdict(evidence, verdicts),
            by_rate={rate: (self.shown(effects[rate]), word) for rate, word in verdicts.items()},
            p=p_of_all(ordinary),
            notes=self.notes(evidence, ordinary),
        )


def table_by_rate(
    rows: Callable[[Evidence, float], Iterable[Row]],
) -> Callable[[Evidence], pd.DataFrame]:
    """A claim's table from its rows at one incident rate; the rate is the first column."""

    def table(evidence: Evidence) -> pd.DataFrame:
        rates = evidence.rates()
        return pd.DataFrame(
            [{"incidents": rate, **row} for rate in rates for row in rows(evidence, rate)]
        )

    return table


def numbers(column: pd.Series) -> Values:
    """A column as plain floats, in the order of seeds."""
    return np.asarray(column.sort_index(), dtype=np.float64)
