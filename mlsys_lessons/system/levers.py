"""Levers: what each mitigation changes in a running system, and how it is taken back.

One small function for each line of the closed list (components/response/mitigations.py). A lever
returns what its way back needs, or NOT_CHANGED where there was nothing to change: a request to
somebody else, a fallback that this level does not have, a model that a newer one has replaced.
Who pulls it is told in system.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mlsys_lessons.components.decisions import CostDecisions
from mlsys_lessons.components.response import Mitigation
from mlsys_lessons.errors import InputError
from mlsys_lessons.system.parts import Parts

NOT_CHANGED = "not changed"
ONE_VALUE = ("set_threshold", "widen_review", "explore")  # a new value takes the old one's place
SCALED_OUT = 2.0  # times the usual servers
Lever = Callable[[Parts, Any, Any], Any]  # system, value, what the way back needs (None: forward)


def apply(system: Parts, mitigation: Mitigation) -> bool:
    """Do or undo one mitigation and keep what is in force up to date; whether anything changed."""
    asked = replace(mitigation, undone=False)
    pull, in_force = LEVERS[asked.name], system.in_force
    if mitigation.undone:
        if asked in in_force:
            return pull(system, asked.value, in_force.pop(asked)) is not NOT_CHANGED
        return False
    if asked in in_force:
        return False
    for old in [other for other in in_force if other.name == asked.name in ONE_VALUE]:
        apply(system, old.undo())
    way_back = pull(system, asked.value, None)
    if way_back is not NOT_CHANGED:
        in_force[asked] = way_back
    return way_back is not NOT_CHANGED


def _ask_owner(system: Parts, source: str, back: Any) -> Any:
    if source not in system.domain.sources:
        known = ", ".join(system.domain.sources)
        raise InputError(f"nobody answers for {source!r}; ask one of {known}.")
    return NOT_CHANGED


def _quarantine(system: Parts, field: str, back: Any) -> Any:
    field = system.domain.field(field).name
    change = system.features.untrusted.union if back is None else system.features.untrusted.__sub__
    system.features.untrusted = frozenset(change({field}))
    return field


def _look_on(system: Parts, value: Any, back: Any) -> Any:
    return NOT_CHANGED


def _roll_back(system: Parts, value: Any, back: Any) -> Any:
    registry = system.inference.registry
    if back is not None:
        newest, older = back
        return registry.adopt(newest) if registry.champion is older else NOT_CHANGED
    newest = registry.champion
    older = registry.roll_back()
    return NOT_CHANGED if older is newest else (newest, older)


def _fall_back(system: Parts, value: Any, back: Any) -> Any:
    system.inference.bypassed = back is None
    return True


def _scale_out(system: Parts, value: Any, back: Any) -> Any:
    servers = SCALED_OUT if back is None else 1.0
    system.inference.service = replace(system.inference.service, servers=servers)
    return True


def _set_threshold(system: Parts, score: float, back: Any) -> Any:
    old, system.decisions.cut = system.decisions.cut, float(score) if back is None else back
    return old


def _explore(system: Parts, share: float, back: Any) -> Any:
    if not isinstance(system.decisions, CostDecisions):
        return NOT_CHANGED
    old, new = system.decisions.policy, float(share) if back is None else back
    system.decisions.policy = replace(old, explore_share=new)
    return old.explore_share


def _widen_review(system: Parts, cases: float, back: Any) -> Any:
    system.staff(system.reviews.capacity + (int(cases) if back is None else -back))
    return int(cases)


def _retrain(system: Parts, days: float, back: Any) -> Any:
    registry = system.inference.registry
    if back is not None:
        return True if registry.retire(back) else NOT_CHANGED
    tick = 0 if system.last_tick is None else system.last_tick + 1
    label = system.retraining.fit(tick, system.labels, registry, int(days))
    return NOT_CHANGED if label is None else label


LEVERS: dict[str, Lever] = {
    "ask_owner": _ask_owner, "quarantine": _quarantine, "rebuild_table": _look_on,
    "roll_back": _roll_back, "fall_back": _fall_back, "scale_out": _scale_out,
    "set_threshold": _set_threshold, "widen_review": _widen_review, "retrain": _retrain,
    "explore": _explore, "nothing": _look_on,
}  # fmt: skip
