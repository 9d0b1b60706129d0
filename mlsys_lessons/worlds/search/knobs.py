"""How people search and how the engine ranks: numbers in one place, and nothing that acts on them.

Each is read where its mechanism is: looking, trusting and clicking in outcomes.py, documents that
come and age in corpus.py, what the ranker has counted in state.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import within
from mlsys_lessons.worlds.recommender.knobs import EXAMINATION

_RANGES = {
    "trust": (0.0, 1.0), "cascade": (0.0, 1.0), "searches": (0.01, 1.0), "skew": (0.0, 2.0),
    "fresh": (0.0, 1.0), "half_life": (1.0, 10_000.0), "growth": (0.0, 4.0), "blur": (0.0, 10.0),
    "loop": (0.0, 5.0), "weighting": (0.0, 1.0), "swaps": (0.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class SearchHabits:
    """Mechanisms of a search engine, each with a number that can be turned.

    Why it matters: a ranker that learns from clicks learns from the order that it has shown. How
    strong that loop is, and what breaks it, are numbers that nobody else lets you turn.

    examination
        Chance that each of the ten places is looked at (Joachims 2005, restated 2017).
    trust
        How far a place near the top is taken for a sign of relevance: 0 is not at all, 1 is
        `clicks.Trust.usual` (Agarwal 2019; strength assumed).
    cascade
        Share of searches that are read from the top down to the first click (Craswell 2008;
        assumed); the others look at places by the curve.
    searches
        A user's searches a day, at most one: assumed.
    skew
        Exponent of Zipf's law in the popularity of queries: assumed.
    fresh, half_life
        Share of queries about news, and the days in which a document loses half its relevance to
        them: assumed.
    growth
        New documents a year as a share of all; each takes the place of an old one: assumed.
    blur
        How far the engine's match of texts errs about a grade, in grades: assumed.
    loop
        Weight of what was clicked, beside the match, in the order of a page: 0 is no loop.
    weighting
        Exponent of 1 / examination in what the ranker counts a click for: 0 counts clicks, 1 is
        inverse propensity scoring.
    swaps
        Share of searches for which a coin decides whether the top document changes places with
        another: what measures examination (Joachims 2017; share assumed).

    >>> SearchHabits(weighting=1.0)
    SearchHabits(weighting=1.0)
    """

    examination: tuple[float, ...] = EXAMINATION
    trust: float = 0.2
    cascade: float = 0.1
    searches: float = 0.4
    skew: float = 0.8
    fresh: float = 0.2
    half_life: float = 90.0
    growth: float = 1.0
    blur: float = 1.0
    loop: float = 1.0
    weighting: float = 0.0
    swaps: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what no search engine can be."""
        for name, (low, high) in _RANGES.items():
            within(f"SearchHabits.{name}", getattr(self, name), low, high)
        seen = self.examination
        if len(seen) != len(EXAMINATION) or not all(0 < chance <= 1 for chance in seen):
            rule = f"needs {len(EXAMINATION)} chances above 0 and up to 1, one for each place"
            raise InputError(f"SearchHabits.examination={seen!r} {rule}; see knobs.EXAMINATION.")

    @classmethod
    def still(cls) -> SearchHabits:
        """No new documents, nothing that ages, no loop: the order is the match of texts.

        >>> SearchHabits.still()
        SearchHabits(fresh=0.0, growth=0.0, loop=0.0)
        """
        return cls(fresh=0.0, growth=0.0, loop=0.0)

    def __repr__(self) -> str:
        """Name only the numbers that were turned."""
        turned = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)
            if getattr(self, one.name) != one.default
        ]
        return f"SearchHabits({', '.join(turned)})"
