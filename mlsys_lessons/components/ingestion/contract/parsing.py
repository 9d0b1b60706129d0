"""Reading requests: the raw columns in their types, whatever the caller brought.

How each kind of column is read is told by reading.py; judging rows is the contract's work, so one
bad row never stops good ones.
"""

from __future__ import annotations

import pandas as pd

from mlsys_lessons import reading
from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.domain import Domain


def parse(frame: pd.DataFrame, domain: Domain = DEFAULT_DOMAIN) -> pd.DataFrame:
    """The raw columns in their types, whatever the caller brought; legible values are left alone.

    A value outside its vocabulary or range passes. Among legible ones an illegible value becomes
    missing (an id: -1), which the contract will notice; a date that is not ISO 8601 is illegible,
    for nobody can tell its day from its month. Aware times become UTC. Without the column
    `arrival_time` each row gets its event's own time, and a gap in it the latest of the frame.
    Raises InputError for a column that is absent, comes twice, holds nothing that can be read, or
    holds times with a zone beside times without one.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> frame = world.day(0, world.start()).requests.head(3)
    >>> parse(frame.assign(amount=["12.50", "twelve", 12.5]))["amount"].tolist()
    [12.5, nan, 12.5]
    """
    return reading.requests(frame, domain)
