"""When a number is worth a call: a day's metrics held against limits that keep their stated rate.

A rule (`AlertRule`, data of a domain) states how often it may cry wolf: the share of healthy months
with at least one alert. The limits (control_limits.py has the arithmetic) make that true for any
metric, weekend or not. A rule that has called cools down for a week, so that a number which
flickers around its limit calls once. Nothing here repairs anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring.control_limits import TRANSFORMS, ControlChart, limits
from mlsys_lessons.domain import AlertRule

MetricRow = tuple[str, str, float, int]  # metric, segment, value, number of rows behind it
Alert = tuple[object, ...]  # tick, layer, metric, segment, value, threshold, severity, owner
MODEL_LAYERS = ("outputs", "decisions")  # what a new model moves by itself
COOL_DOWN_DAYS = 7  # between two calls of one rule (assumed)


class Alerts:
    """Rules, their control chart, and which of them fire.

    >>> Alerts(())
    Alerts(0 rules, all quiet)
    """

    def __init__(self, rules: Sequence[AlertRule]) -> None:
        self.rules = tuple(rules)
        self.firing = np.zeros(len(self.rules), dtype=bool)
        self.new = self.firing  # those that call somebody today
        self._waiting = self.firing  # a spell that began while its rule cooled down
        self._called = np.full(len(self.rules), -COOL_DOWN_DAYS)
        self._chart = ControlChart(np.array([rule.cycle for rule in self.rules], dtype=np.int64))
        self._lower = np.array([_tail(rule, "down") for rule in self.rules])
        self._upper = np.array([_tail(rule, "up") for rule in self.rules])
        self._caution = np.array([rule.caution for rule in self.rules])
        layers = [rule.layer in MODEL_LAYERS for rule in self.rules]
        self._depends_on_model = np.array(layers, dtype=bool)

    def __repr__(self) -> str:
        names = ", ".join(f"{rule.metric} -> {rule.owner}" for rule in self.open) or "all quiet"
        return f"Alerts({len(self.rules)} rules, {names})"

    @property
    def open(self) -> tuple[AlertRule, ...]:
        """The rules that fire today."""
        return tuple(rule for rule, fires in zip(self.rules, self.firing, strict=True) if fires)

    @property
    def opened(self) -> tuple[AlertRule, ...]:
        """The rules that call somebody today: once in a spell, and after their cool-down."""
        return tuple(rule for rule, is_new in zip(self.rules, self.new, strict=True) if is_new)

    def judge(self, tick: int, metrics: Mapping[str, Sequence[MetricRow]]) -> list[Alert]:
        """The alerts of a day, given its metrics by layer; the chart takes the day in."""
        today = {
            (layer, metric, segment): (value, rows)
            for layer, of_layer in metrics.items()
            for metric, segment, value, rows in of_layer
        }
        nothing = (float("nan"), 0)
        seen = [today.get((rule.layer, rule.metric, rule.segment), nothing) for rule in self.rules]
        scales = [TRANSFORMS[rule.transform] for rule in self.rules]
        pairs = list(zip(scales, seen, strict=True))
        values = np.array([scale.apply(*number) for scale, number in pairs])
        noise = np.array([scale.noise(*number) for scale, number in pairs])
        forecast = self._chart.forecast(tick, noise).widened(self._caution)
        low, high = limits(forecast, self._lower, self._upper)
        fires = (values < low) | (values > high)
        crossed = np.where(values < low, low, high)
        self._chart.add(tick, values, fires)
        self._call(tick, fires)
        return [
            self._alert(tick, self.rules[index], seen[index], float(crossed[index]))
            for index in np.flatnonzero(fires)
        ]

    def _call(self, tick: int, fires: NDArray[np.bool_]) -> None:
        """Say which rules call tonight.

        Each spell calls once: on its first day or, where its rule has called lately, on the first
        day after the cool-down on which it is still there.
        """
        waiting = fires & (self._waiting | ~self.firing)
        self.new = waiting & (tick - self._called >= COOL_DOWN_DAYS)
        self._waiting, self.firing = waiting & ~self.new, fires
        self._called = np.where(self.new, tick, self._called)

    @staticmethod
    def _alert(tick: int, rule: AlertRule, seen: tuple[float, int], crossed: float) -> Alert:
        """An alert as a row, its threshold in the metric's own unit."""
        value, rows = seen
        threshold = TRANSFORMS[rule.transform].invert(crossed, rows)
        where = (tick, rule.layer, rule.metric, rule.segment)
        return (*where, value, threshold, rule.severity, rule.owner)

    def expect_new_model(self) -> None:
        """Let the model's own metrics settle on a new level, after a change that was announced."""
        self._chart.settle(self._depends_on_model)


def healthy_rate(rules: Iterable[AlertRule]) -> float:
    """Share of healthy months in which at least one of these rules fires, if they are independent.

    Why it matters: a team agrees to a board, not to a rule. Metrics that are nothing while all is
    well add nothing; those that move together share their alarms, and the true share is smaller.

    >>> from mlsys_lessons.worlds.payments.domain import ALERT_RULES
    >>> round(healthy_rate(ALERT_RULES), 3)
    0.104
    """
    return 1 - math.prod(1 - rule.monthly_rate for rule in rules if rule.varies)


def _tail(rule: AlertRule, side: str) -> float:
    """Probability of a false alarm on one side of a rule, a day."""
    if rule.direction == "both":
        return rule.daily_rate / 2
    return rule.daily_rate if rule.direction == side else 0.0
