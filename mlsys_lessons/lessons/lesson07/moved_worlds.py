"""The same two weeks with one thing different each time: how far columns move, and what it costs.

Worlds at rest, the resilient system, no refits. Costs are those of the decisions: the price of
calls is left out, as in claim C15. It judges nothing.
"""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.experiments.column_drift import column_psi
from mlsys_lessons.simulation.run import Run

DAYS, DAILY = 14, 1_000
CASES = {  # what happens on day 0, in the order of the catalogue
    "nothing": None,
    "missing amounts": mls.faults.null_flood(start=0, end=DAYS, severity=0.1),
    "time zone": mls.faults.time_zone_shift(start=0, end=DAYS, severity=6.0),
    "old table": mls.faults.stale_features(start=0, end=DAYS, severity=3.0),
    "wrong model": mls.faults.wrong_model(start=0, end=DAYS, severity=0.34),
}


@lru_cache(maxsize=16)
def run(seed: int, case: str) -> Run:
    """Two weeks of a world at rest in which one thing happens."""
    world = mls.payments_world(seed=seed, daily=DAILY, drift=mls.Drift.none())
    system = mls.resilient_system(seed=seed, retraining=None)
    fault = CASES[case]
    return mls.simulate(world, system, days=DAYS, faults=[] if fault is None else [fault])


def decisions_euros(run: Run) -> float:
    """Expected euros without the price of calls."""
    calls = run.ledger.loc[run.ledger["item"] == "response", "cents"].sum()
    return float(run.expected_value - calls) / 100


def largest_psi(seed: int) -> pd.DataFrame:
    """For each case the raw column that has moved most, and its PSI."""
    rows = {}
    for case in CASES:
        moved = column_psi(run(seed, case))
        rows[case] = {"column": moved.idxmax(), "PSI": moved.max()}
    return pd.DataFrame(rows).T


def lost(seed: int) -> pd.Series:
    """Euros that each case costs against the same two weeks without it."""
    calm = decisions_euros(run(seed, "nothing"))
    return pd.Series({case: calm - decisions_euros(run(seed, case)) for case in CASES})
