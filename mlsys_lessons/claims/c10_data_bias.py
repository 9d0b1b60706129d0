"""C10, "models amplify the bias of their data": a label bias of known size, and what becomes of it.

Defined before the first run. One group's labels are wrong in the past, by a factor of about two:
*accused* (as many of its genuine payments again are labelled fraud) or *unheard* (every second
fraud on it was never reported). The group is *hidden* (cards from one country: no feature names it)
or *visible* (one merchant category, which has a feature of its own). The data's bias is the factor
by which the group's labelled rate differs from the true history's. The system's bias is the factor
by which its treatment of the group does: genuine payments stopped, or fraud stopped, on true
present days and the same luck. Amplified: the second is the larger. The system is the resilient
one without refits; the naive one, whose single cut stops a few dozen payments, is a control.

A bias is there on every day alike, so a run is shorter and smaller than most claims'
(45 days x 1,000): the question is not about rare incidents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.claims.claim import ORDINARY, Claim, Effects, Evidence, numbers
from mlsys_lessons.claims.effects import ratio_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import NAIVE, RESILIENT, Arm, summary
from mlsys_lessons.experiments.pasts import AnotherPast, table_of, trained_on
from mlsys_lessons.experiments.statistics import Values, ratio_interval
from mlsys_lessons.randomness import luck
from mlsys_lessons.simulation.presets import HISTORY_DAYS, TRAINING_DAILY, training_rows
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import History, payments_world

# Written before the first run: a tenth more than the data's own bias.
FACTOR = 1.1

SYSTEMS = {"resilient": RESILIENT, "naive": NAIVE}  # the claim is about the first
GROUPS = {"hidden": ("card_country", "FR"), "visible": ("category", "gaming")}  # large enough
BIASES = {"accused": "wronged", "unheard": "caught"}  # the bias, and the treatment it changes
_PASTS = [(group, bias) for group in GROUPS for bias in BIASES]


@dataclass(frozen=True)
class Misreported:
    """A history whose labels are wrong in one group; the requests stay as they are."""

    group: str
    bias: str

    def __call__(self, history: History) -> History:
        """Labels as they were filed."""
        requests, labels = history
        inside = np.isin(labels["request_id"], _ids(requests, self.group))
        named, label = labels["request_id"].to_numpy(), labels["label"].to_numpy().copy()
        fraud = np.isin(named, named[label == 1])
        coin = luck(0, "misreported", named)
        if self.bias == "unheard":
            label[inside & fraud & (coin < 0.5)] = 0
        else:
            genuine = inside & ~fraud
            share = np.unique(named[inside & fraud]).size / max(int(genuine.sum()), 1)
            label[genuine & (coin < share)] = 1
        return History(requests, labels.assign(label=label))


@dataclass(frozen=True)
class BiasedArm(Arm):
    """A system trained on true labels (`group` and `bias` empty) or on misreported ones."""

    group: str = ""
    bias: str = ""

    def _rewrite(self) -> Misreported | None:
        return Misreported(self.group, self.bias) if self.group else None

    def system(self, seed: int) -> System:
        """The level's own recipe on the labels as they were filed; never refitted."""
        return trained_on(table_of(seed, self._rewrite()), self.levels, seed=seed)

    def world(self, seed: int, size: ClaimSize) -> Any:
        """The same present; risk tables start from the same labels as the model."""
        world, rewrite = payments_world(seed=seed, daily=size.daily), self._rewrite()
        return AnotherPast.of(world, rewrite) if rewrite else world

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it, and count how each group was labelled and is treated."""
        faults = self.faults(seed, size)
        run = simulate(self.world(seed, size), self.system(seed), days=size.days, faults=faults)
        log = run.log.drop_duplicates("request_id")
        fraud = run.truth().loc[log["request_id"], "true_probability"].to_numpy()
        stopped = (log["action"] != "approve").to_numpy()
        measured = {}
        for name, (column, word) in GROUPS.items():
            group = (log[column] == word).to_numpy()
            measured[f"{name} wronged"] = _share(stopped[group], 1 - fraud[group])
            measured[f"{name} caught"] = _share(stopped[group], fraud[group])
            measured[f"{name} labelled"] = self._labelled(seed, name)
        return summary(run) | {"measured": measured}

    def _labelled(self, seed: int, name: str) -> float:
        """The group's labelled fraud rate in the rows that the model learned from."""
        rows = training_rows(table_of(seed, self._rewrite()))
        return float(rows.loc[np.isin(rows["request_id"], _members(seed, name)), "label"].mean())


