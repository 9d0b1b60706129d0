"""Another business, whose requests are slates, through every part of the house."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy import PLACES, SHELF, shelf_world

import mlsys_lessons as mls
from mlsys_lessons import worlds
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.ids import row_keys

DAYS = 60  # long enough for labels to mature


@pytest.fixture(scope="module", autouse=True)
def _named():
    """The one line that a new domain needs outside its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(worlds.WORLDS, "shelf", shelf_world)
        yield


@pytest.fixture(scope="module")
def runs() -> dict[str, mls.Run]:
    world = shelf_world(seed=3)
    systems = {"naive": mls.naive_system("shelf", seed=3),
               "resilient": mls.resilient_system("shelf", seed=3)}  # fmt: skip
    return {name: mls.simulate(world, system, days=DAYS) for name, system in systems.items()}


@pytest.mark.parametrize("name", ["naive", "resilient"])
def test_each_row_of_a_slate_has_one_action_and_one_effect(runs: dict, name: str) -> None:
    run = runs[name]
    assert run.log["action"].isin(SHELF.actions).all()
    assert (run.log.groupby("request_id")["position"].nunique() == PLACES).all()
    effects = run.ledger[run.ledger["request_id"] >= 0]
    assert not effects.duplicated([*SHELF.identity]).any()
    keys = row_keys(run.log, SHELF.identity)
    assert set(row_keys(effects, SHELF.identity)) == set(keys)
    assert set(run.truth().index) == set(keys)
    assert int(run.ledger["cents"].sum()) == run.value
    assert run.value == int(run.books["cents"].sum()) + run.outstanding


def test_every_level_is_there_and_says_its_columns(runs: dict) -> None:
    log, system = runs["resilient"].log, runs["resilient"].system
    assert system.levels == set(COMPONENTS)
    stages = (system.ingestion, system.features, system.inference, system.decisions)
    assert {name for stage in stages for name in stage.adds} < set(log.columns)
    assert system.features.adds == tuple(SHELF.inputs)
    assert runs["naive"].system.levels == {"model"}


def test_the_model_has_learned_and_the_monitors_have_watched(runs: dict) -> None:
    run = runs["resilient"]
    truth = run.truth().loc[row_keys(run.log, SHELF.identity)]
    ignored = truth["true_label"].to_numpy() == 1
    assert run.log["score"][ignored].mean() > run.log["score"][~ignored].mean()
    metrics = run.metrics.set_index("metric")["value"]
    assert 0 < metrics["share_tea"].mean() < 1
    assert {"drop_rate", "reported_ignore_rate", "null_rate"} <= set(metrics.index)
    assert "amount_mean" not in metrics.index
    assert {"click log", "matured"} <= set(run.labels["source"].unique())


def test_two_runs_are_compared_row_by_row(runs: dict) -> None:
    price = mls.compare(runs["naive"], runs["resilient"])
    assert price.total == runs["resilient"].value - runs["naive"].value
    assert {*SHELF.identity} < set(price.requests.columns)


def test_a_slate_that_comes_again_gets_its_first_answers() -> None:
    world, again = shelf_world(seed=3), mls.faults.duplicate_replay(start=1, end=4, severity=0.5)
    run = mls.simulate(world, mls.resilient_system("shelf", seed=3), days=5, faults=[again])
    repeats = run.log[run.log["is_duplicate"]]
    assert len(repeats) > PLACES
    first = run.log[~run.log["is_duplicate"]].set_index([*SHELF.identity])
    firsts = first.loc[pd.MultiIndex.from_frame(repeats[[*SHELF.identity]])]
    for name in ("score", "action", "final_action"):
        assert repeats[name].tolist() == firsts[name].tolist()
    effects = run.ledger[run.ledger["request_id"] >= 0]
    assert not effects.duplicated([*SHELF.identity]).any()


def test_any_batch_and_any_pause_give_the_same_actions() -> None:
    world, system = shelf_world(seed=3), mls.resilient_system("shelf", seed=3)
    whole = mls.simulate(world, system, days=4)
    assert mls.simulate(world, system, days=4, batch_size=7).actions_sha256 == whole.actions_sha256
    paused = mls.simulate(world, system, days=2)
    paused.step()
    assert mls.resume(paused, days=1).actions_sha256 == whole.actions_sha256


def test_a_request_is_traced_with_all_its_rows(runs: dict) -> None:
    run = runs["resilient"]
    told = repr(run.trace(int(run.log["request_id"].iloc[0])))
    assert told.count("at place") == PLACES
    assert "seen_24h" in told


def test_a_system_of_another_domain_is_refused_in_one_sentence() -> None:
    with pytest.raises(mls.InputError, match="make both for one domain"):
        mls.simulate(shelf_world(), mls.naive_system(seed=3), days=1)
    assert np.isfinite(mls.naive_system("shelf", seed=3).decisions.cut)


def test_the_log_on_disk_is_the_log_in_memory(tmp_path: Path) -> None:
    world, system = shelf_world(seed=3), mls.resilient_system("shelf", seed=3)
    memory = mls.simulate(world, system, days=3)
    disk = mls.simulate(world, system, days=3, keep="disk", path=tmp_path / "shelf.duckdb")
    pd.testing.assert_frame_equal(disk.log, memory.log, check_exact=True)
    pd.testing.assert_frame_equal(disk.truth(), memory.truth(), check_exact=True)
    pd.testing.assert_frame_equal(disk.labels, memory.labels, check_exact=True)
