"""What a fault costs each side: twins without a difference, signs that are known, verdicts."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.experiments.fault_by_fault import Window, compared, losses
from mlsys_lessons.system.faults import CATALOGUE

SMALL = Window(start=2, end=4, days=5, daily=200)


def test_a_fault_of_no_severity_costs_nothing_and_an_outage_is_no_such_fault() -> None:
    factories = {
        "nothing": partial(mls.faults.null_flood, severity=0.0),
        "outage": partial(mls.faults.dependency_outage, severity=1.0),
    }
    lost = losses([3], factories=factories, window=SMALL).set_index("fault")
    assert lost.loc["nothing", ["naive", "resilient"]].tolist() == [0.0, 0.0]
    assert (lost.loc["outage", ["naive", "resilient"]] != 0.0).all()


def test_a_loss_is_the_difference_of_two_whole_runs() -> None:
    """By the long way: both twins from day 0, without going on from a shared beginning."""
    world, system = mls.payments_world(seed=3, daily=200), mls.naive_system(seed=3)
    fault = mls.faults.missing_features(start=2, end=4)
    calm, hit = (
        mls.simulate(world, system, days=5, faults=each).expected_value for each in ((), (fault,))
    )
    factories = {"missing": CATALOGUE["missing_features"]}
    lost = losses([3], factories=factories, window=SMALL)
    assert lost["naive"].iloc[0] == pytest.approx((calm - hit) / 100 / 0.4)


def test_verdicts_follow_the_interval() -> None:
    lost = pd.DataFrame({
        "seed": [1, 2, 3, 1, 2, 3],
        "fault": ["a"] * 3 + ["b"] * 3,
        "naive": [9.0, 9.1, 9.2, 1.0, 5.0, 9.0],
        "resilient": [2.0, 2.0, 2.0, 9.0, 5.0, 1.0],
    })  # fmt: skip
    found = compared(lost).set_index("fault")
    assert found["verdict"].tolist() == ["less", "no difference seen"]
    assert found.loc["a", "saved"] == pytest.approx(7.1)
    assert found.loc["b", "low"] < 0 < found.loc["b", "high"]
