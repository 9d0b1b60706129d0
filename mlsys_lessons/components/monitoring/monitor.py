"""The monitors: once a day they look at the closed log, write metrics down and raise alerts.

`OperationsOnly` is what any platform gives for free; `Monitor` is the resilient level, five layers
and rules with owners. They see the log and what is known tonight, never the truth, and change
nothing: what becomes of an alert is told in response/.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import pandas as pd

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Columns, Component
from mlsys_lessons.components.monitoring import layers
from mlsys_lessons.components.monitoring.alerts import Alert, Alerts, MetricRow
from mlsys_lessons.components.monitoring.control_limits import LEAST_DAYS
from mlsys_lessons.components.monitoring.references import Reference
from mlsys_lessons.domain import AlertRule, Domain, path
from mlsys_lessons.records import LAYERS, DayFacts, Written

METRIC_COLUMNS = ("tick", "layer", "metric", "segment", "value", "n")
ALERT_COLUMNS = (
    "tick", "layer", "metric", "segment", "value", "threshold", "severity", "owner",
)  # fmt: skip
KINDS = {"tick": "int64", "value": "float64", "n": "int64", "threshold": "float64"}


class OperationsOnly(Component):
    """Naive level: the platform's dashboard. It has metrics, and nobody is ever called.

    >>> OperationsOnly()
    OperationsOnly(0 days, operations layer only, no alerts)
    """

    resilient = False
    plugs_into = "monitor"

    def __init__(self, domain: Domain = DEFAULT_DOMAIN) -> None:
        self.domain = domain
        self._metrics: Written[tuple[Any, ...]] = Written()
        self._alerts: Written[Alert] = Written()
        self._days = 0
        self.today: tuple[tuple[str, float], ...] = ()  # the last day's metrics, by path

    def __repr__(self) -> str:
        """Days seen."""
        return f"OperationsOnly({self._days} days, operations layer only, no alerts)"

    def look(self, tick: int, day_log: pd.DataFrame, facts: DayFacts) -> None:
        """Write the operations layer of a closed day down."""
        self._write(tick, {"operations": layers.operations(day_log)})

    def expect_new_model(self) -> None:
        """Hear that another model answers from tomorrow: nothing here depends on it."""

    @property
    def needs(self) -> Columns:
        """A day's log as the last stage has left it."""
        return layers.OPERATIONS_NEED

    @property
    def metrics(self) -> pd.DataFrame:
        """Every number so far: tick, layer, metric, segment, value, n."""
        return _frame(self._metrics, METRIC_COLUMNS)

    def measured(self, layer: str, *, since: int) -> list[tuple[Any, ...]]:
        """A layer's lines of `metrics` since a day."""
        first = bisect_left(self._metrics, since, key=itemgetter(0))
        return [line for line in self._metrics[first:] if line[1] == layer]

    @property
    def alerts(self) -> pd.DataFrame:
        """Every alert so far: tick, layer, metric, segment, value, threshold, severity, owner."""
        return _frame(self._alerts, ALERT_COLUMNS)

    @property
    def fired(self) -> tuple[tuple[AlertRule, Alert], ...]:
        """The last day's alerts, each with its rule: none at this level."""
        return ()

    @property
    def opened(self) -> tuple[AlertRule, ...]:
        """Rules that call somebody about the last day: none at this level."""
        return ()

    def _write(self, tick: int, metrics: Mapping[str, Sequence[MetricRow]]) -> None:
        self._days += 1
        for layer, rows in metrics.items():
            self._metrics += [(tick, layer, *row) for row in rows]
        self.today = tuple(
            (path(layer, name, segment), value)
            for layer, rows in metrics.items()
            for name, segment, value, _ in rows
        )


class Monitor(OperationsOnly):
    """Resilient level: five layers, self-starting limits, alerts with an owner.

    Why it matters: the layer that is green is the one people look at. A metric is judged against
    its own last four quiet weeks; it says nothing in its first 14 days.

    >>> Monitor()
    Monitor(0 days, 39 rules; learning, speaks after 14 quiet days)
    """

    resilient = True

    def __init__(
        self, rules: Sequence[AlertRule] | None = None, domain: Domain = DEFAULT_DOMAIN
    ) -> None:
        super().__init__(domain)
        self._judge = Alerts(domain.alert_rules if rules is None else rules)
        self._references = {name: Reference() for name in layers.watched(domain)}
        self._reports: deque[tuple[int, int]] = deque(maxlen=5 * layers.WEEK_DAYS)  # of a day

    def __repr__(self) -> str:
        """Days seen, what fires now and who was called."""
        head = f"Monitor({self._days} days, {len(self.rules)} rules; "
        if self._days <= LEAST_DAYS:
            return head + f"learning, speaks after {LEAST_DAYS} quiet days)"
        calls = [f"{rule.metric} -> {rule.owner}" for rule in self._judge.open]
        return head + f"{len(self._alerts)} alerts so far, now: {', '.join(calls) or 'all quiet'})"

    @property
    def rules(self) -> tuple[AlertRule, ...]:
        """What somebody has agreed to be called for."""
        return self._judge.rules

    @property
    def fired(self) -> tuple[tuple[AlertRule, Alert], ...]:
        """The last day's alerts, each with its rule."""
        open_now = self._judge.open
        return tuple(zip(open_now, self._alerts[len(self._alerts) - len(open_now) :], strict=True))

    @property
    def opened(self) -> tuple[AlertRule, ...]:
        """Rules that call somebody about the last day: once in a spell, after their cool-down."""
        return self._judge.opened

    @property
    def needs(self) -> Columns:
        """A day's log as the last stage has left it, raw fields too."""
        return layers.needed(self.domain)

    def look(self, tick: int, day_log: pd.DataFrame, facts: DayFacts) -> None:
        """Write all five layers of a closed day down and raise what is outside its limits."""
        metrics = {
            "operations": layers.operations(day_log),
            "inputs": layers.inputs(day_log, self._references, self.domain),
            "outputs": layers.outputs(day_log, self._references),
            "decisions": layers.decisions(day_log, facts, self.domain),
            "business": self._business(day_log, facts),
        }
        self._write(tick, metrics)
        self._alerts += self._judge.judge(tick, metrics)
        self._remember(day_log)

    def expect_new_model(self) -> None:
        """Hear that another model answers from tomorrow, and let its scores settle.

        Only an announced one, retrained or rolled back: an unannounced one is an incident.
        """
        self._judge.expect_new_model()
        self._references["score"] = Reference()

    def _business(self, day_log: pd.DataFrame, facts: DayFacts) -> list[MetricRow]:
        """The business layer, and the reports that the last week lacks."""
        rows = layers.business(day_log, facts, self.domain)
        rate, requests = next(row[2:] for row in rows if row[0].startswith("reported_"))
        self._reports.append((round(rate * requests) if requests else 0, requests))
        lacking = layers.missing_reports(tuple(self._reports))
        return [*rows, ("missing_reports", layers.ALL, lacking, requests)]

    def _remember(self, day_log: pd.DataFrame) -> None:
        """Let the references roll on, unless the day itself was odd there."""
        odd = {rule.metric for rule in self._judge.open}
        for name, values in layers.watched(self.domain).items():
            if f"psi_{name}" not in odd:
                self._references[name].add(values(day_log))


def _frame(rows: Sequence[tuple[object, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    types = {name: KINDS.get(name, "str") for name in columns}
    frame = pd.DataFrame(rows, columns=list(columns)).astype(types)
    return frame.astype({"layer": pd.CategoricalDtype(list(LAYERS))})
