"""A line of cases that wait for people: how long it is, who is reached, and who gives up.

The simulated system's own queue forgets at midnight whoever was not reached; here they stay. It
knows no payments: a case is a day, and what a look at it is worth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import Floats
from mlsys_lessons.records import whole_number

ORDERS = ("oldest first", "newest first", "most valuable first")


def backlog(alerts: ArrayLike, capacity: float) -> Floats:
    """Cases still waiting at the end of each day, if nobody gives up.

    With S(t) the sum of alerts less capacity so far, it is S(t) - min(0, S(1), ..., S(t)): the
    reflected walk of queueing theory (Lindley 1952). For constant A > C it is (A - C) t.

    Why it matters: a queue is not slow, it is either stable or it is not.

    >>> backlog([30, 30, 0], 20).tolist()
    [10.0, 20.0, 0.0]
    """
    walk = np.cumsum(np.asarray(alerts, dtype=float) - capacity)
    return np.asarray(walk - np.minimum.accumulate(np.minimum(walk, 0.0)))


def precision(prevalence: float, found: float, false_alarms: float) -> float:
    """Share of alerts that are true: p t / (p t + (1 - p) f).

    >>> round(precision(0.001, 0.9, 0.01), 3)
    0.083
    """
    hits = prevalence * found
    return hits / (hits + (1 - prevalence) * false_alarms)


def looked_at(
    day: NDArray[np.int64], worth: Floats, *, capacity: int, order: str, patience: int
) -> Floats:
    """Days that each case waits until somebody looks; inf if nobody does within `patience` days.

    `day` is when a case comes, `worth` what a look at it is worth. Ties go to whoever came first in
    the table. A case that is not reached by the end of day + patience leaves the line.

    >>> days, worth = np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0])
    >>> looked_at(days, worth, capacity=1, order="oldest first", patience=9).tolist()
    [0.0, 1.0, 1.0]
    """
    whole_number("capacity", capacity, 0, 10**9)
    whole_number("patience", patience, 0, 10**4)
    if order not in ORDERS:
        raise InputError(f"order is {order!r}; the line knows {', '.join(ORDERS)}.")
    keys = {"oldest first": day, "newest first": -day, "most valuable first": -worth}[order]
    place = np.lexsort((np.arange(len(day)), keys))
    waited = np.full(len(day), np.inf)
    last = int(day.max()) + patience if len(day) else -1
    for today in range(last + 1):
        arrived = day[place]
        here = (arrived <= today) & (arrived + patience >= today) & np.isinf(waited[place])
        reached = place[here][:capacity]
        waited[reached] = today - day[reached]
    return waited


def by_order(
    day: NDArray[np.int64], worth: Floats, *, capacity: int, patience: int
) -> pd.DataFrame:
    """A row an order: share reached, mean wait of those, share of all worth that is reached."""
    rows = {}
    for order in ORDERS:
        waited = looked_at(day, worth, capacity=capacity, order=order, patience=patience)
        reached = np.isfinite(waited)
        rows[order] = {
            "reached": reached.mean(), "days waited": waited[reached].mean(),
            "worth reached": worth[reached].sum() / worth.sum(),
        }  # fmt: skip
    return pd.DataFrame(rows).T
