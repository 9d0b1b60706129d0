"""A claim and its result: the nouns of this folder, and how a verdict is reached.

A claim says beforehand which runs it needs, which effect would support it, how large that effect
must be, and where it would fail. A result is what was measured; it can be read, stored and loaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.statistics import FAMILY, Interval, crossing, holm
from mlsys_lessons.records import InputError
from mlsys_lessons.simulation.scenarios import ClaimSize

ORDINARY = 1.0  # the incident rate of the ordinary year
RATES = (0.0, ORDINARY, 4.0)  # swept: no faults, the ordinary year, four times as many
SWEEP_SHARE, SWEEP_LEAST = 4, 3  # a quarter of the seeds at the other rates, at least three
HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
ALPHA = 0.05


@dataclass(frozen=True)
class Effect:
    """One number that a claim hangs on, against the threshold written down for it.

    `p` is that of the paired t test against the threshold; the claim says the effect is above it.
    """

    name: str
    unit: str
    interval: Interval
    threshold: float
    p: float

    def verdict(self, *, tests: int = FAMILY) -> str:
        """Holds or does not hold when interval and corrected p both say so, else undecided.

        `tests` is the size of the family (1 where an effect is no claim of its own).
        """
        if holm({self.name: self.p}, family=tests)[self.name] >= ALPHA:
            return UNDECIDED
        if self.interval.low > self.threshold:
            return HOLDS
        return FAILS if self.interval.high < self.threshold else UNDECIDED


def all_of(effects: Sequence[Effect], *, tests: int = FAMILY) -> str:
    """The verdict on "each of these": it holds if all do, and fails if any one surely does.

    All holding is an intersection-union test and needs no further correction; any one failing is
    corrected for as many looks.
    """
    if all(effect.verdict(tests=tests) == HOLDS for effect in effects):
        return HOLDS
    looks = tests * len(effects)
    return FAILS if any(each.verdict(tests=looks) == FAILS for each in effects) else UNDECIDED


def p_of_all(effects: Sequence[Effect]) -> float:
    """The p that belongs to `all_of`: the weakest if all hold, else the clearest, each look paid.

    >>> p_of_all([])
    1.0
    """
    if not effects:
        return 1.0
    if all(effect.interval.estimate > effect.threshold for effect in effects):
        return max(effect.p for effect in effects)
    below = [each.p for each in effects if each.interval.estimate <= each.threshold]
    return min(1.0, len(effects) * min(below))


def across(verdicts: Mapping[float, str]) -> str:
    """The verdict of the ordinary year, unless another incident rate decidedly contradicts it."""
    decided = set(verdicts.values()) & {HOLDS, FAILS}
    if len(decided) == 2:
        return "depends on the incident rate"
    return verdicts[ORDINARY]


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

    def rates(self) -> list[float]:
        """The incident rates that were run."""
        return sorted(self.runs["rate"].unique().tolist())


@dataclass(frozen=True)
class Findings:
    """What a claim's own module concludes from its evidence."""

    effects: tuple[Effect, ...]
    table: pd.DataFrame
    verdict: str
    by_rate: Mapping[float, tuple[float, str]]  # incident rate -> effect, verdict there
    p: float  # of the whole claim, before Holm's correction over the family
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One sentence of the talk as an experiment."""

    name: str
    sentence: str
    fails_where: str  # a plausible setting, named beforehand, in which it would fail
    arms: Callable[[float], Mapping[str, Arm]]  # incident rate -> the runs needed there
    judge: Callable[[Evidence], Findings]
    promises: bool = False  # whether the notebook's own prediction is needed

    def __repr__(self) -> str:
        return f"Claim({self.name}: {self.sentence!r})"


@dataclass(frozen=True)
class Result:
    """A claim's outcome with everything needed to judge it, and to store it."""

    claim: str
    sentence: str
    verdict: str
    effects: tuple[Effect, ...]
    table: pd.DataFrame
    by_rate: Mapping[float, tuple[float, str]]
    flips_at: float | None
    seeds: tuple[int, ...]
    size: ClaimSize
    date: str
    code_version: str
    fails_where: str
    p: float
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        where = f"{len(self.seeds)} seeds of {self.size.days} days x {self.size.daily:,}"
        lines = [f"{self.claim}: {self.sentence}", f"  verdict  {self.verdict.upper()}  ({where})"]
        for effect in self.effects:
            level = f"against {effect.threshold:g}"
            lines.append(f"  {effect.name}: {effect.interval} {effect.unit}, {level}")
        rates = self.by_rate.items()
        settings = [f"{rate:g} x: {value:.4g}, {said}" for rate, (value, said) in rates]
        lines.append(f"  incidents  {'; '.join(settings)}; {self.flip}")
        lines += [f"  would fail  {self.fails_where}", *(f"  note  {note}" for note in self.notes)]
        lines.append(f"  run on {self.date}, engine {self.code_version}")
        return "\n".join(lines)

    @property
    def flip(self) -> str:
        """The incident rate at which the verdict changes sign, in words."""
        if self.flips_at is None:
            return f"no flip between {min(self.by_rate):g} and {max(self.by_rate):g} x"
        return f"flips at about {self.flips_at:.2g} x the ordinary year's incidents"

    def to_json(self) -> str:
        """The whole result as text; `from_json` reads it back."""
        plain = asdict(self)
        plain["table"] = json.loads(self.table.to_json(orient="split", double_precision=6))
        plain["by_rate"] = {str(rate): list(said) for rate, said in self.by_rate.items()}
        return json.dumps(plain, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Result:
        """A stored result; raises InputError for text that is none."""
        try:
            plain = json.loads(text)
            plain["table"] = pd.DataFrame(**plain["table"])
            plain["effects"] = tuple(
                Effect(**{**each, "interval": Interval(**each["interval"])})
                for each in plain["effects"]
            )
            plain["size"] = ClaimSize(**plain["size"])
            rates = plain["by_rate"].items()
            plain["by_rate"] = {float(rate): (value, said) for rate, (value, said) in rates}
            plain["seeds"], plain["notes"] = tuple(plain["seeds"]), tuple(plain["notes"])
            return cls(**plain)
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{text[:40]!r}... is no stored result ({error}); run the claim again."
            raise InputError(problem) from error


def flip(by_rate: Mapping[float, tuple[float, str]], threshold: float) -> float | None:
    """The incident rate at which an effect crosses its threshold, by straight lines."""
    return crossing({rate: value for rate, (value, _) in by_rate.items()}, threshold)


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """A column as plain floats, in the order of seeds."""
    return np.asarray(column.sort_index(), dtype=np.float64)
