"""C2, "a great model in a bad system loses to an average model in a great one": five models twice.

*Great* is boosted, tuned, fitted on ten times the history; *average* is logistic on the usual one.
Each model stands in the naive and in the resilient system, on the same luck, and all costs count,
upkeep and people included. Beside it the hardest form: *perfect* is the world's own probability of
the row as it was received, so a wrong unit or a stale table reaches it. The oracle that knows each
payment by its id is a reference line and stands in no bad system. It compares systems, not
learners: nobody could train the perfect model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlsys_lessons.claims.claim import (
    NOTHING,
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Row,
    table_by_rate,
    yardstick,
)
from mlsys_lessons.claims.effects import Effect, mean_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import NAIVE, REFERENCE, RESILIENT, Arm
from mlsys_lessons.experiments.extreme_models import ExtremeArm
from mlsys_lessons.experiments.statistics import mean_interval, ratio_interval

MODELS = ("rule", "logistic", "boosted", "great", "perfect")
_EXTREME = {"great": "great", "perfect": "received"}
_ORACLE = "Bayes reference, no faults"
_KEPT_MODEL = "logistic/resilient, never refitted"  # the resilient system may adopt a boosted model


def arms(rate: float) -> Mapping[str, Arm]:
    """Five models in two systems; approving everything, a control and the reference beside them."""
    levels = {"naive": NAIVE, "resilient": RESILIENT}
    grid = {
        f"{model}/{system}": _arm(model, components, rate)
        for model in MODELS
        for system, components in levels.items()
    }
    return {
        **grid,
        NOTHING: Arm((), rate=rate),
        _KEPT_MODEL: Arm(RESILIENT, model="logistic", rate=rate, retraining=False),
        _ORACLE: Arm(REFERENCE, rate=0.0),
        **yardstick(rate),
    }


def _arm(model: str, levels: tuple[str, ...], rate: float) -> Arm:
    if model in _EXTREME:
        return ExtremeArm(levels, model=_EXTREME[model], rate=rate)
    return Arm(levels, model=model, rate=rate)


def effects(evidence: Evidence, rate: float) -> Effects:
    """The average model in the resilient system less the great one in the naive system."""
    return (_difference(evidence, rate, "logistic/resilient", "great/naive"),)


def others(evidence: Evidence) -> Effects:
    """Less the perfect model; less the course's own; and lesser models against the great one."""
    return (
        _difference(evidence, ORDINARY, "logistic/resilient", "perfect/naive"),
        _difference(evidence, ORDINARY, "logistic/resilient", "boosted/naive"),
        _difference(evidence, ORDINARY, "rule/resilient", "great/naive"),
        _difference(evidence, ORDINARY, _KEPT_MODEL, "great/naive"),
    )


def _difference(evidence: Evidence, rate: float, better: str, worse: str) -> Effect:
    gap, unit = evidence.gap(better, worse, rate), "EUR per 1,000 requests"
    return mean_effect(f"{better} - {worse}", unit, gap, evidence.practical)


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """How much of what perfection can add to approving everything the naive system keeps."""
    naive, resilient = (
        evidence.gap(f"perfect/{system}", NOTHING) for system in ("naive", "resilient")
    )
    kept = ratio_interval(naive, resilient)
    lost = evidence.gap("perfect/resilient", "perfect/naive").mean()
    received = evidence.gap(_ORACLE, "perfect/resilient").mean()
    return (
        f"the naive system loses {lost:,.0f} EUR per 1,000 requests of the perfect model's worth: "
        f"it keeps {kept.estimate:.0%} [{kept.low:.0%}, {kept.high:.0%}] of its lift over "
        "approving everything",
        "perfect on what is received: wrong units, gaps and stale tables reach it; the oracle by "
        f"id in a year without faults and without upkeep is {received:,.0f} EUR above it",
    )


def rows(evidence: Evidence, rate: float) -> Iterator[Row]:
    """Euros per 1,000 requests: a row a model, the two systems and their gap."""
    expected, realised = evidence.euros(rate), evidence.euros(rate, money="value_cents")
    for model in MODELS:
        naive, resilient = f"{model}/naive", f"{model}/resilient"
        yield {
            "model": model,
            "naive": expected[naive].mean(), "resilient": expected[resilient].mean(),
            **mean_interval(evidence.gap(resilient, naive, rate)).columns("gap"),
            "naive realised": realised[naive].mean(),
            "resilient realised": realised[resilient].mean(),
        }  # fmt: skip
    for other in (NOTHING, _KEPT_MODEL, _ORACLE):
        yield {"model": other, "naive": expected[other].mean()}


CLAIM = Claim(
    name="C2",
    sentence="A great model in a bad system loses to an average model in a great system.",
    fails_where=(
        "a business a tenth this size without incidents: the upkeep of five more components does "
        "not shrink with the traffic, so the great model behind a bare endpoint would win"
    ),
    arms=arms,
    effects=effects,
    beside=others,
    notes=notes,
    table=table_by_rate(rows),
    earlier=(
        Earlier(
            "great was the oracle that is asked by id, which no bad data can reach; BCa intervals",
            "does not hold", "2026-11-23",
        ),
    ),
)  # fmt: skip
