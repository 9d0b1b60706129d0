"""C2, "a great model in a bad system loses to an average model in a great one": eight systems.

Rule, logistic, boosted and perfect (the world's own fraud probability), each in the naive and in
the resilient system, on the same luck. The claim is put in its hardest form: great is perfect,
average is logistic. All costs count, upkeep and people included. It compares systems, not learners:
nobody could train the perfect model. And nothing upstream can hurt it: it reads no feature, so of a
bad system it feels the bare call and the single cut, never the stale table. The effects below the
first one put a model that can be hurt, the boosted one, in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlsys_lessons.claims.claim import ORDINARY, Claim, Effects, Evidence, Row, table_by_rate
from mlsys_lessons.claims.effects import Effect, mean_effect
from mlsys_lessons.experiments.arms import NAIVE, REFERENCE, RESILIENT, Arm
from mlsys_lessons.experiments.statistics import mean_interval, ratio_interval

# Written before the first run: a difference that a manager would notice, about 1 % of the margin.
EUROS_PER_THOUSAND = 10.0

MODELS = ("rule", "logistic", "boosted", "perfect")
_READS = "the perfect model reads no feature: bad data cannot reach it, a failed call can"
_KEPT_MODEL = "logistic/resilient, never refitted"  # the resilient system may adopt a boosted model


def arms(rate: float) -> Mapping[str, Arm]:
    """Four models in two systems; approving everything, a control and the reference beside them."""
    levels = {"naive": NAIVE, "resilient": RESILIENT}
    grid = {
        f"{model}/{system}": Arm(components, model=model, rate=rate)
        for model in MODELS
        for system, components in levels.items()
    }
    return {
        **grid,
        "approve all": Arm((), rate=rate),
        _KEPT_MODEL: Arm(RESILIENT, model="logistic", rate=rate, retraining=False),
        "Bayes reference, no faults": Arm(REFERENCE, rate=0.0),
    }


def effects(evidence: Evidence, rate: float) -> Effects:
    """The logistic model in the resilient system less the perfect one in the naive system."""
    return (_difference(evidence, rate, "logistic/resilient", "perfect/naive"),)


def others(evidence: Evidence) -> Effects:
    """Less a model that can be hurt; and lesser models against the perfect one."""
    return (
        _difference(evidence, ORDINARY, "logistic/resilient", "boosted/naive"),
        _difference(evidence, ORDINARY, "rule/resilient", "perfect/naive"),
        _difference(evidence, ORDINARY, _KEPT_MODEL, "perfect/naive"),
    )


def _difference(evidence: Evidence, rate: float, better: str, worse: str) -> Effect:
    gap, unit = evidence.gap(better, worse, rate), "EUR per 1,000 requests"
    return mean_effect(f"{better} - {worse}", unit, gap, EUROS_PER_THOUSAND)


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """How much of what perfection can add to approving everything the naive system keeps."""
    naive, resilient = (
        evidence.gap(f"perfect/{system}", "approve all") for system in ("naive", "resilient")
    )
    kept = ratio_interval(naive, resilient)
    lost = evidence.gap("perfect/resilient", "perfect/naive").mean()
    perfection = (
        f"the naive system loses {lost:,.0f} EUR per 1,000 requests of the perfect model's worth: "
        f"it keeps {kept.estimate:.0%} [{kept.low:.0%}, {kept.high:.0%}] of its lift over "
        "approving everything"
    )
    return (perfection, _READS)


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
    for other in ("approve all", _KEPT_MODEL, "Bayes reference, no faults"):
        yield {"model": other, "naive": expected[other].mean()}


CLAIM = Claim(
    name="C2",
    sentence="A great model in a bad system loses to an average model in a great system.",
    fails_where=(
        "a business a tenth this size without incidents: the upkeep of five more components does "
        "not shrink with the traffic, so the perfect model behind a bare endpoint would win"
    ),
    arms=arms,
    effects=effects,
    beside=others,
    notes=notes,
    table=table_by_rate(rows),
)
