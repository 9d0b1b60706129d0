"""Boring and clever systems side by side: what each earns, how it flickers, how long it takes.

An arm is one of four systems that differ in the model and in what is automated around it, and in
nothing else. Beside the money it keeps how often the decision on *the same* requests changes from
one day to the next, and how long an answer takes. What follows from it is claim C26's.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import COMPONENTS, Model
from mlsys_lessons.components.inference import tree_tables
from mlsys_lessons.components.inference.models import BoostedModel, LogisticModel, RuleModel
from mlsys_lessons.experiments import over_engineered
from mlsys_lessons.experiments.arms import Arm, summary
from mlsys_lessons.experiments.over_engineered import OVER_ENGINEERED
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System

SIMPLE, TREES = "logistic", "boosted"
SYSTEMS = ("rule", SIMPLE, TREES, OVER_ENGINEERED)
PANEL_DAYS = 7  # the requests of the first week are decided anew each night, for nobody
MONTH_DAYS = 30
REPEATS = 30  # of a call that is timed; the median counts

# What somebody reads who wants to know why a request got its score; libraries are left out.
READ: dict[str, tuple[Any, ...]] = {
    "rule": (RuleModel,),
    SIMPLE: (LogisticModel,),
    TREES: (BoostedModel, tree_tables),
    OVER_ENGINEERED: (RuleModel, LogisticModel, BoostedModel, tree_tables, over_engineered),
}


@dataclass(frozen=True)
class BoringArm(Arm):
    """The resilient system around one model, or with everything automated."""

    levels: tuple[str, ...] = COMPONENTS
    kind: str = SIMPLE

    def system(self, seed: int) -> System:
        """The system, parts and all."""
        if self.kind == OVER_ENGINEERED:
            return over_engineered.stack(seed)
        return Arm(self.levels, model=self.kind).system(seed)

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """Run it; beside the money stand flips a month, models in service, milliseconds, lines."""
        run, seen = watched(self.world(seed, size), self.system(seed), size.days,
                            self.faults(seed, size))  # fmt: skip
        measured = {**seen, **timed(run), "lines": code_lines(READ[self.kind])}
        return {**summary(run), "measured": measured}


def watched(
    world: Any, system: System, days: int, faults: Iterable[Any]
) -> tuple[Run, dict[str, float]]:
    """A run, and how often the decisions on the requests of its first week changed overnight.

    `flips` is per 1,000 requests and month; `models` counts versions that were in service.
    """
    first = min(PANEL_DAYS, days)
    run = simulate(world, system, days=first, faults=faults, keep="metrics")
    requests = panel(run.system)
    before, flips, labels = blocked(run.system, requests), [], set()
    for _ in range(days - first):
        run.step()
        labels.add(run.system.inference.registry.champion.label)
        tonight = blocked(run.system, requests)
        flips.append(float(np.mean(tonight != before)) if len(requests) else 0.0)
        before = tonight
    nightly = float(np.mean(flips)) if flips else 0.0
    return run, {"flips": 1_000 * MONTH_DAYS * nightly, "models": float(len(labels))}


def panel(system: System) -> pd.DataFrame:
    """The requests that a system has sampled so far, as decisions read them."""
    rows: Any = pd.concat([rows for _, rows in system.retraining.sample.days])  # type: ignore[union-attr]
    whole = rows[rows["log_amount"].notna()].reset_index(drop=True)
    return whole.assign(amount=np.exp(whole["log_amount"]), is_quarantined=False)


def blocked(system: System, requests: pd.DataFrame) -> NDArray[np.bool_]:
    """Which of these requests would be blocked rather than approved tonight, by price alone."""
    scored = requests.assign(score=system.inference.model.predict(requests))
    approve, block, _ = system.decisions.expected_cents(scored)  # type: ignore[union-attr]
    return np.asarray(block > approve)


def timed(run: Run) -> dict[str, float]:
    """Milliseconds for one request and for a thousand: the median of thirty calls each."""
    requests, model = panel(run.system), run.system.inference.model
    return {
        "ms_one": milliseconds(model, requests.iloc[:1]),
        "ms_thousand": milliseconds(model, requests.iloc[:1_000]),
    }


def milliseconds(model: Model, frame: pd.DataFrame, repeats: int = REPEATS) -> float:
    """Processor time that a call of a model takes on this machine, in milliseconds: a median."""
    spent = []
    for _ in range(repeats):
        start = time.thread_time()
        model.predict(frame)
        spent.append(1_000 * (time.thread_time() - start))
    return median(spent)


def code_lines(objects: Iterable[Any]) -> int:
    """Lines of code of classes, functions or modules: no blank lines, comments, docstrings.

    >>> code_lines([blocked])
    4
    """
    return sum(_lines_of(textwrap.dedent(inspect.getsource(each))) for each in objects)


def _lines_of(text: str) -> int:
    tree = ast.parse(text)
    prose = {
        line for node in ast.walk(tree) if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }  # fmt: skip
    begun = {node.lineno for node in ast.walk(tree) if hasattr(node, "lineno")}
    return len(begun - prose)
