"""Transit: the road between producers and ingestion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsys_lessons.frames import stacked
from mlsys_lessons.records import DAY_MS, milliseconds
from mlsys_lessons.system.faults import Fault, faulted


@dataclass
class Transit:
    """The road between producers and ingestion: rows that arrive on a later day wait here."""

    waiting: list[tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=list)

    def deliver(
        self, tick: int, requests: pd.DataFrame, truth: pd.DataFrame, faults: tuple[Fault, ...]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What arrives on one day, in arrival order, and the truth of each of these rows."""
        producers = [fault for fault in faults if fault.seam == "requests"]
        if not producers and not self.waiting:
            return requests, truth
        sent = faulted(lambda frame: frame, producers)(requests)
        self.waiting.append((sent, truth.loc[sent["request_id"].to_numpy()]))
        rows = stacked([pair[0] for pair in self.waiting])
        facts = pd.concat([pair[1] for pair in self.waiting])
        arrival = milliseconds(rows["arrival_time"])
        order = np.argsort(arrival, kind="stable")
        here = order[arrival[order] < (tick + 1) * DAY_MS]
        later = order[arrival[order] >= (tick + 1) * DAY_MS]
        self.waiting = [(rows.iloc[later], facts.iloc[later])] if len(later) else []
        return rows.iloc[here], facts.iloc[here]
