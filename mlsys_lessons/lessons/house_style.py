"""The look of every figure: one palette with meanings, one canvas, one way to show a picture.

One colour means one thing from the first lesson to the last, and each has its own lightness, so
that a page printed in grey still reads. The figures themselves are in charts.py. Matplotlib is
imported here and nowhere else, and only when something is drawn.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes

# The colour-blind-safe hues of Okabe and Ito (2008), moved apart in lightness.
TRUTH = "#111111"  # what really happened
RESILIENT = "#00558C"  # the engineered system
ALERT = "#C23B00"  # thresholds, alarms, losses
REFERENCE = "#7F8B93"  # Bayes reference, no-fault twin, "what was possible"
NAIVE = "#E8A200"  # the notebook model, shipped as it is
OTHERS = ("#2B9FD9", "#B4679B", "#008F6B")  # anything without a meaning of its own
PARTS = ("#2B9FD9", "#DDB5CF", "#008F6B", "#A5D6F0", "#B4679B", "#8ACBB6")  # of one whole
INK, QUIET, PAPER, SHADE = "#222222", "#5A5A5A", "#FFFFFF", "#8C8C8C"

MINUS = "\u2212"  # as wide as a plus; a hyphen is lost on a projector

MEANINGS = {
    "naive": NAIVE,
    "resilient": RESILIENT,
    "reference": REFERENCE,
    "bayes": REFERENCE,
    "no fault": REFERENCE,
    "truth": TRUTH,
    "true": TRUTH,
    "alert": ALERT,
    "genuine": OTHERS[0],
    "fraud": OTHERS[1],
}
_RESOLUTIONS = (110, 90, 70, 50)  # dots per inch; the first that keeps the picture small
_MOST_BYTES = 100_000

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "figure.titlesize": 17,
    "figure.titleweight": "bold",
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
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style inside this block, or inside a function decorated with it."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


@style()
def canvas(title: str, *, unit: str = "", width: float = 9.0, height: float = 4.8) -> Axes:
    """Give an empty figure in the house style, for a drawing that charts.py does not make.

    Parameters
    ----------
    title
        One sentence with the message; long ones are wrapped.
    unit
        What the upright axis counts, written above it.
    width, height
        Inches; the defaults read from the back row.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(textwrap.fill(title, int(width * 6.2)), x=0.005, ha="left")
    axes: Axes = figure.add_subplot()
    if unit:
        axes.set_title(unit, loc="left", color=QUIET, pad=8, fontsize=STYLE["font.size"])
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


@style()
def png(axes: Axes) -> bytes:
    """Give the figure as PNG bytes; a busy one gets coarser, so as to stay below 100 kB."""
    figure, image = axes.get_figure(root=True), b""
    assert figure is not None
    for resolution in _RESOLUTIONS:
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=resolution, metadata={"Software": None})
        image = stream.getvalue()
        if len(image) <= _MOST_BYTES:
            break
    return image


def money(cents: float, _: float = 0) -> str:
    """Write cents as money, short enough for an axis.

    >>> money(1_234_500), money(4_000_000_00), money(99_000), money(0)
    ('12.3 k€', '4 M€', '990 €', '0')
    """
    euros = abs(cents) / 100
    scale, suffix = (1e6, "M€") if euros >= 1e6 else (1e3, "k€") if euros >= 1e3 else (1, "€")
    shown = f"{euros / scale:,.0f}" if euros / scale >= 100 else f"{euros / scale:.3g}"
    return f"{MINUS if cents < 0 else ''}{shown} {suffix}" if euros else "0"


def colour_of(name: str, place: int = 0) -> str:
    """Give the colour that a name means in this course, or the next free one.

    >>> colour_of("resilient, unit bug") == RESILIENT, colour_of("gradient boosting", 1) in OTHERS
    (True, True)
    """
    known = [colour for word, colour in MEANINGS.items() if word in name.lower()]
    return known[0] if known else OTHERS[place % len(OTHERS)]


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


def spread(wanted: ArrayLike, sizes: ArrayLike) -> NDArray[np.float64]:
    """Move labels of given sizes apart until none touches the next, order kept.

    >>> spread([0.5, 0.5], [0.1, 0.1]).round(2).tolist()
    [0.45, 0.55]
    """
    places = np.array(wanted, dtype=float)
    order = np.argsort(places, kind="stable")
    room = np.array(sizes, dtype=float)[order]
    for _ in range(200):
        short = np.clip((room[1:] + room[:-1]) / 2 - np.diff(places[order]), 0, None) / 2
        if not (short > 1e-6).any():
            break
        places[order[:-1]] -= short
        places[order[1:]] += short
    return places
