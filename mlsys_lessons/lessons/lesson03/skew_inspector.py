"""The skew inspector: pick a mistake and a column, see both distributions, the metric, the price.

Pure state (`Inspection`) with a text twin (its repr) and a thin view (`widget`). It measures
nothing itself: that is done in skew.py, on the rows of one run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.monitoring.drift import psi
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import charts
from mlsys_lessons.lessons.lesson03.skew import FRAME, MISTAKES, SameRows

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes

BINS = 30


@dataclass(frozen=True, eq=False)
class Inspection:
    """One mistake and one column on the same rows; `choose` gives the next one."""

    same: SameRows
    mistake: str = "a table one day older"
    column: str = "recency_hours"

    def __post_init__(self) -> None:
        for what, known in (("mistake", list(MISTAKES)), ("column", FRAME)):
            if (value := getattr(self, what)) not in known:
                raise InputError(f"{what} {value!r} is unknown; choose one of {known}.")

    def choose(self, mistake: str | None = None, column: str | None = None) -> Inspection:
        """The same rows, another mistake or another column."""
        return replace(self, mistake=mistake or self.mistake, column=column or self.column)

    @cached_property
    def features(self) -> pd.DataFrame:
        """What the model reads under this mistake."""
        return self.same.features(self.mistake)

    @cached_property
    def table(self) -> pd.DataFrame:
        """For each column that differs: share of rows, PSI, and the lift if it alone were wrong."""
        online, columns = self.same.online, {}
        for name in FRAME:
            differs = ~np.isclose(online[name], self.features[name], equal_nan=True)
            if differs.any():
                alone = online.assign(**{name: self.features[name].to_numpy()})
                lift = self.same.lift(self.same.scores(alone))
                columns[name] = [differs.mean(), psi(online[name], alone[name]), lift]
        return pd.DataFrame(columns, index=["rows", "PSI", "lift alone"]).T

    def __repr__(self) -> str:
        right, wrong = map(self.same.measurements, (self.same.online, self.features))
        lines = [
            f"{self.mistake} ({MISTAKES[self.mistake].cause}): AUC {right['AUC']:.3f} -> "
            f"{wrong['AUC']:.3f}, lift {right['lift']:,.0f} -> {wrong['lift']:,.0f} euros per "
            "1,000 payments",
            f"{'column':16} {'rows':>6} {'PSI':>6}  lift if it alone were wrong",
        ]
        for name, row in self.table.iterrows():
            mark = " <" if name == self.column else ""
            lines.append(
                f"{name:16} {row['rows']:>6.0%} {row['PSI']:>6.2f}  {row['lift alone']:,.0f}{mark}"
            )
        return "\n".join(lines)

    def figure(self) -> Axes:
        """The column's distribution in training and in serving, on bins of equal width."""
        frames = {"in training": self.same.online, "as served": self.features}
        sides = {name: frame[self.column].to_numpy() for name, frame in frames.items()}
        pooled = np.concatenate([values[np.isfinite(values)] for values in sides.values()])
        low, high = np.quantile(pooled, [0.002, 0.99])
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        with charts.style():
            axes = charts.canvas(f"{self.column}: {self.mistake}", unit="share of rows", height=4)
            for place, (name, values) in enumerate(sides.items()):
                shares = np.histogram(np.clip(values, low, high), edges)[0] / len(values)
                colour = charts.OTHERS[place]
                axes.stairs(shares, edges, color=colour, fill=True, alpha=0.25)
                axes.stairs(shares, edges, color=colour, linewidth=3)
                axes.annotate(name, (0.98, 0.92 - 0.11 * place), xycoords="axes fraction",
                              ha="right", color=colour, fontweight="bold")  # fmt: skip
            axes.margins(y=0.15)
            axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        return axes


def widget(same: SameRows) -> Any:
    """The inspector as a small form: a mistake, a column; a picture and the same text as its twin.

    The parts carry classes (skew-mistake, skew-column, skew-status) so that a page can find them.
    """
    import ipywidgets as forms

    first = Inspection(same)
    mistake = forms.Dropdown(options=list(MISTAKES), value=first.mistake,
                             description="mistake", layout={"width": "26em"})  # fmt: skip
    column = forms.Dropdown(options=FRAME, value=first.column, description="column")
    picture, status = forms.Image(format="png", layout={"max_width": "720px"}), forms.HTML()

    def draw(_: Any = None) -> None:
        inspection = first.choose(mistake.value, column.value)
        picture.value = charts.png(inspection.figure())
        status.value = f"<pre>{inspection!r}</pre>"

    for part in (mistake, column):
        part.observe(draw, names="value")
    draw()
    choices = forms.HBox([mistake.add_class("skew-mistake"), column.add_class("skew-column")])
    return forms.VBox([choices, picture, status.add_class("skew-status")])
