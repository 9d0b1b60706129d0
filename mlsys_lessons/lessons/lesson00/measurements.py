"""A whole year measured on several worlds: what lesson 00 and the README show of it.

`python docs/year.py` measures and stores it in docs/year.json; `stored()` reads it back. `measure`
runs one world: the ordinary year, the same year without a fault, a year that stands still, and the
Bayes reference. `noticing()` reads what docs/incidents.py has measured. The three small functions
on top are what the lesson itself computes on its live runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from mlsys_lessons.errors import StorageError
from mlsys_lessons.lessons.lesson00.answers import days_behind
from mlsys_lessons.simulation.presets import naive_system, reference_system, resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import YEAR, ordinary_year
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.worlds import Drift, payments_world

STORED = Path(__file__).resolve().parents[3] / "docs" / "year.json"
INCIDENTS = STORED.with_name("incidents.json")
MOST_ERRORS = 0.01  # of a day's calls; above it the operations page is red
SLOWEST_MS = 200.0  # p99 of a day's calls; above it the operations page is red


def red_days(run: Run) -> pd.Series:
    """Whether the operations page was red, by day: over 1 % errors, or a p99 over 200 ms."""
    metrics = run.metrics
    page = metrics[metrics["layer"] == "operations"].pivot(
        index="tick", columns="metric", values="value"
    )
    return (page["error_rate"] > MOST_ERRORS) | (page["latency_p99"] > SLOWEST_MS)


def fraud_losses(entries: pd.DataFrame, days: int) -> pd.Series:
    """Euros lost to fraud so far, by day, from `run.ledger` (happened) or `run.books` (known)."""
    losses = entries[entries["item"] == "fraud_loss"].groupby("tick")["cents"].sum()
    return -losses.reindex(range(days), fill_value=0).cumsum() / 100


def broken_days(faults: tuple[Fault, ...], days: int) -> pd.Series:
    """Whether any fault was there, by day, for an hour or for all of it.

    Take `run.faults`: how long a fault lasts depends on who ends it.
    """
    return pd.Series(
        [any(fault.start < day + 1 and fault.end > day for fault in faults) for day in range(days)]
    )


def measure(seed: int, *, days: int = YEAR, daily: int = 1_000) -> tuple[dict[str, Any], Any]:
    """One world's row of numbers (cents, days, shares), and its runs by name.

    A "still" year has neither faults nor drift: what resilience costs where nothing happens.
    """
    year = ordinary_year(seed, daily=daily, days=days)
    still = payments_world(seed=seed, daily=daily, drift=Drift.none())
    naive, resilient = naive_system(seed=seed), resilient_system(seed=seed)
    arms = {
        "naive": (naive, year.faults),
        "resilient": (resilient, year.faults),
        "naive, no fault": (naive, ()),
        "resilient, no fault": (resilient, ()),
        "Bayes reference": (reference_system(seed=seed), ()),
    }
    runs = {
        name: simulate(year.world, system, days=days, faults=faults, keep="metrics")
        for name, (system, faults) in arms.items()
    }
    for name, system in (("naive", naive), ("resilient", resilient)):
        runs[f"{name}, still"] = simulate(still, system, days=days, keep="metrics")
    missing = runs["Bayes reference"].value_by_tick() - runs["naive"].value_by_tick()
    red, broken = red_days(runs["naive"]), broken_days(runs["naive"].faults, days)
    books = runs["naive"].books
    behind = days_behind(fraud_losses(runs["naive"].ledger, days), fraud_losses(books, days))
    row: dict[str, Any] = {"seed": seed, "faults": len(year.faults)}
    row |= {name: run.value for name, run in runs.items()}
    row |= {
        "red_days": int(red.sum()),
        "red_share": round(float(missing[red].sum() / missing.sum()), 4),
        "broken_days": int(broken.sum()),
        "broken_share": round(float(missing[broken].sum() / missing.sum()), 4),
        "days_behind": behind,
    }
    return row, runs


def stored() -> dict[str, Any]:
    """What docs/year.json holds: days, daily, worlds (rows of `measure`), picture.

    Raises StorageError where the file is missing or damaged: it comes with the repository.
    """
    try:
        return json.loads(STORED.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise StorageError(f"cannot read {STORED}; run `python docs/year.py` to make it.") from None


def noticing() -> pd.DataFrame:
    """Days and money of one lasting fault at a time: `experiments.noticing.summary`, stored.

    Raises StorageError where the file is missing or damaged: it comes with the repository.
    """
    try:
        return pd.DataFrame(json.loads(INCIDENTS.read_text(encoding="utf-8"))["noticing"])
    except (OSError, ValueError, KeyError):
        way_out = "run `python docs/incidents.py` to make it"
        raise StorageError(f"cannot read {INCIDENTS}; {way_out}.") from None


def worlds() -> pd.DataFrame:
    """The stored rows of `measure`, one a world, index seed."""
    return pd.DataFrame(stored()["worlds"]).set_index("seed")
