"""Faults: what producers, platforms and colleagues do to a system, one small function each.

A fault wraps the stage at its seam and has the same signature; the components know nothing of it.
Drift is no fault: it is a knob of the world. Each fault says which metric it moves and which it
leaves alone, and a test holds it to that. `FAILURE_MODES` names the six ways in which serving
fails, each with the component that answers it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mlsys_lessons.system.faults.fault import SEAMS, Fault, Stage, Wrapper, faulted
from mlsys_lessons.system.faults.platform import (
    cold_start,
    dependency_outage,
    label_job_failure,
    latency,
    missing_features,
    partial_outage,
    silent_fallback,
    stale_features,
    traffic_spike,
    wrong_model,
)
from mlsys_lessons.system.faults.producers import (
    duplicate_replay,
    late_rows,
    null_flood,
    renamed_category,
    time_zone_shift,
    unit_change,
)

__all__ = [
    "ANSWERED_BY", "CATALOGUE", "FAILURE_MODES", "SEAMS", "Fault", "Stage", "Wrapper",
    "cold_start", "dependency_outage", "duplicate_replay", "faulted", "label_job_failure",
    "late_rows", "latency", "missing_features", "null_flood", "partial_outage", "renamed_category",
    "silent_fallback", "stale_features", "time_zone_shift", "traffic_spike", "unit_change",
    "wrong_model",
]  # fmt: skip

CATALOGUE: dict[str, Callable[..., Fault]] = {
    factory.__name__: factory
    for factory in (
        unit_change, null_flood, duplicate_replay, late_rows, time_zone_shift, renamed_category,
        stale_features, wrong_model, latency, dependency_outage,
        missing_features, cold_start, traffic_spike, partial_outage, silent_fallback,
        label_job_failure,
    )
}  # fmt: skip

FAILURE_MODES: dict[str, Callable[..., Fault]] = {
    "bad inputs": unit_change,
    "missing features": missing_features,
    "cold start": cold_start,
    "traffic spikes": traffic_spike,
    "model timeouts": partial(latency, severity=200.0),  # 4 s: beyond any caller's patience
    "partial outages": partial_outage,
}
ANSWERED_BY = {  # the component whose resilient level is the design against each mode
    "bad inputs": "ingestion",
    "missing features": "features",
    "cold start": "features",
    "traffic spikes": "serving",
    "model timeouts": "serving",
    "partial outages": "serving",
}
