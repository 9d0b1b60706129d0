"""C4, "the model is the small part": how the value divides among six components.

Two readings side by side. *From nothing*: every one of the 64 sets of resilient components is run;
a component's Shapley share is what it adds on average over all orders of building the system, and
beside it stand the two orders that people argue about: the model first (added to nothing) and last
(added to everything else). *From where teams stand*: the step from an average model in a naive
system to a great model in a resilient one (C2's), and the system's share of that step. Where the
readings disagree the verdict says so.

It measures value, not effort: how much money hangs on a component, not how long it took to build.
"Training is ten percent" is a statement about effort and is cited, not tested (SENTENCES.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    Verdicts,
    numbers,
    unless_contradicted,
)
from mlsys_lessons.claims.effects import FAILS, HOLDS, UNDECIDED, Effect, ratio_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.experiments.arms import NAIVE, RESILIENT, Arm
from mlsys_lessons.experiments.extreme_models import ExtremeArm
from mlsys_lessons.experiments.shapley import coalitions, shapley
from mlsys_lessons.experiments.statistics import Values, mean_interval, ratio_interval

# Written before the first run: the small part means less than half of the value.
HALF = 0.5

_OTHERS = frozenset(COMPONENTS) - {"model"}
_STANDING, _MODEL, _SYSTEM, _BOTH = (
    "average model, naive", "great model, naive",
    "average model, resilient", "great model, resilient",
)  # fmt: skip


def name_of(levels: frozenset[str]) -> str:
    """A coalition as text, components in the order of the pipeline."""
    return "+".join(name for name in COMPONENTS if name in levels) or "none"


def arms(rate: float) -> Mapping[str, Arm]:
    """All coalitions in the ordinary year, elsewhere those that two orders need; and the step."""
    wanted = [frozenset[str](), frozenset({"model"}), _OTHERS, frozenset(COMPONENTS)]
    if rate == ORDINARY:
        wanted = coalitions(COMPONENTS)
    sets = {
        name_of(levels): Arm(tuple(name for name in COMPONENTS if name in levels), rate=rate)
        for levels in wanted
    }
    return {
        **sets,
        _STANDING: Arm(NAIVE, model="logistic", rate=rate),
        _SYSTEM: Arm(RESILIENT, model="logistic", rate=rate),
        _MODEL: ExtremeArm(NAIVE, model="great", rate=rate),
        _BOTH: ExtremeArm(RESILIENT, model="great", rate=rate),
    }


def shares(euros: pd.DataFrame) -> tuple[dict[str, Values], Values]:
    """Each component's Shapley value by seed, and the value that is divided."""
    worth = {levels: numbers(euros[name_of(levels)]) for levels in coalitions(COMPONENTS)}
    whole = worth[frozenset(COMPONENTS)] - worth[frozenset()]
    return {name: value + 0 * whole for name, value in shapley(COMPONENTS, worth).items()}, whole


def orders(euros: pd.DataFrame) -> dict[str, Values]:
    """What the model adds when it comes first and when it comes last, by seed."""
    value = {name: numbers(euros[name]) for name in ("none", "model", name_of(_OTHERS))}
    everything = numbers(euros[name_of(frozenset(COMPONENTS))])
    return {
        "model first": value["model"] - value["none"],
        "model last": everything - value[name_of(_OTHERS)],
        "all": everything - value["none"],
    }


def step(euros: pd.DataFrame) -> dict[str, Values]:
    """What the model adds to the step from where teams stand, first and last, and the step."""
    standing, model, system, both = (
        numbers(euros[name]) for name in (_STANDING, _MODEL, _SYSTEM, _BOTH)
    )
    return {"model first": model - standing, "model last": both - system, "all": both - standing}


def effects(evidence: Evidence, rate: float) -> Effects:
    """The share of what is not the model, against a half: from nothing, and of the step."""
    euros = evidence.euros(rate)
    from_here = _middle("the system's share of the step", step(euros))
    if rate != ORDINARY:
        return _middle("mean of two orders", orders(euros)), from_here
    values, whole = shares(euros)
    return _rest("Shapley share of the other five", values["model"], whole), from_here


def _middle(name: str, by_order: Mapping[str, Values]) -> Effect:
    """The mean of the two orders: the Shapley share of two players."""
    model = (by_order["model first"] + by_order["model last"]) / 2
    return _rest(name, model, by_order["all"])


def both_orders(evidence: Evidence) -> Effects:
    """The same shares when the model comes first, and when it comes last."""
    euros = evidence.euros()
    readings = {"share of the other five": orders(euros), "share of the step": step(euros)}
    return tuple(
        _rest(f"{reading}, {name}", values[name], values["all"])
        for reading, values in readings.items()
        for name in ("model first", "model last")
    )


def _rest(name: str, model: Values, whole: Values) -> Effect:
    """The share that is not the model's."""
    return ratio_effect(name, "of the value", whole - model, whole, HALF)


def verdict(evidence: Evidence, verdicts: Verdicts) -> str:
    """As for most claims, unless there is nothing to divide, or readings or orders disagree."""
    euros = evidence.euros()
    if any(mean_interval(values["all"]).low <= 0 for values in (orders(euros), step(euros))):
        return UNDECIDED
    if {effect.verdict() for effect in effects(evidence, ORDINARY)} >= {HOLDS, FAILS}:
        return "depends on where one starts"
    if {effect.verdict(tests=1) for effect in both_orders(evidence)[:2]} >= {HOLDS, FAILS}:
        return "depends on the order in which the system is built"
    return unless_contradicted(evidence, verdicts)


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What the shares are shares of."""
    return (
        "value, not effort: what hangs on a component, not what it takes to build it",
        "at other incident rates the first effect is the mean of two orders, model first and last",
        "the step goes from an average model in the naive system to a great one in the resilient",
    )


def table(evidence: Evidence) -> pd.DataFrame:
    """A row a component: its Shapley value in euros per 1,000 requests and its share."""
    values, whole = shares(evidence.euros())
    realised, all_realised = shares(evidence.euros(money="value_cents"))
    rows = []
    for name in COMPONENTS:
        rows.append({
            "incidents": ORDINARY, "component": name, "euros": mean_interval(values[name]).estimate,
            **ratio_interval(values[name], whole).columns("share"),
            "share realised": realised[name].mean() / all_realised.mean(),
        })  # fmt: skip
    for rate in evidence.rates():
        euros = evidence.euros(rate)
        for reading, values in (("", orders(euros)), ("step, ", step(euros))):
            for name in ("model first", "model last"):
                rows.append({
                    "incidents": rate, "component": reading + name, "euros": values[name].mean(),
                    **ratio_interval(values[name], values["all"]).columns("share"),
                })  # fmt: skip
    return pd.DataFrame(rows)


CLAIM = Claim(
    name="C4",
    sentence="The model is the small part: most of the value is everything around it.",
    fails_where=(
        "where the surroundings already decide by cost, so that a model is the last thing added: "
        "scores are worth little until someone acts on them, and everything once someone does"
    ),
    arms=arms,
    effects=effects,
    beside=both_orders,
    verdict=verdict,
    notes=notes,
    table=table,
    earlier=(Earlier("from nothing alone, BCa intervals", "does not hold", "2026-11-23"),),
)
