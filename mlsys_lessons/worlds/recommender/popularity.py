"""The loop alone: what is shown is clicked, what is clicked is shown; in many parallel worlds.

No users, no slates, no system: one visitor after another, so that what the loop does by itself has
a closed form to be held to. The front page's own draw (`slates.exposure`) is used. Beside it the
measures of what a loop does to a whole market: inequality, unpredictability, sameness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.randomness import stream
from mlsys_lessons.records import whole_number, within
from mlsys_lessons.worlds.recommender.slates import exposure

Floats = NDArray[np.float64]


def parallel_worlds(
    quality: ArrayLike, *, worlds: int = 100, visitors: int = 2_000, exponent: float = 1.0,
    exploration: float = 0.0, joins: ArrayLike = 0, seed: int = 0,
) -> Floats:  # fmt: skip
    """Clicks of each item (worlds x items) after so many visitors, from the same qualities.

    Each visitor is shown one item, by past clicks or, with chance `exploration`, at random, and
    clicks with the item's `quality` as probability. `joins` numbers the visitor from whom on each
    item is there: a catalogue that grows. A world may also be read as one user, whom a page shows
    what he clicked. Why it matters: in one world the most clicked
    item looks like the best; in a hundred worlds of the same items it is often another one.

    Exponent 1 and equal qualities are Polya's urn: shares become uniform on the simplex, and their
    Gini is (K - 1) / 2K on average.

    >>> clicks = parallel_worlds(np.ones(5), worlds=3, visitors=50)
    >>> clicks.shape, clicks.sum(axis=1).tolist()
    ((3, 5), [50.0, 50.0, 50.0])

    Source: Salganik, Dodds and Watts, Experimental study of inequality and unpredictability in an
    artificial cultural market, 2006.
    """
    liked = np.asarray(quality, dtype=np.float64)
    worlds = whole_number("worlds", worlds, 1, 100_000)
    visitors = whole_number("visitors", visitors, 1, 1_000_000)
    within("exploration", exploration, 0.0, 1.0)
    draw, rows = stream(seed, "parallel worlds"), np.arange(worlds)
    clicks, first = np.zeros((worlds, len(liked))), np.broadcast_to(joins, len(liked))
    for visitor in range(visitors):
        there = first <= visitor
        shares = exposure(clicks, exponent) * there
        shares *= (1 - exploration) / shares.sum(axis=1, keepdims=True)
        shares += exploration * there / there.sum()
        chance, coin = draw.random((2, worlds))
        item = np.minimum((np.cumsum(shares, axis=1) < chance[:, None]).sum(axis=1), len(liked) - 1)
        clicks[rows, item] += coin < liked[item]
    return clicks


def gini(amounts: ArrayLike) -> Floats:
    """The Gini coefficient over the last axis: 0 all equal, (K - 1) / K one has everything.

    >>> gini([1, 1, 1, 1]).item(), gini([0, 0, 0, 1]).item()
    (0.0, 0.75)
    """
    held = np.sort(np.asarray(amounts, dtype=np.float64), axis=-1)
    count = held.shape[-1]
    rank = 2 * np.arange(1, count + 1) - count - 1
    total = held.sum(axis=-1)
    return np.asarray((held * rank).sum(axis=-1) / (count * np.where(total > 0, total, 1.0)))


def unpredictability(clicks: ArrayLike) -> float:
    """How far an item's share in one world is from its share in another, on average.

    `clicks` is worlds x items; 0 where all worlds agree. Source: Salganik and others, 2006.

    >>> unpredictability([[1, 3], [1, 3]]), unpredictability([[1, 0], [0, 1]])
    (0.0, 1.0)
    """
    counted = np.asarray(clicks, dtype=np.float64)
    shares = np.sort(counted / counted.sum(axis=1, keepdims=True), axis=0)
    worlds = len(shares)
    rank = 2 * np.arange(1, worlds + 1) - worlds - 1  # sum of distances of all pairs
    pairs = worlds * (worlds - 1) / 2
    return float((shares * rank[:, None]).sum(axis=0).mean() / pairs)


def sameness(taken: NDArray[np.bool_]) -> float:
    """How much of what two users took they have in common: Jaccard's index, the mean of pairs.

    `taken` is users x items. Source: Chaney, Stewart and Engelhardt, How algorithmic confounding in
    recommendation systems increases homogeneity and decreases utility, 2018.

    >>> sameness(np.array([[True, True, False], [False, True, False]]))
    0.5
    """
    held = taken[taken.any(axis=1)].astype(np.float64)
    both = held @ held.T
    size = held.sum(axis=1)
    either = size[:, None] + size - both
    pairs = np.triu_indices(len(held), 1)
    return float((both[pairs] / either[pairs]).mean()) if len(held) > 1 else 0.0
