"""Lesson 04's figures of frames: waits by load and by callers, failures with their designs.

A frame comes in, Axes go out, as in charts.py; nothing is simulated or priced here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlsys_lessons.lessons import charts

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes


def hockey_stick(points: Mapping[int, pd.DataFrame], *, title: str) -> Axes:
    """Draw simulated mean waits as dots on the closed form's lines, by number of servers.

    Frames are indexed by utilisation, with columns `simulated` and `closed form`.
    """
    with charts.style():
        axes = charts.canvas(title, unit="mean wait, in service times")
        for place, (servers, frame) in enumerate(points.items()):
            colour = charts.OTHERS[place % len(charts.OTHERS)]
            axes.plot(frame.index, frame["closed form"], color=colour)
            axes.plot(frame.index, frame["simulated"], "o", color=colour, markersize=9)
            end = (frame.index[-1], frame["closed form"].iloc[-1])
            name = f"{servers} server" + "s" * (servers > 1)
            axes.annotate(name, end, xytext=(-10, 4), textcoords="offset points", ha="right",
                          fontweight="bold")  # fmt: skip
        axes.set_xlabel("utilisation", loc="right")
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return axes


def percentiles(waits: pd.DataFrame, *, title: str) -> Axes:
    """Draw latency percentiles (rows) by number of callers (columns), in milliseconds."""
    with charts.style():
        axes = charts.canvas(title, unit="ms from asking to the answer")
        places = np.arange(len(waits.columns))
        for place, (name, row) in enumerate(waits.iterrows()):
            axes.plot(places, row.to_numpy(), "o-", color=charts.OTHERS[place % 3], markersize=9)
            axes.annotate(str(name), (places[-1], row.iloc[-1]), xytext=(12, 0), va="center",
                          textcoords="offset points", fontweight="bold",
                          annotation_clip=False)  # fmt: skip
        axes.set_xticks(places, [f"{callers} at once" for callers in waits.columns])
        axes.set_ylim(bottom=0)
    return axes


def with_and_without(prices: pd.DataFrame, *, title: str) -> Axes:
    """Draw what each failure mode costs without and with its design (columns), in euros."""
    with charts.style():
        axes = charts.canvas(title, height=1.6 + 0.55 * len(prices))
        places = np.arange(len(prices))[::-1]
        axes.hlines(places, prices["with"], prices["without"], color=charts.REFERENCE, zorder=1)
        for name, colour in (("with", charts.RESILIENT), ("without", charts.NAIVE)):
            axes.scatter(prices[name], places, s=150, color=colour, zorder=2)
            axes.annotate(name, (prices[name].iloc[0], places[0]), xytext=(0, 12), ha="center",
                          textcoords="offset points", fontweight="bold")  # fmt: skip
        axes.axvline(0, color=charts.TRUTH, linewidth=1.5, zorder=0)
        axes.set_yticks(places, list(prices.index))
        axes.set_ylim(-0.6, len(prices) - 0.3)
        axes.set_xlabel("euros lost", loc="right")
        axes.spines["left"].set_visible(False)
    return axes
