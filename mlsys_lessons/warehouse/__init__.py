"""The warehouse: a log of days in a DuckDB file, and the offline feature pipeline in SQL over it.

The one deliberate second implementation of the house: the features of components/features once
more, as a data team would write them, because two pipelines are how the world really is. A parity
test holds the two together.

    event_log.py   EventLog: append a day, read days back, ask in SQL
    columns.py     how a column is written to SQL and comes back as the same column
    seals.py       a chained check sum of each day
    connection.py  opening the file, and DuckDB's errors in our words
    recorder.py    a run keeps its days there: simulate(..., keep="disk")
    warehouse.py   Warehouse: an EventLog with features over it
    pipeline.py    which SQL runs in which order, and what it reads
    sql/           the steps, and three classic mistakes, each a text of its own
"""

from mlsys_lessons.warehouse.event_log import EventLog
from mlsys_lessons.warehouse.pipeline import MISTAKES, STEPS, sql
from mlsys_lessons.warehouse.recorder import DiskRecorder
from mlsys_lessons.warehouse.warehouse import Warehouse

__all__ = ["MISTAKES", "STEPS", "DiskRecorder", "EventLog", "Warehouse", "sql"]
