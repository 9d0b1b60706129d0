"""How users, items and the front page behave: numbers in one place, and nothing that acts on them.

Each is read where its mechanism is: examination to conversion in outcomes.py, what fills a slate in
slates.py, who and what there is in population.py, what a day changes in world.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import whole_number, within

# Chance that a place is looked at: Joachims and others, Accurately interpreting clickthrough data
# (2005), as restated for position bias in Joachims, Swaminathan and Schnabel (2017).
EXAMINATION = (0.68, 0.61, 0.48, 0.34, 0.28, 0.20, 0.11, 0.10, 0.08, 0.06)

_RANGES = {
    "taste": (0.0, 3.0), "quality": (0.0, 3.0), "clickbait": (0.0, 1.0), "lure": (0.0, 5.0),
    "letdown": (0.0, 5.0), "exposure": (0.0, 4.0), "personal": (0.0, 10.0),
    "exploration": (0.0, 1.0), "blur": (0.0, 10.0), "item_growth": (0.0, 2.0),
    "user_growth": (0.0, 2.0), "visits": (0.01, 1.0), "lapse": (0.0, 1.0), "sway": (0.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Habits:
    """Mechanisms of a front page, each with a number that can be turned.

    Why it matters: what is shown is clicked, what is clicked is shown. How strong that loop is, and
    what breaks it, are numbers of a business that nobody else lets you turn.

    examination
        Chance that each of the ten places is looked at (Joachims 2005).
    taste, quality
        Standard deviations of how well a user and an item match, and of how good an item is for
        everybody, both in log-odds: assumed.
    clickbait, lure, letdown
        Share of items that promise more than they hold; log-odds by which that lifts clicks, and
        lowers satisfaction after the click: assumed.
    exposure
        Exponent of past clicks in an item's chance to be retrieved: 1 is Polya's urn, 0 is no
        memory, above 1 the leader takes all.
    personal
        Weight of the estimated match in what is taken from the retrieved items.
    exploration
        Share of places that are given to an item at random.
    blur
        How far retrieval errs about a user or an item nobody has met: it shrinks with the square
        root of meetings (cold start): assumed.
    item_growth, user_growth
        New items and users a year, as a share of those at the start: assumed.
    visits
        A user's visits a day; at most one: assumed.
    lapse
        Share of a user's visits that a letdown costs; it heals by a twentieth a day: assumed.
    sway
        How far a click moves a taste its item's way; tastes return by a fiftieth a day (the loop
        of Jiang and others, Degenerate feedback loops, 2019; strength assumed).
    refresh_days
        Days between the counts that retrieval reads: 1 is every night.

    >>> Habits(exposure=0.0).exposure
    0.0
    """

    examination: tuple[float, ...] = EXAMINATION
    taste: float = 0.8
    quality: float = 0.5
    clickbait: float = 0.2
    lure: float = 1.2
    letdown: float = 1.5
    exposure: float = 1.0
    personal: float = 1.5
    exploration: float = 0.05
    blur: float = 0.8
    item_growth: float = 0.2
    user_growth: float = 0.1
    visits: float = 0.4
    lapse: float = 0.1
    sway: float = 0.02
    refresh_days: int = 1

    def __post_init__(self) -> None:
        """Refuse what no front page can be."""
        for name, (low, high) in _RANGES.items():
            within(f"Habits.{name}", getattr(self, name), low, high)
        whole_number("Habits.refresh_days", self.refresh_days, 1, 10_000)
        shown = self.examination
        if len(shown) != len(EXAMINATION) or not all(0 <= chance <= 1 for chance in shown):
            rule = f"needs {len(EXAMINATION)} chances in 0..1, one for each place"
            raise InputError(f"Habits.examination={shown!r} {rule}; see knobs.EXAMINATION.")

    @classmethod
    def still(cls) -> Habits:
        """Nobody new, nobody swayed, nobody who stays away; the loop runs.

        >>> Habits.still()
        Habits(item_growth=0.0, user_growth=0.0, lapse=0.0, sway=0.0)
        """
        return cls(item_growth=0.0, user_growth=0.0, lapse=0.0, sway=0.0)

    def __repr__(self) -> str:
        """Name only the numbers that were turned."""
        turned = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)
            if getattr(self, one.name) != one.default
        ]
        return f"Habits({', '.join(turned)})"
