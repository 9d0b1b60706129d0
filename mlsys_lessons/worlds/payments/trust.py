"""Trust, and what it and rarity do to a judgment: three pure mechanisms with parameters.

Trust is a number from 0 to 1 that rises a little with each answer seen to be right and falls a lot
with each one seen to be wrong. Who judges what is people.py's business; nothing here draws luck.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.randomness import Floats
from mlsys_lessons.records import within


@dataclass(frozen=True)
class Trust:
    """How far somebody trusts a score, by what they have seen of it.

    Why it matters: people lean on a score by trust, not by its quality (Lee and See 2004); one
    visible error undoes what many right answers have built (Dzindolet and others 2003).

    level
        Trust now, 0 to 1 (assumed at the start).
    gain, loss
        Share of what is missing that a right answer adds; share of what is there that a visible
        error takes (both assumed; that loss exceeds gain is the published part).
    most
        Share of cases in which the score decides at full trust (assumed).

    >>> Trust(0.5).after([True, False])
    Trust(level=0.459, the score decides 28% of the cases)
    """

    level: float = 0.5
    gain: float = 0.02
    loss: float = 0.10
    most: float = 0.6

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        for name in ("level", "gain", "loss", "most"):
            within(name, getattr(self, name), low=0.0, high=1.0)

    def __repr__(self) -> str:
        """Say how much it is and what follows."""
        return f"Trust(level={self.level:.3f}, the score decides {self.deference:.0%} of the cases)"

    @property
    def deference(self) -> float:
        """Share of cases in which the score decides instead of the person."""
        return self.most * self.level

    def path(self, right: Iterable[bool]) -> Floats:
        """Trust before the first and after each answer that was seen to be right or wrong.

        >>> Trust(0.5, gain=0.1, loss=0.5).path([True, False]).round(3).tolist()
        [0.5, 0.55, 0.275]
        """
        return np.array(list(accumulate(right, self._moved, initial=self.level)))

    def _moved(self, level: float, right: bool) -> float:
        return level + self.gain * (1 - level) if right else level * (1 - self.loss)

    def after(self, right: Iterable[bool]) -> Trust:
        """Trust when all of these have been seen, in this order."""
        return replace(self, level=float(self.path(right)[-1]))

    def rest(self, error_rate: float) -> float:
        """Where it settles if a share of what is seen is wrong: (1-e) g / ((1-e) g + e l).

        It is the level at which the mean step is zero.

        >>> round(Trust().rest(0.0), 2), round(Trust().rest(0.05), 2), round(Trust().rest(0.5), 2)
        (1.0, 0.79, 0.17)
        """
        within("error_rate", error_rate, low=0.0, high=1.0)
        up, down = (1 - error_rate) * self.gain, error_rate * self.loss
        return up / (up + down) if up + down else self.level


def rarer(
    slip: Floats, fraud: NDArray[np.bool_], prevalence: float, *, usual: float, rarity: float
) -> Floats:
    """Chance of a slip when frauds are rarer among the cases seen than usual.

    The odds of a miss are multiplied by (usual odds / odds of the prevalence) to the power
    `rarity`, those of a false accusation divided by it: a shift of the criterion (Wolfe and others
    2007). With 7 % missed at a prevalence of one half and a rarity of .38 it gives 30 % at 1 %, as
    Wolfe, Horowitz and Kenner found (2005), and 15 % at 10 %, where they found 16 %.

    Why it matters: a queue filled with false alarms teaches those who work on it to wave through.

    >>> slip, fraud = np.array([0.07, 0.07]), np.array([True, False])
    >>> rarer(slip, fraud, 0.01, usual=0.5, rarity=0.38).round(2)
    array([0.3 , 0.01])
    """
    seen, expected = (np.clip(share, 1e-4, 1 - 1e-4) for share in (prevalence, usual))
    factor = (expected / (1 - expected) * (1 - seen) / seen) ** rarity
    factors = np.where(fraud, factor, 1 / factor)
    return np.asarray(slip + slip * (1 - slip) * (factors - 1) / (1 - slip + slip * factors))
