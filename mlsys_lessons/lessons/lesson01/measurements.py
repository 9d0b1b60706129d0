"""What lesson 01 shows from more seeds than it could run live, and the command that measures it.

    python -m mlsys_lessons.lessons.lesson01.measurements      # rewrites the tables

`notebooks()`, `curve()` and `last_months()` read the committed tables. The notebooks' seeds start
where the claims' do, so no lesson and no test shows them; how models age is measured by
experiments/ageing.py. Everything else is the default of the course.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.experiments import ageing
from mlsys_lessons.lessons.lesson01 import recipes
from mlsys_lessons.simulation.presets import (
    HISTORY_DAYS,
    TRAINING_DAILY,
    reference_system,
)
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.worlds import PaymentsWorld, payments_world

FIRST_SEED = 1_000
SIX_MONTHS = 180
_HERE = Path(__file__).parent
NOTEBOOKS, AGEING, LAST_MONTHS = (
    _HERE / f"{name}.csv" for name in ("notebooks", "ageing", "last_months")
)


def notebooks() -> pd.DataFrame:
    """seed, notebook, auc, auc_time, promised and earned (euros per 1,000 payments)."""
    return pd.read_csv(NOTEBOOKS)


def curve() -> pd.DataFrame:
    """How a frozen and a refitted model age, month by month: `experiments.ageing.curve`, stored."""
    return pd.read_csv(AGEING)


def recall_by_age() -> dict[str, pd.Series]:
    """Frauds found of 100 by age in days: frozen, refitted, and frozen in a world without drift."""
    rows = curve().query("metric == 'recall'").set_index(["setting", "model", "age"])
    found = rows["mean"].sort_index()
    lines = {
        "frozen": ("with drift", ageing.FROZEN),
        "refitted": ("with drift", ageing.REFITTED),
        "frozen, still world": (ageing.STILL, ageing.FROZEN),
    }
    return {name: 100 * found.loc[key] for name, key in lines.items()}


def last_months() -> pd.DataFrame:
    """What either has lost by the end of the year: `experiments.ageing.year_end`, stored."""
    return pd.read_csv(LAST_MONTHS)


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


# --- command line ------------------------------------------------------------------------------


def main() -> None:
    """Measure the tables again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--notebooks", type=int, default=12, metavar="SEEDS")
    parser.add_argument("--ageing", type=int, default=20, metavar="SEEDS")
    sizes = parser.parse_args()
    rows: list[dict[str, object]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + sizes.notebooks):
        rows.extend(measure_notebooks(seed))
        _write(pd.DataFrame(rows), NOTEBOOKS)
        print(f"{NOTEBOOKS.name}: seed {seed} done", flush=True)
    if sizes.ageing:
        table = ageing.ageing(seeds=sizes.ageing)
        _write(ageing.curve(table), AGEING)
        _write(ageing.year_end(table), LAST_MONTHS)


def _write(table: pd.DataFrame, path: Path) -> None:
    table.round(4).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
