"""A run: what happened when a system met a world, and what it was worth.

The result of `simulate`: a loop (loop.py) with its log, metrics, alerts, labels and ledger, and
(apart from all these) the truth, as frames. It computes nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.frames import stacked
from mlsys_lessons.records import InputError
from mlsys_lessons.simulation.loop import Loop
from mlsys_lessons.simulation.trace import Trace


@dataclass(repr=False)
class Run(Loop):
    """One system in one world over some days; `step()` adds a day, `resume` many to a copy.

    Attributes: `world`, `system` (as it stands at the end), `days`, `faults`, and the frames
    described in the README; money is integer cents. `keep="metrics"` runs have no log, truth or
    labels, `keep="disk"` runs read them from their file; the ledger of both is summed by day and
    item.
    """

    def __repr__(self) -> str:
        return (
            f"Run({self.system.name!r} over {self.days} days of {self.world.name} "
            f"({self.requests:,} rows), value {self.value / 100:,.0f} EUR)"
        )

    @property
    def requests(self) -> int:
        """Rows received, duplicates included."""
        return self.recorder.rows

    @property
    def value(self) -> int:
        """What the system was worth, in cents: the sum of the ledger."""
        return self.accounts.accrued

    @property
    def expected_value(self) -> float:
        """Cents to expect from the same decisions, the luck of who was a fraudster averaged out."""
        return self.accounts.expected

    @cached_property
    def log(self) -> pd.DataFrame:
        """One row per received row, index row_id; every stage's columns."""
        return joined(self.recorder.kept("log"))

    @property
    def metrics(self) -> pd.DataFrame:
        """tick, layer, metric, segment, value, n."""
        return self.system.monitor.metrics

    @property
    def alerts(self) -> pd.DataFrame:
        """tick, layer, metric, segment, value, threshold, severity, owner."""
        return self.system.monitor.alerts

    @cached_property
    def labels(self) -> pd.DataFrame:
        """request_id, label, label_time, source: what the system could know by then."""
        return stacked(self.recorder.kept("labels")).reset_index(drop=True)

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """tick, request_id (-1 for overheads), item, cents; omniscient."""
        return self.accounts.entries

    @property
    def books(self) -> pd.DataFrame:
        """tick, item, cents: the same money on the day it became known."""
        return self.accounts.books

    @property
    def outstanding(self) -> int:
        """Cents that have happened and that nobody in the business knows of: value - books."""
        return self.accounts.outstanding

    @cached_property
    def _truth(self) -> pd.DataFrame:
        truth = pd.concat(self.recorder.kept("truth"))
        return truth[~truth.index.duplicated()]

    def step(self) -> None:
        """One day more, from midnight to midnight; the frames follow."""
        super().step()
        for name in ("log", "labels", "ledger", "_truth"):  # read anew when somebody asks
            self.__dict__.pop(name, None)

    def truth(self) -> pd.DataFrame:
        """The omniscient view: true_* columns by request_id. No system ever sees it."""
        return self._truth

    @property
    def actions_sha256(self) -> str:
        """A fingerprint of every answer: request ids, actions and final actions in row order."""
        return str(self.recorder.digest.hexdigest())

    def value_by_tick(self) -> pd.Series:
        """Cents accrued on each day, index tick."""
        ticks = pd.RangeIndex(self.days, name="tick")
        return self.ledger.groupby("tick")["cents"].sum().reindex(ticks, fill_value=0)

    def trace(self, request_id: int) -> Trace:
        """One request's life: what came in, what each stage said, what it was worth.

        Raises InputError if the run never received the request.
        """
        whole = isinstance(request_id, (int, np.integer))
        rows = self.log[self.log["request_id"] == request_id] if whole else self.log[:0]
        if not len(rows):
            raise InputError(
                f"request {request_id} is not in this run; take an id from run.log['request_id']."
            )
        ledger = self.ledger[self.ledger["request_id"] == request_id]
        labels = self.labels[self.labels["request_id"] == request_id]
        return Trace(self.system.domain, rows, labels, ledger)


def joined(chunks: list[pd.DataFrame]) -> pd.DataFrame:
    """Daily logs as one frame, column by column: memory holds them little more than once."""
    if len(chunks) == 1:
        return chunks[0]
    columns: dict[str, Any] = {}
    for name in chunks[0].columns:
        columns[name] = stacked([chunk[[name]] for chunk in chunks])[name].array
    rows = sum(len(chunk) for chunk in chunks)
    index = pd.RangeIndex(rows, name="row_id")
    return pd.DataFrame(columns, index=index, copy=False)
