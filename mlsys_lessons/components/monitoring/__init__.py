"""Monitoring: five layers of numbers, drift statistics, estimated performance, alerts with owners.

Beside the loop: it reads each closed day and tells people; it changes no row.
"""

from __future__ import annotations

from mlsys_lessons.components.monitoring import detectors, drift, performance
from mlsys_lessons.components.monitoring.alerts import Alerts
from mlsys_lessons.components.monitoring.detectors import Cusum, PageHinkley
from mlsys_lessons.components.monitoring.monitor import Monitor, OperationsOnly
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

__all__ = [
    "Alerts",
    "Calibration",
    "Cusum",
    "EstimatedPerformance",
    "ExpectedMoney",
    "Monitor",
    "OperationsOnly",
    "PageHinkley",
    "SamplingError",
    "bbse",
    "calibrated",
    "cbpe",
    "detectors",
    "drift",
    "expected_calibration_error",
    "expected_money",
    "performance",
    "realised_performance",
    "sampling_error",
]
