"""The monitors: once a day they look at the closed log, write metrics down and raise alerts.

`Monitor` is the resilient level, five layers and rules with owners; `OperationsOnly` is what any
platform gives for free. They see the log and what is known by tonight, never the truth, and they
change nothing: pages are charged, and what to do about `broken_fields` is for people to say.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring import layers
from mlsys_lessons.components.monitoring.alerts import RULES, AlertRule
from mlsys_lessons.components.monitoring.control_limits import (
    LEAST_DAYS,
    TRANSFORMS,
    ControlChart,
    limits,
)
from mlsys_lessons.components.monitoring.layers import MetricRow
from mlsys_lessons.components.monitoring.references import Reference
from mlsys_lessons.records import LAYERS, DayFacts

METRIC_COLUMNS = ("tick", "layer", "metric", "segment", "value", "n")
ALERT_COLUMNS = (
    "tick", "layer", "metric", "segment", "value", "threshold", "severity", "owner",
)  # fmt: skip
KINDS = {"tick": "int64", "value": "float64", "n": "int64", "threshold": "float64"}
WATCHED = {
    "amount": layers.watched_amount,
    "hour": layers.watched_hour,
    "score": layers.watched_score,
}

MODEL_LAYERS = ("outputs", "decisions")  # what a new model moves by itself


class OperationsOnly:
    """Naive level: the platform's dashboard. It has metrics, and nobody is ever called.

    >>> OperationsOnly()
    OperationsOnly(0 days, operations layer only, no alerts)
    """

    broken_fields: frozenset[str] = frozenset()
    pages: int = 0

    def __init__(self) -> None:
        self._metrics: list[tuple[object, ...]] = []
        self._alerts: list[tuple[object, ...]] = []
        self._days = 0

    def __repr__(self) -> str:
        """Days seen."""
        return f"OperationsOnly({self._days} days, operations layer only, no alerts)"

    def look(self, tick: int, day_log: pd.DataFrame, known: DayFacts) -> None:
        """Write the operations layer of a closed day down."""
        self._write(tick, {"operations": layers.operations(day_log)})

    @property
    def metrics(self) -> pd.DataFrame:
        """Every number so far: tick, layer, metric, segment, value, n."""
        return _frame(self._metrics, METRIC_COLUMNS)

    @property
    def alerts(self) -> pd.DataFrame:
        """Every alert so far: tick, layer, metric, segment, value, threshold, severity, owner."""
        return _frame(self._alerts, ALERT_COLUMNS)

    def _write(self, tick: int, seen: dict[str, list[MetricRow]]) -> None:
        self._days += 1
        for layer, rows in seen.items():
            self._metrics += [(tick, layer, *row) for row in rows]


class Monitor(OperationsOnly):
    """Resilient level: five layers, self-starting limits, alerts with an owner.

    Why it matters: the layer that is green is the one people look at. A metric is judged against
    its own last four quiet weeks; it says nothing in its first 14 days.

    `broken_fields`: raw fields whose own inputs alert fired today; whoever is called may put
    them on the features' `untrusted`. `pages`: how many calls were opened today, that is alerts of
    severity page that were quiet the day before.

    >>> Monitor()
    Monitor(0 days, 35 rules; learning, speaks after 14 quiet days)
    """

    def __init__(self, rules: tuple[AlertRule, ...] = RULES) -> None:
        super().__init__()
        self.rules = rules
        self.broken_fields = frozenset()
        self.pages = 0
        self._chart = ControlChart(np.array([rule.cycle for rule in rules], dtype=np.int64))
        self._references = {name: Reference() for name in WATCHED}
        self._firing = np.zeros(len(rules), dtype=bool)
        self._lower = np.array([_tail(rule, "down") for rule in rules])
        self._upper = np.array([_tail(rule, "up") for rule in rules])
        self._caution = np.array([rule.caution for rule in rules])
        self._depends_on_model = np.array(
            [rule.layer in MODEL_LAYERS for rule in rules], dtype=bool
        )

    def __repr__(self) -> str:
        """Days seen, what fires now and who was called."""
        head = f"Monitor({self._days} days, {len(self.rules)} rules; "
        if self._days <= LEAST_DAYS:
            return head + f"learning, speaks after {LEAST_DAYS} quiet days)"
        open_now = [rule for rule, firing in zip(self.rules, self._firing, strict=True) if firing]
        names = ", ".join(f"{rule.metric} -> {rule.owner}" for rule in open_now) or "all quiet"
        return head + f"{len(self._alerts)} alerts so far, now: {names})"

    def look(self, tick: int, day_log: pd.DataFrame, known: DayFacts) -> None:
        """Write all five layers of a closed day down and raise what is outside its limits."""
        seen = {
            "operations": layers.operations(day_log),
            "inputs": layers.inputs(day_log, self._references),
            "outputs": layers.outputs(day_log, self._references),
            "decisions": layers.decisions(day_log, known),
            "business": layers.business(day_log, known),
        }
        self._write(tick, seen)
        self._judge(tick, seen)
        self._remember(day_log)
        if known.retrained:
            # A new model has new scores. Only an announced one: an unannounced one is an incident.
            self._chart.settle(self._depends_on_model)
            self._references["score"] = Reference()

    def _judge(self, tick: int, seen: dict[str, list[MetricRow]]) -> None:
        today = {
            (layer, metric, segment): (value, n)
            for layer, rows in seen.items()
            for metric, segment, value, n in rows
        }
        nothing = (float("nan"), 0)
        pairs = [today.get((rule.layer, rule.metric, rule.segment), nothing) for rule in self.rules]
        scales = [TRANSFORMS[rule.transform] for rule in self.rules]
        each = list(zip(scales, pairs, strict=True))
        values = np.array([scale.apply(*pair) for scale, pair in each])
        noise = np.array([scale.noise(*pair) for scale, pair in each])
        forecast = self._chart.forecast(tick, noise).widened(self._caution)
        low, high = limits(forecast, self._lower, self._upper)
        fires = (values < low) | (values > high)
        crossed = np.where(values < low, low, high)
        for index in np.flatnonzero(fires):
            rule, (value, n) = self.rules[index], pairs[index]
            threshold = scales[index].invert(float(crossed[index]), n)
            key = (tick, rule.layer, rule.metric, rule.segment)
            self._alerts.append((*key, value, threshold, rule.severity, rule.owner))
        self._chart.add(tick, values, fires)
        self._call(fires)

    def _call(self, fires: NDArray[np.bool_]) -> None:
        loud = np.array([rule.severity == "page" for rule in self.rules], dtype=bool)
        self.pages = int(np.count_nonzero(fires & loud & ~self._firing))
        named = (rule.field for rule, firing in zip(self.rules, fires, strict=True) if firing)
        self.broken_fields = frozenset(name for name in named if name)
        self._firing = fires

    def _remember(self, day_log: pd.DataFrame) -> None:
        """Let the references roll on, unless the day itself was odd there."""
        odd = {rule.metric for rule, firing in zip(self.rules, self._firing, strict=True) if firing}
        for name, values in WATCHED.items():
            if f"psi_{name}" not in odd:
                self._references[name].add(values(day_log))


def _tail(rule: AlertRule, side: str) -> float:
    """Probability of a false alarm on one side of a rule, a day."""
    if rule.direction == "both":
        return rule.daily_rate / 2
    return rule.daily_rate if rule.direction == side else 0.0


def _frame(rows: list[tuple[object, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    types = {name: KINDS.get(name, "str") for name in columns}
    frame = pd.DataFrame(rows, columns=list(columns)).astype(types)
    return frame.astype({"layer": pd.CategoricalDtype(list(LAYERS))})
