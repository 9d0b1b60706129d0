"""Lesson 03's instruments tell the same rows again, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.claims import c5_other_pipeline, c6_other_data
from mlsys_lessons.claims.claim import FAILS, HOLDS, Evidence
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.pipelines import live_rows, served_from
from mlsys_lessons.experiments.training_tables import logged_table, nightly
from mlsys_lessons.lessons.lesson03 import answers, shadow_mode, skew
from mlsys_lessons.lessons.lesson03.skew_inspector import Inspection, widget
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.worlds.payments.domain import FEATURES

TINY = ClaimSize(days=8, daily=300)


@pytest.fixture(scope="module")
def live() -> mls.Run:
    world = mls.payments_world(seed=7, daily=300)
    return mls.simulate(world, mls.assemble({"model", "features"}, seed=7), days=12)


@pytest.fixture(scope="module")
def same(live: mls.Run) -> skew.SameRows:
    return skew.SameRows.of(live)


# --- other pipelines -----------------------------------------------------------------------------


def test_the_warehouse_tells_the_rows_as_the_state_did(same: skew.SameRows) -> None:
    table = same.rows.features()
    assert table["request_id"].tolist() == same.rows.log["request_id"].tolist()
    np.testing.assert_allclose(table[skew.FRAME], same.online, rtol=0, atol=1e-9)


def test_a_nightly_table_is_what_the_naive_system_is_told() -> None:
    world = mls.payments_world(seed=7, daily=300)
    rows = live_rows(mls.simulate(world, mls.naive_system(seed=7), days=6))
    pd.testing.assert_frame_equal(served_from(rows, 0), rows.log[list(FEATURES)])


def test_an_older_table_is_what_the_fault_serves() -> None:
    world = mls.payments_world(seed=7, daily=300)
    stale = mls.faults.CATALOGUE["stale_features"](start=0, end=6, severity=1)
    run = mls.simulate(world, mls.naive_system(seed=7), days=6, faults=[stale])
    rows = live_rows(run)
    pd.testing.assert_frame_equal(served_from(rows, 1), rows.log[list(FEATURES)])


def test_logged_features_are_those_of_the_table_that_was_served() -> None:
    from mlsys_lessons.experiments.training_tables import history_table

    requests, _ = history_table(7)
    logged, served = logged_table(7, 1), nightly(requests, 1, rows=len(requests))
    assert logged["recency_hours"].tolist() == served["recency_hours"].tolist()
    assert logged["recency_hours"].min() >= 24.0 - 1e-9


def test_replayed_on_logged_features_the_model_repeats_itself_bit_for_bit(
    live: mls.Run, same: skew.SameRows
) -> None:
    assert np.array_equal(same.scores(live.log), live.log["score"].to_numpy())


def test_the_edge_gives_the_scores_of_the_simulation(live: mls.Run) -> None:
    from mlsys_lessons.serving import Client, serve, transactions, warmed

    system = mls.assemble({"model", "features"}, seed=7)
    bodies = transactions(live.world.day(0, live.world.start()).requests.head(50), virtual=True)
    with serve(warmed(live.world, system), virtual=True) as url, Client(url) as client:
        scores = [answer["score"] for answer in client.decide(bodies)]
    assert scores == live.log["score"].head(50).tolist()


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(skew.MISTAKES))
def test_each_mistake_changes_something_and_no_row(same: skew.SameRows, name: str) -> None:
    features = same.features(name)
    assert list(features.columns) == skew.FRAME and len(features) == len(same.online)
    shares = answers.differs(same.online, features)
    assert 0 < (shares > 0).sum() < len(skew.FRAME)


def test_events_that_come_once_and_in_time_change_nothing(same: skew.SameRows) -> None:
    tidy = skew._mess(same, fault="duplicate_replay", severity=0.0)
    np.testing.assert_array_equal(tidy.to_numpy(), same.online.to_numpy())


def test_lift_is_the_money_of_the_simulation(same: skew.SameRows) -> None:
    from mlsys_lessons.simulation.ledger import expected_cents
    from mlsys_lessons.worlds.payments.domain import COSTS

    truth, blocked = same.rows.truth, (same.rows.log["action"] == "block").to_numpy()
    facts = truth["true_probability"].to_numpy(), truth["true_amount_cents"].to_numpy(), COSTS
    gain = expected_cents(2 * blocked.astype(np.int8), *facts).sum()
    gain -= expected_cents(np.zeros(len(blocked), np.int8), *facts).sum()
    lift = same.lift(same.rows.log["score"].to_numpy())
    assert lift == pytest.approx(gain / len(blocked) * 10)


def test_the_mean_of_the_placement_gaps_is_the_difference_of_two_areas(same: skew.SameRows) -> None:
    from sklearn.metrics import roc_auc_score

    here, there = same.scores(same.online), same.scores(same.features("a table one day older"))
    gaps = answers.placement_gaps(here, there, same.fraud)
    area = roc_auc_score(same.fraud, here) - roc_auc_score(same.fraud, there)
    assert gaps.mean() == pytest.approx(area, abs=1e-12)


# --- the inspector -------------------------------------------------------------------------------


def test_the_inspector_and_its_twin_say_the_same(same: skew.SameRows) -> None:
    pytest.importorskip("ipywidgets")
    form = widget(same)
    (mistake, column), status = form.children[0].children, form.children[2]
    mistake.value, column.value = "amounts in cents", "log_amount"
    twin = Inspection(same, "amounts in cents", "log_amount")
    assert status.value == f"<pre>{twin!r}</pre>"
    assert form.children[1].value[:4] == b"\x89PNG"
    assert "skew-status" in status._dom_classes


@pytest.mark.parametrize("wrong", [{"mistake": "a comet"}, {"column": "shoe_size"}])
def test_the_inspector_names_what_it_does_not_know(
    same: skew.SameRows, wrong: dict[str, str]
) -> None:
    with pytest.raises(InputError, match="choose one of"):
        Inspection(same).choose(**wrong)


# --- the shadow ----------------------------------------------------------------------------------


def test_a_shadow_is_never_heard_and_its_bounds_hold_the_truth() -> None:
    world, taught = mls.payments_world(seed=5, daily=300), mls.naive_system(seed=9)
    stale = mls.faults.CATALOGUE["stale_features"](start=0, end=60, severity=1)
    beside = shadow_mode.shadowed(mls.naive_system(seed=5), taught.inference.model)
    alone, watched = (
        mls.simulate(world, each, days=60, faults=[stale])
        for each in (mls.naive_system(seed=5), beside)
    )
    assert alone.actions_sha256 == watched.actions_sha256
    shadow = shadow_mode.shadow(watched, cut=0.02)
    assert np.isnan(shadow.label[shadow.champion]).all()
    assert not np.isnan(shadow.label[~shadow.champion]).any()
    full = shadow_mode.Shadow(*shadow.views[:3], shadow.challenger, shadow.truth)
    known = np.where(shadow.champion, np.nan, shadow.truth)
    low, high = answers.switch_bounds(known, *full.views[1:])
    assert low <= shadow.in_truth <= high


# --- the claims ----------------------------------------------------------------------------------


def test_c5_pairs_differ_and_its_control_does_not() -> None:
    pairs = c5_other_pipeline.arms(0.0)
    control = pairs[c5_other_pipeline.CONTROL].play(7, TINY)
    assert control["measured"]["offline_auc"] == control["measured"]["online_auc"]
    assert control["measured"]["offline_cents"] == control["expected_cents"]
    older = pairs["right, served from the table before it"].play(7, TINY)
    assert older["requests"] == control["requests"]
    assert older["measured"]["offline_auc"] == pytest.approx(control["measured"]["offline_auc"])
    assert older["measured"]["online_auc"] != older["measured"]["offline_auc"]


def test_c5_depends_on_the_pipeline_where_pairs_disagree() -> None:
    luck, names = np.random.default_rng(1), list(c5_other_pipeline.PAIRS)
    for worse, verdict in ((5, HOLDS), (0, FAILS), (3, "depends on the pipeline")):
        rows = [
            {"seed": seed, "rate": rate, "arm": name, "requests": 1_000, "expected_cents": 1e5,
             "value_cents": 1e5, "offline_cents": 2e5, "offline_auc": 0.9,
             "online_auc": 0.9 - 0.1 * (names.index(name) < worse) + 1e-4 * luck.normal()}
            for seed in range(10) for rate in (0.0, 1.0) for name in names
        ]  # fmt: skip
        control = [{**row, "arm": c5_other_pipeline.CONTROL, "online_auc": 0.9,
                    "offline_cents": 1e5} for row in rows if row["arm"] == names[0]]  # fmt: skip
        result = c5_other_pipeline.CLAIM.judge(Evidence(pd.DataFrame(rows + control), TINY))
        assert result.verdict == verdict
        assert "by 0 in" in result.notes[0]


def test_c6_wants_money_lost_to_age_and_two_models_that_differ() -> None:
    luck = np.random.default_rng(2)

    def evidence(older: float, other: float) -> Evidence:
        worth = {"approve all": 0.0, "the model alone": 60.0, "midnight table": 100.0,
                 "a day older": older, "a day older, trained on its own log": 90.0,
                 "one half of the history": 80.0, "the other half": other}  # fmt: skip
        rows = [
            {"seed": seed, "rate": rate, "arm": arm, "requests": 1_000,
             "expected_cents": 100 * euros + luck.normal(), "value_cents": 100 * euros}
            for seed in range(10) for rate in (0.0, 1.0) for arm, euros in worth.items()
        ]  # fmt: skip
        return Evidence(pd.DataFrame(rows), TINY)

    assert c6_other_data.CLAIM.judge(evidence(20.0, 40.0)).verdict == HOLDS
    assert c6_other_data.CLAIM.judge(evidence(98.0, 40.0)).verdict == FAILS
    assert c6_other_data.CLAIM.judge(evidence(20.0, 79.0)).verdict == FAILS


def test_c6_arms_differ_in_data_alone() -> None:
    arms = c6_other_data.arms(0.0)
    older = arms["a day older"]
    assert [fault.name for fault in older.faults(7, TINY)] == ["stale_features"]
    cuts = {arms[name].system(7).decisions.cut for name in list(arms)[-2:]}  # type: ignore[union-attr]
    assert len(cuts) == 2
