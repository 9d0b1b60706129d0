"""The edge's own numbers for a Prometheus server: counts, latencies, batch sizes, shed requests.

The real library and its text format, in a registry of its own for each edge. None of the numbers of
operations looks at the quality of a decision: all of them can be green while the model is wrong.
What the monitors have said of the last day is counted beside them (board.py).
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence

from mlsys_lessons.serving.board import Board
from mlsys_lessons.serving.serialisation import ACTION, IS_FALLBACK, Entry

_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)


class Metrics:
    """The counters, histograms and gauges of one edge."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        self.requests = Counter(
            "requests_total", "Transactions decided, by action", ["action"], registry=self.registry
        )
        self.fallbacks = Counter(
            "fallback_total", "Transactions that a fallback answered", registry=self.registry
        )
        self.shed = Counter(
            "shed_total", "Transactions turned away, by cause", ["cause"], registry=self.registry
        )
        self.latency = Histogram(
            "latency_seconds", "From a request's last byte to its answer",
            buckets=_LATENCY_BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self.batch = Histogram(
            "batch_size_rows", "Transactions that shared one call of the system",
            buckets=_BATCH_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.queue = Gauge("queue_depth_rows", "Transactions waiting", registry=self.registry)
        self._add_people()

    def _add_people(self) -> None:
        """What waits for somebody: alerts of the monitors, and held payments."""
        from prometheus_client import Counter, Gauge

        self.alerts = Counter(
            "alerts_total", "Alerts of the monitors that called somebody",
            ["layer", "metric", "segment", "severity", "owner"], registry=self.registry,
        )  # fmt: skip
        self.open_alerts = Gauge(
            "alerts_open", "Alerts open when the last day closed", registry=self.registry
        )
        self.waiting = Gauge(
            "reviews_open", "Held payments that wait for a person", registry=self.registry
        )
        self.reviews = Counter(
            "reviews_decided_total", "Held payments that a person has decided, by verdict",
            ["verdict"], registry=self.registry,
        )  # fmt: skip

    def count_batch(self, entries: Sequence[Entry]) -> None:
        """Count the decisions of one batch."""
        self.batch.observe(len(entries))
        for action, rows in Tally(entry[ACTION] for entry in entries).items():
            self.requests.labels(action).inc(rows)
        self.fallbacks.inc(sum(bool(entry[IS_FALLBACK]) for entry in entries))

    def count_board(self, board: Board) -> None:
        """Count what the monitors have said of a day that has just closed."""
        for alert in board.alerts:
            if alert.is_new:
                self.alerts.labels(
                    alert.layer, alert.metric, alert.segment, alert.severity, alert.owner
                ).inc()
        self.open_alerts.set(len(board.alerts))

    def exposition(self) -> tuple[bytes, str]:
        """The metrics in Prometheus's text format, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST
