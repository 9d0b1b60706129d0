"""The warehouse: the event log in a DuckDB file, and the offline feature pipeline in SQL over it.

The one deliberate second implementation of the house: the features of components/features once
more, as a data team would write them, because two pipelines are how the world really is. A parity
test holds the two together. simulation/event_log keeps the file, pipeline.py runs the texts of
sql/.
"""

from mlsys_lessons.warehouse.pipeline import MISTAKES, STEPS, sql
from mlsys_lessons.warehouse.warehouse import Warehouse

__all__ = ["MISTAKES", "STEPS", "Warehouse", "sql"]
