"""C10, "models amplify the bias of their data": a label bias of known size, and what becomes of it.

Defined before the first run. One group's labels are wrong in the past, by a factor of about two:
*accused* (as many of its genuine payments again are labelled fraud) or *unheard* (every second
fraud on it was never reported). The group is *hidden* (cards from one country: no feature names it)
or *visible* (one merchant category, which has a feature of its own). The data's bias is the factor
by which the group's labelled rate differs from the true history's. The system's bias is the factor
by which its treatment of the group does: genuine payments stopped, or fraud stopped, on true
present days and the same luck. Amplified: the second is the larger. The system is the resilient
one without refits; the naive one, whose single cut stops a few dozen payments, is a control.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
from mlsys_lessons.experiments.arms import NAIVE, RESILIENT, Arm, summary
from mlsys_lessons.experiments.pasts import AnotherPast, raised_on, table_of
from mlsys_lessons.experiments.statistics import Values, p_value, ratio_interval
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


@dataclass(frozen=True)
class Misreported:
    """A history whose labels are wrong in one group; the requests stay as they are."""

    group: str
    bias: str

    def __call__(self, history: History) -> History:
        """Labels as they were filed."""
        requests, labels = history
        column, word = GROUPS[self.group]
        ids = requests["request_id"].to_numpy()[(requests[column] == word).to_numpy()]
        named = labels["request_id"].to_numpy()
        mine, label = np.isin(named, ids), labels["label"].to_numpy().copy()
        fraud = np.isin(named, named[label == 1])
        coin = luck(0, "misreported", named)
        if self.bias == "unheard":
            label[mine & fraud & (coin < 0.5)] = 0
        else:
            genuine = mine & ~fraud
            share = np.unique(named[mine & fraud]).size / max(int(genuine.sum()), 1)
            label[genuine & (coin < share)] = 1
        return History(requests, labels.assign(label=label))


@dataclass(frozen=True)
class BiasedArm(Arm):
    """A system raised on true labels (`group` and `bias` empty) or on misreported ones."""

    group: str = ""
    bias: str = ""

    def _told(self) -> Misreported | None:
        return Misreported(self.group, self.bias) if self.group else None

    def system(self, seed: int) -> System:
        """The level's own recipe on the labels as they were filed; never refitted."""
        return raised_on(table_of(seed, self._told()), self.levels, seed=seed)

    def world(self, seed: int, size: ClaimSize) -> Any:
        """The same present; risk tables start from the same labels as the model."""
        world, told = payments_world(seed=seed, daily=size.daily), self._told()
        return AnotherPast(world, told) if told else world

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it, and count how each group was labelled and is treated."""
        faults = self.faults(seed, size)
        run = simulate(self.world(seed, size), self.system(seed), days=size.days, faults=faults)
        log = run.log.drop_duplicates("request_id")
        fraud = run.truth().loc[log["request_id"], "true_probability"].to_numpy()
        stopped = (log["action"] != "approve").to_numpy()
        measured = {}
        for name, (column, word) in GROUPS.items():
            here = (log[column] == word).to_numpy()
            measured[f"{name} wronged"] = _share(stopped[here], 1 - fraud[here])
            measured[f"{name} caught"] = _share(stopped[here], fraud[here])
            measured[f"{name} labelled"] = self._labelled(seed, name)
        return summary(run) | {"measured": measured}

    def _labelled(self, seed: int, name: str) -> float:
        """The group's labelled fraud rate in the rows that the model learned from."""
        rows = training_rows(table_of(seed, self._told()))
        return float(rows.loc[np.isin(rows["request_id"], _members(seed, name)), "label"].mean())


@lru_cache(maxsize=8)
def _members(seed: int, name: str) -> NDArray[np.int64]:
    """The requests of a group in the history that models are fitted on."""
    column, word = GROUPS[name]
    requests = payments_world(seed=seed, daily=TRAINING_DAILY).history(HISTORY_DAYS).requests
    return requests.loc[(requests[column] == word).to_numpy(), "request_id"].to_numpy()


def _share(stopped: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Stopped share, each payment counted by the probability that it belongs here; never zero."""
    return max(float(np.average(stopped, weights=weight)), 1e-6)


def arms(rate: float) -> Mapping[str, Arm]:
    """True labels, and two ways of misreporting either group; the sweep needs no control."""
    pasts = [(group, bias) for group in GROUPS for bias in BIASES]
    systems = SYSTEMS if rate == ORDINARY else {"resilient": RESILIENT}
    return {
        _name(system, *past): BiasedArm(levels, rate=rate, group=past[0], bias=past[1])
        for system, levels in systems.items()
        for past in [("", ""), *pasts]
    }


def _name(system: str, group: str = "", bias: str = "") -> str:
    return f"{system}, {group} and {bias}" if group else f"{system}, true labels"


def judge(evidence: Evidence) -> Findings:
    """The four biases in the resilient system, each amplified or not; the naive one beside it."""
    said = {rate: all_of(_effects(evidence, rate), tests=1) for rate in evidence.rates()}
    effects = _effects(evidence, ORDINARY)
    said[ORDINARY] = all_of(effects)
    by_rate = {
        rate: (_effects(evidence, rate)[0].interval.estimate, word) for rate, word in said.items()
    }
    control = _effects(evidence, ORDINARY, "naive")
    return Findings(
        (*effects, *control), _table(evidence), across(said), by_rate, p_of_all(effects),
        ("a treatment that the bias does not reach at all stands at about 0.45, not at 0",),
    )  # fmt: skip


def _measured(
    evidence: Evidence, rate: float, system: str, group: str, bias: str
) -> list[Values]:  # fmt: skip
    """By seed: treated and labelled under misreporting, treated and labelled in truth."""
    runs = evidence.runs[evidence.runs["rate"] == rate]
    found = []
    for name in (_name(system, group, bias), _name(system)):
        mine = runs[runs["arm"] == name].set_index("seed")
        found += [numbers(mine[f"{group} {BIASES[bias]}"]), numbers(mine[f"{group} labelled"])]
    return found


def _effects(evidence: Evidence, rate: float, system: str = "resilient") -> list[Effect]:
    """The system's factor over the data's; the other way up for a bias that makes things fewer."""
    effects = []
    for group in GROUPS:
        for bias in BIASES:
            treated, labelled, fairly, truly = _measured(evidence, rate, system, group, bias)
            pair = treated * truly.mean(), fairly * labelled.mean()
            parts, wholes = pair if bias == "accused" else pair[::-1]
            p, name = p_value(parts - FACTOR * wholes, 0.0), _name(system, group, bias)
            unit = "times the data's own bias"
            effects.append(Effect(name, unit, ratio_interval(parts, wholes), FACTOR, p))
    return effects


def _table(evidence: Evidence) -> pd.DataFrame:
    """A row for each system, group and bias: the data's factor, the treatment's, its interval."""
    rows = []
    for system in SYSTEMS:
        for group in GROUPS:
            for bias, what in BIASES.items():
                found = _measured(evidence, ORDINARY, system, group, bias)
                treated, labelled, fairly, truly = found
                factor = ratio_interval(treated, fairly)
                rows.append({
                    "system": system, "group": group, "bias": bias, "treated": what,
                    "in truth": fairly.mean(), "data": labelled.mean() / truly.mean(),
                    "treatment": factor.estimate, "low": factor.low, "high": factor.high,
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
    judge=judge,
)
