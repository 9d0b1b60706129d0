"""A course on production machine learning, and the small simulated business it runs on.

    import mlsys_lessons as mls
    world  = mls.payments_world(seed=7, daily=1_000)
    system = mls.resilient_system("payments", seed=7)
    run    = mls.simulate(world, system, days=180)

This file names what learners use; everything is defined in the module that it comes from.
"""

from __future__ import annotations

from mlsys_lessons import datasets, faults, features, scenarios, traffic
from mlsys_lessons.monitoring import detectors, drift, performance
from mlsys_lessons.presets import (
    assemble,
    clairvoyant_system,
    naive_system,
    notebook_model,
    reference_system,
    resilient_system,
)
from mlsys_lessons.records import COSTS, InputError, LessonError
from mlsys_lessons.run import Run
from mlsys_lessons.simulation import compare, resume, simulate
from mlsys_lessons.worlds import Drift, payments_world

__version__ = "0.1.0"

__all__ = [
    "COSTS",
    "Drift",
    "InputError",
    "LessonError",
    "Run",
    "assemble",
    "clairvoyant_system",
    "compare",
    "detectors",
    "datasets",
    "drift",
    "faults",
    "features",
    "naive_system",
    "notebook_model",
    "payments_world",
    "performance",
    "reference_system",
    "resilient_system",
    "resume",
    "scenarios",
    "simulate",
    "traffic",
]
