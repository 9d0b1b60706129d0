"""The event log on disk: a run keeps its days in a DuckDB file, one transaction a day.

    log.py         EventLog: append a day, read days back, ask in SQL
    columns.py     how a column is written to SQL and comes back as the same column
    connection.py  opening the file, and DuckDB's errors in our words

What the rows mean is written where they are made, in components/; features in SQL over this log
are computed in warehouse/.
"""

from mlsys_lessons.simulation.event_log.log import EventLog

__all__ = ["EventLog"]
