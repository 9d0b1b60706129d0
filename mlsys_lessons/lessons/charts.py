"""Figures of the course: frame in, Axes out; one message each, said in the title as a sentence.

What a figure draws is computed elsewhere, where it has a name and a test; only the table behind
a calibration curve is made here. Colours and the canvas come from house_style.py. Longer than
other files because it is a list: one function per figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.lessons.house_style import (
    ALERT,
    INK,
    MINUS,
    NAIVE,
    OTHERS,
    PAPER,
    PARTS,
    QUIET,
    REFERENCE,
    RESILIENT,
    SHADE,
    TRUTH,
    canvas,
    colour_of,
    ink_on,
    money,
    png,
    show,
    spread,
    style,
)

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes
    from mlsys_lessons.simulation.trace import IncidentLife

__all__ = [
    "ALERT", "NAIVE", "OTHERS", "REFERENCE", "RESILIENT", "TRUTH",
    "bars_with_intervals", "calibration_curve", "calibration_table", "canvas", "heat_map",
    "life_of_incident", "metric_over_time", "money", "png", "score_distribution", "show",
    "stacked_shares", "style", "value_over_time", "waterfall",
]  # fmt: skip

Window = tuple[float, float, str]  # first day, last day, what was broken

_DASHES = ("-", "--", ":", "-.")  # for the second, third ... line of one colour
_NARROW = 0.075  # a part below this share has no room for its own label
_MOMENTS = {"seen": "v", "noticed": "o", "diagnosed": "D", "mitigated": "P", "ended": "s"}
_ALARM: Any = {"color": ALERT, "linewidth": 2.5, "linestyle": (0, (5, 3))}


# --- figures with a clock ----------------------------------------------------------------------


@style()
def value_over_time(
    runs: Mapping[str, pd.Series], *, title: str, windows: Sequence[Window] = ()
) -> Axes:
    """Draw cumulative value by day, one line a run; cents in, money on the axis.

    Parameters
    ----------
    runs
        Name -> cents earned so far, indexed by day. A name that holds "naive", "resilient",
        "reference" or "truth" gets that colour.
    windows
        (first day, last day, what was broken), shaded.
    """
    axes = canvas(title, unit="value earned so far")
    axes.axhline(0, color=QUIET, linewidth=1, zorder=1)
    money_axis(axes)
    _lines(axes, runs, windows)
    return axes


@style()
def metric_over_time(
    series: Mapping[str, pd.Series],
    *,
    title: str,
    unit: str,
    threshold: float | None = None,
    windows: Sequence[Window] = (),
) -> Axes:
    """Draw one metric by day for one or more names, with its alarm threshold on the line."""
    axes = canvas(title, unit=unit)
    if threshold is not None:
        axes.axhline(threshold, **_ALARM)
        axes.annotate("alert", (0, threshold), xytext=(4, 4), color=ALERT, fontweight="bold",
                      xycoords=("axes fraction", "data"), textcoords="offset points")  # fmt: skip
    _lines(axes, series, windows)
    return axes


@style()
def life_of_incident(lives: Mapping[str, IncidentLife], *, title: str) -> Axes:
    """Draw one incident as each system lived it, cumulated money since it broke.

    Parameters
    ----------
    lives
        Name -> `run.life(incident)`. On each line stand its moments: seen by a layer (triangle),
        noticed (dot), diagnosed (diamond), mitigated (cross), ended (square).
    """
    axes = canvas(title, unit="money since it broke")
    axes.axhline(0, color=QUIET, linewidth=1, zorder=1)
    money_axis(axes)
    paths = [np.append(0.0, np.cumsum(life.cents)) for life in lives.values()]
    starts = [int(life.fault.start) for life in lives.values()]
    for place, ((name, life), path) in enumerate(zip(lives.items(), paths, strict=True)):
        for day, words in life.moments:
            marker = _MOMENTS.get(words.split()[0].rstrip(":"))
            height = np.interp(day - starts[place], np.arange(len(path)), path)
            if marker:
                axes.plot([day], [height], marker, color=colour_of(name, place), markersize=10,
                          markeredgecolor=INK, zorder=4, clip_on=False)  # fmt: skip
    axes.axvline(min(life.fault.start for life in lives.values()), **_ALARM)
    series = {
        name: pd.Series(path, index=start + np.arange(len(path)))
        for name, path, start in zip(lives, paths, starts, strict=True)
    }
    _lines(axes, series, (), {name: _epitaph(name, life) for name, life in lives.items()})
    return axes


def _epitaph(name: str, life: IncidentLife) -> str:
    """What a line's end says: what it came to, who noticed, whether it ended."""
    way = "never noticed" if life.noticed is None else f"{life.noticed_by}, day {life.noticed:.0f}"
    end = f"ended day {life.fault.end:.0f}" if np.isfinite(life.fault.end) else "not ended"
    return f"{name}: {money(life.cents.sum())}; {way}; {end}"


