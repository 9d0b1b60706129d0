"""A course on production machine learning, and the small simulated business it runs on.

    import mlsys_lessons as mls
    world  = mls.payments_world(seed=7, daily=1_000)
    system = mls.resilient_system("payments", seed=7)
    run    = mls.simulate(world, system, days=180)

This file names what learners use; everything is defined in the module that it comes from, and is
loaded when it is first named: the command line answers at once, and its doctor speaks even where
numpy is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlsys_lessons import traffic, warehouse
    from mlsys_lessons.components import features, response
    from mlsys_lessons.components.component import COMPONENTS
    from mlsys_lessons.components.feedback import off_policy, position_bias
    from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
    from mlsys_lessons.components.inference import canary, models
    from mlsys_lessons.components.monitoring import (
        detectors,
        drift,
        multiplicity,
        performance,
        ranking,
    )
    from mlsys_lessons.components.monitoring.chunks import (
        chunks_by_count,
        chunks_by_day,
        same_weekday,
    )
    from mlsys_lessons.components.monitoring.permutation import no_drift_interval, permutation_test
    from mlsys_lessons.components.monitoring.prepared import PreparedReference
    from mlsys_lessons.errors import InputError, LessonError
    from mlsys_lessons.experiments import snapshot as datasets
    from mlsys_lessons.lessons import charts, monitoring_charts
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
    from mlsys_lessons.worlds import (
        Drift,
        Habits,
        SearchHabits,
        payments_world,
        recommender_world,
        search_world,
    )
    from mlsys_lessons.worlds.payments.domain import COSTS

__version__ = "0.1.0"

_ROOMS = {  # modules by the name that learners use
    "canary": "components.inference.canary",
    "charts": "lessons.charts",
    "datasets": "experiments.snapshot",
    "detectors": "components.monitoring.detectors",
    "drift": "components.monitoring.drift",
    "faults": "system.faults",
    "features": "components.features",
    "models": "components.inference.models",
    "monitoring_charts": "lessons.monitoring_charts",
    "multiplicity": "components.monitoring.multiplicity",
    "off_policy": "components.feedback.off_policy",
    "performance": "components.monitoring.performance",
    "position_bias": "components.feedback.position_bias",
    "presets": "simulation.presets",
    "ranking": "components.monitoring.ranking",
    "response": "components.response",
    "scenarios": "simulation.scenarios",
    "traffic": "traffic",
    "warehouse": "warehouse",
}
_NAMES = {  # what learners call, by the module that defines it
    "COMPONENTS": "components.component",
    "COSTS": "worlds.payments.domain",
    "Drift": "worlds",
    "Habits": "worlds",
    "InputError": "errors",
    "LessonError": "errors",
    "PreparedReference": "components.monitoring.prepared",
    "RetrainingPolicy": "components.feedback.retraining",
    "Run": "simulation.run",
    "SearchHabits": "worlds",
    "System": "system.system",
    "assemble": "simulation.presets",
    "chunks_by_count": "components.monitoring.chunks",
    "chunks_by_day": "components.monitoring.chunks",
    "clairvoyant_system": "simulation.presets",
    "compare": "simulation.compare",
    "naive_system": "simulation.presets",
    "no_drift_interval": "components.monitoring.permutation",
    "notebook_model": "simulation.presets",
    "payments_world": "worlds",
    "permutation_test": "components.monitoring.permutation",
    "recommender_world": "worlds",
    "reference_system": "simulation.presets",
    "resilient_system": "simulation.presets",
    "resume": "simulation.simulate",
    "same_weekday": "components.monitoring.chunks",
    "search_world": "worlds",
    "simulate": "simulation.simulate",
}

__all__ = [
    "COMPONENTS",
    "RetrainingPolicy",
    "canary",
    "charts",
    "models",
    "monitoring_charts",
    "presets",
    "COSTS",
    "Drift",
    "Habits",
    "InputError",
    "LessonError",
    "PreparedReference",
    "Run",
    "SearchHabits",
    "System",
    "assemble",
    "chunks_by_count",
    "chunks_by_day",
    "clairvoyant_system",
    "compare",
    "detectors",
    "datasets",
    "drift",
    "faults",
    "features",
    "multiplicity",
    "naive_system",
    "no_drift_interval",
    "notebook_model",
    "off_policy",
    "payments_world",
    "performance",
    "permutation_test",
    "position_bias",
    "ranking",
    "recommender_world",
    "reference_system",
    "resilient_system",
    "response",
    "resume",
    "same_weekday",
    "scenarios",
    "search_world",
    "simulate",
    "traffic",
    "warehouse",
]


def __getattr__(name: str) -> Any:
    """What learners use, loaded at its first use."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{_ROOMS[name]}")
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Every public name, loaded or not."""
    return sorted({*globals(), *__all__})
