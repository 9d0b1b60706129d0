"""A course on production machine learning, and the small simulated business it runs on.

    import mlsys_lessons as mls
    world  = mls.payments_world(seed=7, daily=1_000)
    system = mls.resilient_system("payments", seed=7)
    run    = mls.simulate(world, system, days=180)

This file names what learners use; everything is defined in the module that it comes from. Two
rooms that a server never enters, figures and queues, are loaded when they are first named.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlsys_lessons import warehouse
from mlsys_lessons.components import features, response
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
from mlsys_lessons.components.inference import models
from mlsys_lessons.components.monitoring import detectors, drift, performance
from mlsys_lessons.experiments import snapshot as datasets
from mlsys_lessons.records import InputError, LessonError
from mlsys_lessons.simulation import presets, scenarios
from mlsys_lessons.simulation.compare import compare
from mlsys_lessons.simulation.presets import (
    assemble,
    clairvoyant_system,
    naive_system,
    notebook_model,
    reference_system,
    resilient_system,
)
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import resume, simulate
from mlsys_lessons.system import faults
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import Drift, payments_world
from mlsys_lessons.worlds.payments.domain import COSTS

if TYPE_CHECKING:
    from mlsys_lessons import traffic
    from mlsys_lessons.lessons import charts

__version__ = "0.1.0"

__all__ = [
    "COMPONENTS",
    "RetrainingPolicy",
    "charts",
    "models",
    "presets",
    "COSTS",
    "Drift",
    "InputError",
    "LessonError",
    "Run",
    "System",
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
    "response",
    "resume",
    "scenarios",
    "simulate",
    "traffic",
    "warehouse",
]


def __getattr__(name: str) -> Any:
    """The rooms that are loaded late."""
    rooms = {"charts": "mlsys_lessons.lessons.charts", "traffic": "mlsys_lessons.traffic"}
    if name not in rooms:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(rooms[name])


def __dir__() -> list[str]:
    """Every public name, loaded or not."""
    return sorted({*globals(), *__all__})
