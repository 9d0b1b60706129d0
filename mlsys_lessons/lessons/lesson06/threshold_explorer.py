"""The threshold explorer: one cut for all, or one for each amount, and what either earns.

Pure state (`Explorer`) with a text twin (its repr) and a thin view (`widget`). Money is expected
cents of real rows, by the world's own probabilities; the cut is on a model's score.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import best_possible, cents_by_cut
from mlsys_lessons.records import within


@dataclass(frozen=True)
class Explorer:
    """Rows with score, amount and the cents of both actions (`candidates.priced`), and one cut."""

    rows: pd.DataFrame = field(repr=False)
    cut: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no cut."""
        within("cut", self.cut, low=0.0, high=1.0)

    def set(self, cut: float) -> Explorer:
        """The explorer with another cut."""
        return replace(self, cut=cut)

    @property
    def curve(self) -> pd.Series:
        """Cents by cut."""
        return cents_by_cut(self.rows["score"], self.rows["approve"], self.rows["block"])

    def _earned(self, blocked: Any) -> float:
        return float(np.where(blocked, self.rows["block"], self.rows["approve"]).sum()) / 100

    @property
    def by_cut(self) -> float:
        """Euros of blocking every score from the cut on."""
        return self._earned(self.rows["score"] >= self.cut)

    @property
    def by_amount(self) -> float:
        """Euros of blocking where that is cheaper, row by row, if the score is a probability."""
        score, amount = self.rows["score"].to_numpy(), self.rows["amount"].to_numpy()
        approve = (1 - score) * mls.COSTS.margin(amount) - score * mls.COSTS.fraud_loss(amount)
        return self._earned(-(1 - score) * mls.COSTS.friction > approve)

    @property
    def limit(self) -> float:
        """Euros of the better action on every row: the Bayes reference."""
        return best_possible(self.rows["approve"], self.rows["block"]) / 100

    def __repr__(self) -> str:
        blocked = self.rows["score"] >= self.cut
        curve = self.curve
        return (
            f"block from {self.cut:g} on: {int(blocked.sum()):,} of {len(blocked):,} blocked, "
            f"{self.by_cut:,.0f} euros.\nthe best single cut, {curve.idxmax():.3f}: "
            f"{curve.max() / 100:,.0f}; one cut for each amount: {self.by_amount:,.0f}; "
            f"the best that anybody could do: {self.limit:,.0f}."
        )


def widget(rows: pd.DataFrame) -> Any:
    """The explorer with a slider for the cut."""
    import ipywidgets as forms

    cuts = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
    cut = forms.SelectionSlider(options=cuts, value=0.5, description="block from")
    status = forms.HTML()

    def show(_: Any = None) -> None:
        status.value = f"<pre>{Explorer(rows, cut.value)!r}</pre>"

    cut.observe(show, names="value")
    show()
    return forms.VBox([
        cut.add_class("mls-cut"), status.add_class("mls-cut-status")
    ]).add_class("mls-threshold-explorer")  # fmt: skip
