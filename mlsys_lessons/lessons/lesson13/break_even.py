"""The break-even of a better model against a shorter diagnosis, as a slider.

Pure state (`BreakEven`) with a text twin (its repr) and a thin view (`widget`). What an order saves
and what a day costs are the stored claim's means; half a day a look is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.experiments.diagnosis import A_YEAR, DAYS_AN_INSPECTION
from mlsys_lessons.lessons.lesson13 import answers
from mlsys_lessons.records import within

HOURS_A_DAY = 8
HOURS = DAYS_AN_INSPECTION * HOURS_A_DAY
ORDINARY = sum(A_YEAR.values())  # incidents of this kind in the ordinary year


@dataclass(frozen=True)
class BreakEven:
    """A business: what the better model adds, what a shorter order saves, what a day costs."""

    gain: float = 0.005  # of the lift
    lift: float = 550.0  # euros a day that the model adds to approving everything
    saved: float = 2.0  # looks an incident
    loss: float = 100.0  # euros a day of an incident

    def __post_init__(self) -> None:
        """Refuse what no business has."""
        within("gain", self.gain, low=0.0, high=0.1)
        within("lift", self.lift, low=0.0, high=1e7)
        within("saved", self.saved, low=-16.0, high=16.0)
        within("loss", self.loss, low=-1e6, high=1e7)

    def set(self, **changes: float) -> BreakEven:
        """The same business with another number or two."""
        return replace(self, **changes)

    @property
    def incidents(self) -> float:
        """Incidents a year at which both are worth the same; infinity where nothing is saved."""
        return float(answers.break_even(self.gain, self.lift, self.saved, HOURS, self.loss))  # type: ignore[no-untyped-call]

    def curve(self, gains: Any) -> pd.Series:
        """The break-even over a range of gains, by gain."""
        return pd.Series([self.set(gain=float(gain)).incidents for gain in gains], index=gains)

    def __repr__(self) -> str:
        head = f"{self.gain:.2%} of {self.lift:,.0f} euros a day against {self.saved:+.1f} looks"
        if not np.isfinite(self.incidents):
            return f"{head}:\nnothing is saved, and no number of incidents pays for it."
        says = "worth it" if self.incidents <= ORDINARY else "not worth it"
        return (
            f"{head} at {self.loss:,.0f} euros a day:\nbreak-even at {self.incidents:,.1f} "
            f"incidents a year; the ordinary year has {ORDINARY:.1f}: {says}."
        )


def widget(start: BreakEven) -> Any:
    """The business with two sliders: the gain, and the looks that are saved."""
    import ipywidgets as forms

    gain = forms.FloatSlider(
        value=100 * start.gain, min=0.0, max=2.0, step=0.05, description="gain, %"
    )
    saved = forms.FloatSlider(
        value=start.saved, min=-4, max=8, step=0.25, description="looks saved"
    )
    status = forms.HTML()

    def show(_: Any = None) -> None:
        status.value = f"<pre>{start.set(gain=gain.value / 100, saved=saved.value)!r}</pre>"

    gain.observe(show, names="value")
    saved.observe(show, names="value")
    show()
    return forms.VBox([
        gain.add_class("mls-gain"), saved.add_class("mls-saved"),
        status.add_class("mls-break-even-status"),
    ]).add_class("mls-break-even")  # fmt: skip
