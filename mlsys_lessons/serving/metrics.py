"""What the edge says of itself to a Prometheus server: counts, latencies, batch sizes, shedding.

The real library and its text format, in a registry of its own for each edge. Mind what these
numbers cannot say: all of them can be green while the model is wrong.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence

from mlsys_lessons.serving.serialisation import SAID, Entry

_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)
_ACTION, _FALLBACK = (SAID.index(name) - len(SAID) for name in ("action", "is_fallback"))


class Meters:
    """The instruments of one edge."""

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
            buckets=_LATENCIES, registry=self.registry,
        )  # fmt: skip
        self.batch = Histogram(
            "batch_size_rows", "Transactions that shared one call of the system",
            buckets=_BATCHES, registry=self.registry,
        )  # fmt: skip
        self.queue = Gauge("queue_depth_rows", "Transactions waiting", registry=self.registry)

    def decided(self, entries: Sequence[Entry]) -> None:
        """Take down one batch."""
        self.batch.observe(len(entries))
        for action, rows in Tally(entry[_ACTION] for entry in entries).items():
            self.requests.labels(action).inc(rows)
        self.fallbacks.inc(sum(bool(entry[_FALLBACK]) for entry in entries))

    def text(self) -> tuple[bytes, str]:
        """The metrics page and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self.registry), CONTENT_TYPE_LATEST
