"""A run: what happened when a system met a world, and what it was worth.

The result of `simulate`: a loop (loop.py) with its log, metrics, alerts, labels and ledger, and
(apart from all these) the truth, as frames. It computes nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.response import Case
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import stacked
from mlsys_lessons.simulation.incidents import meanwhile
from mlsys_lessons.simulation.loop import Loop
from mlsys_lessons.simulation.trace import IncidentLife, Trace


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

    @property
    def cases(self) -> pd.DataFrame:
        """What people noticed, one row a case: opened, evidence, owner, diagnosed, mitigated ..."""
        return cases_frame(self.system.response.cases)

    @property
    def incidents(self) -> pd.DataFrame:
        """What truly happened, one row a fault: started, noticed by which way, ended, cents.

        Omniscient, like the ledger; see `Incidents.frame`.
        """
        return self.happening.frame(self.accounts.days)

    def life(self, incident: int = 0, *, twin: Run | None = None) -> IncidentLife:
        """One incident's life, by its number in `incidents`.

        Its price is estimated from the weeks before; with a `twin`, the same run without the fault,
        it is exact, and goes on to the end of the run. Raises InputError for an incident that this
        run does not have.
        """
        known = [one for one in self.happening.all if one.fault.start < self.days]
        found = next((one for one in known if one.number == incident), None)
        if found is None:
            numbers = [one.number for one in known]
            raise InputError(f"incident {incident!r} is not in this run; choose one of {numbers}.")
        fault, alerts = found.fault, self.alerts
        meant = alerts[(alerts["tick"] >= int(fault.start)) & (alerts["tick"] < fault.end + 1)]
        seen = (meant.groupby("layer", observed=True)["tick"].min() + 1).to_dict()
        case = None if found.case is None else self.system.response.cases[found.case]
        money = meanwhile(fault, self.accounts.days)
        if twin is not None:
            if not isinstance(twin, Run) or (twin.world, twin.days) != (self.world, self.days):
                raise InputError(f"{twin!r} is no twin of {self!r}; run the same world and days.")
            ours, theirs = ([day.earned for day in run.accounts.days] for run in (self, twin))
            money = np.subtract(ours, theirs)[int(fault.start) :]
        return IncidentLife(fault, seen, found.noticed, found.noticed_by, case, money)

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
        day = rows["arrival_time"].iloc[0]
        going_on = [one for one in self.system.faults if one.covers(pd.Series([day]))[0]]
        return Trace(self.system.domain, rows, labels, ledger, tuple(going_on))


def cases_frame(cases: Sequence[Case]) -> pd.DataFrame:
    """Cases as a frame; evidence and mitigations in words."""
    names = [item.name for item in fields(Case)]
    rows = [[getattr(case, name) for name in names] for case in cases]
    frame = pd.DataFrame(rows, columns=names)
    for name in ("evidence", "remedies", "applied"):
        frame[name] = [", ".join(map(str, value)) for value in frame[name]]
    times = ("acknowledged", "diagnosed", "mitigated", "repaired", "closed")
    return frame.astype(dict.fromkeys(times, "float64"))


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
