"""Monitoring: five layers of numbers, drift statistics, estimated performance, alerts with owners.

Beside the loop: it reads each closed day and tells people; it changes no row.
"""

from __future__ import annotations

from mlsys_lessons.components.monitoring import detectors, drift, multiplicity, performance
from mlsys_lessons.components.monitoring.adwin import Adwin
from mlsys_lessons.components.monitoring.alerts import Alerts
from mlsys_lessons.components.monitoring.chunks import chunks_by_count, chunks_by_day
from mlsys_lessons.components.monitoring.detectors import Cusum, PageHinkley
from mlsys_lessons.components.monitoring.monitor import Monitor, OperationsOnly
from mlsys_lessons.components.monitoring.multiplicity import benjamini_hochberg, bonferroni
from mlsys_lessons.components.monitoring.performance import (
    Calibration,
    EstimatedPerformance,
    ExpectedMoney,
    SamplingError,
    bbse,
    calibrated,
    cbpe,
    expected_calibration_error,
    expected_money,
    realised_performance,
    sampling_error,
)
from mlsys_lessons.components.monitoring.permutation import no_drift_interval, permutation_test
from mlsys_lessons.components.monitoring.prepared import PreparedReference

__all__ = [
    "Adwin",
    "Alerts",
    "Calibration",
    "Cusum",
    "EstimatedPerformance",
    "ExpectedMoney",
    "Monitor",
    "OperationsOnly",
    "PageHinkley",
    "PreparedReference",
    "SamplingError",
    "bbse",
    "benjamini_hochberg",
    "bonferroni",
    "calibrated",
    "cbpe",
    "chunks_by_count",
    "chunks_by_day",
    "detectors",
    "drift",
    "expected_calibration_error",
    "expected_money",
    "multiplicity",
    "performance",
    "no_drift_interval",
    "permutation_test",
    "realised_performance",
    "sampling_error",
]
