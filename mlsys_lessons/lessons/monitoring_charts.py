"""Figures of what a monitor sees: control charts, the strip of layers, drift by column and day.

They draw what monitoring has measured and judge nothing; decision curves, which a manager reads,
stand here too. Figures of money and models are in charts.py, the look in house_style.py.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlsys_lessons.lessons.charts import Window, money_axis, shade, time_axis
from mlsys_lessons.lessons.house_style import (
    ALERT,
    INK,
    OTHERS,
    PAPER,
    QUIET,
    REFERENCE,
    SHADE,
    canvas,
    colour_of,
    money,
    style,
)

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes


@style()
def control_chart(
    days: pd.DataFrame, *, title: str, unit: str, windows: Sequence[Window] = ()
) -> Axes:
    """Draw a metric by day inside the limits that it was expected to keep; alarms stand out.

    Parameters
    ----------
    days
        Indexed by day, with columns `value`, `lower`, `upper`. A limit that is NaN is no limit
        (the chart was still learning), and a day outside is drawn in the colour of alerts.
    windows
        (first day, last day, what was broken), shaded.
    """
    axes = canvas(title, unit=unit)
    day, value = days.index.to_numpy(), days["value"].to_numpy(dtype=float)
    lower, upper = (days[side].to_numpy(dtype=float) for side in ("lower", "upper"))
    axes.fill_between(day, lower, upper, color=REFERENCE, alpha=0.25, linewidth=0)
    axes.plot(day, value, color=OTHERS[0], linewidth=2)
    outside = (value < lower) | (value > upper)
    axes.plot(day[outside], value[outside], "o", color=ALERT, markersize=9, zorder=4)
    if np.isfinite(upper).any():
        last = np.flatnonzero(np.isfinite(upper))[-1]
        axes.annotate("expected", (day[last], upper[last]), xytext=(6, 0), va="center",
                      textcoords="offset points", color=QUIET, annotation_clip=False)  # fmt: skip
    time_axis(axes, windows)
    return axes


@style()
def layer_strip(
    alerts: pd.DataFrame, *, layers: Sequence[str], title: str, days: int,
    windows: Sequence[Window] = (),
) -> Axes:  # fmt: skip
    """Draw which layer rang on which day, one row a layer, upstream first.

    Parameters
    ----------
    alerts
        One row an alert, with columns `tick` and `layer`.
    layers
        The rows, in the order in which a fault flows.
    days
        How many days there were; a layer that never rang says so.
    """
    axes = canvas(title, height=1.9 + 0.55 * len(layers))
    for row, layer in enumerate(layers):
        ticks = np.sort(alerts.loc[alerts["layer"] == layer, "tick"].unique())
        axes.plot([0, days], [row, row], color=REFERENCE, linewidth=1, zorder=1)
        axes.plot(ticks, np.full(len(ticks), row), "|", color=ALERT, markersize=20,
                  markeredgewidth=4, zorder=3)  # fmt: skip
        said = f"day {ticks[0]}" if len(ticks) else "never"
        axes.annotate(said, (days, row), xytext=(8, 0), textcoords="offset points", va="center",
                      fontweight="bold" if len(ticks) else "normal",
                      color=INK if len(ticks) else QUIET, annotation_clip=False)  # fmt: skip
    axes.set_xlim(0, days)
    axes.set_ylim(len(layers) - 0.5, -0.5)
    axes.set_yticks(range(len(layers)), list(layers), color=INK)
    axes.spines["left"].set_visible(False)
    for start, end, label in windows:
        axes.axvspan(start, min(end, days), color=SHADE, alpha=0.28, linewidth=0, zorder=0)
        axes.annotate(label, (start, 1), xytext=(4, 6), xycoords=("data", "axes fraction"),
                      textcoords="offset points", color=QUIET)  # fmt: skip
    axes.set_xlabel("day", loc="right")
    return axes


@style()
def drift_map(
    scores: pd.DataFrame, *, title: str, unit: str, limit: float, windows: Sequence[Window] = ()
) -> Axes:
    """Draw how far each column had moved on each day; a dot where it was farther than a limit.

    Parameters
    ----------
    scores
        A row a column of the data, a column a day; NaN where nothing could be measured.
    limit
        What counts as far; it is also where the shade is darkest.
    """
    values = scores.to_numpy(dtype=float)
    axes = canvas(title, unit=f"{unit}; dots are above {limit:g}", height=1.9 + 0.42 * len(scores))
    days = scores.columns.to_numpy(dtype=float)
    colours = np.array([
        [shade(min(value / limit, 1.0)) if np.isfinite(value) else PAPER for value in row]
        for row in values
    ])  # fmt: skip
    for row, column in np.ndindex(*values.shape):
        axes.fill_between([days[column] - 0.5, days[column] + 0.5], row - 0.46, row + 0.46,
                          facecolor=colours[row, column], linewidth=0)  # fmt: skip
    rows, columns = np.nonzero(values > limit)
    axes.plot(days[columns], rows, "o", color=PAPER, markersize=4)
    for start, end, label in windows:
        axes.plot([start - 0.5, end + 0.5], [-0.62, -0.62], color=ALERT, linewidth=4,
                  solid_capstyle="butt", clip_on=False)  # fmt: skip
        axes.annotate(label, (end + 0.5, -0.62), xytext=(5, 0), textcoords="offset points",
                      va="center", color=QUIET, annotation_clip=False)  # fmt: skip
    axes.set(xlim=(days.min() - 0.5, days.max() + 0.5), ylim=(len(scores) - 0.5, -0.8))
    axes.set_yticks(range(len(scores)), [str(name) for name in scores.index], color=INK)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("day", loc="right")
    return axes


@style()
def decision_curve(
    curves: Mapping[str, pd.Series], *, title: str, reference: float | None = None,
    cut_name: str = "cut",
) -> Axes:  # fmt: skip
    """Draw what each policy earns at each cut, with its best cut marked; cents in, money shown.

    Parameters
    ----------
    curves
        Name -> cents indexed by the cut (above 0; the axis is logarithmic, for frauds are rare).
    reference
        Cents of the best that anybody could do, such as the Bayes reference.
    """
    from matplotlib.patheffects import withStroke

    axes = canvas(title, unit="earned")
    money_axis(axes)
    top = max(float(np.nanmax(curve)) for curve in curves.values())
    for place, (name, curve) in enumerate(curves.items()):
        colour = colour_of(name, place)
        cuts, cents = curve.index.to_numpy(dtype=float), curve.to_numpy(dtype=float)
        best = int(np.nanargmax(cents))
        axes.plot(cuts, cents, color=colour)
        axes.plot(cuts[best], cents[best], "o", color=colour, markersize=10, zorder=4)
        axes.annotate(textwrap.fill(f"{name}: {money(cents[best])} at {cuts[best]:.2g}", 26),
                      (cuts[best], cents[best]), textcoords="offset points",
                      xytext=(0, 9 if cents[best] == top else -24), ha="center",
                      fontweight="bold", linespacing=0.95, zorder=5,
                      path_effects=[withStroke(linewidth=4, foreground=PAPER)])  # fmt: skip
    if reference is not None:
        axes.axhline(reference, color=REFERENCE, linewidth=2, linestyle="--")
        axes.annotate(f"the best anybody could do: {money(reference)}", (0, reference),
                      xytext=(4, 5), xycoords=("axes fraction", "data"), color=QUIET,
                      textcoords="offset points")  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda cut, _: f"{cut:.3g}")
    axes.margins(y=0.16)
    axes.set_xlabel(cut_name, loc="right")
    return axes
