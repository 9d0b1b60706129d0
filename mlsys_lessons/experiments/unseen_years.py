"""Unseen years: any system, a learner's too, through the calendars that no lesson shows.

An arm whose system comes from `module:factory`, a function of the seed that returns a System. What
is kept beside the money: days until somebody noticed what does not end by itself, and what the
dearest incident cost. It judges nothing; C28 does.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.arms import RESILIENT, Arm, summary
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System

OURS = "the course's"  # the resilient system as it comes


@dataclass(frozen=True)
class YearArm(Arm):
    """A year of a system that somebody hands in, or of the course's resilient one."""

    levels: tuple[str, ...] = RESILIENT
    named: str = OURS

    def described(self) -> dict[str, Any]:
        """With the text of the file that makes the system: an edited one is another system."""
        return {**super().described(), "source": _source(self.named)}

    def system(self, seed: int) -> System:
        """The system of a seed."""
        return made(self.named, seed)

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it; beside the money stand how soon somebody noticed, and the dearest incident."""
        run = simulate(self.world(seed, size), self.system(seed), days=size.days,
                       faults=self.faults(seed, size), keep="metrics")  # fmt: skip
        return {**summary(run), "measured": noticing(run)}


def noticing(run: Run) -> dict[str, float]:
    """Days until somebody noticed, of what somebody has to end; the dearest incident's cents.

    What nobody noticed counts as the rest of the run. NaN where there was nothing to notice.
    """
    lived = run.incidents
    lasting = [fault.start for fault in run.faults if fault.open_ended and fault.start < run.days]
    ours = lived[lived["started"].isin(lasting)]
    days = ours["noticed"].fillna(float(run.days)) - ours["started"]
    return {
        "incidents": float(len(lived)),
        "to_notice": float(days.mean()) if len(days) else float("nan"),
        "worst_cents": float(min(lived["cents"].min(), 0)) if len(lived) else 0.0,
    }  # fmt: skip


def factory(named: str) -> Callable[..., Any]:
    """The function behind `module:factory`; a module may also be a file of this folder.

    Raises InputError where there is none.

    >>> factory("mlsys_lessons:naive_system").__name__
    'naive_system'
    """
    module, _, name = named.partition(":")
    try:
        found = getattr(_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError, SyntaxError) as error:
        raise InputError(f"system {named!r} is not there ({error}); name module:factory.") from None
    if not callable(found):
        raise InputError(f"system {named!r} is no function; name module:factory.")
    return found  # type: ignore[no-any-return]


def _module(name: str) -> Any:
    """A module that is installed, or a file of the folder that one stands in."""
    here = Path.cwd() / f"{name}.py"
    if not here.is_file():
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, here)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(named: str, seed: int) -> System:
    """A named system of a seed. Raises InputError where the factory gives something else."""
    if named == OURS:
        return resilient_system(seed=seed)
    system = factory(named)(seed=seed)
    if not isinstance(system, System):
        raise InputError(f"{named} gave a {type(system).__name__}; return a System.")
    return system


def _source(named: str) -> str:
    """A mark of the code that makes a system; empty for the course's own, which has a version."""
    if named == OURS:
        return ""
    return hashlib.sha256(Path(inspect.getfile(factory(named))).read_bytes()).hexdigest()
