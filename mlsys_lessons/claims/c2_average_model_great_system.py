"""C2, "a great model in a bad system loses to an average model in a great one": eight systems.

Rule, logistic, boosted and perfect (the world's own fraud probability), each in the naive and in
the resilient system, on the same luck. The claim is put in its hardest form: great is perfect,
average is logistic. All costs count, upkeep and people included. It compares systems, not learners:
nobody could train the perfect model. And nothing upstream can hurt it: it reads no feature, so of a
bad system it feels the bare call and the single cut, never the stale table. The effects below the
first one put a model that can be hurt, the boosted one, in its place.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mlsys_lessons.claims.claim import ORDINARY, Claim, Effect, Evidence, Findings, across, numbers
from mlsys_lessons.experiments.arms import NAIVE, REFERENCE, RESILIENT, Arm
from mlsys_lessons.experiments.statistics import mean_interval, p_value, ratio_interval

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


def judge(evidence: Evidence) -> Findings:
    """The logistic model in the resilient system less the perfect one in the naive system."""
    year = evidence.euros()
    effect = _difference(year, "logistic/resilient", "perfect/naive")
    others = (
        _difference(year, "logistic/resilient", "boosted/naive"),
        _difference(year, "rule/resilient", "perfect/naive"),
        _difference(year, _KEPT_MODEL, "perfect/naive"),
    )
    by_rate = {rate: _at(evidence, rate) for rate in evidence.rates()}
    by_rate[ORDINARY] = (effect.interval.estimate, effect.verdict())
    verdict = across({rate: said for rate, (_, said) in by_rate.items()})
    notes = (_perfection(year), _READS)
    return Findings((effect, *others), _table(evidence), verdict, by_rate, effect.p, notes)


def _difference(euros: pd.DataFrame, better: str, worse: str) -> Effect:
    gap = numbers(euros[better] - euros[worse])
    p = p_value(gap, EUROS_PER_THOUSAND)
    unit = "EUR per 1,000 requests"
    return Effect(f"{better} - {worse}", unit, mean_interval(gap), EUROS_PER_THOUSAND, p)


def _at(evidence: Evidence, rate: float) -> tuple[float, str]:
    effect = _difference(evidence.euros(rate), "logistic/resilient", "perfect/naive")
    return effect.interval.estimate, effect.verdict(tests=1)


def _perfection(year: pd.DataFrame) -> str:
    """How much of what perfection can add to approving everything the naive system keeps."""
    base = year["approve all"]
    kept = ratio_interval(
        numbers(year["perfect/naive"] - base), numbers(year["perfect/resilient"] - base)
    )
    lost = (year["perfect/resilient"] - year["perfect/naive"]).mean()
    return (
        f"the naive system loses {lost:,.0f} EUR per 1,000 requests of the perfect model's worth: "
        f"it keeps {kept.estimate:.0%} [{kept.low:.0%}, {kept.high:.0%}] of its lift over "
        "approving everything"
    )


def _table(evidence: Evidence) -> pd.DataFrame:
    """Euros per 1,000 requests: a row for each rate and model, the two systems and their gap."""
    rows = []
    for rate in evidence.rates():
        expected, realised = evidence.euros(rate), evidence.euros(rate, money="value_cents")
        for model in MODELS:
            naive, resilient = f"{model}/naive", f"{model}/resilient"
            gap = mean_interval(numbers(expected[resilient] - expected[naive]))
            rows.append({
                "incidents": rate, "model": model,
                "naive": expected[naive].mean(), "resilient": expected[resilient].mean(),
                "gap": gap.estimate, "low": gap.low, "high": gap.high,
                "naive realised": realised[naive].mean(),
                "resilient realised": realised[resilient].mean(),
            })  # fmt: skip
        for other in ("approve all", _KEPT_MODEL, "Bayes reference, no faults"):
            rows.append({"incidents": rate, "model": other, "naive": expected[other].mean()})
    return pd.DataFrame(rows)


CLAIM = Claim(
    name="C2",
    sentence="A great model in a bad system loses to an average model in a great system.",
    fails_where=(
        "a business a tenth this size without incidents: the upkeep of five more components does "
        "not shrink with the traffic, so the perfect model behind a bare endpoint would win"
    ),
    arms=arms,
    judge=judge,
)
