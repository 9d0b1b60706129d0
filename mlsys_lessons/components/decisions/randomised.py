"""A cut that nobody can learn exactly: each request has a cut of its own, a little off the usual.

It plugs in where `ScoreCut` does, and logs the chance of what it did, so that its log can judge
other cuts (feedback/off_policy.py). It knows no cost and holds nobody for review.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.decisions.policy import version_column
from mlsys_lessons.components.decisions.stages import NO_ANSWER, SCORE, ScoreCut
from mlsys_lessons.frames import array_of, categorical, extend
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import APPROVE, BLOCK, within

Floats = NDArray[np.float64]


@dataclass
class RandomisedCut(ScoreCut):
    """Blocks above a cut that lies anywhere within `width` either side of the usual, in log-odds.

    Why it matters: whoever probes a fixed cut finds it by bisection. A cut that moves by request
    answers each probe differently, and costs little: only scores near the cut are decided by luck.
    A width of 0 is the fixed cut. `seed` names the luck; twins share it.

    Raises InputError for a cut outside (0, 1) or a width below 0.

    >>> RandomisedCut(0.5, width=1.0).chance_of_block(np.array([0.1, 0.5, 0.9])).tolist()
    [0.0, 0.5, 1.0]
    """

    seed: int = 0
    width: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a cut without odds, or a width that is none."""
        within("cut", self.cut, 1e-9, 1 - 1e-9)
        within("width", self.width, 0.0, 20.0)

    @property
    def version(self) -> str:
        """Which policy this is: its cut, and how far it moves."""
        fixed = super().version
        return f"{fixed}-within-{self.width:g}" if self.width else fixed

    def chance_of_block(self, scores: Floats) -> Floats:
        """The chance that a score is blocked: 0 below the band, 1 above it, a line between."""
        with np.errstate(divide="ignore"):
            distance = _log_odds(scores) - _log_odds(np.array(self.cut))
        if self.width == 0:
            return (distance >= 0).astype(np.float64)
        return np.clip((distance + self.width) / (2 * self.width), 0.0, 1.0)

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add action, reason and the propensity of the action."""
        scores = array_of(frame, "score")
        silent = np.isnan(scores)
        chance = self.chance_of_block(np.where(silent, 0.0, scores))
        coin = luck(self.seed, "cut", row_keys(frame, self.domain.identity))
        blocked = coin < chance
        codes = [self.domain.reasons.index(word) for word in (SCORE, NO_ANSWER)]
        action = np.where(blocked, BLOCK, APPROVE).astype(np.int8)
        reason = np.where(silent, codes[1], codes[0]).astype(np.int8)
        decided = {
            "action": categorical(action, self.domain.action_dtype),
            "reason": categorical(reason, self.domain.reason_dtype),
            "propensity": np.where(blocked, chance, 1 - chance),
            "review_value": np.full(len(frame), np.nan),
            "policy_version": version_column(self.version, len(frame)),
        }
        return extend(frame, decided)


def _log_odds(scores: Floats) -> Floats:
    return np.asarray(np.log(scores) - np.log1p(-scores))
