"""Speed and memory of drift statistics: the plain functions and a prepared reference beside scipy.

Data are made here: fourteen columns of numbers, a third of them with ties, and six of categories.
Each row of the table comes from a process of its own; its peak is what Python and numpy hold beyond
the data, preparation included. Nothing here is asserted: machines are noisy, ratios within one run
are what to compare.

    python tests/benchmarks/drift.py [--rows 1000000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import scipy.special
import scipy.stats

from mlsys_lessons.components.monitoring import PreparedReference, chunks_by_count, drift
from mlsys_lessons.components.monitoring.prepared import STATISTICS

SEED = 7
DAYS = 30
REFERENCE_ROWS = 100_000
NUMBERS = [f"n{i:02d}" for i in range(14)]
CATEGORIES = {"c0": 3, "c1": 5, "c2": 8, "c3": 12, "c4": 20, "c5": 50}


def frame(rows: int, name: str) -> pd.DataFrame:
    """Twenty columns, drawn anew for each name."""
    rng = np.random.default_rng([SEED, *name.encode()])
    draws = (rng.standard_normal, lambda n: rng.lognormal(3, 1, n),
             lambda n: np.floor(rng.exponential(6.0, n)))  # fmt: skip
    columns = {each: draws[i % 3](rows) for i, each in enumerate(NUMBERS)}
    for each, size in CATEGORIES.items():
        codes = np.minimum(rng.geometric(3 / size, rows) - 1, size - 1)
        columns[each] = pd.Categorical.from_codes(codes, [f"v{i:02d}" for i in range(size)])
    return pd.DataFrame(columns, copy=False)


# --- two samples of one size: KS of fourteen columns, chi-square of six ---------------------------


def pair_by_scipy(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    """Its test functions, p-values included, on arrays and tables of counts."""
    for name in NUMBERS:
        scipy.stats.ks_2samp(reference[name].to_numpy(), current[name].to_numpy(), method="asymp")
    for name, size in CATEGORIES.items():
        sides = [side[name].cat.codes for side in (reference, current)]
        table = np.array([np.bincount(side, minlength=size) for side in sides])
        scipy.stats.chi2_contingency(table[:, table.any(axis=0)], correction=False)


def pair_by_functions(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    """One call of ks or chi2 for each column."""
    for name in NUMBERS:
        drift.ks(reference[name], current[name])
    for name in CATEGORIES:
        drift.chi2(reference[name], current[name])


def pair_prepared(reference: pd.DataFrame, current: pd.DataFrame) -> None:
    """A prepared reference, its preparation included."""
    PreparedReference.of(reference).compare(current, ["ks", "chi2"])


# --- one reference, a month of days: a preparation, which is not timed where it says so, and a work


def days(month: pd.DataFrame) -> list[pd.DataFrame]:
    """The month as thirty chunks."""
    size = -(-len(month) // DAYS)
    return [chunk for _, chunk in chunks_by_count(month, size)]


def ks_by_scipy(reference: pd.DataFrame, month: pd.DataFrame) -> None:
    """`ks_2samp` of each day, asymptotic p-values, which are its quick ones."""
    for day in days(month):
        for name in NUMBERS:
            scipy.stats.ks_2samp(reference[name].to_numpy(), day[name].to_numpy(), method="asymp")


def ks_prepared(reference: pd.DataFrame, month: pd.DataFrame) -> None:
    """The preparation of everything is part of it."""
    by_day(PreparedReference.of(reference[NUMBERS]), month, ["ks"])


def by_day(prepared: PreparedReference, month: pd.DataFrame, asked: Sequence[str]) -> None:
    """Each day's table."""
    for day in days(month):
        prepared.compare(day, asked)


