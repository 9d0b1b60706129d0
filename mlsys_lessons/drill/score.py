"""The score of a drill: 0 for doing nothing, 100 for the remedy at the first midnight of harm.

    score = clip(100 (1 - (L - L*) / max(L0 - L*, F)), 0, 100)

L is what the incident has cost, looks and actions included; L0 what it costs if nobody acts, L*
with the listed remedies at the first midnight of harm, F one day's margin: where L0 is hardly above
L*, as in a quiet scenario, needless work costs points. All are expected cents on the same luck.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """What a drill came to, in expected cents; `lost` is beyond the best, evidence included."""

    lost: float  # L - L*
    at_stake: float  # L0 - L*
    day: float  # F
    evidence: float  # cents of it that were spent on looking

    @property
    def points(self) -> float:
        """From 0 to 100.

        >>> Score(lost=50.0, at_stake=200.0, day=100.0, evidence=0.0).points
        75.0
        >>> Score(lost=50.0, at_stake=0.0, day=100.0, evidence=0.0).points
        50.0
        """
        scale = max(self.at_stake, self.day, 1.0)
        return min(max(100.0 * (1.0 - self.lost / scale), 0.0), 100.0)

    def __repr__(self) -> str:
        return (
            f"Score({self.points:.0f} of 100: {self.lost / 100:,.0f} EUR beyond the best, "
            f"{self.at_stake / 100:,.0f} at stake, {self.evidence / 100:,.0f} on evidence)"
        )
