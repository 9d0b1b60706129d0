"""C6, "same code, other data": nothing differs but what the code was given.

*Served*: the naive system with last midnight's feature table, and with the table of the night
before; the effect is what the older table costs, and beside it which share of the lift over
approving everything that is.
*Trained*: the notebook's recipe on one random half of its history and on the other half; the effect
is by how much the two systems' earnings differ, whichever earns more. A further arm has the older
table in training as well, as a team gets it that trains on what its serving has logged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlsys_lessons.claims.claim import Claim, Effects, Evidence, Row, table_by_rate, yardstick
from mlsys_lessons.claims.effects import mean_effect, ratio_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import NAIVE, Arm
from mlsys_lessons.experiments.statistics import mean_interval, ratio_interval
from mlsys_lessons.experiments.training_tables import halves, logged_table, naive_trained_on
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.system import System

# Another system: one that earns less, or otherwise, by more than the practical threshold. Until
# then half of the lift was asked for; that share is still shown.
HALF = 0.5

_FRESH, _OLD, _MATCHED = "midnight table", "a day older", "a day older, trained on its own log"
_ONE, _OTHER, _NOTHING = "one half of the history", "the other half", "approve all"


@dataclass(frozen=True)
class OtherData(Arm):
    """The naive system with an older feature table, or a model trained on other rows."""

    age: float = 0.0  # days by which the served table is older
    training: str = "all"  # "all", "half 0", "half 1" or "its log"

    def system(self, seed: int) -> System:
        """The notebook's recipe on its training rows."""
        if self.training == "its log":
            return naive_trained_on(logged_table(seed, int(self.age)), seed=seed)
        if self.training != "all":
            return naive_trained_on(halves(seed)[int(self.training[-1])], seed=seed)
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
        **yardstick(rate),
        _FRESH: OtherData(NAIVE, rate=rate),
        _OLD: OtherData(NAIVE, rate=rate, age=1.0),
        _MATCHED: OtherData(NAIVE, rate=rate, age=1.0, training="its log"),
        _ONE: OtherData(NAIVE, rate=rate, training="half 0"),
        _OTHER: OtherData(NAIVE, rate=rate, training="half 1"),
    }


def differences(evidence: Evidence, rate: float) -> Effects:
    """What other data in serving costs, and what other data in training changes."""
    lost, apart = evidence.gap(_FRESH, _OLD, rate), abs(evidence.gap(_ONE, _OTHER, rate))
    unit, least = "EUR per 1,000 requests", evidence.practical
    return (
        mean_effect("a table a day older", f"{unit} lost", lost, least),
        mean_effect("the other half of the history", f"{unit}, either way", apart, least),
    )


def share(evidence: Evidence) -> Effects:
    """Which share of the lift over approving everything the older table costs."""
    lift, lost = (evidence.gap(_FRESH, other) for other in (_NOTHING, _OLD))
    return (ratio_effect("a table a day older, share", "of the lift lost", lost, lift, HALF),)


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """How much of the loss comes back when the model is trained on the older table as well."""
    back = ratio_interval(evidence.gap(_MATCHED, _OLD), evidence.gap(_FRESH, _OLD))
    return (
        f"taught on the features that the older table told, the same code has {back.estimate:.0%} "
        f"[{back.low:.0%}, {back.high:.0%}] of the loss back: the table stays as old as it was",
        "by incident rate, the effect shown is that of the older table",
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """A row for each arm: euros per 1,000 requests, and those beyond approving everything."""
    for arm in evidence.euros(rate).columns:
        lift = mean_interval(evidence.gap(arm, _NOTHING, rate)).columns("lift")
        yield {"system": arm, **evidence.means(arm, rate), **lift}


CLAIM = Claim(
    name="C6",
    sentence="The same code on other data is another system.",
    fails_where=(
        "a model that reads only the payment itself, such as an amount and a country: no table is "
        "older for it; and a history so large that either half teaches the same"
    ),
    arms=arms,
    effects=differences,
    beside=share,
    notes=notes,
    table=table_by_rate(rows),
    earlier=(
        Earlier(
            "half of the lift lost to the older table, and 10 EUR between the halves of a history, "
            "BCa intervals",
            "does not hold",
            "2026-11-23",
        ),
    ),
)
