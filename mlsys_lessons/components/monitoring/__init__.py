"""Monitoring: five layers of numbers, drift statistics, estimated performance, alerts with owners.

Beside the loop: it reads each closed day and tells people; it changes no row.
"""

from __future__ import annotations

from mlsys_lessons.components.monitoring import detectors, drift, multiplicity, performance
from mlsys_lessons.components.monitoring.alerts import Alerts
from mlsys_lessons.components.monitoring.chunks import chunks_by_count, chunks_by_day
from mlsys_lessons.components.monitoring.detectors import Cusum, PageHinkley
from mlsys_lessons.components.monitoring.monitor import Monitor, OperationsOnly
from mlsys_lessons.components.monitoring.multiplicity import benjamini_hochberg, bonferroni
from mlsys_lessons.components.monitoring.performance import EstimatedPerformance, cbpe
from mlsys_lessons.components.monitoring.permutation import permutation_test
from mlsys_lessons.components.monitoring.prepared import PreparedReference

__all__ = [
    "Alerts",
    "Cusum",
    "EstimatedPerformance",
    "Monitor",
    "OperationsOnly",
    "PageHinkley",
    "PreparedReference",
    "benjamini_hochberg",
    "bonferroni",
    "cbpe",
    "chunks_by_count",
    "chunks_by_day",
    "detectors",
    "drift",
    "multiplicity",
    "performance",
    "permutation_test",
]
