"""Days to diagnose: how many inputs somebody looks at until the broken one is found, by model.

Diagnosis is an algorithm here. An alert says that scores have moved; whoever is called goes through
the inputs in the order in which their share of the score has moved, and stops at the first that is
broken. Three models give three orders, and the drift of the inputs gives one that needs no model.
Nobody responds meanwhile, so that an incident is what it is; what a day of it costs is in the run.

Attribution is by ablation, for every model alike: what the log-odds lose when an input is put back
to its usual value. Of a linear model that is the term itself, of a rule the answer to a question.
It costs one call of the model an input.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.monitoring.drift import psi
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.over_engineered import log_odds
from mlsys_lessons.randomness import luck
from mlsys_lessons.simulation.presets import assemble, resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.scenarios import INCIDENTS
from mlsys_lessons.simulation.simulate import resume, simulate
from mlsys_lessons.system.faults import CATALOGUE
from mlsys_lessons.worlds import payments_world
from mlsys_lessons.worlds.payments.domain import PAYMENTS

Floats = NDArray[np.float64]
INPUTS = tuple(PAYMENTS.inputs)
DRIFT, UNORDERED = "drift of inputs", "no order"
MODELS = ("rule", "logistic", "boosted")
ORDERS = (*MODELS, DRIFT, UNORDERED)
FAULTS = (
    "unit_change", "null_flood", "time_zone_shift", "renamed_category", "stale_features",
    "missing_features",
)  # fmt: skip
A_YEAR = {row.fault: row.a_year for row in INCIDENTS if row.fault in FAULTS}
QUIET_DAYS, USUAL_DAYS, BROKEN_DAYS = 14, 7, 3
DAILY = 1_000
SAMPLE = 2_000  # rows on either side: a look, not a census
BROKEN = 0.01  # of the rows: an input that is wrong in fewer is not what moved the scores (assumed)
DAYS_AN_INSPECTION = 0.5  # four hours to hold one input against its source: "diagnose_named"


class Incident(NamedTuple):
    """One fault in one world: which inputs are broken, each order's shifts, and what it costs."""

    fault: str
    broken: NDArray[np.bool_]  # by input
    shifts: Mapping[str, Floats]  # order -> how far each input has moved, in that order's unit
    euros_a_day: float  # lost while nobody does anything


# --- the algorithm -------------------------------------------------------------------------------


def inspections(shifts: ArrayLike, broken: ArrayLike) -> float:
    """How many inputs are looked at, largest shift first, until one is broken; NaN if none is.

    Equal shifts are looked at in random order, and the mean over these orders counts: `g` equal
    ones with `b` broken among them take (g + 1) / (b + 1). Sizes of both arrays: one an input.
    Raises InputError where they differ.

    Why it matters: interpretability as a number of phone calls.

    >>> inspections([0.1, 0.9, 0.4], [True, False, False])
    3.0
    >>> inspections([0, 0, 0], [True, False, False])
    2.0

    Source: the first of b marked among g in random order: negative hypergeometric.
    """
    size, hit = np.abs(np.asarray(shifts, dtype=float)), np.asarray(broken, dtype=bool)
    if size.shape != hit.shape:
        raise InputError(f"{size.shape} shifts and {hit.shape} inputs; pass one shift an input.")
    for value in np.unique(size)[::-1]:
        alike = size == value
        if hit[alike].any():
            before = np.count_nonzero(size > value)
            return float(before + (alike.sum() + 1) / (hit[alike].sum() + 1))
    return float("nan")


def attribution(model: Model, frame: pd.DataFrame, usual: pd.Series) -> pd.DataFrame:
    """What each input adds to each row's log-odds, against its usual value: rows x inputs.

    `usual` is a value an input, a median say; a missing input counts as the usual one. It calls the
    model once an input.
    """
    inputs = frame[list(usual.index)]
    said = log_odds(model.predict(inputs))
    without = {
        name: said - log_odds(model.predict(inputs.assign(**{name: value})))
        for name, value in usual.items()
    }
    return pd.DataFrame(without, index=frame.index)


def attribution_shift(model: Model, before: pd.DataFrame, since: pd.DataFrame) -> Floats:
    """How far the mean attribution of each input has moved, in log-odds: one number an input."""
    usual = before[list(INPUTS)].median()
    means = [attribution(model, rows, usual).mean() for rows in (before, since)]
    return np.abs((means[1] - means[0]).to_numpy())


