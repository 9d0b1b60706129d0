"""Reviews: rows that wait for a person until the next midnight, and what that costs.

Which rows are held is for decisions to say, what people find for the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import Component
from mlsys_lessons.domain import Costs
from mlsys_lessons.frames import array_of, subset
from mlsys_lessons.records import ClosedDay


@dataclass
class ReviewQueue(Component):
    """Rows that wait for a person; `capacity` cases a day can be looked at."""

    capacity: int = 0

    def picks(self, held: pd.DataFrame) -> pd.DataFrame:
        """The most valuable of the held cases that people can reach."""
        order = np.argsort(-array_of(held, "review_value"), kind="stable")[: self.capacity]
        return subset(held, held.columns, order)

    def overheads(self, day: ClosedDay, costs: Costs) -> Mapping[str, int]:
        """Reviewers' minutes, and the delay of every held row, reached or not."""
        minutes = float(np.nansum(array_of(day.verdicts, "minutes", float)))
        return {"review": round(minutes * costs.review_minute), "delay": day.held * costs.delay}
