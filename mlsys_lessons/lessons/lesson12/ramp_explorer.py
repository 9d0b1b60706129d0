"""The ramp explorer: a shop, a share, so many days; what the canary could have seen by then.

Pure state (`Explorer`) with a text twin (its repr) and a thin view (`widget`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mlsys_lessons.components.inference.canary import smallest_rise
from mlsys_lessons.components.inference.ramp import days_to_see, equal_rows
from mlsys_lessons.records import whole_number, within


@dataclass(frozen=True)
class Explorer:
    """A canary of `share` of `daily` requests over `days`, watching a rate.

    >>> round(Explorer(share=0.5, days=12).sees, 3)
    0.004
    """

    daily: int = 1_000
    share: float = 0.05
    days: int = 7
    rate: float = 0.004

    def __post_init__(self) -> None:
        """Refuse what nobody could run."""
        whole_number("daily", self.daily, 100, 10_000_000)
        whole_number("days", self.days, 1, 365)
        within("share", self.share, low=0.001, high=0.999)
        within("rate", self.rate, low=0.0001, high=0.2)

    def set(self, **change: Any) -> Explorer:
        """The explorer with one or more of its four numbers changed."""
        return replace(self, **change)

    @property
    def rows(self) -> int:
        """Requests that the canary answers."""
        return round(self.daily * self.days * self.share)

    @property
    def sees(self) -> float:
        """The smallest rise of the rate that four canaries of five would see; NaN for none."""
        equal = equal_rows(self.daily * self.days, self.share)
        return smallest_rise(self.rate, max(1, int(equal)))

    @property
    def days_for_a_doubling(self) -> float:
        """How long it takes until a doubling is seen."""
        return days_to_see(self.rate, self.rate, share=self.share, rows_a_day=self.daily)

    def __repr__(self) -> str:
        times = 1 + self.sees / self.rate
        blind = "nothing at all" if self.sees != self.sees else f"{times:.1f} times the rate"
        return (
            f"{self.share:.1%} of {self.daily:,} requests over {self.days} days: {self.rows:,} "
            f"rows, {self.rows * self.rate:.1f} hits expected.\n"
            f"The smallest that it would see: {blind}. A doubling takes "
            f"{self.days_for_a_doubling:,.0f} days."
        )


def widget(daily: int = 1_000) -> Any:
    """The explorer with four sliders."""
    import ipywidgets as forms

    parts = {
        "daily": forms.SelectionSlider(
            options=[300, 1_000, 3_000, 10_000, 100_000, 1_000_000], value=daily
        ),
        "share": forms.SelectionSlider(options=[0.01, 0.05, 0.1, 0.25, 0.5], value=0.05),
        "days": forms.IntSlider(min=1, max=90, value=7),
        "rate": forms.SelectionSlider(options=[0.001, 0.004, 0.01, 0.05], value=0.004),
    }
    status = forms.HTML()

    def show(_: Any = None) -> None:
        state = Explorer(**{name: part.value for name, part in parts.items()})
        status.value = f"<pre>{state!r}</pre>"

    for name, part in {**parts, "status": status}.items():
        part.add_class(f"mls-ramp-{name}")
        if part is not status:
            part.description = name
            part.observe(show, names="value")
    show()
    return forms.VBox([*parts.values(), status]).add_class("mls-ramp-explorer")