def drift_shift(before: pd.DataFrame, since: pd.DataFrame) -> Floats:
    """The PSI of each input, missing values in a bin of their own: no model is asked."""
    return np.array([psi(before[name].to_numpy(), since[name].to_numpy()) for name in INPUTS])


# --- incidents -----------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def quiet(seed: int, daily: int = DAILY) -> Run:
    """Two weeks without a fault, of the resilient system with nobody who acts."""
    system = resilient_system(seed=seed, retraining=None, responder=None)
    world = payments_world(seed=seed, daily=daily)
    return simulate(world, system, days=QUIET_DAYS)


@lru_cache(maxsize=16)
def gone_on(seed: int, fault: str, daily: int = DAILY) -> Run:
    """The three days after them, under a fault, or under none: ""."""
    before = quiet(seed, daily)
    system = copy.deepcopy(before.system)
    start, end = float(QUIET_DAYS), float(QUIET_DAYS + BROKEN_DAYS)
    system.install((CATALOGUE[fault](start=start, end=end),) if fault else ())
    return resume(replace(before, system=system), days=BROKEN_DAYS)


def rows_of(run: Run, first: int, last: int) -> pd.DataFrame:
    """Inputs of some 2,000 requests that arrived on these days, by request; drawn by luck."""
    day = (run.log["arrival_time"] - run.log["arrival_time"].min().normalize()).dt.days
    here = run.log[(day >= first) & (day < last) & ~run.log["is_duplicate"]]
    rows = here.set_index("request_id")[list(INPUTS)]
    share = SAMPLE / max(len(rows), 1)
    return rows[luck(run.world.seed, "diagnosed", rows.index.to_numpy()) < share]


def incident(seed: int, fault: str, daily: int = DAILY) -> Incident:
    """One fault of the catalogue at its usual severity, seen by every order."""
    twin, run = gone_on(seed, "", daily), gone_on(seed, fault, daily)
    before = rows_of(twin, QUIET_DAYS - USUAL_DAYS, QUIET_DAYS)
    clean, since = (rows_of(one, QUIET_DAYS, one.days) for one in (twin, run))
    shifts = {name: attribution_shift(fitted(seed, name), before, since) for name in MODELS}
    shifts |= {DRIFT: drift_shift(before, since), UNORDERED: np.zeros(len(INPUTS))}
    euros = earned_a_day(twin, QUIET_DAYS) - earned_a_day(run, QUIET_DAYS)
    return Incident(fault, wrong_inputs(clean, since), shifts, euros)


def earned_a_day(run: Run, first: int = 0) -> float:
    """Expected euros a day, from a day on."""
    return float(np.mean([day.earned for day in run.accounts.days[first:]])) / 100


def wrong_inputs(clean: pd.DataFrame, since: pd.DataFrame) -> NDArray[np.bool_]:
    """Which inputs differ from those of the same requests in the twin, in one row in a hundred."""
    both = clean.index.intersection(since.index)
    one, other = clean.loc[both].to_numpy(), since.loc[both].to_numpy()
    differs = ~np.isclose(one, other, equal_nan=True)
    return np.asarray(differs.mean(axis=0) >= BROKEN)


def fitted(seed: int, name: str) -> Model:
    """A model of the resilient level, fitted on the seed's history."""
    return resilient_system(seed=seed, model=name).inference.model


def lift_a_day(seed: int, daily: int = DAILY) -> float:
    """Euros a day that the boosted system adds to approving everything, in the quiet weeks."""
    world = payments_world(seed=seed, daily=daily)
    nothing = simulate(world, assemble((), seed=seed), days=QUIET_DAYS, keep="metrics")
    return earned_a_day(quiet(seed, daily)) - earned_a_day(nothing)


def table(seed: int, daily: int = DAILY) -> pd.DataFrame:
    """A row a fault: inspections by each order, how many inputs are broken, euros a day."""
    rows = []
    for name in FAULTS:
        found = incident(seed, name, daily)
        looks = {order: inspections(found.shifts[order], found.broken) for order in ORDERS}
        rows.append({"fault": name, **looks, "broken": int(found.broken.sum()),
                     "euros a day": found.euros_a_day})  # fmt: skip
    return pd.DataFrame(rows).set_index("fault")
