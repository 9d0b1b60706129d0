"""Lesson 10's two figures: who is number one in each world, and what a place is worth.

They draw what they are given; nothing is measured here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlsys_lessons.components.feedback.position_bias import Propensities
from mlsys_lessons.lessons.house_style import ALERT, INK, OTHERS, QUIET, TRUTH, canvas, style

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes


@style()
def number_ones(table: pd.DataFrame, *, title: str, items: int) -> Axes:
    """Draw each world's number one at its true rank, the best at the top.

    Parameters
    ----------
    table
        Indexed by world, with columns `number one` (an item) and `true rank` (1 is the best).
    items
        How many there are: the lowest rank.
    """
    axes = canvas(title, unit=f"true rank of the number one (#item), of {items}")
    worlds, ranks = table.index.to_numpy(), table["true rank"].to_numpy()
    axes.axhline(1, color=TRUTH, linewidth=1.5)
    axes.vlines(worlds, 1, ranks, color=OTHERS[0], linewidth=2)
    axes.plot(worlds, ranks, "o", color=OTHERS[0], markersize=13, markeredgecolor=INK)
    for world, rank, item in zip(worlds, ranks, table["number one"], strict=True):
        axes.annotate(f"#{item}", (world, rank), xytext=(0, -22), fontweight="bold",
                      ha="center", textcoords="offset points", annotation_clip=False)  # fmt: skip
    axes.annotate("the best", (worlds[-1] + 0.5, 1), color=QUIET, va="center",
                  xytext=(6, 0), textcoords="offset points", annotation_clip=False)  # fmt: skip
    axes.set_xticks(worlds)
    axes.set_xlabel("parallel world", loc="right")
    axes.set_xlim(0.5, worlds[-1] + 0.5)
    lowest = max(int(ranks.max()), 10) * 1.15
    axes.set_ylim(lowest, -0.05 * lowest)
    axes.set_yticks([1, *range(20, int(lowest) + 1, 20)])
    return axes


@style()
def worth_of_places(looks: Propensities, truth: ArrayLike, rate: ArrayLike, *, title: str) -> Axes:
    """Draw what swaps say of each place against the truth and the click rate; the top is 1.

    Parameters
    ----------
    looks
        Relative examination of each place with its interval, from swaps.
    truth, rate
        The true chance of a look, and clicks a page, by place.
    """
    axes = canvas(title, unit="relative to the first place")
    places = np.arange(1, len(looks.relative) + 1)
    lines = {"clicks a page": (rate, ALERT, "--"), "truth": (truth, TRUTH, "-")}
    for name, (values, colour, dash) in lines.items():
        height = np.asarray(values, dtype=float)
        axes.plot(places, height / height[0], dash, color=colour)
        place, away, side = (2, (-8, -12), "right") if dash == "--" else (3, (8, 10), "left")
        axes.annotate(name, (place + 1, height[place] / height[0]), xytext=away, ha=side,
                      textcoords="offset points", color=colour, fontweight="bold")  # fmt: skip
    gap = [looks.relative - looks.low, looks.high - looks.relative]
    axes.errorbar(places + 0.08, looks.relative, yerr=gap, fmt="o", color=OTHERS[0], markersize=9,
                  capsize=5, elinewidth=2.5)  # fmt: skip
    axes.annotate("by swaps, 95 %", (7, looks.high[6]), xytext=(4, 22), color=OTHERS[0],
                  textcoords="offset points", fontweight="bold")  # fmt: skip
    axes.set_xticks(places)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("place", loc="right")
    return axes
