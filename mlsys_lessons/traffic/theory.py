"""Queueing in closed form: the numbers that a correct simulator reproduces.

Pure functions of load (offered work over capacity); nothing here is simulated.
"""

from __future__ import annotations

import math

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import whole_number, within


def _load(load: float) -> float:
    if not isinstance(load, (int, float)) or not 0 <= load < 1:
        raise InputError(f"load={load!r} has no steady state; it must lie in 0 <= load < 1.")
    return float(load)


def erlang_c(load: float, servers: int = 1) -> float:
    """Probability that a call has to wait in M/M/c; `load` is per server (Erlang, 1917).

    >>> round(erlang_c(0.8, 1), 6), round(erlang_c(0.8, 2), 4)
    (0.8, 0.7111)
    """
    load, servers = _load(load), whole_number("servers", servers, 1, 100_000)
    offered, erlang_b = load * servers, 1.0
    for count in range(1, servers + 1):  # Erlang B by its recursion: no factorial overflows
        erlang_b = offered * erlang_b / (count + offered * erlang_b)
    return erlang_b / (1 - load * (1 - erlang_b))


def mean_wait(load: float, servers: int = 1) -> float:
    """Mean wait in the queue in M/M/c, in mean service times.

    >>> [round(mean_wait(load), 1) for load in (0.5, 0.8, 0.9, 0.95)]
    [1.0, 4.0, 9.0, 19.0]
    >>> round(mean_wait(0.9, 10), 3)
    0.669
    """
    return erlang_c(load, servers) / (servers * (1 - _load(load)))


def late_share(load: float, deadline: float) -> float:
    """Share of calls that take longer than a deadline in M/M/1; deadline in mean service times.

    >>> [round(late_share(load, 20.0), 3) for load in (0.8, 0.9, 0.95)]
    [0.018, 0.135, 0.368]
    """
    return math.exp(-(1 - _load(load)) * within("deadline", deadline))


def stable(load: float, servers: int, lost: int) -> bool:
    """Whether the remaining servers can do all the work: load N / (N - k) < 1.

    >>> stable(0.7, 4, 1), stable(0.8, 4, 1)
    (True, False)
    """
    whole_number("servers", servers, 1, 100_000), whole_number("lost", lost, 0, servers)
    return lost < servers and load * servers / (servers - lost) < 1


def storm_threshold(retries: int) -> float:
    """The load above which a stall never ends, if each failed call is retried so often at once.

    A system above it is metastable (Bronson, Aghayev, Charapko and Zhu, 2021): servers also do the
    work of callers who have given up, so a long queue stays long when load x (1 + retries) exceeds
    1, whatever made it long.

    >>> storm_threshold(3)
    0.25
    """
    return 1 / amplification(retries)


def amplification(retries: int) -> int:
    """Attempts for each request while every attempt times out: 1 + retries.

    >>> amplification(3)
    4
    """
    return 1 + whole_number("retries", retries, 0, 20)
