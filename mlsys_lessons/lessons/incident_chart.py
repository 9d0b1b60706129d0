"""The life of an incident as one figure: who noticed, when, and what it cost meanwhile.

One line a system, cumulated money since the fault broke; its moments stand on the line. The data
are `run.life(incident)`'s; `charts` offers the figure with the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlsys_lessons.lessons.house_style import (
    ALERT,
    INK,
    QUIET,
    SHADE,
    canvas,
    colour_of,
    money,
    style,
)
from mlsys_lessons.simulation.trace import IncidentLife

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes

_MARKERS = {"seen": "v", "noticed": "o", "diagnosed": "D", "mitigated": "P", "ended": "s"}


@style()
def life_of_incident(lives: Mapping[str, IncidentLife], *, title: str) -> Axes:
    """Draw one incident as each system lived it: name -> `run.life(incident)`.

    Markers on each line: seen by a layer (v), noticed (o), diagnosed (D), mitigated (+), ended (s).
    """
    axes = canvas(title, unit="money that it has cost so far")
    axes.axhline(0, color=QUIET, linewidth=1, zorder=1)
    first = min(life.fault.start for life in lives.values())
    axes.axvline(first, color=ALERT, linewidth=2, linestyle=(0, (5, 3)))
    for place, (name, life) in enumerate(lives.items()):
        _line(axes, name, life, colour_of(name, place))
    axes.annotate("it broke", (first, 1), xytext=(4, -4), textcoords="offset points", color=ALERT,
                  xycoords=("data", "axes fraction"), va="top", fontweight="bold")  # fmt: skip
    axes.yaxis.set_major_formatter(money)
    axes.grid(axis="y", color="#EAEAEA", linewidth=1)
    axes.set_axisbelow(True)
    axes.set_xlabel("day", loc="right")
    axes.margins(x=0.04, y=0.12)
    return axes


def _line(axes: Axes, name: str, life: IncidentLife, colour: str) -> None:
    """One system's line, with its moments and, at its end, what it came to."""
    start = int(life.fault.start)
    days = np.arange(start, start + len(life.cents) + 1)
    total = np.concatenate([[0.0], np.cumsum(life.cents)])
    axes.plot(days, total, color=colour, zorder=3)
    axes.fill_between(days, total, 0, color=colour if name else SHADE, alpha=0.10, linewidth=0)
    for day, words in life.moments:
        marker = _MARKERS.get(words.split(" ")[0].rstrip(":"))
        if marker:
            axes.plot([day], [np.interp(day, days, total)], marker, color=colour, markersize=10,
                      markeredgecolor=INK, zorder=4, clip_on=False)  # fmt: skip
    ending = "not ended" if not np.isfinite(life.fault.end) else f"ended day {life.fault.end:.0f}"
    way = f"noticed by {life.noticed_by}, day {life.noticed:.0f}" if life.noticed else "not noticed"
    text = f"{name}: {money(total[-1])}\n{way}, {ending}"
    axes.annotate(text, (days[-1], total[-1]), xytext=(10, 0), textcoords="offset points",
                  color=colour, fontweight="bold", va="center", annotation_clip=False)  # fmt: skip
