"""Features: one definition, used offline (point in time) and online (state).

Second stage of the loop: ingestion -> features -> inference. definitions.py says what each number
is, stages.py are the two levels over the state of online.py, offline.py makes the training table.
Behind the bar: event_store.py and
risk_tables.py.
"""

from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.features.stages import BatchFeatures, OnlineFeatures

__all__ = ["BatchFeatures", "OnlineFeatures", "offline"]
