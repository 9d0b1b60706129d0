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
from mlsys_lessons.lessons import charts
from mlsys_lessons.lessons.lesson03.skew import FRAME, MISTAKES, Same
from mlsys_lessons.records import InputError

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes

BINS = 30


@dataclass(frozen=True, eq=False)
class Inspection:
    """One mistake and one column on the same rows; `choose` gives the next one."""

    same: Same
    mistake: str = "a table one day older"
    column: str = "recency_hours"

    def __post_init__(self) -> None:
        for what, value, known in (
            ("mistake", self.mistake, list(MISTAKES)), ("column", self.column, FRAME),
        ):  # fmt: skip
            if value not in known:
                raise InputError(f"{what} {value!r} is unknown; choose one of {known}.")

    def choose(self, mistake: str | None = None, column: str | None = None) -> Inspection:
        """The same rows, another mistake or another column."""
        return replace(self, mistake=mistake or self.mistake, column=column or self.column)

    @cached_property
    def told(self) -> pd.DataFrame:
        """What the model is told under this mistake."""
        return self.same.told(self.mistake)

    @cached_property
    def table(self) -> pd.DataFrame:
        """For each column that differs: share of rows, PSI, and the lift if it alone were wrong."""
        online, found = self.same.online, {}
        for name in FRAME:
            differs = ~np.isclose(online[name], self.told[name], equal_nan=True)
            if differs.any():
                alone = online.assign(**{name: self.told[name].to_numpy()})
                found[name] = {
                    "rows": differs.mean(), "PSI": psi(online[name], self.told[name]),
                    "lift alone": self.same.lift(self.same.scores(alone)),
                }  # fmt: skip
        return pd.DataFrame(found, index=["rows", "PSI", "lift alone"]).T

    def __repr__(self) -> str:
        right, wrong = (self.same.measured(each) for each in (self.same.online, self.told))
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
        """The column's distribution in training and in serving, on bins of equal count."""
        sides = {
            "as taught": self.same.online[self.column].to_numpy(),
            "as served": self.told[self.column].to_numpy(),
        }
        pooled = np.concatenate([each[np.isfinite(each)] for each in sides.values()])
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


def widget(same: Same) -> Any:
    """The inspector as a small form: a mistake, a column; a picture and the same text as its twin.

    The parts carry classes (skew-mistake, skew-column, skew-status) so that a page can find them.
    """
    import ipywidgets as forms

    held = {"now": Inspection(same)}
    mistake = forms.Dropdown(options=list(MISTAKES), value=held["now"].mistake,
                             description="mistake", layout={"width": "26em"})  # fmt: skip
    column = forms.Dropdown(options=FRAME, value=held["now"].column, description="column")
    picture, status = forms.Image(format="png", layout={"max_width": "720px"}), forms.HTML()

    def draw(_: Any = None) -> None:
        held["now"] = held["now"].choose(mistake.value, column.value)
        picture.value = charts.png(held["now"].figure())
        status.value = f"<pre>{held['now']!r}</pre>"

    for part, name in ((mistake, "mistake"), (column, "column"), (status, "status")):
        part.add_class(f"skew-{name}")
    for part in (mistake, column):
        part.observe(draw, names="value")
    draw()
    return forms.VBox([forms.HBox([mistake, column]), picture, status])
