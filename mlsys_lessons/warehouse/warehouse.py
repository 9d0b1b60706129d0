"""Warehouse: an event log with the offline feature pipeline in SQL over it.

How the file is written and read is in event_log.py; which SQL runs in which order is in
pipeline.py.
"""

from __future__ import annotations

import pandas as pd

from mlsys_lessons.warehouse.event_log import LABELS, LOG, EventLog
from mlsys_lessons.warehouse.pipeline import training_table


class Warehouse(EventLog):
    """A log of days, and features in SQL over it; in memory unless it is given a path.

    Why it matters: what was known at a time can only be asked of a log that is never overwritten.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> with Warehouse() as warehouse:
    ...     warehouse.append(0, world.day(0, world.start()).requests)
    ...     warehouse.query("SELECT tick, count(*) AS requests FROM log GROUP BY tick")
       tick  requests
    0     0       267
    """

    def offline_features(
        self, requests: pd.DataFrame | None = None, labels: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """The training table of a history: the rows of `features.offline`, computed in SQL.

        Without arguments it is made of the log and the labels in the file. Rows with
        `is_duplicate` are left out: they got the first answer again. Raises InputError for frames
        without the columns that are read, StateError for a file without a log or labels.

        >>> import mlsys_lessons as mls
        >>> history = mls.payments_world(seed=7, daily=200).history(50)
        >>> with Warehouse() as warehouse:
        ...     table = warehouse.offline_features(*history)
        >>> bool((table["count_7d"] == mls.features.offline(*history)["count_7d"]).all())
        True
        """
        return self._training_table(requests, labels, mistake=None)

    def wrong_features(
        self,
        mistake: str,
        requests: pd.DataFrame | None = None,
        labels: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """The same table with one classic mistake in it, a key of `MISTAKES`; see `sql(mistake)`.

        Why it matters: each of them runs without an error and earns a better offline metric.
        """
        return self._training_table(requests, labels, mistake=mistake)

    def _training_table(
        self, requests: pd.DataFrame | None, labels: pd.DataFrame | None, *, mistake: str | None
    ) -> pd.DataFrame:
        sources = {LOG: requests, LABELS: labels}
        from_file = [table for table, frame in sources.items() if frame is None]
        with self.cursor(*from_file) as cursor:
            return training_table(cursor, requests, labels, mistake=mistake)
