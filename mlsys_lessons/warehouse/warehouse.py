"""The warehouse: the event log with the offline feature pipeline in SQL over it.

What the file is like is told in simulation/event_log; which SQL runs in which order, in
pipeline.py.
"""

from __future__ import annotations

import pandas as pd

from mlsys_lessons.records import InputError
from mlsys_lessons.simulation.event_log import EventLog
from mlsys_lessons.simulation.event_log.connection import translated
from mlsys_lessons.warehouse.pipeline import features_of


class Warehouse(EventLog):
    """A log of days, and features in SQL over it; in memory unless it is given a path.

    Why it matters: what was true at the time can only be asked of a log that nobody overwrites.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> with Warehouse() as house:
    ...     house.append(0, world.day(0, world.start()).requests)
    ...     house.query("SELECT tick, count(*) AS requests FROM log GROUP BY tick")
       tick  requests
    0     0       268
    """

    def offline_features(
        self, requests: pd.DataFrame | None = None, labels: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """The training table of a history, in SQL: what `features.offline` says, another way.

        Without arguments, of the log and the labels in the file. Rows flagged `is_duplicate` got
        their first answer again and are left out. `MISTAKES` are the classic ways to be wrong.

        >>> import mlsys_lessons as mls
        >>> history = mls.payments_world(seed=7, daily=200).history(50)
        >>> with Warehouse() as house:
        ...     table = house.offline_features(*history)
        >>> bool((table["count_7d"] == mls.features.offline(*history)["count_7d"]).all())
        True
        """
        return self._features(None, requests, labels)

    def wrong_features(
        self,
        mistake: str,
        requests: pd.DataFrame | None = None,
        labels: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """The same table with one classic mistake in it, a key of `MISTAKES`; see `sql(mistake)`.

        Why it matters: each of them runs without an error and earns a better offline metric.
        """
        return self._features(mistake, requests, labels)

    def _features(
        self, mistake: str | None, requests: pd.DataFrame | None, labels: pd.DataFrame | None
    ) -> pd.DataFrame:
        """Run the steps on a cursor of their own: their tables are gone with it."""
        for source, given in (("log", requests), ("label_log", labels)):
            if given is None:
                self._need(source)
        with translated(InputError, self._name), self._connection.cursor() as cursor:
            return features_of(cursor, requests, labels, mistake)