def _lines(
    axes: Axes, series: Mapping[str, pd.Series], windows: Iterable[Window],
    labels: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Draw each line with its name (or label) at its right end, kept apart from others."""
    used: dict[str, int] = {}
    ends: list[tuple[float, float, str, str]] = []
    for place, (name, line) in enumerate(series.items()):
        colour = colour_of(name, place)
        days, heights = line.index.to_numpy(), line.to_numpy(dtype=float)
        dash = _DASHES[used.get(colour, 0) % len(_DASHES)]
        used[colour] = used.get(colour, 0) + 1
        axes.plot(days, heights, color=colour, linestyle=dash)
        points = np.flatnonzero(np.isfinite(heights))
        if len(points):
            ends.append(
                (
                    float(days[points[-1]]),
                    float(heights[points[-1]]),
                    (labels or {}).get(name, name),
                    colour,
                )
            )
    time_axis(axes, windows)
    _end_labels(axes, ends)


def _end_labels(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    low, high = axes.get_ylim()
    names = [textwrap.fill(name, 22) for _, _, name, _ in ends]
    wanted = np.array([(height - low) / (high - low) for _, height, _, _ in ends])
    places = spread(wanted, [0.02 + 0.06 * (1 + name.count("\n")) for name in names])
    for (day, height, _, colour), name, place in zip(ends, names, places, strict=True):
        axes.plot([day], [height], "o", color=colour, markersize=9, clip_on=False)
        axes.annotate(
            name, (day, height), xytext=(1.02, place), textcoords="axes fraction", va="center",
            fontweight="bold", linespacing=0.95, annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 1.5, "shrinkA": 0,
                "relpos": (0, 0.5),
            },
        )  # fmt: skip
    axes.set_ylim(low, high)


def time_axis(axes: Axes, windows: Iterable[Window]) -> None:
    """Write the days, shade the windows, and name each in a free row above the lines."""
    axes.set_xlabel("day", loc="right")
    axes.margins(x=0.015)
    axes.locator_params(axis="x", integer=True, nbins=7)
    first, last = axes.get_xlim()
    rows: list[float] = []  # up to which day each row of names is written
    for start, end, label in sorted(windows):
        axes.axvspan(start, min(end, last), color=SHADE, alpha=0.28, zorder=0, linewidth=0)
        row = next((row for row, until in enumerate(rows) if until <= start), len(rows))
        rows[row : row + 1] = [start + (len(label) + 2) * 0.0145 * (last - first)]
        axes.annotate(label, (start, 1), xytext=(4, -4 - 18 * row), color=QUIET, va="top",
                      xycoords=("data", "axes fraction"), textcoords="offset points")  # fmt: skip
    axes.set_xlim(first, last)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + (high - low) * 0.08 * len(rows))


def money_axis(axes: Axes, direction: Literal["x", "y"] = "y") -> None:
    axis = axes.yaxis if direction == "y" else axes.xaxis
    axis.set_major_formatter(money)
    axes.locator_params(axis=direction, nbins=6)
    axes.grid(axis=direction, color="#EAEAEA", linewidth=1)
    axes.set_axisbelow(True)


# --- figures with a comparison -----------------------------------------------------------------


@style()
def bars_with_intervals(
    effects: pd.DataFrame, *, title: str, unit: str = "", reference: float = 0.0
) -> Axes:
    """Draw effects with their 95 % intervals, one row each, against a reference line.

    Parameters
    ----------
    effects
        Indexed by name, with columns `effect`, `low`, `high`. With `unit=""` these are cents.
    reference
        Where "no difference" lies.
    """
    axes = canvas(title, height=1.9 + 0.62 * len(effects))
    places = np.arange(len(effects))[::-1]
    middle, low, high = (effects[part].to_numpy(dtype=float) for part in ("effect", "low", "high"))
    colours = [colour_of(str(name), 0) for name in effects.index]
    axes.barh(places, middle - reference, left=reference, color=colours, height=0.56)
    axes.errorbar(middle, places, xerr=np.abs([middle - low, high - middle]), fmt="none",
                  ecolor=INK, elinewidth=2.5, capsize=6, capthick=2.5)  # fmt: skip
    axes.axvline(reference, color=INK, linewidth=1.5)
    axes.set_yticks(places, [textwrap.fill(str(name), 26) for name in effects.index], color=INK)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.08)
    if unit:
        axes.set_xlabel(unit, loc="right")
    else:
        money_axis(axes, "x")
    return axes


@style()
def waterfall(parts: pd.Series, *, title: str, start: str, end: str) -> Axes:
    """Split a gap between two totals into its parts; cents in, money on the bars.

    Parameters
    ----------
    parts
        The first value is the total called `start`; the others are added one by one, and what
        they lead to is called `end`. Losses are in the colour of alerts.
    """
    values = parts.to_numpy(dtype=float)
    tops = np.cumsum(values)
    names = [start, *map(str, parts.index[1:]), end]
    heights = np.append(values, tops[-1])
    bottoms = np.concatenate([[0], tops[:-1], [0]])
    changes = [ALERT if value < 0 else OTHERS[0] for value in values[1:]]
    axes = canvas(title, width=max(9.0, 1.5 * len(names)))
    axes.bar(range(len(names)), heights, bottom=bottoms, width=0.64,
             color=[colour_of(start), *changes, colour_of(end)])  # fmt: skip
    for place, (height, bottom) in enumerate(zip(heights, bottoms, strict=True)):
        plus = "+" if height > 0 and 0 < place < len(values) else ""
        axes.annotate(plus + money(height), (place, max(bottom, bottom + height)), xytext=(0, 4),
                      textcoords="offset points", ha="center", fontweight="bold")  # fmt: skip
    for place, top in enumerate(tops):
        axes.plot([place + 0.32, place + 0.68], [top, top], color=QUIET, linewidth=1)
    axes.set_xticks(range(len(names)), [textwrap.fill(name, 11) for name in names], color=INK)
    axes.axhline(0, color=INK, linewidth=1.5)
    axes.margins(y=0.1)
    axes.yaxis.set_visible(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    return axes


@style()
def stacked_shares(shares: pd.DataFrame, *, title: str) -> Axes:
    """Draw shares of a whole, one bar a row, each part named where it is seen.

    Parameters
    ----------
    shares
        Rows are bars, columns are parts, values add up to 1 in each row; parts below zero (a
        component that cost more than it brought) go to the left of zero.
    """
    axes = canvas(title, height=1.9 + 0.85 * len(shares))
    bars = shares.to_numpy(dtype=float)
    lefts = _left_edges(bars)
    for column, colour in zip(range(bars.shape[1]), cycle(PARTS), strict=False):
        axes.barh(-np.arange(len(bars)), bars[:, column], left=lefts[:, column], height=0.66,
                  color=colour, edgecolor=PAPER, linewidth=2)  # fmt: skip
        for row, (left, value) in enumerate(zip(lefts[:, column], bars[:, column], strict=True)):
            if abs(value) >= _NARROW:
                axes.text(left + value / 2, -row, _percent(value), ha="center", va="center",
                          fontweight="bold", color=ink_on(colour))  # fmt: skip
    _part_names(axes, shares.columns, bars[0], lefts[0])
    rows = [textwrap.fill(str(name), 22) for name in shares.index]
    axes.set_yticks(-np.arange(len(shares)), rows, color=INK)
    axes.set_ylim(0.45 - len(shares), 0.6)
    axes.xaxis.set_visible(False)
    axes.spines[["left", "bottom"]].set_visible(False)
    return axes


def _left_edges(bars: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each part of each bar starts; parts below zero are stacked to the left."""
    gains, losses = np.clip(bars, 0, None), np.clip(bars, None, 0)
    return np.where(bars < 0, losses.cumsum(axis=1) - losses, gains.cumsum(axis=1) - gains)


def _part_names(
    axes: Axes, names: Iterable[object], values: NDArray[np.float64], lefts: NDArray[np.float64]
) -> None:
    """Name the parts above the first bar, moved apart, each tied to its part by a line."""
    texts = [textwrap.fill(str(name), 12) for name in names]
    texts = [
        text if abs(value) >= _NARROW else f"{text}\n{_percent(value)}"
        for text, value in zip(texts, values, strict=True)
    ]
    middles = lefts + values / 2
    widths = [0.035 + 0.0148 * max(map(len, text.split("\n"))) for text in texts]
    for text, middle, place in zip(texts, middles, spread(middles, widths), strict=True):
        axes.annotate(text, (middle, 0.34), xytext=(place, 0.58), ha="center", va="bottom",
                      linespacing=0.95,
                      arrowprops={"arrowstyle": "-", "color": QUIET, "shrinkA": 0})  # fmt: skip


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("-", MINUS)


# --- figures of a model ------------------------------------------------------------------------


@style()
def score_distribution(
    scores: Mapping[str, ArrayLike], *, title: str, threshold: float | None = None, bins: int = 40
) -> Axes:
    """Draw how scores are spread, one outline a group, with the decision threshold."""
    axes = canvas(title, unit="share of requests")
    edges = np.histogram_bin_edges(np.concatenate([np.ravel(s) for s in scores.values()]), bins)
    for place, (name, values) in enumerate(scores.items()):
        share = np.histogram(values, edges)[0] / np.size(values)
        colour = colour_of(name, place)
        axes.stairs(share, edges, color=colour, linewidth=3)
        axes.stairs(share, edges, color=colour, fill=True, alpha=0.18)
        peak = int(np.argmax(share))
        axes.annotate(name, (edges[peak : peak + 2].mean(), share[peak]), xytext=(0, 5),
                      textcoords="offset points", ha="center", fontweight="bold")  # fmt: skip
    axes.margins(y=0.12)
    if threshold is not None:
        axes.axvline(threshold, **_ALARM)
        axes.annotate("threshold", (threshold, 1), xytext=(5, -4), color=ALERT, va="top",
                      xycoords=("data", "axes fraction"), textcoords="offset points")  # fmt: skip
    axes.set_xlabel("score", loc="right")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return axes


def calibration_table(scores: ArrayLike, labels: ArrayLike, *, bins: int = 10) -> pd.DataFrame:
    """Bin scores into equally filled bins: mean `score`, observed `rate`, and `n` of each.

    >>> calibration_table([0.1, 0.1, 0.9, 0.9], [0, 0, 1, 1], bins=2)["rate"].tolist()
    [0.0, 1.0]
    """
    pairs = pd.DataFrame({"score": np.ravel(scores), "rate": np.ravel(labels)})
    pairs = pairs.sort_values("score", kind="stable", ignore_index=True)
    group = np.arange(len(pairs)) * bins // max(len(pairs), 1)
    table = pairs.groupby(group).mean()
    return table.assign(n=np.bincount(group)[table.index])


@style()
def calibration_curve(tables: Mapping[str, pd.DataFrame], *, title: str) -> Axes:
    """Draw what a score promised against what happened, on logarithmic axes for rare events.

    Parameters
    ----------
    tables
        Name -> frame with columns `score` and `rate`, as `calibration_table` makes it.
    """
    axes = canvas(title, unit="observed rate", width=6.4, height=5.4)
    values = np.concatenate([t[["score", "rate"]].to_numpy().ravel() for t in tables.values()])
    limits = (float(values[values > 0].min()) / 1.6, min(1.0, float(values.max()) * 1.6))
    axes.plot(limits, limits, color=REFERENCE, linewidth=2, linestyle="--")
    axes.annotate("as promised", (limits[0], limits[0]), xytext=(34, 12), va="bottom",
                  textcoords="offset points", color=QUIET)  # fmt: skip
    for place, (name, table) in enumerate(tables.items()):
        colour = colour_of(name, place)
        known = table[table["rate"] > 0]
        axes.plot(known["score"], known["rate"], "o-", color=colour, markersize=8)
        axes.annotate(textwrap.fill(name, 18), (known["score"].iloc[-1], known["rate"].iloc[-1]),
                      xytext=(10, 0), textcoords="offset points", va="center",
                      fontweight="bold", annotation_clip=False)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits)
    axes.set_xlabel("mean score", loc="right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda rate, _: f"{rate:.2%}" if rate < 0.01 else f"{rate:.0%}")
    return axes


@style()
def heat_map(
    matrix: pd.DataFrame, *, title: str, unit: str, missing: str = "never", digits: int = 0
) -> Axes:
    """Draw a table as colours, the value in each cell; dark means much.

    Parameters
    ----------
    matrix
        Rows by columns, such as fault by layer with the days until it was noticed.
    missing
        What an empty cell means.
    """
    values = matrix.to_numpy(dtype=float)
    rows, columns = values.shape
    axes = canvas(title, unit=unit, width=max(7.0, 3.4 + 1.3 * columns), height=1.9 + 0.52 * rows)
    finite = values[np.isfinite(values)]
    top = float(finite.max()) if len(finite) and finite.max() > 0 else 1.0
    low = min(float(finite.min()), 0.0) if len(finite) else 0.0
    for row, column in np.ndindex(rows, columns):
        value = values[row, column]
        colour = shade(float(value - low) / (top - low)) if np.isfinite(value) else PAPER
        axes.fill_between([column - 0.5, column + 0.5], row - 0.5, row + 0.5, facecolor=colour,
                          edgecolor=PAPER, linewidth=2)  # fmt: skip
        shown = f"{value:,.{digits}f}" if np.isfinite(value) else missing
        axes.text(column, row, shown, ha="center", va="center", color=ink_on(colour),
                  style="normal" if np.isfinite(value) else "italic")  # fmt: skip
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.set_xticks(range(columns), [str(name) for name in matrix.columns], color=INK)
    axes.set_yticks(range(rows), [str(name) for name in matrix.index], color=INK)
    axes.spines[:].set_visible(False)
    return axes


def shade(share: float) -> str:
    """A step from near white to dark purple: no colour that means something else."""
    light, dark = np.array([246, 238, 243]), np.array([92, 30, 75])
    red, green, blue = (light + (dark - light) * share).round().astype(int)
    return f"#{red:02X}{green:02X}{blue:02X}"
