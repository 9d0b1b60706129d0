"""The warehouse: the event log in a DuckDB file, and the offline feature pipeline in SQL over it.

The one deliberate second implementation of the house: the features of feature_definitions.py once
more, as a data team would write them, because two pipelines are how the world really is. A parity
test holds the two together. store.py keeps the file, pipeline.py runs the texts of sql/.
"""

from mlsys_lessons.warehouse.pipeline import MISTAKES, STEPS, sql
from mlsys_lessons.warehouse.store import Warehouse

__all__ = ["MISTAKES", "STEPS", "Warehouse", "sql"]
