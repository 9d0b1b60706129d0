"""How far the raw columns of a run have moved since the weeks before it: PSI, column by column.

Claim C15 and lesson 07 measure with it. It judges nothing.
"""

from __future__ import annotations

import pandas as pd

from mlsys_lessons.components.monitoring.prepared import PreparedReference
from mlsys_lessons.experiments.watched_columns import watched
from mlsys_lessons.simulation.run import Run

REFERENCE_DAYS = 28


def column_psi(run: Run) -> pd.Series:
    """PSI of each raw column of a run against the four weeks before day 0, by column."""
    reference = PreparedReference.of(watched(run.world.history(REFERENCE_DAYS).requests))
    return reference.compare(watched(run.log), ["psi"]).set_index("column")["value"]
