"""How the world may change: the drift knobs, and nothing that acts on them.

Drift is a property of reality, not a fault. Each knob is read where the habit that it moves is
defined: covariate and ageing in customers, growth and launch in population, season in purchases,
label and concept in fraudsters, adaptation in adaptation and fashion, invention in playbook,
probing and transparency in probing. The last is the business's own choice: it stands here since
only rings notice it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import whole_number

_RANGES = {
    "covariate": (-1.0, 1.0),
    "label": (-2.0, 2.0),
    "concept": (0.0, 2.0),
    "growth": (0.0, 1.0),
    "season": (0.0, 3.0),
    "ageing": (0.0, 2.0),
    "adaptation": (0.0, 3.0),
    "invention": (0.0, 12.0),
    "probing": (0.0, 1.0),
    "transparency": (0.0, 1.0),
}


@dataclass(frozen=True)
class Drift:
    """How fast each part of reality moves; the defaults are those of the ordinary year.

    Why it matters: covariate, label and concept drift need different remedies, and only a
    world with one knob for each can show which monitor sees which. Trends run through the
    history without a break at day 0, except where a knob says "from day 0".

    covariate
        Log points a year by which all amounts inflate, and log-odds a year by which all
        payments move online: the inputs change, what they mean does not.
    label
        Log growth a year of the intensity of attack, in every year alike: nothing caps it.
    concept
        Share a year, from day 0, of fraud attempts that copy the victim's own habits, which no
        label mends: assumed, and small beside invention, since plain retraining is told to win
        back .3 to .5 points of recall a month (Stripe Radar, S) of the 4 to 12 that a frozen
        model loses in a year (an order of magnitude).
    growth
        New customers a year from day 0, as a share of the base, for at most two years.
    new_country_day
        The day the business launches in NO; None means never.
    season
        Strength of the yearly season; 1 is December +15 %, August -10 %.
    ageing
        Standard deviation, in log points a year, of the trend of each customer's spending.
    adaptation
        How strongly the rings learn at midnights from what was blocked; 0 is never.
    invention
        New schemes a year, from day 0 (Poisson). 3 is the middle of the two to four steps a year
        in which models of fraud are told to decay (an order of magnitude); 0 is never.

    probing
        Share of first attempts on a card, from day 0, that are tests: a ring asks at which amount
        it is blocked, and cashes out just below (probing.py). 0 is never.
    transparency
        How much the answer to a payment tells of its reason: at 0 it may have come from anything,
        at 1 the shop says so when it is the amount. Only rings that probe make use of it.

    How much one new scheme takes over is fashion.CURIOSITY. Every other default is assumed, none
    is a measurement. `mlsys-lessons ageing` shows what they do to a frozen model.

    >>> Drift(label=0.7).label
    0.7
    >>> Drift.none()
    Drift.none()
    """

    covariate: float = 0.05
    label: float = 0.15
    concept: float = 0.05
    growth: float = 0.10
    new_country_day: int | None = None
    season: float = 1.0
    ageing: float = 0.10
    adaptation: float = 1.0
    invention: float = 3.0
    probing: float = 0.0
    transparency: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no world can follow."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise InputError(f"Drift.{name}={value!r} must be a number; try {name}=0.1.")
            if not low <= value <= high:
                raise InputError(
                    f"Drift.{name}={value!r} is outside {low:g}..{high:g}; pick a value inside."
                )
        day = self.new_country_day
        if day is not None:
            whole_number("Drift.new_country_day", day, 0, 10_000)

    @classmethod
    def none(cls) -> Drift:
        """Return the healthy world: no trend, launch, adaptation or invention; seasons stay."""
        return cls(
            covariate=0.0, label=0.0, concept=0.0, growth=0.0, ageing=0.0, adaptation=0.0,
            invention=0.0,
        )  # fmt: skip

    def __repr__(self) -> str:
        """Name only the knobs that differ from a healthy world."""
        still = {"season": 1.0, "new_country_day": None}
        moved = [
            f"{item.name}={getattr(self, item.name)!r}"
            for item in fields(self)
            if getattr(self, item.name) != still.get(item.name, 0.0)
        ]
        return f"Drift({', '.join(moved)})" if moved else "Drift.none()"
