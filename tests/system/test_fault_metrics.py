"""Every fault moves the metric that it says it moves, and leaves the named others in their noise.

Twin runs on the same luck, with and without the fault. Noise is measured on four healthy weeks
of the same world; a metric that never moves there (a rate that is always zero) has to stay put.
How a fault changes a frame is told in test_faults.py, how a design answers one in
test_failure_modes.py.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.simulation.scenarios import INCIDENTS
from mlsys_lessons.system.faults import CATALOGUE, Fault

SEED, DAILY = 7, 1_000
START, END, DAYS, HEALTHY_DAYS = 5, 8, 10, 28
LEAST_RATE = 0.01  # below this nobody would say that a rate has moved
TAIL_DAYS = 2  # late rows arrive up to 36 hours after the window
CLEAR = 6.0  # robust standard deviations
ANSWERED = {  # seen by the claimed metric where the component that answers is at its naive level
    "missing_features": "features", "cold_start": "features", "stale_features": "features",
    "wrong_model": "serving",
}  # fmt: skip
RARE = ("label_job_failure",)  # a few reports a day: seen over its days together


@lru_cache(maxsize=3)
def parts(naive: str = "") -> tuple[object, object]:
    """One world and one system for all twins; another for faults that a component would hide."""
    world = mls.payments_world(seed=SEED, daily=DAILY)
    levels = set(COMPONENTS) - {naive}
    return world, mls.assemble(levels, seed=SEED, retraining=None)


def daily(faults: tuple[Fault, ...], days: int, naive: str) -> pd.DataFrame:
    """One row a day, one column a metric, named layer.metric.segment."""
    world, system = parts(naive)
    run = mls.simulate(world, system, days=days, faults=faults, keep="metrics")
    seen = run.metrics
    name = seen["layer"].astype(str) + "." + seen["metric"] + "." + seen["segment"]
    return seen.assign(name=name).pivot(index="tick", columns="name", values="value")


@lru_cache(maxsize=3)
def healthy(naive: str = "") -> pd.DataFrame:
    """Four weeks without a fault; the twins' first days are its first days."""
    return daily((), HEALTHY_DAYS, naive)


@lru_cache(maxsize=64)
def twin(name: str, severity: float | None = None) -> tuple[Fault, pd.DataFrame]:
    """The same days with one fault in them."""
    chosen = {} if severity is None else {"severity": severity}
    fault = CATALOGUE[name](start=START, end=END, **chosen)
    return fault, daily((fault,), DAYS, ANSWERED.get(name, ""))


def full(metric: str) -> str:
    """A claimed metric with its segment."""
    return metric if metric.count(".") == 2 else f"{metric}.all"


def noise(metric: str) -> float:
    """Robust standard deviation of a metric's healthy days, trend and weekday included."""
    values = healthy()[full(metric)].to_numpy()
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def shifts(fault: Fault, metric: str, days: pd.DataFrame) -> np.ndarray:
    """How far each day lies from its healthy twin."""
    twin_days = healthy(ANSWERED.get(fault.name, ""))[full(metric)].to_numpy()[:DAYS]
    return days[full(metric)].to_numpy() - twin_days


def _moves(fault: Fault, days: pd.DataFrame) -> None:
    if fault.name in RARE:
        both = (each[full(fault.moves)].to_numpy()[START:END].sum() for each in (days, healthy()))
        assert next(both) < 0.5 * next(both)
        return
    inside = np.abs(shifts(fault, fault.moves, days))[START:END]
    assert (inside > max(CLEAR * noise(fault.moves), LEAST_RATE)).all(), (fault, inside)


def _leaves(fault: Fault, days: pd.DataFrame) -> None:
    for metric in fault.leaves:
        moved = np.abs(shifts(fault, metric, days))
        assert (moved <= noise(metric)).all(), (fault, metric, moved, noise(metric))


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_a_fault_moves_its_metric_on_every_day_of_its_window(name: str) -> None:
    _moves(*twin(name))


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_a_fault_leaves_the_named_others_within_their_noise(name: str) -> None:
    fault, days = twin(name)
    assert fault.leaves and fault.moves not in fault.leaves
    _leaves(fault, days)


def test_clocks_that_run_ahead_show_as_rows_from_the_future() -> None:
    fault, days = twin("time_zone_shift", -6.0)
    assert fault.moves == "inputs.future_rate"
    _moves(fault, days)
    _leaves(fault, days)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_before_the_window_nothing_has_happened_and_after_it_rates_return(name: str) -> None:
    """Days before are equal to the bit, in every metric; rows in transit need a day more."""
    fault, days = twin(name)
    for metric in days.columns:
        calm = healthy(ANSWERED.get(name, ""))[metric].to_numpy()
        before = days[metric].to_numpy()[:START], calm[:START]
        np.testing.assert_array_equal(*before, err_msg=metric)
    late = name in ("late_rows", "duplicate_replay")
    after = np.abs(shifts(fault, fault.moves, days))[END + (TAIL_DAYS if late else 0) :]
    assert (after <= 2 * noise(fault.moves)).all(), after
    peak = np.abs(shifts(fault, fault.moves, days))[START:END].max()
    assert np.abs(shifts(fault, fault.moves, days))[-1] < 0.05 * peak


@pytest.mark.parametrize(
    ("name", "severity"),
    [(row.fault, severity) for row in INCIDENTS for severity in row.severities],
)
def test_the_claim_holds_at_every_severity_of_the_ordinary_year(name: str, severity: float) -> None:
    fault, days = twin(name, severity)
    _moves(fault, days)
    _leaves(fault, days)


@pytest.mark.parametrize(
    "name", ["latency", "dependency_outage", "traffic_spike", "partial_outage"]
)
def test_the_platforms_dashboard_sees_the_faults_of_the_platform(name: str) -> None:
    """The naive level has one layer; these are the only faults that move it."""
    world, _ = parts()
    system, fault = mls.naive_system(seed=SEED), CATALOGUE[name](start=1, end=2)
    runs = [
        mls.simulate(world, system, days=3, faults=each, keep="metrics") for each in ((), (fault,))
    ]
    seen = [run.metrics for run in runs]
    values = [each.loc[each["metric"] == fault.moves.split(".")[1], "value"] for each in seen]
    gap = np.abs(values[1].to_numpy() - values[0].to_numpy())
    assert gap[1] > CLEAR * max(noise(fault.moves), LEAST_RATE)
    assert gap[0] == 0
