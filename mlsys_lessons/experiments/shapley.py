"""Shapley values: what each player adds, averaged over all orders in which they could arrive.

Shapley, A value for n-person games, 1953. Pure arithmetic on a table of coalition values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from math import factorial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Player = TypeVar("Player")
Worth = float | NDArray[np.float64]  # one number, or one a seed


def coalitions(players: Iterable[Player]) -> list[frozenset[Player]]:
    """Every subset, small ones first.

    >>> [sorted(each) for each in coalitions("ab")]
    [[], ['a'], ['b'], ['a', 'b']]
    """
    members = list(players)
    sizes = range(len(members) + 1)
    return [frozenset(each) for size in sizes for each in combinations(members, size)]


def shapley(
    players: Iterable[Player], worth: Mapping[frozenset[Player], Worth]
) -> dict[Player, Worth]:
    """Each player's value from the worth of every coalition.

    The values sum to worth(all) - worth(none): nothing is lost and nothing counted twice.

    >>> shapley("ab", {frozenset(): 0.0, frozenset("a"): 1.0, frozenset("b"): 2.0,
    ...                frozenset("ab"): 5.0})
    {'a': 2.0, 'b': 3.0}
    """
    members = list(players)
    size = len(members)
    values: dict[Player, Worth] = {}
    for player in members:
        total: Worth = 0.0
        for others in coalitions(each for each in members if each != player):
            weight = factorial(len(others)) * factorial(size - len(others) - 1) / factorial(size)
            total = total + weight * (worth[others | {player}] - worth[others])
        values[player] = total
    return values
