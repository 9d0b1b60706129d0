"""Fault by layer: the same as a plain simulation, alerts of twins by hand, and what is measured."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.experiments import layer_matrix
from mlsys_lessons.experiments.layer_matrix import (
    ALONE,
    ANSWERED,
    BREAKS,
    SYSTEMS,
    WATCHED,
    days_to_alert,
    false_alarms,
    name_of,
)
from mlsys_lessons.records import LAYERS
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import CATALOGUE

SMALL = ClaimSize(days=BREAKS + 8, daily=250)


def alerts(*rows: tuple[int, str, str]) -> SimpleNamespace:
    """A run of 90 days of which only the alerts are known: tick, layer, metric."""
    frame = pd.DataFrame(rows, columns=["tick", "layer", "metric"]).assign(segment="all")
    frame["layer"] = frame["layer"].astype(pd.CategoricalDtype(list(LAYERS)))
    return SimpleNamespace(alerts=frame, days=90)


def test_the_first_alert_that_the_twin_does_not_have_counts() -> None:
    twin = alerts((61, "inputs", "share_night"), (30, "outputs", "psi_score"))
    run = alerts(
        (61, "inputs", "share_night"), (64, "inputs", "share_night"), (63, "outputs", "psi_score"),
        (59, "decisions", "block_rate"), (60, "business", "booked_cents"),
    )  # fmt: skip
    seen = days_to_alert(run, twin)
    assert (seen["inputs"], seen["outputs"], seen["business"]) == (5, 4, 1)
    assert np.isnan(seen["operations"]) and np.isnan(seen["decisions"])  # before the break


def test_a_spell_is_one_false_alarm_however_long() -> None:
    run = alerts(
        (60, "inputs", "a"), (61, "inputs", "a"), (65, "inputs", "a"), (61, "inputs", "b"),
        (10, "inputs", "a"), (70, "outputs", "a"),
    )  # fmt: skip
    assert false_alarms(run, "inputs") == 3 and false_alarms(run, "outputs") == 1
    assert false_alarms(run, "operations") == 0 == false_alarms(alerts(), "inputs")


def test_every_fault_meets_every_system_and_its_twin() -> None:
    arms = layer_matrix.arms()
    assert len(arms) == len(SYSTEMS) * (len(CATALOGUE) + 1)
    assert set(arms[name_of("", ALONE)].faults(1, SMALL)) == set()
    (fault,) = arms[name_of("latency", WATCHED)].faults(1, SMALL)
    assert (fault.name, fault.start, fault.end) == ("latency", BREAKS, np.inf)


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_run_that_goes_on_from_the_quiet_days_is_the_plain_one(kind: str) -> None:
    """The sixty days before are shared; what is measured is that of one straight simulation."""
    arm = layer_matrix.arms()[name_of("null_flood", kind)]
    found = arm.play(5, SMALL)
    make = mls.naive_system if kind == ALONE else mls.resilient_system
    options = {"responder": None} if kind == WATCHED else {}
    world = mls.payments_world(seed=5, daily=SMALL.daily)
    run, twin = (
        mls.simulate(world, make(seed=5, **options), days=SMALL.days, faults=faults, keep="metrics")
        for faults in ([mls.faults.null_flood(start=BREAKS)], [])
    )
    assert found["actions_sha256"] == run.actions_sha256
    measured, life = found["measured"], run.life(0, twin=twin)
    lasted = life.cents[: int(np.ceil(measured["days_to_end"]))]
    assert measured["lost_euros"] == pytest.approx(-lasted.sum() / 100)
    assert measured["days_to_end"] == min(life.fault.end, run.days) - BREAKS
    for layer in LAYERS:
        assert measured[f"days_{layer}"] == pytest.approx(
            days_to_alert(run, twin)[layer], nan_ok=True
        )
    if kind != ALONE:
        assert measured["days_inputs"] == 1 and np.isnan(measured["days_operations"])
    if kind == ANSWERED:
        assert measured["days_to_end"] < 8


def test_a_healthy_twin_counts_its_own_false_alarms() -> None:
    measured = layer_matrix.arms()[name_of("", WATCHED)].play(5, SMALL)["measured"]
    assert set(measured) == {f"false_{layer}" for layer in LAYERS}
