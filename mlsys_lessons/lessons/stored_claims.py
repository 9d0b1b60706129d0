"""What lessons take from the claims: their stored results, as frames for a figure or a table.

This is the only file here that imports the claims, and it measures nothing. What claims and lessons
both measure with stands in mlsys_lessons.experiments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlsys_lessons.claims import Result, stored
from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.lessons.wording import lines


def table(claim: str) -> pd.DataFrame:
    """The table of a claim's stored result.

    >>> table("C7").columns[0]
    'failure mode'
    """
    return stored(claim).table


def told(result: Result) -> str:
    """A claim's sentence, its verdict and where it comes from, and the verdicts before this one.

    >>> print(told(stored("C8")).splitlines()[0])
    C8  Retries turn a stall into a permanent outage, and a retry budget undoes it.
    """
    size = f"{result.size.days} days x {result.size.daily:,}"
    verdict = f"{result.verdict.upper()}: {len(result.seeds)} worlds of {size}, {result.date}"
    earlier = [f"before {one.date}, {one.definition}: {one.verdict}" for one in result.earlier]
    told = [lines(line, indent=" " * 8) for line in (verdict, *earlier)]
    return "\n    ".join([f"{result.claim}  {result.sentence}", *told])


def all_told(claim: str) -> str:
    """A claim's result with notes and effects; that it waits, where nothing is stored yet.

    >>> all_told("C8").splitlines()[0]
    'C8  Retries turn a stall into a permanent outage, and a retry budget undoes it.'
    """
    try:
        result = stored(claim)
    except StorageError:
        return f"{claim}  is written down with its thresholds, and not measured yet."
    parts = [told(result), *result.notes, effects(result).round(1).to_string()]
    return "\n    ".join(line for part in parts for line in part.splitlines())


def effects(result: Result) -> pd.DataFrame:
    """A result's effects, a row each: indexed by name, with effect, low and high.

    >>> list(effects(stored("C3")).columns)
    ['effect', 'low', 'high']
    """
    return _frame({effect.name: effect.interval for effect in result.effects})


def effect_group(result: Result, beginning: str) -> pd.DataFrame:
    """The effects whose names begin with these words, indexed by the rest of their names.

    Raises InputError when there is none.
    """
    group = {
        effect.name.removeprefix(f"{beginning}, ").replace("_", " "): effect.interval
        for effect in result.effects
        if effect.name.startswith(beginning)
    }
    if not group:
        raise InputError(f"{beginning!r} begins no effect of {result.claim}; see its effects.")
    return _frame(group)


def _frame(intervals: Mapping[str, Any]) -> pd.DataFrame:
    rows = [(interval.estimate, interval.low, interval.high) for interval in intervals.values()]
    return pd.DataFrame(rows, index=list(intervals), columns=["effect", "low", "high"])
