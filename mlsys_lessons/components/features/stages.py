"""Features: what is known of a request when it is decided, at two levels.

Second stage of the loop: ingestion -> features -> inference. It turns a request and what is known
before it into the numbers a model reads. It judges no row, fills no gap (a missing number is NaN,
and the model's business) and never looks at decisions. Both levels keep the same state (online.py)
and compute the same numbers (definitions.py); what differs is how fresh the history is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.features.definitions import Floats, Rows
from mlsys_lessons.components.features.event_store import History
from mlsys_lessons.components.features.online import FeatureState
from mlsys_lessons.frames import array_of
from mlsys_lessons.records import DAY_MS, SLOT_MS, milliseconds, timestamps

RESTORE_MS = 10 * SLOT_MS  # until a new process has read the snapshot and the log since (assumed)


class BatchFeatures(FeatureState):
    """Naive level: history from the table that was computed at midnight.

    What most teams ship first: one query a night, no state to lose, and every payment of today
    is invisible until tomorrow.
    """

    resilient = False

    def _history(self, rows: Rows) -> History:
        """What each row may know of its actor: what last midnight's table says."""
        return self.store.read_at(rows.attempts, self.store.midnight_ms)

    def _entered(self, rows: Rows) -> History:
        """The same, of rows that are remembered."""
        history = self._history(rows)
        self.store.add(rows.attempts)
        return history

    def on_stale(self, frame: pd.DataFrame, as_of: np.datetime64) -> pd.DataFrame:
        """The features of rows when the table was last written at `as_of`: what it says."""
        return self.lookup(frame, as_of=as_of)

    def on_timeout(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The features of rows whose look-up timed out: gaps, and no error either."""
        unanswered = (*self.domain.history, *(risk.name for risk in self.domain.risks.values()))
        return self.lookup(frame).assign(**dict.fromkeys(unanswered, np.nan))

    def after_restart(
        self, frame: pd.DataFrame, age_ms: Floats
    ) -> tuple[NDArray[np.bool_], pd.DataFrame]:
        """Which rows come before the next nightly job, and their features from an empty table.

        Everybody is a stranger without a past: plausible numbers, and no error.
        """
        since_midnight = milliseconds(array_of(frame, "arrival_time")) % DAY_MS
        return age_ms <= since_midnight, type(self)(self.domain).lookup(frame)


class OnlineFeatures(FeatureState):
    """Resilient level: history up to the very row.

    Why it matters: a thief makes ten payments within an hour, and a table computed last night
    knows of none of them.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> features = OnlineFeatures()
    >>> day = features(world.day(0, world.start()).requests)
    >>> tuple(day.columns[-len(features.adds) :]) == features.adds
    True
    """

    def on_stale(self, frame: pd.DataFrame, as_of: np.datetime64) -> pd.DataFrame:
        """The features of rows when the table was last written at `as_of`.

        A table that says when it was written can be disbelieved: what is older than last midnight
        is no history, and a model that knows gaps does better without it.
        """
        if milliseconds(np.array([as_of]))[0] >= self.store.midnight_ms:
            return self.lookup(frame, as_of=as_of)
        return self.lookup(frame).assign(**dict.fromkeys(self.domain.history, np.nan))

    def on_timeout(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The features of rows whose look-up timed out: last midnight's table.

        Every server keeps a copy of it. It is a day old at worst, and far better than a gap.
        """
        midnight = timestamps(np.array([self.store.midnight_ms]))[0]
        return self.lookup(frame, as_of=midnight)

    def after_restart(
        self, frame: pd.DataFrame, age_ms: Floats
    ) -> tuple[NDArray[np.bool_], pd.DataFrame]:
        """Which rows a process `age_ms` after its start has no state for yet, and their features.

        The state comes back from the snapshot and the log; until then, last midnight's table.
        """
        return age_ms < RESTORE_MS, self.on_timeout(frame)
