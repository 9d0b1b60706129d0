"""Figures of the course: frame in, Axes out; one message each, said in the title as a sentence.

One colour means one thing from the first lesson to the last, and each has its own lightness, so
that a page printed in grey still reads. No computing of results in here: what a figure draws has
a name and a test elsewhere. The file is long because it is a list: one function per figure.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.records import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Window = tuple[float, float, str]  # first day, last day, what was broken

# The colour-blind-safe hues of Okabe and Ito (2008), moved apart in lightness.
TRUTH = "#111111"  # what really happened
RESILIENT = "#00558C"  # the engineered system
ALERT = "#C23B00"  # thresholds, alarms, losses
REFERENCE = "#7F8B93"  # Bayes reference, no-fault twin, "what was possible"
NAIVE = "#E8A200"  # the notebook model, shipped as it is
OTHERS = ("#2B9FD9", "#B4679B", "#008F6B")  # anything without a meaning of its own
INK, QUIET, PAPER, SHADE = "#222222", "#5A5A5A", "#FFFFFF", "#E4E4E4"

MEANINGS = {
    "naive": NAIVE,
    "resilient": RESILIENT,
    "reference": REFERENCE,
    "bayes": REFERENCE,
    "no fault": REFERENCE,
    "truth": TRUTH,
    "true": TRUTH,
    "alert": ALERT,
}
_DASHES = ("-", "--", ":", "-.")  # for the second, third ... line of one colour
_PARTS = ("#00558C", "#E8A200", "#2B9FD9", "#C98BB3", "#008F6B", "#7F8B93", "#C23B00")
_RESOLUTIONS = (110, 90, 70, 50)  # dots per inch; the first that keeps the picture small
_MOST_BYTES = 100_000

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "axes.titlesize": 16,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 13,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "lines.linewidth": 3,
    "lines.solid_capstyle": "round",
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "hatch.linewidth": 0.8,
    "hatch.color": "#BBBBBB",
}


# --- the house style ---------------------------------------------------------------------------


def canvas(title: str, *, unit: str = "", width: float = 9.0, height: float = 4.6) -> Axes:
    """Give an empty figure in the house style, for a drawing that no function here makes.

    Parameters
    ----------
    title
        One sentence with the message; long ones are wrapped.
    unit
        What the upright axis counts, written above it.
    width, height
        Inches; the defaults read from the back row.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        axes: Axes = Figure(figsize=(width, height), layout="constrained").add_subplot()
        axes.set_title(textwrap.fill(title, int(width * 6.6)), pad=26 if unit else 12)
        if unit:
            axes.annotate(unit, (0, 1), xytext=(0, 8), xycoords="axes fraction", color=QUIET,
                          textcoords="offset points", ha="left", va="bottom")  # fmt: skip
        axes.tick_params(length=0, pad=6)
    return axes


class Picture:
    """A finished figure as a PNG with its description; shows itself in notebook and terminal."""

    def __init__(self, png: bytes, alt: str) -> None:
        self.png, self.alt = png, alt

    def __repr__(self) -> str:
        return f"[figure] {self.alt}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        image = base64.b64encode(self.png).decode()
        return {"image/png": image, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}


def show(axes: Axes, *, alt: str) -> None:
    """Display a figure with its description: the message and the two numbers that carry it.

    Why it matters: the description is what a screen reader says, what a terminal prints and what
    the notebooks' tests compare, so a figure cannot change behind a lesson's back.

    Raises
    ------
    InputError
        The description is missing or holds no number.
    """
    from IPython.display import display

    if not any(sign.isdigit() for sign in alt):
        raise InputError(f"alt={alt!r} holds no number: say the message and its two numbers")
    display(Picture(png(axes), alt))  # type: ignore[no-untyped-call]


def png(axes: Axes) -> bytes:
    """Give the figure as PNG bytes, at the highest resolution that stays below 100 kB."""
    figure, image = axes.get_figure(root=True), b""
    assert figure is not None
    for resolution in _RESOLUTIONS:
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=resolution, metadata={"Software": None})
        image = stream.getvalue()
        if len(image) <= _MOST_BYTES:
            break
    return image


def money(cents: float, _: int = 0) -> str:
    """Write cents as money on an axis.

    >>> money(1_234_500), money(-250_000), money(4_000_000_00), money(99_000), money(0)
    ('12 k€', '−2.5 k€', '4 M€', '990 €', '0')
    """
    euros = abs(cents) / 100
    scale, suffix = next(
        (pair for pair in ((1e6, " M€"), (1e3, " k€")) if euros >= pair[0]), (1, " €")
    )
    shown = f"{euros / scale:.1f}" if euros / scale < 10 and scale > 1 else f"{euros / scale:.0f}"
    sign = "−" if cents < 0 else ""
    return sign + shown.removesuffix(".0") + suffix if euros >= 0.5 else "0"


