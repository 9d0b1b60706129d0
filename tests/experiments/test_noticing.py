"""Who notices: one row a life, priced by its twin; what never came counts as the run's rest."""

from __future__ import annotations

import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments import noticing


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return noticing.lives(["stale_features"], seeds=[3], daily=200, days=90)


def test_a_life_is_the_runs_own_and_its_price_that_of_twins(found: pd.DataFrame) -> None:
    world = mls.payments_world(seed=3, daily=200)
    hangs = mls.faults.stale_features(start=noticing.BREAKS)
    for name, make in noticing.SYSTEMS.items():
        hit, calm = (
            mls.simulate(world, make(seed=3), days=90, faults=faults, keep="metrics")
            for faults in ([hangs], [])
        )
        row = found.set_index("system").loc[name]
        assert row["cents"] == pytest.approx(hit.expected_value - calm.expected_value)
        life = hit.life(0)
        assert row["was_noticed"] == (life.noticed is not None)
        assert row["to_notice"] == (life.noticed or 90) - noticing.BREAKS
        assert row["to_end"] == min(life.fault.end, 90) - noticing.BREAKS


def test_the_summary_is_of_seeds(found: pd.DataFrame) -> None:
    twice = pd.concat([found, found.assign(seed=4, to_notice=found["to_notice"] + 2)])
    rows = noticing.summary(twice)
    assert rows["seeds"].tolist() == [2, 2]
    assert rows["days_to_notice"].tolist() == (found["to_notice"] + 1).tolist()
    assert rows["euros"].to_numpy() == pytest.approx(found["cents"].to_numpy() / 100)
    assert "days_to_end" in noticing.report(rows)


def test_a_run_must_outlast_the_day_on_which_it_breaks() -> None:
    with pytest.raises(InputError, match="days=60 must lie in 61"):
        noticing.lives(["late_rows"], seeds=[3], days=60)
