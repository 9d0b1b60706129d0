"""Speed and memory of the engine, all in one run, as ratios to the bare cost of the same work.

Bare cost = generating the same requests + one `predict_proba` a day on ready features. Nothing here
is asserted: machines are noisy, ratios within one run are what to quote.

    python tests/benchmarks/run.py [--days 180] [--daily 10000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pages

SEED = 7


def bare(days: int, daily: int) -> float:
    """Seconds for the world alone plus one model call a day on features that lie ready."""
    import mlsys_lessons as mls
    from mlsys_lessons.components.inference.models import matrix

    world, system = mls.payments_world(seed=SEED, daily=daily), mls.resilient_system(seed=SEED)
    estimator = system.inference.model.estimator_
    state = world.start()
    ready = matrix(system.features(world.day(0, state).requests), system.domain.inputs)
    began = time.perf_counter()
    for tick in range(days):
        rows = len(world.day(tick, state).requests)
        estimator.predict_proba(np.resize(ready, (rows, ready.shape[1])))
    return time.perf_counter() - began


def simulated(name: str, days: int, daily: int, **options: object) -> tuple[float, int]:
    """Seconds and rows of one preset, its training and the world's history done beforehand."""
    import mlsys_lessons as mls

    world = mls.payments_world(seed=SEED, daily=daily)
    presets: dict[str, Callable[[], object]] = {
        "naive": lambda: mls.naive_system(seed=SEED),
        "resilient": lambda: mls.resilient_system(seed=SEED, retraining=None),
        "resilient, retraining": lambda: mls.resilient_system(seed=SEED),
    }
    system = presets[name]()
    began = time.perf_counter()
    run = mls.simulate(world, system, days=days, **options)
    return time.perf_counter() - began, run.requests


def fit_seconds() -> float:
    """One fit of the boosted model at the size that retraining uses, explored rows repeated."""
    from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
    from mlsys_lessons.components.inference.models import BoostedModel
    from mlsys_lessons.simulation.presets import _table, training_rows

    rows = training_rows(_table("payments", SEED))
    size = RetrainingPolicy().window * RetrainingPolicy().rows_a_day
    rows = rows.iloc[np.resize(np.arange(len(rows)), size)]
    copies = np.where(np.arange(size) % 5_000 == 0, 50, 1)  # a few rows come from exploration
    began = time.perf_counter()
    rows = rows.iloc[np.repeat(np.arange(size), copies)]
    BoostedModel().fit(rows, rows["label"].to_numpy())
    return time.perf_counter() - began


def import_seconds(module: str) -> float:
    """Wall seconds of a fresh process that imports one module: the best of five."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        best = min(best, time.perf_counter() - began)
    return best


def peak_mb(days: int, daily: int, keep: str) -> float:
    """Peak resident memory of one resilient run, the whole log read once, in a fresh process."""
    code = (
        "import mlsys_lessons as mls\n"
        "from mlsys_lessons.workshop.trial import peak_rss_mb\n"
        f"world = mls.payments_world(seed={SEED}, daily={daily})\n"
        f"system = mls.resilient_system(seed={SEED}, retraining=None)\n"
        f"run = mls.simulate(world, system, days={days}, keep={keep!r})\n"
        f"rows = len(run.log) if {keep!r} == 'log' else run.requests\n"
        "print(peak_rss_mb())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def measure(days: int, daily: int, rounds: int) -> dict[str, float]:
    """Every figure of the table; timings are medians over interleaved rounds."""
    names = ("naive", "resilient", "resilient, retraining")
    seconds: dict[str, list[float]] = {name: [] for name in ("bare", *names)}
    rows = 0
    for round_number in range(-1, rounds):  # the first round warms caches and is not counted
        cold = round_number < 0
        took = bare(5 if cold else days, daily)
        results = {name: simulated(name, 5 if cold else days, daily) for name in names}
        if not cold:
            seconds["bare"].append(took)
            rows = results["resilient"][1]
            for name, (spent, _) in results.items():
                seconds[name].append(spent)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    table = {"rows": float(rows), "bare_seconds": middle["bare"]}
    for name in names:
        ratios = [a / b for a, b in zip(seconds[name], seconds["bare"], strict=True)]
        table[f"{name}: seconds"] = middle[name]
        table[f"{name}: ratio to bare"] = statistics.median(ratios)
        table[f"{name}: requests a second"] = rows / middle[name]
    table["one fit: seconds"] = fit_seconds()
    table["import over pandas: seconds"] = import_seconds("mlsys_lessons") - import_seconds(
        "pandas"
    )
    table["peak MB, whole log"] = peak_mb(days, daily, "log")
    table["peak MB, metrics only"] = peak_mb(days, daily, "metrics")
    table["peak MB, metrics only, half the days"] = peak_mb(days // 2, daily, "metrics")
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--daily", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    table = measure(chosen.days, chosen.daily, chosen.rounds)
    table |= pages.measured(users=max(50, chosen.daily // 2), days=min(chosen.days, 80))
    if chosen.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{chosen.days} days x {chosen.daily:,}, median of {chosen.rounds} rounds")
    for name, value in table.items():
        print(f"{name:<45} {value:>14,.3f}")


if __name__ == "__main__":
    main()