def colour_of(name: str, place: int = 0) -> str:
    """Give the colour that a name means in this course, or the next free one.

    >>> colour_of("resilient, unit bug") == RESILIENT, colour_of("gradient boosting", 1) in OTHERS
    (True, True)
    """
    known = [colour for word, colour in MEANINGS.items() if word in name.lower()]
    return known[0] if known else OTHERS[place % len(OTHERS)]


# --- figures with a clock ----------------------------------------------------------------------


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
    _lines(axes, runs)
    _money_axis(axes)
    axes.axhline(0, color=QUIET, linewidth=1, zorder=1)
    _time_axis(axes, windows)
    return axes


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
    _lines(axes, series)
    if threshold is not None:
        axes.axhline(threshold, color=ALERT, linewidth=2, linestyle=(0, (5, 3)))
        axes.annotate("alert", (0, threshold), xytext=(4, 4), color=ALERT, fontweight="bold",
                      xycoords=("axes fraction", "data"), textcoords="offset points")  # fmt: skip
    _time_axis(axes, windows)
    return axes


def _lines(axes: Axes, series: Mapping[str, pd.Series]) -> None:
    """Draw each line with its name at its right end, names moved apart where they would touch."""
    used: dict[str, int] = {}
    ends: list[tuple[float, float, str, str]] = []
    for place, (name, line) in enumerate(series.items()):
        colour = colour_of(name, place)
        days, heights = line.index.to_numpy(), line.to_numpy(dtype=float)
        dash = _DASHES[used.get(colour, 0) % len(_DASHES)]
        used[colour] = used.get(colour, 0) + 1
        axes.plot(days, heights, color=colour, linestyle=dash)
        seen = np.flatnonzero(np.isfinite(heights))
        if len(seen):
            ends.append((float(days[seen[-1]]), float(heights[seen[-1]]), name, colour))
    _end_labels(axes, ends)


def _end_labels(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    low, high = axes.get_ylim()
    wanted = np.array([(end[1] - low) / (high - low) for end in ends])
    for (day, height, name, colour), place in zip(ends, spread(wanted, 0.085), strict=True):
        axes.plot([day], [height], "o", color=colour, markersize=8, clip_on=False)
        axes.annotate(
            textwrap.fill(name, 20), (day, height), xytext=(1.025, place),
            textcoords="axes fraction", va="center", fontweight="bold", linespacing=0.95,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1, "shrinkA": 0},
            annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(low, high)


def spread(wanted: ArrayLike, gap: float) -> NDArray[np.float64]:
    """Move label heights apart until each two are a gap from each other, order kept.

    >>> spread([0.5, 0.5], 0.1).round(2).tolist()
    [0.45, 0.55]
    """
    places = np.array(wanted, dtype=float)
    order = np.argsort(places, kind="stable")
    for _ in range(100):
        steps = np.diff(places[order])
        short = np.clip(gap - steps, 0, None) / 2
        if not (short > 1e-6).any():
            break
        places[order[:-1]] -= short
        places[order[1:]] += short
    return places


def _time_axis(axes: Axes, windows: Iterable[Window]) -> None:
    axes.set_xlabel("day", loc="right")
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=7)  # type: ignore[attr-defined]
    free = [-np.inf, -np.inf, -np.inf]  # up to where each row of window names is written
    low, high = axes.get_xlim()
    for start, end, label in sorted(windows):
        axes.axvspan(start, end, color=SHADE, zorder=0, linewidth=0)
        row = next((row for row, until in enumerate(free) if until <= start), 0)
        free[row] = start + (len(label) + 2) * 0.0125 * (high - low)
        axes.annotate(label, (start, 1), xytext=(4, -4 - 17 * row), xycoords=("data", "axes fraction"),
                      textcoords="offset points", va="top", color=QUIET, style="italic")  # fmt: skip


def _money_axis(axes: Axes, direction: str = "y") -> None:
    axis = axes.yaxis if direction == "y" else axes.xaxis
    axis.set_major_formatter(money)
    axis.get_major_locator().set_params(nbins=6)  # type: ignore[attr-defined]
    axes.grid(axis="y" if direction == "y" else "x", color="#EEEEEE", linewidth=1)
    axes.set_axisbelow(True)


# --- figures with a comparison -----------------------------------------------------------------


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
        _money_axis(axes, "x")
    return axes


def waterfall(parts: pd.Series, *, title: str, start: str, end: str) -> Axes:
    """Split a gap between two totals into its parts; cents in, money on the bars.

    Parameters
    ----------
    parts
        The first value is the total called `start`; the others are added one by one, and what
        they lead to is called `end`.
    """
    values = parts.to_numpy(dtype=float)
    tops = np.cumsum(values)
    names = [start, *map(str, parts.index[1:]), end]
    heights = np.append(values, tops[-1])
    bottoms = np.concatenate([[0], tops[:-1], [0]])
    changes = [ALERT if value < 0 else RESILIENT for value in values[1:]]
    axes = canvas(title, width=max(9.0, 1.4 * len(names)))
    axes.bar(range(len(names)), heights, bottom=bottoms, width=0.64,
             color=[colour_of(start, 0), *changes, colour_of(end, 0)])  # fmt: skip
    for place, (height, bottom) in enumerate(zip(heights, bottoms, strict=True)):
        axes.annotate(money(height), (place, max(bottom, bottom + height)), xytext=(0, 4),
                      textcoords="offset points", ha="center", fontweight="bold")  # fmt: skip
    for place, top in enumerate(tops):
        axes.plot([place + 0.32, place + 0.68], [top, top], color=QUIET, linewidth=1)
    axes.set_xticks(range(len(names)), [textwrap.fill(name, 12) for name in names], color=INK)
    axes.axhline(0, color=INK, linewidth=1.5)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    return axes


