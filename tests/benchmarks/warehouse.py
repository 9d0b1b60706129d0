"""Speed and memory of the warehouse: the log on disk beside the same run without one, and the SQL.

Each row of the table comes from a process of its own, so that peaks are its own. Nothing here is
asserted: machines are noisy, figures of one run are what to compare.

    python tests/benchmarks/warehouse.py [--days 180] [--daily 10000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = 7


def simulated(keep: str, days: int, daily: int) -> dict[str, float]:
    """Requests a second and peak MB of one run; training and history are done beforehand."""
    import mlsys_lessons as mls
    from mlsys_lessons.simulation.simulate import simulate

    world = mls.payments_world(seed=SEED, daily=daily)
    system = mls.resilient_system(seed=SEED, retraining=None)
    simulate(world, system, days=2, keep="metrics")  # warms the caches
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.duckdb") if keep == "disk" else None
        began = time.perf_counter()
        run = simulate(world, system, days=days, keep=keep, path=path)
        seconds = time.perf_counter() - began
        size = path.stat().st_size / 2**20 if path else 0.0
    return {"requests a second": run.requests / seconds, "peak MB": peak_mb(), "file MB": size}


def offline(days: int, daily: int) -> dict[str, float]:
    """Seconds of both offline pipelines over one history, and the peak with SQL alone."""
    import mlsys_lessons as mls
    from mlsys_lessons.warehouse import Warehouse

    history = mls.payments_world(seed=SEED, daily=daily).history(days)
    before = peak_mb()
    began, busy = time.perf_counter(), time.process_time()
    with Warehouse(threads=2) as house:
        table = house.offline_features(*history)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    peak = peak_mb()
    began = time.perf_counter()
    mls.features.offline(*history)
    return {
        "rows": float(len(table)),
        "SQL seconds": seconds,
        "SQL processor seconds": busy,
        "peak MB before": before,
        "peak MB": peak,
        "Python seconds": time.perf_counter() - began,
    }


def peak_mb() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(what: str, days: int, daily: int) -> dict[str, float]:
    """One measurement in a fresh process."""
    asked = [sys.executable, __file__, "--days", str(days), "--daily", str(daily), "--only", what]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(days: int, daily: int, rounds: int) -> dict[str, dict[str, float]]:
    """Every figure: medians over interleaved rounds."""
    asked = {
        "keep=metrics": ("metrics", days),
        "keep=disk": ("disk", days),
        "keep=disk, half the days": ("disk", days // 2),
        "offline features": ("offline", days),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, (what, length) in asked.items():
            found[name].append(apart(what, length, daily))
    return {
        name: {each: statistics.median(round_[each] for round_ in all_) for each in all_[0]}
        for name, all_ in found.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--daily", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=("metrics", "disk", "offline"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only == "offline":
        print(json.dumps(offline(chosen.days, chosen.daily)))
    elif chosen.only:
        print(json.dumps(simulated(chosen.only, chosen.days, chosen.daily)))
    else:
        table = measure(chosen.days, chosen.daily, chosen.rounds)
        print(json.dumps(table, indent=2) if chosen.json else shown(table, chosen))


def shown(table: dict[str, dict[str, float]], chosen: argparse.Namespace) -> str:
    """The table for people."""
    lines = [f"{chosen.days} days x {chosen.daily:,}, median of {chosen.rounds} rounds"]
    for name, figures in table.items():
        lines += [f"{name + ': ' + what:<50}{value:>14,.1f}" for what, value in figures.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
