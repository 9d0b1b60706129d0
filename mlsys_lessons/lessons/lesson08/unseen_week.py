"""A week in which something, or nothing, is wrong: quiet weeks, then seven days under a fault.

The quiet weeks are run once a world; each week goes on from there with the same luck. Who looks at
the week is the learner: in a question, or on the board that can be flipped.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.lessons.lesson08.three_lives import DAILY, NOBODY, system_of

QUIET_DAYS, WEEK = 17, 7
DAYS = QUIET_DAYS + WEEK
SEEDS = (300, 301)  # the worlds of the question; none is shown in a lesson

# What may be wrong, under letters that say nothing. One of them is nothing at all.
WEEKS: dict[str, Callable[..., mls.faults.Fault] | None] = {
    "A": mls.faults.missing_features, "B": mls.faults.unit_change, "C": None,
    "D": mls.faults.silent_fallback, "E": mls.faults.time_zone_shift, "F": mls.faults.null_flood,
    "G": mls.faults.stale_features,
}  # fmt: skip


@lru_cache(maxsize=4)
def quiet(seed: int) -> mls.Run:
    """The weeks before, with monitors that nobody reads."""
    world = mls.payments_world(seed=seed, daily=DAILY)
    return mls.simulate(world, system_of(NOBODY, seed), days=QUIET_DAYS, keep="metrics")


@lru_cache(maxsize=32)
def week(letter: str, seed: int) -> mls.Run:
    """A run of 24 days; from day 17 on something is wrong, or nothing."""
    before, make = quiet(seed), WEEKS[letter]
    system = copy.deepcopy(before.system)
    system.install(() if make is None else (make(start=QUIET_DAYS, end=DAYS),))
    return mls.resume(replace(before, system=system), days=WEEK)


def calm(seed: int) -> mls.Run:
    """The same days without anything wrong."""
    return week("C", seed)


def euros_lost(run: mls.Run, twin: mls.Run) -> float:
    """Expected euros that a run's last week earned less than its twin's."""
    ours, theirs = (np.array([day.earned for day in one.accounts.days]) for one in (run, twin))
    return float((theirs - ours)[QUIET_DAYS:].sum() / 100)
