"""Answers to lesson 00's question: ours, the tempting ones, and the cases that tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

# --- q1: how far the books are behind ------------------------------------------------------------


def days_behind(happened, known):
    """For how many days the last total in `known` had already happened."""
    reached = np.asarray(happened) >= np.asarray(known)[-1]
    return len(happened) - 1 - int(np.flatnonzero(reached)[0])


def money_behind(happened, known):
    """The gap between the curves tonight, in euros."""
    return np.asarray(happened)[-1] - np.asarray(known)[-1]


def since_the_books_moved(happened, known):
    """The same search on the wrong curve."""
    reached = np.asarray(known) >= np.asarray(known)[-1]
    return len(known) - 1 - int(np.flatnonzero(reached)[0])


def one_day_more(happened, known):
    """Counted from the day after tonight."""
    reached = np.asarray(happened) >= np.asarray(known)[-1]
    return len(happened) - int(np.flatnonzero(reached)[0])


def curve_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Losses so far by day, and the same ones as they become known, some days later."""
    for days, delay in ((40, 6), (200, 31)):
        happened = generator.integers(1, 300, days).cumsum()
        known = np.concatenate([np.zeros(delay, dtype=happened.dtype), happened[:-delay]])
        yield {"happened": happened, "known": known}
        yield {"happened": happened, "known": np.floor(0.8 * known)}
