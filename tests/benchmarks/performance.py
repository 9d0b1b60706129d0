"""Speed and memory of performance without labels, as ratios to one plain pass of numpy.

Plain = the same sort, cumulative sums and confusion, without a look at the input or at ties. Each
figure comes from a process of its own, so that peaks are its own; peaks are above the scores
themselves. Nothing here is asserted: machines are noisy, ratios within one run are what to quote.

    python tests/benchmarks/performance.py [--rows 1000000] [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

SEED, CUT, REFERENCE = 7, 0.1, 100_000
REPEATS = 3  # in each process, the fastest counts


def plain(chances: np.ndarray, scores: np.ndarray) -> tuple[float, ...]:
    """What CBPE is in six lines of numpy, values sorted where the probability itself ranks."""
    ranked = np.sort(chances)[::-1] if scores is chances else chances[np.argsort(-scores)]
    positives, negatives = np.cumsum(ranked), np.cumsum(1 - ranked)
    auc = np.trapezoid(positives, negatives) / (positives[-1] * negatives[-1])
    flagged = scores >= CUT
    tp, flags, brier = chances[flagged].sum(), flagged.sum(), np.mean(chances * (1 - chances))
    return auc, tp, flags - tp, positives[-1] - tp, brier


def work(what: str, rows: int) -> Callable[[], object]:
    """One piece of work on data that lie ready; what it imports is imported."""
    import mlsys_lessons as mls

    rng = np.random.default_rng(SEED)
    scores = rng.beta(0.5, 20, rows)
    known = rng.beta(0.5, 20, REFERENCE)
    labels = rng.random(REFERENCE) < known**1.2
    performance = mls.performance
    to_probability = performance.calibrated(known, labels)
    chances = to_probability(scores)
    return {
        "plain": lambda: plain(scores, scores),
        "plain, other scores": lambda: plain(chances, scores),
        "cbpe": lambda: performance.cbpe(scores, threshold=CUT),
        "cbpe, other scores": lambda: performance.cbpe(chances, threshold=CUT, scores=scores),
        "cbpe with isotonic": lambda: performance.cbpe(
            performance.calibrated(known, labels)(scores), threshold=CUT, scores=scores
        ),
        "cbpe, isotonic fitted": lambda: performance.cbpe(
            to_probability(scores), threshold=CUT, scores=scores
        ),
        "sampling error": lambda: performance.sampling_error(scores, threshold=CUT),
    }[what]


WORK = (
    "plain", "cbpe", "plain, other scores", "cbpe, other scores", "cbpe with isotonic",
    "cbpe, isotonic fitted", "sampling error",
)  # fmt: skip


def measured(what: str, rows: int) -> dict[str, float]:
    """Seconds and the peak in MB above what lay ready."""
    task, before = work(what, rows), peak_mb()
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - began)
    return {"seconds": min(seconds), "peak MB": peak_mb() - before}


def peak_mb() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(what: str, rows: int) -> dict[str, float]:
    """One measurement in a fresh process."""
    asked = [sys.executable, __file__, "--rows", str(rows), "--only", what]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(rows: int, rounds: int) -> dict[str, dict[str, float]]:
    """Every figure: medians over interleaved rounds, and ratios to the plain pass beside it."""
    found: dict[str, list[dict[str, float]]] = {what: [] for what in WORK}
    for _ in range(rounds):
        for what in WORK:
            found[what].append(apart(what, rows))
    table = {
        what: {name: statistics.median(each[name] for each in all_) for name in all_[0]}
        for what, all_ in found.items()
    }
    for what, figures in table.items():
        beside = "plain, other scores" if "scores" in what or "isotonic" in what else "plain"
        figures["x plain"] = figures["seconds"] / table[beside]["seconds"]
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=WORK, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measured(chosen.only, chosen.rows)))
        return
    table = measure(chosen.rows, chosen.rounds)
    print(json.dumps(table, indent=2) if chosen.json else shown(table, chosen))


def shown(table: dict[str, dict[str, float]], chosen: argparse.Namespace) -> str:
    """The table for people."""
    lines = [f"{chosen.rows:,} scores, median of {chosen.rounds} rounds"]
    lines += [
        f"{what:<24}{row['seconds']:>9.4f} s{row['x plain']:>8.2f} x plain{row['peak MB']:>8.1f} MB"
        for what, row in table.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