def deciles(reference: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Edges and shares of each column of numbers."""
    edges = {name: np.quantile(reference[name], np.arange(1, 10) / 10) for name in NUMBERS}
    return {name: (cut, compared(reference[name].to_numpy(), cut)) for name, cut in edges.items()}


def psi_by_numpy(cuts: dict[str, tuple[np.ndarray, np.ndarray]], month: pd.DataFrame) -> None:
    """A comparison with each edge and the formula, on bare arrays."""
    for day in days(month):
        for name, (edges, expected) in cuts.items():
            actual = compared(day[name].to_numpy(), edges)
            np.sum((actual - expected) * np.log(actual / expected))


def compared(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Shares of the bins, floored; missing values are a bin, as in `drift.psi`."""
    below = [np.count_nonzero(values <= edge) for edge in edges]
    known = len(values) - np.count_nonzero(np.isnan(values))
    return np.maximum(np.diff([0, *below, known, len(values)]) / len(values), 1e-4)


def histograms(reference: pd.DataFrame) -> dict[str, tuple[int, tuple[float, float], np.ndarray]]:
    """Doane's bins, their ends and shares of each column of numbers."""
    grids = {name: np.histogram_bin_edges(reference[name], "doane") for name in NUMBERS}
    return {
        name: (len(grid) - 1, (grid[0], grid[-1]),
               np.histogram(reference[name], grid)[0] / len(reference))
        for name, grid in grids.items()
    }  # fmt: skip


def js_by_numpy(
    cuts: dict[str, tuple[int, tuple[float, float], np.ndarray]], month: pd.DataFrame
) -> None:
    """`np.histogram` of equal widths, its quick path, and the formula, on bare arrays."""
    for day in days(month):
        for name, (bins, ends, p) in cuts.items():
            q = np.histogram(day[name].to_numpy(), bins, ends)[0] / len(day)
            np.sqrt(scipy.special.rel_entr([p, q], (p + q) / 2).sum() / 2)


def as_it_is(reference: pd.DataFrame) -> pd.DataFrame:
    """No preparation."""
    return reference


def numbers_prepared(reference: pd.DataFrame) -> PreparedReference:
    """Of the columns of numbers alone."""
    return PreparedReference.of(reference[NUMBERS])


PAIR, MONTH = "pair", "month"
WORK = {  # name: shape of the data, what is prepared before the clock starts, what is timed
    "pair, KS and chi-square: scipy": (PAIR, as_it_is, pair_by_scipy),
    "pair, KS and chi-square: functions": (PAIR, as_it_is, pair_by_functions),
    "pair, KS and chi-square: prepared": (PAIR, as_it_is, pair_prepared),
    "month, KS: scipy": (MONTH, as_it_is, ks_by_scipy),
    "month, KS: prepared": (MONTH, as_it_is, ks_prepared),
    "month, decile PSI: numpy": (MONTH, deciles, psi_by_numpy),
    "month, decile PSI: prepared": (MONTH, numbers_prepared, partial(by_day, asked=["psi"])),
    "month, JS: numpy": (MONTH, histograms, js_by_numpy),
    "month, JS: prepared": (MONTH, numbers_prepared, partial(by_day, asked=["jensen_shannon"])),
    "preparation": (MONTH, as_it_is, lambda reference, month: PreparedReference.of(reference)),
    "month, all statistics": (MONTH, PreparedReference.of, partial(by_day, asked=STATISTICS)),
}
RATIOS = {  # name: whose seconds are divided by whose
    "pair: scipy / functions": ("pair, KS and chi-square: scipy",
                                "pair, KS and chi-square: functions"),
    "pair: scipy / prepared": ("pair, KS and chi-square: scipy",
                               "pair, KS and chi-square: prepared"),
    "month, KS: scipy / prepared": ("month, KS: scipy", "month, KS: prepared"),
    "month, PSI: prepared / numpy": ("month, decile PSI: prepared", "month, decile PSI: numpy"),
    "month, JS: prepared / numpy": ("month, JS: prepared", "month, JS: numpy"),
}  # fmt: skip


def timed(name: str, rows: int) -> dict[str, float]:
    """Seconds of one piece of work, megabytes of its data and of what comes on top of them."""
    shape, prepare, work = WORK[name]
    reference_rows = min(REFERENCE_ROWS, rows)
    reference = frame(reference_rows, "reference")
    current = frame(reference_rows if shape == PAIR else rows, "current")
    work(prepare(reference.iloc[:1_000]), current.iloc[:3_000])  # warms imports and caches
    state = prepare(reference)
    began = time.perf_counter()
    work(state, current)
    seconds = time.perf_counter() - began
    tracemalloc.start()  # a second time, since counting bytes takes time
    work(prepare(reference), current)
    more = tracemalloc.get_traced_memory()[1] / 2**20
    data = sum(side.memory_usage(deep=True).sum() for side in (reference, current)) / 2**20
    return {"seconds": seconds, "data MB": data, "more MB at the peak": more}


def apart(name: str, rows: int) -> dict[str, float]:
    """One measurement in a fresh process."""
    asked = [sys.executable, __file__, "--rows", str(rows), "--only", name]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(rows: int, rounds: int) -> dict[str, dict[str, float]]:
    """Every figure: medians over interleaved rounds, and the ratios of their seconds."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WORK}
    for _ in range(rounds):
        for name in WORK:
            found[name].append(apart(name, rows))
    table = {
        name: {each: statistics.median(round_[each] for round_ in all_) for each in all_[0]}
        for name, all_ in found.items()
    }
    ratios = {name: table[above]["seconds"] / table[below]["seconds"]
              for name, (above, below) in RATIOS.items()}  # fmt: skip
    return table | {"ratios": ratios}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the month")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=WORK, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(timed(chosen.only, chosen.rows)))
    else:
        table = measure(chosen.rows, chosen.rounds)
        print(json.dumps(table, indent=2) if chosen.json else shown(table, chosen))


def shown(table: dict[str, dict[str, float]], chosen: argparse.Namespace) -> str:
    """The table for people."""
    lines = [f"a month of {chosen.rows:,} rows x 20, median of {chosen.rounds} rounds"]
    for name, figures in table.items():
        lines += [f"{name + ': ' + what:<60}{value:>12,.2f}" for what, value in figures.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
