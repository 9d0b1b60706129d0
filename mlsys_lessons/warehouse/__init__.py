"""The warehouse: the offline feature pipeline in SQL, over an event log in a DuckDB file.

The one deliberate second implementation of the house: the features of components/features once
more, as a data team would write them, because two pipelines are how the world really is. A parity
test holds the two together.

    warehouse.py  Warehouse: an EventLog with features over it
    pipeline.py   which SQL runs in which order, and what it reads
    sql/          the steps, and three classic mistakes, each a text of its own

The file itself is kept by simulation/event_log.
"""

from mlsys_lessons.warehouse.pipeline import MISTAKES, STEPS, sql
from mlsys_lessons.warehouse.warehouse import Warehouse

__all__ = ["MISTAKES", "STEPS", "Warehouse", "sql"]
