"""What lesson 01 shows from more seeds than it could run live, and the command that measures it.

    python -m mlsys_lessons.lessons.lesson01.measurements      # rewrites both tables

`notebooks()` and `ageing()` read the committed tables. Seeds start where the claims' do, so no
lesson and no test shows them. Everything else is the default of the course.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.lessons.lesson01 import recipes
from mlsys_lessons.records import ticks
from mlsys_lessons.simulation.ledger import expected_cents
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    naive_system,
    reference_system,
)
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.worlds import Drift, PaymentsWorld, payments_world
from mlsys_lessons.worlds.payments.domain import COSTS

FIRST_SEED = 1_000
SIX_MONTHS, YEAR, BLOCK_DAYS = 180, 360, 60
_HERE = Path(__file__).parent
NOTEBOOKS, AGEING = _HERE / "notebooks.csv", _HERE / "ageing.csv"

_DEFAULTS = Drift()
SOURCES: Mapping[str, Mapping[str, float]] = {
    "nothing": {},
    "inputs": {"covariate": _DEFAULTS.covariate, "ageing": _DEFAULTS.ageing},
    "more attacks": {"label": _DEFAULTS.label},
    "cleverer attackers": {"concept": _DEFAULTS.concept},
    "rings that adapt": {"adaptation": _DEFAULTS.adaptation},
}


def notebooks() -> pd.DataFrame:
    """seed, notebook, auc, auc_time, promised and earned (euros per 1,000 payments)."""
    return pd.read_csv(NOTEBOOKS)


def ageing() -> pd.DataFrame:
    """seed, drift, age (days in service), naive and reference (expected euros of the block)."""
    return pd.read_csv(AGEING)


# --- three notebooks, six months ---------------------------------------------------------------


def measure_notebooks(seed: int) -> Iterator[dict[str, object]]:
    """One row a notebook: what it said offline and what it earned in 180 days."""
    world = payments_world(seed=seed, daily=TRAINING_DAILY)
    history = world.history(HISTORY_DAYS)
    table = offline(history.requests, history.labels)
    reports = recipes.reports_of(*history)
    on_card = recipes.reports_on_card(history.requests, reports)
    before = recipes.reports_paid_before(history.requests, reports)
    kinds: dict[str, tuple[pd.DataFrame, Model, Model]] = {}
    for name, column in (("A", on_card), ("A, half repaired", before)):
        models = [recipes.ReportsModel(reports, seed) for _ in range(2)]
        kinds[name] = (table.assign(reports=column), models[0], models[1])
    kinds["B"] = (table, BoostedModel(random_state=seed), BoostedModel(random_state=seed))
    kinds["C"] = (table, recipes.five_questions_model(), recipes.five_questions_model())
    for name, (rows, model, twin) in kinds.items():
        yield {"seed": seed, "notebook": name, **_fortune(world, rows, (model, twin), seed)}
    run = simulate(world, reference_system(seed=seed), days=SIX_MONTHS, keep="metrics")
    yield {"seed": seed, "notebook": "reference", "earned": per_thousand(run)}


def _fortune(
    world: PaymentsWorld, table: pd.DataFrame, models: tuple[Model, Model], seed: int
) -> dict[str, float]:
    model, twin = models
    notebook = recipes.notebook(model, table, seed=seed)
    scores = model.predict(notebook.test)
    run = simulate(
        world, recipes.ship(model, notebook.cut, seed=seed), days=SIX_MONTHS, keep="metrics"
    )
    return {
        "auc": recipes.auc(scores, notebook.test),
        "auc_time": recipes.auc_on_time_split(twin, table),
        "promised": recipes.promise(scores, notebook.cut, notebook.test),
        "earned": per_thousand(run),
    }


def per_thousand(run: Run) -> float:
    """Euros earned per 1,000 payments received."""
    return run.value / run.requests * 10


# --- how a frozen model ages -------------------------------------------------------------------


def measure_ageing(seed: int) -> Iterator[dict[str, object]]:
    """One row a drift source and block of days: the frozen notebook and the Bayes reference."""
    for name, knobs in SOURCES.items():
        drift = replace(Drift.none(), **knobs)  # type: ignore[arg-type]
        world = payments_world(seed=seed, daily=TRAINING_DAILY, drift=drift)
        systems = {"naive": naive_system(seed=seed), "reference": reference_system(seed=seed)}
        runs = {side: simulate(world, system, days=YEAR) for side, system in systems.items()}
        euros = {side: by_block(run) for side, run in runs.items()}
        for block in range(YEAR // BLOCK_DAYS):
            cells = {side: round(float(column[block]), 2) for side, column in euros.items()}
            yield {"seed": seed, "drift": name, "age": block * BLOCK_DAYS, **cells}


def by_block(run: Run, days: int = BLOCK_DAYS) -> NDArray[np.float64]:
    """Expected euros of a run's decisions, block of days by block of days, without upkeep."""
    truth = run.truth()
    action = run.log["final_action"].cat.codes.to_numpy()
    cents = expected_cents(
        action, truth["true_probability"].to_numpy(), truth["true_amount_cents"].to_numpy(), COSTS
    )
    block = ticks(run.log["arrival_time"]) // days
    return np.bincount(block, cents) / 100


# --- command line ------------------------------------------------------------------------------


def main() -> None:
    """Measure both tables again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--notebooks", type=int, default=12, metavar="SEEDS")
    parser.add_argument("--ageing", type=int, default=4, metavar="SEEDS")
    sizes = parser.parse_args()
    for path, measure, seeds in (
        (NOTEBOOKS, measure_notebooks, sizes.notebooks),
        (AGEING, measure_ageing, sizes.ageing),
    ):
        rows: list[dict[str, object]] = []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            rows.extend(measure(seed))
            pd.DataFrame(rows).round(4).to_csv(path, index=False, lineterminator="\n")
            print(f"{path.name}: seed {seed} done", flush=True)


if __name__ == "__main__":
    main()
