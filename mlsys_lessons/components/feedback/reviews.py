"""Reviews: payments that wait for a person until the next tick edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass
class ReviewQueue:
    """Payments that wait for a person until the next tick edge."""

    capacity: int = 0

    def picks(self, held: pd.DataFrame) -> pd.DataFrame:
        """The most valuable cases that people can reach: request_id, score, review_value."""
        order = np.argsort(-held["review_value"].to_numpy(), kind="stable")[: self.capacity]
        return held.iloc[order]
