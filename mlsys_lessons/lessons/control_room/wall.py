"""The picture on the wall of the control room: five layers over days, and what was done.

One figure is made once; a step moves its marks and draws it again, since a room that answers late
is no room. It draws what it is told and knows no incident. Colours come from house_style.py.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mlsys_lessons.lessons.house_style import (
    ALERT,
    INK,
    NAIVE,
    OTHERS,
    PAPER,
    QUIET,
    REFERENCE,
    RESILIENT,
    SHADE,
    TRUTH,
    style,
)
from mlsys_lessons.records import LAYERS

BEFORE = 14  # days left of the page
DOTS = 100  # to the inch
_WIDE, _HIGH = 11.6, 4.3  # inches
_YOU = len(LAYERS) + 0.15  # the row of the player, below the layers
_LANES = 3


class Wall(NamedTuple):
    """What hangs there, by day: alerts (day, layer, severity), commands, looks, the truth."""

    day: int
    days: int
    alerts: Sequence[tuple[int, str, str]] = ()
    done: Sequence[tuple[int, str]] = ()
    looks: Sequence[int] = ()
    truth: Sequence[tuple[float, float, str]] = ()  # shown to whoever may see it
    title: str = ""


class Picture:
    """A figure that is drawn again and again.

    >>> picture = Picture(days=14)
    >>> picture.draw(Wall(0, 14, [(0, "inputs", "page")]))[1:4]
    b'PNG'
    """

    @style()
    def __init__(self, days: int) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(_WIDE, _HIGH), dpi=DOTS)
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes: Any = self.figure.add_axes((0.105, 0.115, 0.785, 0.745))
        self.days = days
        self._frame()
        self.marks = {
            "page": self._points("s", ALERT, 150), "ticket": self._points("s", PAPER, 120, ALERT),
            "done": self._points("D", RESILIENT, 110), "look": self._points("o", OTHERS[0], 60),
        }  # fmt: skip
        self.now = self.axes.axvline(0, color=RESILIENT, linewidth=3, zorder=2)
        self.ahead = self.axes.axvspan(0, days, color=SHADE, alpha=0.10, linewidth=0, zorder=0)
        self.title = self.figure.text(0.012, 0.935, "", fontsize=16, fontweight="bold", color=INK)
        self.said = [self._right(row) for row in range(len(LAYERS))]
        self.moved: list[Any] = []  # what the next drawing takes away

    def _frame(self) -> None:
        """Rows, days, the line of the page: what never changes."""
        axes = self.axes
        axes.set(xlim=(-BEFORE - 0.5, self.days + 0.5), ylim=(_YOU + 0.5 * _LANES + 0.4, -0.6))
        for row in range(len(LAYERS)):
            axes.axhspan(row - 0.36, row + 0.36, color=REFERENCE, alpha=0.13, linewidth=0, zorder=0)
        axes.set_yticks([*range(len(LAYERS)), _YOU + 0.2], [*LAYERS, "you"], color=INK, fontsize=13)
        axes.get_yticklabels()[-1].set_fontweight("bold")
        weeks = range(-BEFORE, self.days + 1, 7)
        names = {0: "the page"}
        axes.set_xticks([*weeks], [names.get(day, f"day {day:+d}") for day in weeks], fontsize=11)
        axes.axvline(0, color=QUIET, linewidth=1.5, linestyle=":", zorder=1)
        axes.tick_params(length=0, pad=6)
        axes.spines[:].set_visible(False)

    def _points(self, marker: str, colour: str, size: int, edge: str | None = None) -> Any:
        return self.axes.scatter([], [], s=size, marker=marker, facecolor=colour, zorder=4,
                                 edgecolor=edge or colour, linewidth=2.2)  # fmt: skip

    def _right(self, row: int) -> Any:
        """What is said of a layer at the right-hand edge."""
        return self.axes.annotate("", (1, row), xytext=(8, 0), xycoords=("axes fraction", "data"),
                                  textcoords="offset points", va="center", fontsize=12,
                                  annotation_clip=False)  # fmt: skip

    @style()
    def draw(self, wall: Wall) -> bytes:
        """The picture as PNG bytes."""
        for artist in self.moved:
            artist.remove()
        self.moved = [*self._commands(wall.done), *self._window(wall.truth)]
        self._mark(wall)
        self.now.set_xdata([wall.day, wall.day])
        self.ahead.set_x(wall.day)
        self.ahead.set_width(self.days + 0.5 - wall.day)
        self.title.set_text(wall.title)
        for row, layer in enumerate(LAYERS):
            ringing = sum(day == wall.day and name == layer for day, name, _ in wall.alerts)
            self.said[row].set(text=f"{ringing} ringing" if ringing else "quiet",
                               color=ALERT if ringing else QUIET,
                               fontweight="bold" if ringing else "normal")  # fmt: skip
        stream = io.BytesIO()
        self.canvas.print_png(stream, metadata={"Software": None}, pil_kwargs={"compress_level": 1})
        return stream.getvalue()

    def _mark(self, wall: Wall) -> None:
        """Put alerts and looks where they belong."""
        pages = {(day, layer) for day, layer, severity in wall.alerts if severity == "page"}
        tickets = {(day, layer) for day, layer, _ in wall.alerts} - pages
        for kind, found in (("page", pages), ("ticket", tickets)):
            places = [(day, LAYERS.index(layer)) for day, layer in found if day >= -BEFORE]
            self._move(kind, places)
        self._move("look", [(day, _YOU) for day in wall.looks])

    def _move(self, kind: str, places: Sequence[tuple[float, float]]) -> None:
        self.marks[kind].set_offsets(places or [(float("nan"), 0.0)])

    def _commands(self, done: Sequence[tuple[int, str]]) -> Iterator[Any]:
        """What was done, a mark and its words; where it is crowded, on the next line."""
        free, places = [-float("inf")] * _LANES, []
        by_day: dict[int, list[str]] = {}
        for day, words in done:
            by_day.setdefault(day, []).append(words)
        for day, several in sorted(by_day.items()):
            words = textwrap.shorten(", ".join(several), 34, placeholder=" ...")
            wide = 0.7 + 0.29 * len(words)
            over = day + wide > self.days + 0.5
            begin = day - wide if over else float(day)
            lane = min(range(_LANES), key=lambda lane: (free[lane] > begin, lane))
            free[lane], height = day + (0.5 if over else wide), _YOU + 0.55 + 0.5 * lane
            places.append((day, height))
            yield self.axes.text(day + (-0.4 if over else 0.4), height, words, fontsize=11,
                                 color=RESILIENT, va="center", ha="right" if over else "left",
                                 fontweight="bold", zorder=5)  # fmt: skip
        self._move("done", places)

    def _window(self, truth: Sequence[tuple[float, float, str]]) -> Iterator[Any]:
        """What was true all the while, over the layers."""
        for place, (start, end, words) in enumerate(truth):
            last = min(end, self.days)
            yield self.axes.axvspan(start, last, ymin=0.305, color=NAIVE, alpha=0.22, linewidth=0,
                                    zorder=0.5)  # fmt: skip
            yield self.axes.text(start, -0.78 + 0.5 * place, words, color=TRUTH, fontsize=11,
                                 fontstyle="italic", va="center", zorder=5)  # fmt: skip