def stacked_shares(shares: pd.DataFrame, *, title: str) -> Axes:
    """Draw shares of a whole, one bar a row, each part named where it is seen.

    Parameters
    ----------
    shares
        Rows are bars, columns are parts, values add up to 1 in each row; parts below zero (a
        component that cost more than it brought) go to the left of zero.
    """
    axes = canvas(title, height=2.1 + 0.8 * len(shares))
    for row, (_, values) in enumerate(shares.iterrows()):
        edge = {True: 0.0, False: 0.0}  # how far each side is filled
        for place, value in enumerate(values.to_numpy(dtype=float)):
            left = edge[value < 0]
            edge[value < 0] += value
            axes.barh(-row, value, left=left, color=_PARTS[place % len(_PARTS)], height=0.66,
                      edgecolor=PAPER, linewidth=2)  # fmt: skip
            _share_label(axes, left + value / 2, -row, value, _PARTS[place % len(_PARTS)])
    _part_names(axes, shares)
    axes.set_yticks(-np.arange(len(shares)), [textwrap.fill(str(n), 22) for n in shares.index],
                    color=INK)  # fmt: skip
    axes.xaxis.set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return axes


def _share_label(axes: Axes, middle: float, row: int, value: float, colour: str) -> None:
    if abs(value) >= 0.05:
        axes.text(middle, row, f"{value:.0%}", ha="center", va="center", fontweight="bold",
                  color=ink_on(colour))  # fmt: skip


def _part_names(axes: Axes, shares: pd.DataFrame) -> None:
    """Name the parts above the first bar, moved apart, each tied to its part by a line."""
    first = shares.iloc[0].to_numpy(dtype=float)
    lefts = np.where(first < 0, np.minimum(first, 0).cumsum() - first, 0)
    lefts = np.where(first < 0, lefts, np.maximum(first, 0).cumsum() - first)
    middles = lefts + first / 2
    names = [textwrap.fill(str(name), 13) for name in shares.columns]
    for name, middle, place in zip(names, middles, spread(middles, 0.135), strict=True):
        axes.annotate(name, (middle, 0.34), xytext=(place, 0.62), ha="center", va="bottom",
                      linespacing=0.95,
                      arrowprops={"arrowstyle": "-", "color": QUIET, "shrinkA": 0})  # fmt: skip
    axes.set_ylim(-len(shares) + 0.5, 1.15)


# --- figures of a model ------------------------------------------------------------------------


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
    if threshold is not None:
        axes.axvline(threshold, color=ALERT, linewidth=2, linestyle=(0, (5, 3)))
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


def calibration_curve(tables: Mapping[str, pd.DataFrame], *, title: str) -> Axes:
    """Draw what a score promised against what happened, on logarithmic axes for rare events.

    Parameters
    ----------
    tables
        Name -> frame with columns `score` and `rate`, as `calibration_table` makes it.
    """
    axes = canvas(title, unit="observed rate", width=6.4, height=5.4)
    seen = np.concatenate([t[["score", "rate"]].to_numpy().ravel() for t in tables.values()])
    limits = (float(seen[seen > 0].min()) / 1.6, min(1.0, float(seen.max()) * 1.6))
    axes.plot(limits, limits, color=REFERENCE, linewidth=2, linestyle="--")
    axes.annotate("as promised", (limits[1], limits[1]), xytext=(-8, 0), ha="right", va="top",
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
        colour = _shade((value - low) / (top - low)) if np.isfinite(value) else PAPER
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


def _shade(share: float) -> str:
    """A step from near white to the resilient blue."""
    light, dark = np.array([232, 240, 247]), np.array([0, 66, 110])
    red, green, blue = (light + (dark - light) * share).round().astype(int)
    return f"#{red:02X}{green:02X}{blue:02X}"


def lightness(colour: str) -> float:
    """Give the perceived lightness of a colour, 0 (black) to 100 (white): L* of CIE 1976.

    >>> round(lightness("#FFFFFF")), round(lightness("#000000"))
    (100, 0)
    """
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels > 0.04045, ((channels + 0.055) / 1.055) ** 2.4, channels / 12.92)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def ink_on(colour: str) -> str:
    """Give the text colour that can be read on a background."""
    return INK if lightness(colour) > 55 else PAPER
