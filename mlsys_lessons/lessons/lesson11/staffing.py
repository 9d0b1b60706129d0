"""Staffing in money: so many looks a day, with or without the score on the screen.

Pure state (`Staffing`) with a text twin (its repr) and a thin view (`widget`). Money is expected
cents of a month's real cases, by the world's own probabilities; nobody is hired.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from mlsys_lessons.lessons.lesson11 import desk
from mlsys_lessons.records import within

MOST = 64  # looks a day


@dataclass(frozen=True)
class Staffing:
    """A month's cases (`desk.cases`), looks a day, and the deference of those who look."""

    cases: pd.DataFrame = field(repr=False)
    looks: int = desk.ROOM
    deference: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what nobody can be."""
        within("looks", self.looks, low=0, high=MOST)
        within("deference", self.deference, low=0.0, high=1.0)

    def set(self, looks: int, deference: float) -> Staffing:
        """The same month with other people."""
        return replace(self, looks=looks, deference=deference)

    @property
    def picked(self) -> pd.DataFrame:
        """The cases that are looked at."""
        return desk.most_valuable(self.cases, self.looks * desk.SIZE.days)

    @property
    def euros(self) -> float:
        """Euros a month that the looks add to the policy alone, people paid."""
        return float(desk.looks_worth(self.picked, self.deference).sum()) / 100

    def __repr__(self) -> str:
        seen = self.picked
        return (
            f"{self.looks} looks a day, the score decides {self.deference:.0%} of them: "
            f"{len(seen):,} cases a month,\n{int(seen['fraud'].sum())} of them frauds; "
            f"{self.euros:+,.0f} euros a month against the policy alone."
        )


def widget(cases: pd.DataFrame) -> Any:
    """The month with two sliders."""
    import ipywidgets as forms

    looks = forms.IntSlider(value=desk.ROOM, min=0, max=MOST, description="looks a day")
    share = forms.FloatSlider(value=0.0, min=0.0, max=1.0, step=0.05, description="deference")
    status = forms.HTML()

    def show(_: Any = None) -> None:
        status.value = f"<pre>{Staffing(cases, looks.value, share.value)!r}</pre>"

    looks.observe(show, names="value")
    share.observe(show, names="value")
    show()
    return forms.VBox([
        looks.add_class("mls-looks"), share.add_class("mls-deference"),
        status.add_class("mls-staffing-status"),
    ]).add_class("mls-staffing")  # fmt: skip
