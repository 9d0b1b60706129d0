"""Lesson 01 tells the truth: its named surprise holds in the stored worlds and in one unseen."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.experiments import ageing
from mlsys_lessons.lessons.lesson01 import answers, measurements, recipes
from mlsys_lessons.simulation.presets import notebook_model, training_rows

UNSEEN = 77  # shown in no lesson, used by no claim


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return measurements.notebooks().pivot(index="seed", columns="notebook")


def test_the_leak_wins_every_offline_test_and_loses_the_money(stored: pd.DataFrame) -> None:
    assert (stored["auc"]["A"] > stored["auc"]["B"]).all()
    assert (stored["auc_time"]["A"] > stored["auc_time"]["B"]).all()
    assert (stored["promised"]["A"] > stored["promised"]["B"]).all()
    for humbler in ("B", "C"):
        assert (stored["earned"]["A"] < stored["earned"][humbler]).all()


def test_the_half_repair_promises_more_and_earns_less(stored: pd.DataFrame) -> None:
    half = "A, half repaired"
    assert (stored["promised"][half] > stored["promised"]["B"]).all()
    assert (stored["earned"][half] < stored["earned"]["B"]).all()


def test_nobody_beats_the_reference(stored: pd.DataFrame) -> None:
    earned = stored["earned"]
    assert earned.drop(columns="reference").lt(earned["reference"], axis=0).all(axis=None)


def test_a_frozen_model_ages_as_published_and_a_still_world_is_flat() -> None:
    """Published: 4 to 12 points of recall a year, 10 to 30 % of PR-AUC, 5 to 20 % of the value."""
    ends = measurements.last_months().set_index(["setting", "model", "metric"]).sort_index()
    frozen = ends.loc[("with drift", ageing.FROZEN)]
    assert 0.04 <= frozen["lost"]["recall"] <= 0.12 and frozen["lost_low"]["recall"] > 0
    assert 0.10 <= frozen["relative"]["pr_auc"] <= 0.30
    assert 0.01 <= frozen["lost"]["roc_auc"] <= 0.04
    assert 0.05 <= frozen["relative"]["value_share"] <= 0.20
    refitted = ends.loc[("with drift", ageing.REFITTED)]
    assert (refitted["lost"] < frozen["lost"]).all()
    still = measurements.curve().query("setting == @ageing.STILL and metric == 'roc_auc'")
    for _, line in still.groupby("model"):
        first, last = line.iloc[0], line.iloc[-1]
        assert last["mean_low"] <= first["mean"] <= last["mean_high"]


def test_the_surprise_holds_in_an_unseen_world() -> None:
    world = mls.payments_world(seed=UNSEEN, daily=1_000)
    requests, labels = world.history(180)
    table = mls.features.offline(requests, labels)
    reports = recipes.reports_of(requests, labels)
    leaky = table.assign(reports=recipes.reports_on_card(requests, reports))
    a = recipes.notebook(recipes.ReportsModel(reports, UNSEEN), leaky, seed=UNSEEN)
    b = recipes.notebook(BoostedModel(random_state=UNSEEN), table, seed=UNSEEN)
    offline, cents = [], []
    for notebook in (a, b):
        offline.append(recipes.auc(notebook.model.predict(notebook.test), notebook.test))
        system = recipes.ship(notebook.model, notebook.cut, seed=UNSEEN)
        cents.append(mls.simulate(world, system, days=90, keep="metrics").value)
    assert offline[0] > offline[1] + 0.02
    assert cents[0] < cents[1] / 2


def test_the_recipe_around_any_model_is_the_courses_recipe() -> None:
    history = mls.payments_world(seed=5, daily=200).history(150)
    table = mls.features.offline(*history)
    ours, theirs = recipes.notebook(BoostedModel(), table), notebook_model(table)
    assert ours.cut == theirs.cut
    assert np.array_equal(ours.model.predict(table), theirs.model.predict(table))


def test_without_its_column_a_is_b() -> None:
    history = mls.payments_world(seed=5, daily=200).history(150)
    table = mls.features.offline(*history).assign(reports=0.0)
    rows = training_rows(table)
    label = rows["label"].to_numpy()
    nothing = recipes.reports_of(*history).head(0)
    scores = recipes.ReportsModel(nothing).fit(rows, label).predict(rows)
    assert np.array_equal(scores, BoostedModel().fit(rows, label).predict(rows))


def test_the_three_counts_differ_only_in_their_date() -> None:
    day = pd.Timestamp("2025-03-01").as_unit("ms")
    days = [day + pd.Timedelta(days=later) for later in (0, 1, 30)]
    payments = pd.DataFrame({"request_id": [7, 8, 9], "customer_id": 1, "event_time": days})
    reports = pd.DataFrame({"customer_id": [1], "paid": [days[0]], "told": [days[1]]})
    assert recipes.reports_on_card(payments, reports).tolist() == [1, 1, 1]
    assert recipes.reports_paid_before(payments, reports).tolist() == [0, 1, 1]
    assert answers.known_reports(payments, reports).tolist() == [0, 0, 1]


def test_what_is_shown_under_the_bonnet_fits_a_screen() -> None:
    assert len(inspect.getsource(recipes.reports_on_card).splitlines()) <= 20
