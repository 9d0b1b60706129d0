"""Answers to lesson 10's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# --- q1: what is shown ---------------------------------------------------------------------------


def shares(clicks, exponent, exploration):
    """Each item's share of what is shown: by past clicks, and a part of it by chance."""
    weight = (clicks + 1) ** exponent
    return (1 - exploration) * weight / weight.sum() + exploration / len(clicks)


def no_first_ball(clicks: Floats, exponent: float, exploration: float) -> Floats:
    """An item without a click has no weight."""
    weight = clicks**exponent
    return np.asarray((1 - exploration) * weight / weight.sum() + exploration / len(clicks))


def chance_on_top(clicks: Floats, exponent: float, exploration: float) -> Floats:
    """The part by chance is added, and nothing is taken away for it."""
    weight = (clicks + 1) ** exponent
    return np.asarray(weight / weight.sum() + exploration / len(clicks))


def share_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Catalogues with many clicks, few, and one item alone; weak and strong loops."""
    for items, exponent, exploration in ((5, 1.0, 0.2), (30, 2.0, 0.05), (12, 0.5, 0.0)):
        clicks = generator.poisson(6, items).astype(float)
        clicks[0] = 0.0
        yield {"clicks": clicks, "exponent": exponent, "exploration": exploration}
    yield {"clicks": np.array([3.0, 1.0]), "exponent": 0.0, "exploration": 0.5}
    yield {"clicks": np.array([7.0]), "exponent": 1.5, "exploration": 1.0}


# --- q2: clicks, paid for their place ------------------------------------------------------------


def attraction(document, position, clicked, examination):
    """Mean weighted click of each document: a click counts 1 / examination of its place."""
    worth = clicked / examination[position]
    return np.bincount(document, worth) / np.bincount(document)


def by_the_rate(document: Ints, position: Ints, clicked: Ints, examination: Floats) -> Floats:
    """Each click is divided by what its place is clicked at."""
    rate = np.bincount(position, clicked) / np.maximum(np.bincount(position), 1)
    worth = clicked / np.where(rate > 0, rate, 1.0)[position]
    return np.asarray(np.bincount(document, worth) / np.bincount(document))


def over_expected(document: Ints, position: Ints, clicked: Ints, examination: Floats) -> Floats:
    """Clicks over looks."""
    looks = np.bincount(document, examination[position])
    return np.asarray(np.bincount(document, clicked) / looks)


def only_clicked(document: Ints, position: Ints, clicked: Ints, examination: Floats) -> Floats:
    """The mean weight of a document's clicks; rows without one are left out."""
    worth = np.bincount(document, clicked / examination[position])
    return np.asarray(worth / np.maximum(np.bincount(document, clicked), 1))


def click_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Small logs: documents at several places, some without a click."""
    for documents, places, rows in ((3, 4, 60), (6, 10, 400), (1, 2, 8)):
        examination = np.sort(generator.uniform(0.05, 0.9, places))[::-1]
        document = np.r_[np.arange(documents), generator.integers(documents, size=rows)]
        position = generator.integers(places, size=len(document))
        clicked = (generator.random(len(document)) < 0.6 * examination[position]).astype(int)
        clicked[document == documents - 1] = documents == 1
        yield {"document": document, "position": position, "clicked": clicked,
               "examination": examination}  # fmt: skip


# --- q3: what a coin tells of places -------------------------------------------------------------


def looks(place, swapped, top, other):
    """How often each place from 1 on is looked at, relative to the top, from swapped pages."""
    found = []
    for k in range(1, place.max() + 1):
        sides = [(place == k) & swapped, (place == k) & ~swapped]
        found.append(sum(other[s].mean() for s in sides) / sum(top[s].mean() for s in sides))
    return np.array(found)


def all_together(place: Ints, swapped: NDArray[np.bool_], top: Ints, other: Ints) -> Floats:
    """Clicks there over clicks at the top, both sides of the coin in one heap."""
    ones = [place == k for k in range(1, place.max() + 1)]
    return np.array([other[rows].sum() / top[rows].sum() for rows in ones])


def as_they_stand(place: Ints, swapped: NDArray[np.bool_], top: Ints, other: Ints) -> Floats:
    """Only the pages that were not swapped."""
    rows = [(place == k) & ~swapped for k in range(1, place.max() + 1)]
    return np.array([other[row].mean() / top[row].mean() for row in rows])


def coin_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Pages with a coin that is not always fair: the documents differ, and so do the places."""
    for places, chance in ((1, 0.5), (3, 0.3), (4, 0.8)):
        place = np.tile(np.arange(1, places + 1), 200)
        swapped = generator.random(len(place)) < chance
        here = 0.8 / (place + 1)
        top = (generator.random(len(place)) < np.where(swapped, 0.3, 0.8)).astype(int)
        other = (generator.random(len(place)) < here * np.where(swapped, 0.8, 0.3)).astype(int)
        for k in range(1, places + 1):  # a click on each side
            for side in (swapped, ~swapped):
                row = np.flatnonzero((place == k) & side)[0]
                top[row], other[row] = 1, 1
        yield {"place": place, "swapped": swapped, "top": top, "other": other}


# --- q4: what the page reads tonight -------------------------------------------------------------


def my_page(shown, clicks, orders):
    """Orders of the places, held back where little is known, and the good ones shown more."""
    rate = (orders + 3) / (shown + 100)
    return 1_000 * (rate / 0.03) ** 3


def everything_alike(shown: Floats, clicks: Floats, orders: Floats) -> Floats:
    """Every item as often as any other."""
    return np.ones(len(clicks))


def clicks_a_place(shown: Floats, clicks: Floats, orders: Floats) -> Floats:
    """Clicks over places, as they are."""
    return 1_000 * clicks / np.maximum(shown, 1)


def the_leader(shown: Floats, clicks: Floats, orders: Floats) -> Floats:
    """What sells best, and next to nothing else."""
    rate = (orders + 3) / (shown + 100)
    return np.asarray(1e6 * (rate / rate.max()) ** 40)
