"""Answers: what was said to each request, for callers who ask again.

A repeated request gets the first answer, whatever the model thinks by now. Recognising a repeat is
ingestion's work; this module only remembers.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import extend, pile, stacked
from mlsys_lessons.ids import is_in
from mlsys_lessons.worlds.payments.domain import FEATURES

DEDUP_DAYS = 7  # how long an answer is remembered for a repeated request
ANSWER = (
    "score", "model_version", "is_fallback", "fallback_reason", "action", "reason", "propensity",
    "review_value",
)  # fmt: skip
FINAL = ("final_action", "decided_by")


class Answers:
    """The answers of the last days, by request."""

    def __init__(self, days: int) -> None:
        self.days = days
        self._closed: deque[pd.DataFrame] = deque(maxlen=days)
        self._today: list[pd.DataFrame] = []

    def __repr__(self) -> str:
        rows = sum(len(each) for each in (*self._closed, *self._today))
        return f"Answers({rows:,} of the last {self.days} days)"

    def remember(self, decided: pd.DataFrame) -> None:
        """Keep a batch of first answers until the day is closed."""
        pile(self._today, decided[["request_id", *ANSWER]])

    def repeat(self, received: pd.DataFrame) -> pd.DataFrame:
        """The received repeats with their first answers; features are not computed again."""
        blank = dict.fromkeys(FEATURES, np.full(len(received), np.nan))
        ids = received["request_id"].to_numpy()
        first = _find(ids, (*self._closed, *self._today), ANSWER)
        answer = first.set_axis(received.index, axis=0)
        return pd.concat([extend(received, blank), answer], axis=1)

    def close_day(self, closed: pd.DataFrame) -> pd.DataFrame:
        """Give repeats the final action of their first row, and file the day.

        Returns the closed day with `final_action` and `decided_by` complete.
        """
        repeated = closed["is_duplicate"].to_numpy()
        firsts = closed[["request_id", *ANSWER, *FINAL]]
        if repeated.any():
            firsts = firsts[~repeated]
            ids = closed.loc[repeated, "request_id"].to_numpy()
            final = _find(ids, (*self._closed, firsts), FINAL)
            for name in FINAL:
                column = closed[name].array.copy()
                column[repeated] = final[name].array
                closed = closed.assign(**{name: column})
        self._closed.append(firsts)
        self._today = []
        return closed


def _find(
    ids: NDArray[np.int64], frames: tuple[pd.DataFrame, ...], columns: tuple[str, ...]
) -> pd.DataFrame:
    """Columns of one row of the frames for each id, in the order of the ids."""
    known = np.concatenate([each["request_id"].to_numpy() for each in frames])
    order = np.argsort(known, kind="stable")
    if not is_in(ids, known[order]).all():
        raise LookupError("a repeat without a first answer: ingestion remembers longer.")
    place = order[np.searchsorted(known[order], ids)]
    starts = np.cumsum([0, *(len(each) for each in frames)])
    held = np.searchsorted(starts, place, side="right") - 1
    used = np.unique(held)
    chunks = [frames[k][list(columns)].iloc[place[held == k] - starts[k]] for k in used]
    rows = np.concatenate([np.flatnonzero(held == k) for k in used])
    return stacked(chunks).iloc[np.argsort(rows)]