@lru_cache(maxsize=8)
def _members(seed: int, name: str) -> NDArray[np.int64]:
    """The requests of a group in the history that models are fitted on."""
    world = payments_world(seed=seed, daily=TRAINING_DAILY)
    return _ids(world.history(HISTORY_DAYS).requests, name)


def _ids(requests: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """The requests of a group."""
    column, word = GROUPS[name]
    return requests.loc[(requests[column] == word).to_numpy(), "request_id"].to_numpy()


def _share(stopped: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Stopped share, each payment counted by the probability that it belongs here; never zero."""
    return max(float(np.average(stopped, weights=weight)), 1e-6)


def arms(rate: float) -> Mapping[str, Arm]:
    """True labels, and two ways of misreporting either group; the sweep needs no control."""
    systems = SYSTEMS if rate == ORDINARY else {"resilient": RESILIENT}
    return {
        _name(system, *past): BiasedArm(levels, rate=rate, group=past[0], bias=past[1])
        for system, levels in systems.items()
        for past in [("", ""), *_PASTS]
    }


def _name(system: str, group: str = "", bias: str = "") -> str:
    return f"{system}, {group} and {bias}" if group else f"{system}, true labels"


def effects(evidence: Evidence, rate: float, system: str = "resilient") -> Effects:
    """The system's factor over the data's; the other way up for a bias that makes things fewer."""
    factors = []
    for group, bias in _PASTS:
        treated, labelled, fairly, truly = _measured(evidence, rate, system, group, bias)
        pair = treated * truly.mean(), fairly * labelled.mean()
        parts, wholes = pair if bias == "accused" else pair[::-1]
        name, unit = _name(system, group, bias), "times the data's own bias"
        factors.append(ratio_effect(name, unit, parts, wholes, FACTOR))
    return tuple(factors)


def control(evidence: Evidence) -> Effects:
    """The same in the naive system."""
    return effects(evidence, ORDINARY, "naive")


def _measured(evidence: Evidence, rate: float, system: str, *past: str) -> list[Values]:
    """By seed: treated and labelled under misreporting, treated and labelled in truth."""
    group, bias = past
    runs = evidence.runs[evidence.runs["rate"] == rate].set_index("seed")
    sides = [runs[runs["arm"] == name] for name in (_name(system, *past), _name(system))]
    what = (f"{group} {BIASES[bias]}", f"{group} labelled")
    return [numbers(arm[column]) for arm in sides for column in what]


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """Where an effect of nothing stands."""
    return ("a treatment that the bias does not reach at all stands at about 0.45, not at 0",)


def table(evidence: Evidence) -> pd.DataFrame:
    """A row for each system, group and bias: the data's factor, the treatment's, its interval."""
    rows = []
    for system in SYSTEMS:
        for group, bias in _PASTS:
            treated, labelled, fairly, truly = _measured(evidence, ORDINARY, system, group, bias)
            rows.append({
                "system": system, "group": group, "bias": bias, "treated": BIASES[bias],
                "in truth": fairly.mean(), "data": labelled.mean() / truly.mean(),
                **ratio_interval(treated, fairly).columns("treatment"),
            })  # fmt: skip
    return pd.DataFrame(rows)


CLAIM = Claim(
    name="C10",
    sentence="Models amplify the bias of their data.",
    fails_where=(
        "a group that no feature names and no proxy gives away: what the labels say about it is "
        "spread over everybody, and the group gets less of the bias than the data had"
    ),
    arms=arms,
    size=ClaimSize(days=45, daily=1_000),
    effects=effects,
    beside=control,
    notes=notes,
    table=table,
    earlier=(Earlier("the same with BCa intervals", "does not hold", "2026-11-23"),),
)
