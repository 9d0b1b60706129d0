"""Idempotency: a request that comes again gets its first answer again.

Whatever the model thinks by now. Recognising a repeat is the stage's work (by the ids it has seen);
this file only remembers answers.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import array_of, pile, stacked, subset
from mlsys_lessons.ids import is_in, row_keys

ANSWERED_DAYS = 7  # how long an answer is remembered for a repeated request
ANSWER = (
    "score", "model_version", "is_fallback", "fallback_reason", "action", "reason", "propensity",
    "review_value", "policy_version",
)  # fmt: skip
FINAL = ("final_action", "decided_by")


class Answers:
    """The answers of the last days, by row identity.

    `identity` names the columns that tell one row from another (see `Domain.identity`).
    """

    def __init__(self, days: int, identity: tuple[str, ...] = ("request_id",)) -> None:
        self.days = days
        self.identity = identity
        self._closed: deque[pd.DataFrame] = deque(maxlen=days)
        self._today: list[pd.DataFrame] = []

    def __repr__(self) -> str:
        rows = sum(len(answers) for answers in (*self._closed, *self._today))
        return f"Answers({rows:,} of the last {self.days} days)"

    def remember(self, decided: pd.DataFrame) -> None:
        """Keep a batch of first answers until the day is closed."""
        pile(self._today, subset(decided, (*self.identity, *ANSWER)))

    def repeat(self, received: pd.DataFrame) -> pd.DataFrame:
        """Received repeats with their first answers at the right."""
        keys = row_keys(received, self.identity)
        first = self._find(keys, (*self._closed, *self._today), ANSWER)
        return pd.concat([received, first.set_axis(received.index, axis=0)], axis=1)

    def close_day(self, day: pd.DataFrame) -> pd.DataFrame:
        """Give repeats the final action of their first row, and file the day.

        Returns the day's log with `final_action` and `decided_by` complete.
        """
        names, repeated = (*self.identity, *ANSWER, *FINAL), array_of(day, "is_duplicate")
        if repeated.any():
            firsts = subset(day, names, ~repeated)
            keys = row_keys(day, self.identity)[repeated]
            final = self._find(keys, (*self._closed, firsts), FINAL)
            for name in FINAL:
                column = day[name].array.copy()
                column[repeated] = final[name].array
                day = day.assign(**{name: column})
        else:
            firsts = subset(day, names)
        self._closed.append(firsts)
        self._today = []
        return day

    def _find(
        self,
        keys: NDArray[np.int64],
        frames: tuple[pd.DataFrame, ...],
        columns: tuple[str, ...],
    ) -> pd.DataFrame:
        """Columns of one row of the frames for each key, in the order of the keys."""
        known = np.concatenate([row_keys(frame, self.identity) for frame in frames])
        order = np.argsort(known, kind="stable")
        if not is_in(keys, known[order]).all():
            raise LookupError("a repeat without a first answer: ingestion remembers longer.")
        place = order[np.searchsorted(known[order], keys)]
        starts = np.cumsum([0, *(len(frame) for frame in frames)])
        frame_of = np.searchsorted(starts, place, side="right") - 1
        used = np.unique(frame_of)
        chunks = [subset(frames[k], columns, place[frame_of == k] - starts[k]) for k in used]
        rows = np.concatenate([np.flatnonzero(frame_of == k) for k in used])
        return stacked(chunks).iloc[np.argsort(rows)]
