"""Ten worlds of twelve songs, by two sliders: how strongly clicks count, how much is chance.

Pure state (`Market`) with a text twin (its repr), and a thin view (`widget`). Merits never
change; which song is number one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.records import within
from mlsys_lessons.worlds.recommender.popularity import gini, parallel_worlds, unpredictability

SONGS, WORLDS, VISITORS = 12, 10, 800
LIKED = np.linspace(0.6, 0.2, SONGS)  # chance of a click if heard; song 1 is the best (assumed)


@dataclass(frozen=True)
class Market:
    """Ten worlds of the same songs, at one strength of the loop and one share of chance.

    >>> Market(0.0, 0.0, seed=7).leaders.tolist().count(1) >= 5
    True
    """

    exponent: float
    exploration: float
    seed: int

    def __post_init__(self) -> None:
        """Refuse what no slider reaches."""
        within("exponent", self.exponent, 0.0, 3.0)
        within("exploration", self.exploration, 0.0, 1.0)

    @property
    def clicks(self) -> NDArray[np.float64]:
        """Clicks of each song, worlds x songs."""
        return parallel_worlds(LIKED, worlds=WORLDS, visitors=VISITORS, exponent=self.exponent,
                               exploration=self.exploration, seed=self.seed)  # fmt: skip

    @property
    def leaders(self) -> NDArray[np.int64]:
        """The number one of each world; 1 is the best song."""
        return self.clicks.argmax(axis=1) + 1

    def __repr__(self) -> str:
        clicks = self.clicks
        ones = clicks.argmax(axis=1) + 1
        return (
            f"clicks to the power {self.exponent:g}, {self.exploration:.0%} by chance\n"
            f"number one in worlds 1 to {WORLDS}: {', '.join(map(str, ones))}\n"
            f"different number ones: {len(set(ones.tolist()))}; the best song leads in "
            f"{int((ones == 1).sum())}\n"
            f"gini {gini(clicks).mean():.2f}, unpredictability {unpredictability(clicks):.3f}, "
            f"clicks a world {clicks.sum(axis=1).mean():.0f}"
        )


def widget(seed: int) -> Any:
    """The market as two sliders and its text."""
    return _Form(seed).box


class _Form:
    """The view: it makes a `Market` and shows its text."""

    def __init__(self, seed: int) -> None:
        import ipywidgets as forms

        self.seed = seed
        wide = {"style": {"description_width": "initial"}, "continuous_update": False}
        power, chance = {"max": 3, "step": 0.25}, {"max": 1, "step": 0.1}
        self.parts: dict[str, Any] = {
            "exponent": forms.FloatSlider(1.0, min=0, description="power", **power, **wide),
            "exploration": forms.FloatSlider(0.0, min=0, description="by chance", **chance, **wide),
            "status": forms.HTML(),
        }
        for name, part in self.parts.items():
            part.add_class(f"mls-market-{name}")
            if name != "status":
                part.observe(self.show, names="value")
        self.box = forms.VBox(list(self.parts.values())).add_class("mls-market")
        self.show()

    def show(self, _: Any = None) -> None:
        """Show the market of where the sliders stand."""
        market = Market(self.parts["exponent"].value, self.parts["exploration"].value, self.seed)
        self.parts["status"].value = f"<pre>{market}</pre>"
