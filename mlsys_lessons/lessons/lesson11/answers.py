"""Lesson 11's solutions, the answers that tempt, and the cases that tell them apart.

Texts stand in questions.md, rules in questions.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# --- q1: the line --------------------------------------------------------------------------------


def waiting(alerts, capacity):
    """Cases that still wait at the end of each day."""
    line, left = [], 0
    for count in alerts:
        left = max(0, left + count - capacity)
        line.append(left)
    return np.array(line)


def starts_anew(alerts: Array, capacity: int) -> Array:
    """Yesterday's cases are forgotten."""
    return np.maximum(0, np.asarray(alerts) - capacity)


def saved_up(alerts: Array, capacity: int) -> Array:
    """Idle hours are kept for a busier day."""
    return np.maximum(0, np.cumsum(np.asarray(alerts) - capacity))


def in_the_mean(alerts: Array, capacity: int) -> Array:
    """As if each day were the average day."""
    days = np.arange(1, len(alerts) + 1)
    return np.maximum(0, (np.mean(alerts) - capacity) * days)


def line_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Calm, even and overloaded weeks, with a burst after idle days; the last has one day."""
    for mean in (6, 10, 14):
        alerts = generator.poisson(mean, 20)
        alerts[:3] = [2, 0, 31]
        yield {"alerts": alerts, "capacity": 10}
    yield {"alerts": np.array([7]), "capacity": 4}


# --- q2: who sees the score ----------------------------------------------------------------------


def found(miss, deference, score):
    """Chance that a fraud is found by somebody who sees its score."""
    return (1 - deference) * (1 - miss) + deference * score


def another_pair_of_eyes(miss: Array, deference: Array, score: Array) -> Array:
    """Missed only by both."""
    return 1 - miss * (1 - score)


def as_they_are(miss: Array, deference: Array, score: Array) -> Array:
    """The screen changes nobody."""
    return 1 - miss + 0 * score


def half_and_half(miss: Array, deference: Array, score: Array) -> Array:
    """The mean of both."""
    return (1 - miss + score) / 2


def screen_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Frauds of all scores, people of all kinds, the ends among them."""
    for rows in (4, 40):
        miss, score = generator.uniform(0.05, 0.7, rows), generator.beta(0.5, 3, rows)
        miss[:2], score[:2] = [0.0, 1.0], [1.0, 0.0]
        yield {"miss": miss, "deference": generator.uniform(0.1, 0.4), "score": score}
    yield {"miss": np.array([0.2]), "deference": 1.0, "score": np.array([0.3])}


# --- q3: what appeals say ------------------------------------------------------------------------


def frauds_among(blocked, upheld, genuine, fraud):
    """Share of frauds among the blocked, by the appeals that were upheld."""
    share = (genuine - upheld / blocked) / (genuine - fraud)
    return min(1, max(0, share))


def silence_is_guilt(blocked: int, upheld: int, genuine: float, fraud: float) -> float:
    """Whoever has not been upheld is a fraud."""
    return 1 - upheld / blocked


def no_fraud_appeals(blocked: int, upheld: int, genuine: float, fraud: float) -> float:
    """Each upheld appeal is an honest customer."""
    return min(1, max(0, 1 - upheld / blocked / genuine))


def without_ends(blocked: int, upheld: int, genuine: float, fraud: float) -> float:
    """A share that may leave 0 to 1."""
    return (genuine - upheld / blocked) / (genuine - fraud)


def appeal_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Months with many and few frauds, and two whose counts are beyond what can be."""
    for share in (0.1, 0.5, 0.8):
        blocked = int(generator.integers(200, 400))
        chances = {"genuine": float(generator.uniform(0.2, 0.4)), "fraud": 0.05}
        mean = blocked * ((1 - share) * chances["genuine"] + share * chances["fraud"])
        yield {"blocked": blocked, "upheld": round(mean), **chances}
    for upheld in (0, 90):
        yield {"blocked": 100, "upheld": upheld, "genuine": 0.3, "fraud": 0.1}


# --- q4: a desk ----------------------------------------------------------------------------------


def my_desk(score, cents, room):
    """The cases in which a true answer would be worth most; nobody sees the score."""
    approving, blocking = score * (cents + 1_500), (1 - score) * (0.02 * cents + 510)
    worth = np.minimum(approving, blocking)
    look = np.zeros(len(score), dtype=bool)
    look[np.argsort(-worth)[:room]] = True
    return look, np.zeros(len(score), dtype=bool)


def _first(key: Array, room: int) -> Array:
    look = np.zeros(len(key), dtype=bool)
    look[np.argsort(-key)[:room]] = True
    return look


def with_the_score(score: Array, cents: Array, room: int) -> tuple[Array, Array]:
    """The same cases, the score on the screen."""
    look, _ = my_desk(score, cents, room)
    return look, look


def largest(score: Array, cents: Array, room: int) -> tuple[Array, Array]:
    """The largest payments."""
    look = _first(cents, room)
    return look, ~look & False


def most_doubtful(score: Array, cents: Array, room: int) -> tuple[Array, Array]:
    """The scores nearest to one half."""
    look = _first(-np.abs(score - 0.5), room)
    return look, ~look & False
