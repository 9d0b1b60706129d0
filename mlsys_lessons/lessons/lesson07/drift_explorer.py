"""The drift explorer: so many rows, so large a move, and what PSI says against its own noise.

Pure state (`Explorer`) with a text twin (its repr) and a thin view (`widget`). Both samples are
normal; the limit is the closed form that holds without drift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import mlsys_lessons as mls
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import whole_number, within

BINS, LEVEL, TEXTBOOK = 10, 0.05, 0.1
LEAST_ROWS, MOST_ROWS = 50, 100_000


@dataclass(frozen=True)
class Explorer:
    """Two samples of `rows` each, the second moved by `shift` standard deviations.

    >>> Explorer(rows=100).expected
    0.18
    """

    rows: int = 200
    shift: float = 0.0
    seed: int = 7

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        whole_number("rows", self.rows, LEAST_ROWS, MOST_ROWS)
        within("shift", self.shift, low=0.0, high=3.0)

    def set(self, **change: Any) -> Explorer:
        """The explorer with `rows`, `shift` or `seed` changed."""
        return replace(self, **change)

    @property
    def psi(self) -> float:
        """PSI of the two samples over the first one's deciles."""
        draw = stream(self.seed, "drift_explorer")
        reference = draw.normal(size=MOST_ROWS)[: self.rows]
        current = draw.normal(size=MOST_ROWS)[: self.rows] + self.shift
        return mls.drift.psi(reference, current, bins=BINS)

    @property
    def expected(self) -> float:
        """What PSI is on average when nothing has moved."""
        return (BINS - 1) * 2 / self.rows

    @property
    def limit(self) -> float:
        """What PSI exceeds on one quiet day in twenty."""
        from scipy.stats import chi2

        return float(chi2.ppf(1 - LEVEL, BINS - 1)) * 2 / self.rows

    def __repr__(self) -> str:
        textbook = "calls" if self.psi > TEXTBOOK else "is quiet"
        own = "calls" if self.psi > self.limit else "is quiet"
        return (
            f"{self.rows:,} rows, moved by {self.shift:g} sd: PSI {self.psi:.4f}; by chance alone "
            f"{self.expected:.4f}.\n.1 {textbook}; the own limit of {self.limit:.4f} {own}."
        )


def widget(seed: int = 7) -> Any:
    """The explorer with two sliders: rows (logarithmic) and the size of the move."""
    import ipywidgets as forms

    rows = forms.SelectionSlider(
        options=[50, 100, 200, 500, 1_000, 5_000, 20_000, 100_000], value=200, description="rows"
    )
    shift = forms.FloatSlider(min=0.0, max=1.0, step=0.05, description="move, sd")
    status = forms.HTML()

    def show(_: Any = None) -> None:
        state = Explorer(rows=rows.value, shift=shift.value, seed=seed)
        status.value = f"<pre>{state!r}</pre>"

    for part, name in ((rows, "rows"), (shift, "shift"), (status, "status")):
        part.add_class(f"mls-drift-{name}")
        if part is not status:
            part.observe(show, names="value")
    show()
    return forms.VBox([rows, shift, status]).add_class("mls-drift-explorer")
