"""Transit: the road between producers and ingestion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlsys_lessons.frames import array_of, stacked
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
        keys = row_keys(sent, identity)
        as_made = np.array_equal(keys, day.truth.index)
        self.waiting.append(Day(sent, day.truth if as_made else day.truth.loc[keys]))
        rows = stacked([sent.requests for sent in self.waiting])
        truth = stacked([sent.truth for sent in self.waiting])
        arrival, midnight = milliseconds(array_of(rows, "arrival_time")), (tick + 1) * DAY_MS
        if bool((arrival[1:] >= arrival[:-1]).all()) and bool((arrival[-1:] < midnight).all()):
            self.waiting = []
            return Day(rows, truth)
        order = np.argsort(arrival, kind="stable")
        here = order[arrival[order] < midnight]
        later = order[arrival[order] >= midnight]
        self.waiting = [Day(rows.iloc[later], truth.iloc[later])] if len(later) else []
        return Day(rows.iloc[here], truth.iloc[here])
