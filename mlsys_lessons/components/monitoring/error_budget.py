"""Error budgets: how much may go wrong by the promise, how fast it is being spent, when to call.

Pure functions on counts of good and bad events in equal slots of time. What a bad event is (no
answer in time, an answer by the fallback) is for the owner of the promise to say.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import positive, whole_number


class Window(NamedTuple):
    """One line of the alert: this burn rate, over a long window and over its last twelfth."""

    burn: float
    hours: float
    severity: str


# What each has spent of a budget of 30 days when it rings: 2 %, 5 %, 10 %.
WINDOWS = (Window(14.4, 1, "page"), Window(6.0, 6, "page"), Window(1.0, 72, "ticket"))
SHORT = (
    12  # the short window is this part of the long one: it ends the alert soon after the trouble
)


def error_budget(promise: float, events: int) -> float:
    """How many of so many events may be bad.

    >>> round(error_budget(0.999, 1_000_000))
    1000
    """
    whole_number("events", events, 0, 2**53)
    return (1 - _promised(promise)) * events


def burn_rate(bad: ArrayLike, events: ArrayLike, *, promise: float) -> NDArray[np.float64]:
    """The share of bad events over the share that is allowed; 1 spends the budget just in time.

    A slot without any event has spent nothing.

    >>> burn_rate([10, 0], [1_000, 0], promise=0.999).round(6).tolist()
    [10.0, 0.0]
    """
    wrong, asked = np.asarray(bad, dtype=float), np.asarray(events, dtype=float)
    if not ((wrong >= 0) & (wrong <= asked)).all():
        raise InputError("a slot has more bad events than events, or fewer than none; count again.")
    return np.divide(wrong, asked, out=np.zeros_like(wrong), where=asked > 0) / (
        1 - _promised(promise)
    )


def rings(
    bad: ArrayLike, events: ArrayLike, *, promise: float, window: Window = WINDOWS[0],
    slots_an_hour: int = 60,
) -> NDArray[np.bool_]:  # fmt: skip
    """In which slots an alert of two windows rings: both burn at least at its rate.

    Why it matters: a threshold on the last minute rings for every hiccup, one on the day rings when
    the day is lost, and goes on long after. The long window says that it is serious, the short one
    that it is still going on. Windows reach back from the slot, itself included; at the start they
    are as long as there is time.

    `bad` and `events` are counts by slot, of one length; the short window is a twelfth of the long
    one, a slot at least. Raises InputError for counts that are none.

    >>> minutes = np.zeros(120); minutes[60:66] = 600  # nobody is served for six minutes
    >>> ringing = rings(minutes, np.full(120, 600), promise=0.999)
    >>> int(np.argmax(ringing)), int(ringing.sum())
    (60, 10)

    Source: Beyer et al., The Site Reliability Workbook, 2018, chapter 5 (multiwindow, multi-burn).
    """
    slots = whole_number("slots_an_hour", slots_an_hour, 1, 3_600)
    long = max(1, round(window.hours * slots))
    rates = [
        burn_rate(_over(bad, length), _over(events, length), promise=promise)
        for length in (long, max(1, round(long / SHORT)))
    ]
    return np.asarray(np.minimum(*rates) >= window.burn - 1e-9)


def _over(counts: ArrayLike, slots: int) -> NDArray[np.float64]:
    """For each slot the sum over the last so many, itself included."""
    total = np.concatenate([[0.0], np.cumsum(np.asarray(counts, dtype=float))])
    last = np.arange(1, len(total))
    return np.asarray(total[last] - total[np.maximum(last - slots, 0)])


def _promised(promise: float) -> float:
    if not 0 < positive("promise", promise) < 1:
        raise InputError(f"promise={promise!r} must lie between 0 and 1; .999 is three nines.")
    return float(promise)
