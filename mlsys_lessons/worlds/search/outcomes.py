"""From a page to its answer, in closed form and by coins: looked at, clicked, relevant, the first.

Two sorts of searches: some look at places by the curve of examination, some read from the top and
stop at their first click (the models of clicks.py). A document seems relevant, by its own relevance
and by trust in its place; whoever clicks and finds it relevant may be satisfied. The first row that
satisfies is the page's answer; a page has one or none. What a row would do is said of the page as
it was ranked: a dropped row leaves a blank place, and those below it keep theirs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.worlds.search.clicks import Trust, cascade_examination
from mlsys_lessons.worlds.search.knobs import SearchHabits

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CONTENT = 0.9  # of those who click a relevant document, the rest look on (assumed)


class Chances(NamedTuple):
    """Of each place of each page, if all are shown: a click, and being the page's answer."""

    click: Floats
    answer: Floats


class Coins(NamedTuple):
    """What was thrown: numbers in (0, 1), pages x places; `reads` one for each page."""

    looks: Floats
    relevant: Floats
    trusts: Floats
    content: Floats
    reads: Floats


class Came(NamedTuple):
    """What came of each place of each page."""

    click: Mask
    answer: Mask


def chances(relevance: Floats, habits: SearchHabits) -> Chances:
    """The chances of pages of relevances, places on the last axis.

    >>> page = np.zeros((1, 10)); page[0, 1] = 1.0
    >>> chances(page, SearchHabits(trust=0.0, cascade=0.0)).answer[0, :3].round(3).tolist()
    [0.0, 0.549, 0.0]
    """
    trust = Trust.usual(relevance.shape[-1], strength=habits.trust)
    seen = trust.when_relevant * relevance
    seems = seen + trust.when_irrelevant * (1 - relevance)
    looked_at = np.asarray(habits.examination)
    satisfies = looked_at * seen * CONTENT
    free = satisfies * cascade_examination(satisfies)  # nothing above has satisfied
    reached = cascade_examination(seems)
    mixed = habits.cascade
    return Chances(
        (1 - mixed) * looked_at * seems + mixed * reached * seems,
        (1 - mixed) * free + mixed * reached * seen * CONTENT,
    )


def came(relevance: Floats, coins: Coins, habits: SearchHabits) -> Came:
    """What comes of pages when the coins fall so; its mean is `chances`."""
    trust = Trust.usual(relevance.shape[-1], strength=habits.trust)
    relevant = coins.relevant < relevance
    seems = coins.trusts < np.where(relevant, trust.when_relevant, trust.when_irrelevant)
    down = (coins.reads < habits.cascade)[:, None]
    looked_at = np.where(down, _first(seems), coins.looks < np.asarray(habits.examination))
    click = seems & looked_at
    return Came(click, _first(click & relevant & (coins.content < CONTENT)))


def _first(rows: Mask) -> Mask:
    """The first true place of each page alone."""
    first = np.zeros_like(rows)
    page = np.arange(len(rows))
    place = rows.argmax(axis=1)
    first[page, place] = rows[page, place]
    return first
