"""Transit: the road between producers and ingestion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsys_lessons.frames import stacked
from mlsys_lessons.ids import row_keys
from mlsys_lessons.records import DAY_MS, milliseconds
from mlsys_lessons.system.faults import Fault, faulted
from mlsys_lessons.worlds import Day


@dataclass
class Transit:
    """The road between producers and ingestion: rows that arrive on a later day wait here."""

    waiting: list[Day] = field(default_factory=list)

    def deliver(
        self, tick: int, day: Day, faults: tuple[Fault, ...], identity: tuple[str, ...]
    ) -> Day:
        """What arrives on one day, in arrival order, and the truth of each of these rows."""
        producers = [fault for fault in faults if fault.seam == "requests"]
        if not producers and not self.waiting:
            return day
        sent = faulted(lambda frame: frame, producers)(day.requests)
        self.waiting.append(Day(sent, day.truth.loc[row_keys(sent, identity)]))
        rows = stacked([sent.requests for sent in self.waiting])
        truth = pd.concat([sent.truth for sent in self.waiting])
        arrival = milliseconds(rows["arrival_time"])
        order = np.argsort(arrival, kind="stable")
        here = order[arrival[order] < (tick + 1) * DAY_MS]
        later = order[arrival[order] >= (tick + 1) * DAY_MS]
        self.waiting = [Day(rows.iloc[later], truth.iloc[later])] if len(later) else []
        return Day(rows.iloc[here], truth.iloc[here])
