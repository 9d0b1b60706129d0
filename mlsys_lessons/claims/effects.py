"""An effect: one number that a claim hangs on, against its threshold, and the verdict on several.

The threshold is written down before the first run. Which effects a claim has, its own module says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlsys_lessons.experiments.statistics import (
    FAMILY,
    Interval,
    Values,
    holm,
    mean_interval,
    p_value,
    ratio_interval,
)

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
ALPHA = 0.05


@dataclass(frozen=True)
class Effect:
    """One number that a claim hangs on, against the threshold written down for it.

    `p` is that of the paired test against the threshold; the claim says the effect is above it.
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


def mean_effect(name: str, unit: str, differences: Values, threshold: float) -> Effect:
    """The mean of paired differences against a threshold in their unit.

    >>> import numpy as np
    >>> mean_effect("gap", "EUR", np.array([2.0, 3.0, 4.0]), 1.0).interval.estimate
    3.0
    """
    p = p_value(differences, threshold)
    return Effect(name, unit, mean_interval(differences), threshold, p)


def ratio_effect(name: str, unit: str, parts: Values, wholes: Values, threshold: float) -> Effect:
    """The ratio of two paired means against a threshold.

    >>> import numpy as np
    >>> ratio_effect("share", "", np.array([1.0, 2.0]), np.array([2.0, 4.0]), 0.4).interval
    0.5 [0.5, 0.5]
    """
    p = p_value(parts - threshold * wholes)
    return Effect(name, unit, ratio_interval(parts, wholes), threshold, p)


def all_of(effects: Sequence[Effect], *, tests: int = FAMILY) -> str:
    """The verdict on "each of these": it holds if all do, and fails if any one surely does.

    All holding is an intersection-union test and needs no further correction; any one failing is
    corrected for as many looks.
    """
    if all(effect.verdict(tests=tests) == HOLDS for effect in effects):
        return HOLDS
    looks = tests * len(effects)
    return FAILS if any(effect.verdict(tests=looks) == FAILS for effect in effects) else UNDECIDED


def p_of_all(effects: Sequence[Effect]) -> float:
    """The p that belongs to `all_of`: the weakest if all hold, else the clearest, each look paid.

    >>> p_of_all([])
    1.0
    """
    if not effects:
        return 1.0
    if all(effect.interval.estimate > effect.threshold for effect in effects):
        return max(effect.p for effect in effects)
    below = [effect.p for effect in effects if effect.interval.estimate <= effect.threshold]
    return min(1.0, len(effects) * min(below))
