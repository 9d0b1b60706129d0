"""The board: what the system's monitors said when the edge's last day closed.

The same monitors look at the edge's days as at a simulated one, for it is the same system. This is
their word in plain values, so that another thread may show it: a page, a counter, a line. Nothing
is measured or judged here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlsys_lessons.domain import AlertRule, path
from mlsys_lessons.system.system import System


@dataclass(frozen=True)
class RaisedAlert:
    """A metric outside its limits, who is called, and what their runbook says.

    >>> print(RaisedAlert("inputs", "amount_mean", "all", 1340.0, 75.7, "page", "data producer"))
    inputs.amount_mean is 1,340, limit 75.7: page data producer
    """

    layer: str
    metric: str
    segment: str
    value: float
    limit: float
    severity: str
    owner: str
    runbook: tuple[str, ...] = ()
    is_new: bool = True  # it calls somebody: once in a spell

    def __str__(self) -> str:
        name = path(self.layer, self.metric, self.segment)
        todo = f"; runbook: {', then '.join(self.runbook)}" if self.runbook else ""
        numbers = f"{self.value:,.4g}, limit {self.limit:,.4g}"
        return f"{name} is {numbers}: {self.severity} {self.owner}{todo}"


@dataclass(frozen=True)
class Board:
    """One closed day in the eyes of the monitors: every metric, and every alert that is open.

    Why it matters: /metrics is green while the process lives. Whether the answers are any good
    stands here, a day later, and somebody's name stands beside it.

    >>> Board()
    Board(no day has closed yet)
    """

    day: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)  # by path, as cases name them
    alerts: tuple[RaisedAlert, ...] = ()

    def __repr__(self) -> str:
        if self.day is None:
            return "Board(no day has closed yet)"
        return f"Board(day {self.day}, {len(self.metrics)} metrics, {len(self.alerts)} alerts)"

    @classmethod
    def of(cls, system: System, day: int) -> Board:
        """What a system's monitor has said of the day that it closed last."""
        new = system.monitor.opened
        alerts = tuple(_raised(rule, row, rule in new) for rule, row in system.monitor.fired)
        return cls(day, dict(system.monitor.today), alerts)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a response; a number that is none (NaN) is null."""
        metrics = {name: _number(value) for name, value in self.metrics.items()}
        alerts = [
            vars(alert) | {"value": _number(alert.value), "limit": _number(alert.limit)}
            for alert in self.alerts
        ]
        return {"day": self.day, "metrics": metrics, "alerts": alerts}


def _raised(rule: AlertRule, row: tuple[Any, ...], is_new: bool) -> RaisedAlert:
    """An alert of the monitor (monitor.ALERT_COLUMNS) beside the rule that it follows."""
    runbook = tuple(" ".join(filter(None, step)) for step in rule.runbook)
    _, layer, metric, segment, value, limit, severity, owner = row
    return RaisedAlert(layer, metric, segment, value, limit, severity, owner, runbook, is_new)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
