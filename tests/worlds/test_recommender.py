"""The front page: a world like any other, through every part of the house, with its faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import categorical
from mlsys_lessons.ids import row_keys
from mlsys_lessons.records import DAY_MS, MATURITY_DAYS, milliseconds
from mlsys_lessons.system.faults import CATALOGUE
from mlsys_lessons.worlds import World
from mlsys_lessons.worlds.recommender import front_page
from mlsys_lessons.worlds.recommender.domain import PLACES, RECOMMENDER
from mlsys_lessons.worlds.recommender.faults import FAULTS
from mlsys_lessons.worlds.recommender.knobs import EXAMINATION
from mlsys_lessons.worlds.recommender.outcomes import chances
from mlsys_lessons.worlds.recommender.population import LOOKBACK
from mlsys_lessons.worlds.recommender.state import ATTRIBUTION_DAYS
from mlsys_lessons.worlds.world import Day

SEED, USERS, ITEMS, DAYS = 31, 300, 200, 60
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}


def live_through(world, days: int, state=None, first: int = 0) -> tuple[list[Day], object]:
    """Days in which every place is shown, and the state after them."""
    state = world.start() if state is None else state
    past = []
    for tick in range(first, first + days):
        day = world.day(tick, state)
        world.react(state, tick, settled(day, np.zeros(len(day.requests), np.int8)))
        past.append(day)
    return past, state


def settled(day: Day, action: np.ndarray) -> pd.DataFrame:
    """What a world is told of a day in which these actions were taken."""
    identity = day.requests[[*RECOMMENDER.identity]].reset_index(drop=True)
    final = categorical(action, RECOMMENDER.action_dtype)
    return identity.assign(final_action=final, **{n: day.truth[n].to_numpy() for n in day.truth})


@pytest.fixture(scope="module")
def world():
    return mls.recommender_world(seed=SEED, users=USERS, items=ITEMS)


@pytest.fixture(scope="module")
def runs(world) -> dict[str, mls.Run]:
    systems = {name: preset("recommender", seed=SEED) for name, preset in PRESETS.items()}
    return {name: mls.simulate(world, system, days=DAYS) for name, system in systems.items()}


@pytest.fixture(scope="module")
def lived(world) -> tuple[list[Day], object]:
    return live_through(world, 60)


# --- the world --------------------------------------------------------------------------------


def test_it_is_a_world_and_equal_arguments_give_equal_bytes(world) -> None:
    assert isinstance(world, World)
    again = mls.recommender_world(seed=SEED, users=USERS, items=ITEMS)
    assert again == world
    assert hash(again) == hash(world)
    pairs = [one.day(3, one.start()) for one in (world, again)]
    pd.testing.assert_frame_equal(pairs[0].requests, pairs[1].requests, check_exact=True)
    pd.testing.assert_frame_equal(pairs[0].truth, pairs[1].truth, check_exact=True)


def test_a_slate_is_ten_places_of_different_items_in_order_of_time(lived) -> None:
    for day in lived[0][::10]:
        slates = day.requests.groupby("request_id")
        assert (slates.size() == PLACES).all()
        assert (slates["item_id"].nunique() == PLACES).all()
        assert (slates["user_id"].nunique() == 1).all()
        assert day.requests["arrival_time"].is_monotonic_increasing
        keys = row_keys(day.requests, RECOMMENDER.identity)
        assert len(set(keys)) == len(keys)
        assert day.truth.index.tolist() == keys.tolist()


def test_fields_keep_what_the_domain_promises(lived) -> None:
    for day in lived[0][::20]:
        for field in RECOMMENDER.fields:
            column = day.requests[field.name]
            assert column.dtype == (field.words or field.dtype)
            if field.minimum is not None:
                assert (column >= field.minimum).all(), field.name
            if field.maximum is not None:
                assert (column <= field.maximum).all(), field.name
        assert (day.requests["joined"] <= day.requests["event_time"]).all()
        assert (day.requests["added"] <= day.requests["event_time"]).all()


@pytest.mark.parametrize("column, chance", [
    ("true_label", "true_probability"), ("true_click", "true_click_probability"),
])  # fmt: skip
def test_the_closed_form_is_calibrated(lived, column: str, chance: str) -> None:
    truth = pd.concat([day.truth for day in lived[0]])
    bins = pd.qcut(truth[chance], 10, duplicates="drop")
    for _, rows in truth.groupby(bins, observed=True):
        error = np.sqrt((rows[chance] * (1 - rows[chance])).sum()) / len(rows)
        assert abs(rows[column].mean() - rows[chance].mean()) < 4 * error


def test_chances_are_what_a_pencil_says() -> None:
    flat = replace(mls.Habits(), examination=(1.0,) * PLACES)
    row = (np.zeros(1, int), np.array([0.5]), np.array([-0.3]))
    plain = chances(*row, np.array([False]), flat)
    by_hand = [1 / (1 + np.exp(-x)) for x in
               (-1.3 + 0.4 - 0.09, 0.9 + 0.4 - 0.3, -1.7 + 0.25 - 0.15)]  # fmt: skip
    np.testing.assert_allclose([one[0] for one in plain], by_hand, rtol=1e-12)
    assert plain.conversion[0] == pytest.approx(np.prod(by_hand))


def test_places_are_looked_at_as_the_curve_says() -> None:
    """Equal documents: the naive click ratio of places 1 and 10 is 11.3 (Joachims 2017)."""
    place, zeros = np.arange(PLACES), np.zeros(PLACES)
    click = chances(place, zeros, zeros, zeros > 0, mls.Habits()).click
    assert click[0] / click[9] == pytest.approx(11.3, abs=0.05)
    np.testing.assert_allclose(click / np.array(EXAMINATION), click[0] / EXAMINATION[0])


def test_bait_lifts_clicks_and_lowers_what_comes_of_them(world) -> None:
    people, state = world.population, world.start()
    user, item = (grid.ravel() for grid in np.indices((100, ITEMS)))
    likely = world.chances(state, user, item, np.zeros(len(user), dtype=int))
    bait = people.bait[item]
    assert 0.1 < people.bait.mean() < 0.3
    assert likely.click[bait].mean() > 1.5 * likely.click[~bait].mean()
    assert likely.content[bait].mean() < 0.8 * likely.content[~bait].mean()
    assert people.loud[people.bait].mean() > people.loud[~people.bait].mean() + 0.3


def test_the_past_does_not_depend_on_how_much_of_it_is_asked_for(world) -> None:
    long, short = world.history(20), world.history(5)
    tail = long.requests.iloc[-len(short.requests) :].reset_index(drop=True)
    pd.testing.assert_frame_equal(tail, short.requests, check_exact=True)
    known = milliseconds(long.labels["label_time"])
    assert (known < 0).all()
    assert known.min() >= (-20 + ATTRIBUTION_DAYS) * DAY_MS
    assert (long.labels["label"] == 1).all()  # the orders of 20 days ago have not matured
    assert (world.history(MATURITY_DAYS + 2).labels["label"] == 0).any()


def test_each_miss_is_reported_once_after_its_days(world) -> None:
    past, state = [], world.start()
    heard = []
    for tick in range(8):
        day = world.day(tick, state)
        heard.append(world.reports(state, tick))
        world.react(state, tick, settled(day, np.zeros(len(day.requests), np.int8)))
        past.append(day)
    for tick, told in enumerate(heard):
        assert (told["event_tick"] == tick - ATTRIBUTION_DAYS).all()
        if tick >= ATTRIBUTION_DAYS:
            misses = past[tick - ATTRIBUTION_DAYS].truth["true_label"].sum()
            assert len(told) == misses
            assert not told.duplicated([*RECOMMENDER.identity]).any()


def test_what_is_dropped_is_counted_by_nobody(world) -> None:
    state = world.start()
    before = state.counts.clicks.copy()
    day = world.day(0, state)
    world.react(state, 0, settled(day, np.full(len(day.requests), 2, np.int8)))
    assert (state.counts.clicks == before).all()
    assert state.patience.min() == 1.0
    assert not len(state.reports[ATTRIBUTION_DAYS])


def test_letdown_costs_visits_and_heals(world) -> None:
    _, state = live_through(world, 30)
    assert 0.5 < state.patience.mean() < 1.0
    tired = state.patience.mean()
    for tick in range(30, 90):
        day = world.day(tick, state)
        world.react(state, tick, settled(day, np.full(len(day.requests), 2, np.int8)))
    assert state.patience.mean() > max(0.95, tired)


def test_a_catalogue_and_a_membership_grow_from_day_0() -> None:
    growing = mls.Habits(item_growth=1.0, user_growth=0.5)
    people = mls.recommender_world(1, 200, 100, growing).population
    assert (people.added <= -LOOKBACK).sum() == 100
    assert (people.came <= -LOOKBACK).sum() == 200
    assert ((people.added > 0) & (people.added <= 365)).sum() == 100
    assert ((people.came > 0) & (people.came <= 365)).sum() == 100
    still = mls.recommender_world(1, 200, 100, mls.Habits.still()).population
    assert (len(still.came), len(still.added)) == (200, 100)
    np.testing.assert_array_equal(still.quality, people.quality[:100])


def test_nobody_new_is_known_and_retrieval_learns() -> None:
    """Cold start: an estimate of a stranger errs more than one of somebody who is met often."""
    world = mls.recommender_world(2, 400, 200, mls.Habits(user_growth=1.0, item_growth=1.0))
    _, state = live_through(world, 120)
    believed, people = world.midnight(120, state), world.population
    error = np.linalg.norm(believed.tastes - state.tastes, axis=1)
    known, strangers = people.came <= 0, (people.came > 110) & (people.came <= 120)
    assert error[strangers].mean() > 1.5 * error[known].mean()
    error = np.linalg.norm(believed.traits - people.traits, axis=1)
    assert error[people.added > 115].mean() > 1.5 * error[people.added <= 0].mean()


def test_parallel_worlds_share_qualities_and_not_their_early_luck() -> None:
    one, other = (mls.recommender_world(5, 200, 100, early=early) for early in (1, 2))
    np.testing.assert_array_equal(one.population.quality, other.population.quality)
    np.testing.assert_array_equal(one.population.tastes, other.population.tastes)
    assert (one.population.early != other.population.early).any()
    assert mls.recommender_world(5, 200, 100) == mls.recommender_world(5, 200, 100, early=5)


@pytest.mark.parametrize("wrong", [
    lambda: mls.recommender_world(users=49), lambda: mls.recommender_world(items=1.5),
    lambda: mls.recommender_world(habits="still"), lambda: mls.recommender_world(early=-1),
    lambda: mls.Habits(exposure=-1.0), lambda: mls.Habits(visits=float("nan")),
    lambda: mls.Habits(examination=(0.5,)), lambda: mls.Habits(examination=(2.0,) * PLACES),
    lambda: mls.Habits(refresh_days=0), lambda: mls.recommender_world(seed=1).history(LOOKBACK + 1),
    lambda: mls.recommender_world(seed=1).day(-1, mls.recommender_world(seed=1).start()),
])  # fmt: skip
def test_what_no_front_page_can_be_is_refused_in_a_sentence(wrong) -> None:
    with pytest.raises(InputError) as told:
        wrong()
    assert str(told.value).endswith(".")


# --- through the house ------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_each_row_of_a_slate_has_one_action_and_one_effect(runs, name: str) -> None:
    run = runs[name]
    assert run.log["final_action"].isin(["show", "drop"]).all()
    effects = run.ledger[run.ledger["request_id"] >= 0]
    assert not effects.duplicated([*RECOMMENDER.identity]).any()
    assert set(row_keys(effects, RECOMMENDER.identity)) == set(run.truth().index)
    assert int(run.ledger["cents"].sum()) == run.value
    assert run.value == int(run.books["cents"].sum()) + run.outstanding
    assert 0.1 < (run.log["final_action"] == "show").mean() < 0.6


def test_money_is_the_cost_table(runs) -> None:
    run = runs["resilient"]
    truth = run.truth().loc[row_keys(run.log, RECOMMENDER.identity)]
    shown = (run.log["final_action"] == "show").to_numpy()
    missed = (truth["true_label"] == 1).to_numpy()
    cents = 30 * (shown & ~missed).sum() - (shown & missed).sum() - 15 * (~shown & ~missed).sum()
    assert cents == run.ledger.loc[run.ledger["request_id"] >= 0, "cents"].sum()


def test_the_naive_system_is_greedy_on_clicks_and_the_resilient_one_learns_orders(runs) -> None:
    correlation = {}
    for name, run in runs.items():
        truth = run.truth().loc[row_keys(run.log, RECOMMENDER.identity)]
        score = run.log["score"].to_numpy()
        correlation[name] = [
            pd.Series(-score).corr(pd.Series(truth[column].to_numpy()), method="spearman")
            for column in ("true_click_probability", "true_probability")
        ]
        gap = [abs(score.mean() - (1 - truth["true_click_probability"]).mean()),
               abs(score.mean() - truth["true_probability"].mean())]  # fmt: skip
        assert (gap[0] < gap[1]) == (name == "naive"), gap
    assert correlation["naive"][0] > correlation["resilient"][0]
    assert correlation["resilient"][1] < -0.7


def test_the_resilient_system_logs_its_propensities_and_learns_again(runs) -> None:
    log = runs["resilient"].log
    explored = log["reason"] == "exploration"
    assert explored.any()
    assert (log.loc[explored, "propensity"] == 0.02).all()
    assert (log.loc[explored, "action"] == "show").all()
    sources = set(runs["resilient"].labels["source"].unique())
    assert {"click log", "matured"} <= sources


def test_monitors_are_quiet_while_all_is_well(runs) -> None:
    assert not len(runs["resilient"].alerts)
    metrics = runs["resilient"].metrics.set_index("metric")["value"]
    assert {"affinity_mean", "share_loud", "drop_rate", "reported_miss_rate"} <= set(metrics.index)


def test_two_runs_are_compared_and_a_slate_is_traced(runs) -> None:
    price = mls.compare(runs["naive"], runs["resilient"])
    assert price.total == runs["resilient"].value - runs["naive"].value
    run = runs["resilient"]
    told = repr(run.trace(int(run.log["request_id"].iloc[0])))
    assert told.count("at place") == PLACES


@pytest.mark.parametrize("name", PRESETS)
def test_any_batch_and_any_pause_give_the_same_actions(world, name: str) -> None:
    system = PRESETS[name]("recommender", seed=SEED)
    whole = mls.simulate(world, system, days=3)
    assert mls.simulate(world, system, days=3, batch_size=37).actions_sha256 == whole.actions_sha256
    paused = mls.simulate(world, system, days=1)
    assert mls.resume(paused, days=2).actions_sha256 == whole.actions_sha256


def test_any_size_can_be_asked_for_by_name() -> None:
    assert front_page(seed=1, daily=20_000).daily == pytest.approx(20_000, rel=0.01)
    assert front_page(seed=1, daily=1_000).items == 400


# --- faults -----------------------------------------------------------------------------------


def test_the_domain_speaks_of_every_fault() -> None:
    assert set(FAULTS) == set(CATALOGUE)
    assert all(here.told.endswith(".") for here in FAULTS.values())
    fields = set(RECOMMENDER.columns) | set(RECOMMENDER.inputs)
    for here in FAULTS.values():
        named = [here.using.get(name) for name in ("field", "sender")]
        assert set(filter(None, [*named, *here.using.get("reads", ())])) <= fields


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", [name for name, here in FAULTS.items() if here.exists])
def test_every_fault_runs_and_its_rows_are_settled_once(world, preset: str, name: str) -> None:
    fault = CATALOGUE[name](start=1.3, end=3.6, **FAULTS[name].using)
    system = PRESETS[preset]("recommender", seed=SEED)
    run = mls.simulate(world, system, days=5, faults=[fault])
    effects = run.ledger[run.ledger["request_id"] >= 0]
    assert not effects.duplicated([*RECOMMENDER.identity]).any()
    assert run.value == int(run.books["cents"].sum()) + run.outstanding
    if preset == "resilient":
        cut = mls.simulate(world, system, days=5, faults=[fault], batch_size=97)
        assert cut.actions_sha256 == run.actions_sha256


@pytest.mark.parametrize("name", [
    "unit_change", "null_flood", "renamed_category", "duplicate_replay", "late_rows", "wrong_model",
    "silent_fallback", "dependency_outage", "label_job_failure",
])  # fmt: skip
def test_somebody_is_called(name: str) -> None:
    """A fault of the inputs, the model or the reports raises the alert that its metric is for."""
    world = mls.recommender_world(seed=SEED, users=600, items=400)
    fault = CATALOGUE[name](start=40, end=44, **FAULTS[name].using)
    run = mls.simulate(world, mls.resilient_system("recommender", seed=SEED), days=44,
                       faults=[fault], keep="metrics")  # fmt: skip
    assert not len(run.alerts[run.alerts["tick"] < 40])
    alerts = run.alerts["layer"].astype(str) + "." + run.alerts["metric"].astype(str)
    moved = ".".join(fault.moves.split(".")[:2])
    expected = {"outputs.score_log_odds": "operations.fallback_rate"}.get(moved, moved)
    assert expected in set(alerts), sorted(set(alerts))
