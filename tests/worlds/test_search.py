"""The search engine: a world like any other, through every part of the house, with its faults.

Seeds are the first ones that were written down.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import mlsys_lessons as mls
from mlsys_lessons.components.feedback.position_bias import ips_relevance, swap_propensities
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.rankers import CLICKS, LEARNS, MATCH, WEIGHTED, quality
from mlsys_lessons.frames import categorical
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import DAY_MS, MATURITY_DAYS, milliseconds
from mlsys_lessons.system.faults import CATALOGUE
from mlsys_lessons.worlds import World
from mlsys_lessons.worlds.recommender.knobs import EXAMINATION
from mlsys_lessons.worlds.search import search_engine
from mlsys_lessons.worlds.search.clicks import Trust, cascade, position_based, trust_biased
from mlsys_lessons.worlds.search.corpus import LOOKBACK, SHELVES, relevance
from mlsys_lessons.worlds.search.domain import KINDS, PANEL, PLACES, SEARCH, SearchCosts
from mlsys_lessons.worlds.search.faults import FAULTS
from mlsys_lessons.worlds.search.outcomes import CONTENT, Coins, came, chances
from mlsys_lessons.worlds.search.state import ATTRIBUTION_DAYS
from mlsys_lessons.worlds.world import Day

SEED, USERS, DOCUMENTS, QUERIES, DAYS = 41, 250, 400, 150, 50
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
THETA = np.array(EXAMINATION)


def small(seed: int = SEED, **turned) -> mls.worlds.search.SearchWorld:
    """A small engine with some of its habits turned."""
    return mls.search_world(seed, USERS, DOCUMENTS, QUERIES, mls.SearchHabits(**turned))


def live_through(world, days: int) -> tuple[list[Day], object]:
    """Days in which every place is shown, and the state after them."""
    state, past = world.start(), []
    for tick in range(days):
        day = world.day(tick, state)
        world.react(state, tick, settled(day, np.zeros(len(day.requests), np.int8)))
        past.append(day)
    return past, state


def settled(day: Day, action: np.ndarray) -> pd.DataFrame:
    """What a world is told of a day in which these actions were taken."""
    identity = day.requests[[*SEARCH.identity]].reset_index(drop=True)
    final = categorical(action, SEARCH.action_dtype)
    return identity.assign(final_action=final, **{n: day.truth[n].to_numpy() for n in day.truth})


@pytest.fixture(scope="module")
def world():
    return small()


@pytest.fixture(scope="module")
def lived(world) -> tuple[list[Day], object]:
    return live_through(world, 31)


@pytest.fixture(scope="module")
def runs(world) -> dict[str, mls.Run]:
    systems = {name: preset("search", seed=SEED) for name, preset in PRESETS.items()}
    return {name: mls.simulate(world, system, days=DAYS) for name, system in systems.items()}


# --- the world ----------------------------------------------------------------------------------


def test_it_is_a_world_and_equal_arguments_give_equal_bytes(world) -> None:
    assert isinstance(world, World)
    again = small()
    assert again == world
    assert hash(again) == hash(world)
    pairs = [one.day(3, one.start()) for one in (world, again)]
    pd.testing.assert_frame_equal(pairs[0].requests, pairs[1].requests, check_exact=True)
    pd.testing.assert_frame_equal(pairs[0].truth, pairs[1].truth, check_exact=True)


def test_a_page_is_ten_places_of_different_documents_with_one_answer_at_most(lived) -> None:
    for day in lived[0][::10]:
        pages = day.requests.groupby("request_id")
        assert (pages.size() == PLACES).all()
        assert (pages["document_id"].nunique() == PLACES).all()
        assert (pages[["user_id", "query_id"]].nunique() == 1).all(axis=None)
        answers = (1 - day.truth["true_label"]).to_numpy().reshape(-1, PLACES)
        assert answers.sum(axis=1).max() == 1
        assert (day.truth["true_click"].to_numpy().reshape(-1, PLACES) >= answers).all()
        assert day.truth.index.tolist() == row_keys(day.requests, SEARCH.identity).tolist()


def test_fields_keep_what_the_domain_promises(lived) -> None:
    for day in lived[0][::15]:
        for field in SEARCH.fields:
            column = day.requests[field.name]
            assert column.dtype == (field.words or field.dtype)
            if field.minimum is not None:
                assert (column >= field.minimum).all(), field.name
            if field.maximum is not None:
                assert (column <= field.maximum).all(), field.name
        assert (day.requests["published"] <= day.requests["event_time"]).all()


@pytest.mark.parametrize("column, chance", [
    ("true_label", "true_probability"), ("true_click", "true_click_probability"),
])  # fmt: skip
def test_the_closed_form_is_calibrated(lived, column: str, chance: str) -> None:
    truth = pd.concat([day.truth for day in lived[0]])
    for _, rows in truth.groupby(pd.qcut(truth[chance], 10, duplicates="drop"), observed=True):
        error = np.sqrt((rows[chance] * (1 - rows[chance])).sum()) / len(rows)
        assert abs(rows[column].mean() - rows[chance].mean()) < 4 * error


@pytest.mark.parametrize("share, strength", [(0.0, 0.0), (1.0, 1.0), (0.4, 0.6)])
def test_chances_are_the_mean_of_what_comes(share: float, strength: float) -> None:
    habits = mls.SearchHabits(cascade=share, trust=strength)
    luck, pages = stream(5, "coins"), 150_000
    relevant = stream(6, "page").random(PLACES)
    four = (luck.random((pages, PLACES)) for _ in range(4))
    found = came(np.tile(relevant, (pages, 1)), Coins(*four, luck.random(pages)), habits)
    for mine, theirs in zip(found, chances(relevant[None], habits), strict=True):
        np.testing.assert_allclose(mine.mean(axis=0), theirs[0], atol=4 * 0.5 / np.sqrt(pages))


def test_pages_are_clicked_as_the_three_models_say() -> None:
    relevant = stream(7, "page").random(PLACES)
    plain = mls.SearchHabits(cascade=0.0, trust=0.0)
    np.testing.assert_allclose(chances(relevant, plain).click, position_based(relevant))
    down = replace(plain, cascade=1.0)
    np.testing.assert_allclose(chances(relevant, down).click, cascade(relevant))
    np.testing.assert_allclose(chances(relevant, down).answer, CONTENT * cascade(relevant))
    trusting = replace(plain, trust=1.0)
    np.testing.assert_allclose(
        chances(relevant, trusting).click, trust_biased(relevant, Trust.usual())
    )


def test_news_age_and_the_rest_do_not() -> None:
    grade, age = np.array([4, 4, 0]), np.array([180, -5, 180])
    for is_news, after_two_half_lives in ((True, 15 / 64), (False, 15 / 16)):
        found = relevance(grade, age, np.array([is_news]), 90.0)
        np.testing.assert_allclose(found, [after_two_half_lives, 15 / 16, 0])


def test_new_documents_take_the_shelves_of_old_ones_at_their_rate(world) -> None:
    corpus = world.corpus
    for tick in (0, 100):
        held = corpus.held(tick)
        assert len(held) == DOCUMENTS
        assert (corpus.published[held] <= tick).all()
        newest = {}  # by hand
        for document in np.flatnonzero(corpus.published <= tick):
            newest[corpus.shelf[document]] = document
        assert held.tolist() == [newest[shelf] for shelf in range(DOCUMENTS)]
    born = ((corpus.published > 0) & (corpus.published <= 365)).sum()
    assert born == pytest.approx(DOCUMENTS * world.habits.growth, abs=1)


def test_queries_are_asked_as_zipf_says(lived, world) -> None:
    asked = pd.concat([day.requests["query_id"][::PLACES] for day in lived[0]])
    counts = np.bincount(asked, minlength=QUERIES)
    assert stats.chisquare(counts, world.corpus.share * counts.sum()).pvalue > 0.001
    weight = np.arange(1, QUERIES + 1) ** -world.habits.skew
    np.testing.assert_allclose(world.corpus.share, weight / weight.sum())
    assert (world.corpus.kind == len(KINDS) - 1).mean() == pytest.approx(0.2, abs=0.1)


def test_counts_are_what_a_plain_loop_counts(world) -> None:
    state = world.start()
    shown, clicks = state.counts.shown.copy(), state.counts.clicks.copy()
    weighted, documents = state.counts.weighted.copy(), state.pairs.document.copy()
    day = world.day(0, state)
    action = np.where(np.arange(len(day.requests)) % 3 == 0, 2, 0).astype(np.int8)  # drop a third
    world.react(state, 0, settled(day, action))
    rows = zip(day.truth.itertuples(), day.requests["position"], action, strict=True)
    for row, place, done in rows:
        if done == 0:
            at = row.true_query, row.true_shelf
            shown[at] += 1
            clicks[at] += row.true_click
            weighted[at] += row.true_click * THETA[0] / THETA[place]
    kept = documents == state.pairs.document
    assert 0.97 < kept.mean() < 1
    np.testing.assert_allclose(state.counts.shown, shown * kept)
    np.testing.assert_allclose(state.counts.clicks, clicks * kept)
    np.testing.assert_allclose(state.counts.weighted, weighted * kept)


def test_a_days_luck_is_order_free() -> None:
    """Coins belong to rows: what happens to a page does not depend on who else came that day."""
    habits = mls.SearchHabits(loop=0.0)  # an order that is the same however many have clicked
    few, many = (
        mls.search_world(SEED, users, DOCUMENTS, QUERIES, habits) for users in (USERS, USERS + 100)
    )
    mine, theirs = (world.day(0, world.start()) for world in (few, many))
    assert 1.2 * len(mine.truth) < len(theirs.truth)
    pd.testing.assert_frame_equal(mine.truth, theirs.truth.loc[mine.truth.index])


def test_the_past_does_not_depend_on_how_much_of_it_is_asked_for(world) -> None:
    long, short = world.history(20), world.history(5)
    tail = long.requests.iloc[-len(short.requests) :].reset_index(drop=True)
    pd.testing.assert_frame_equal(tail, short.requests, check_exact=True)
    known = milliseconds(long.labels["label_time"])
    assert (known < 0).all()
    assert known.min() >= (-20 + ATTRIBUTION_DAYS) * DAY_MS
    assert (long.labels["label"] == 1).all()
    assert (world.history(MATURITY_DAYS + 2).labels["label"] == 0).any()


def test_each_miss_is_reported_once_the_day_after(world) -> None:
    state, past = world.start(), []
    for tick in range(4):
        day = world.day(tick, state)
        told = world.reports(state, tick)
        assert not told.duplicated([*SEARCH.identity]).any()
        assert (told["event_tick"] == tick - 1).all()
        assert len(told) == (past[-1].truth["true_label"].sum() if past else 0)
        world.react(state, tick, settled(day, np.zeros(len(day.requests), np.int8)))
        past.append(day)


def test_swaps_in_the_log_measure_examination() -> None:
    """From rows that a learner has: who was swapped with whom, and clicks."""
    habits = mls.SearchHabits(trust=0.0, cascade=0.0, swaps=1.0, searches=1.0)
    past, _ = live_through(mls.search_world(3, 3_000, 400, 200, habits), 10)
    rows = pd.concat([day.requests for day in past], ignore_index=True)
    clicks = pd.concat([day.truth["true_click"] for day in past]).to_numpy().reshape(-1, PLACES)
    partner = rows["swap_partner"].to_numpy().astype(int)[::PLACES]
    swapped = (rows["swapped"] == "yes").to_numpy()[::PLACES]
    assert swapped.mean() == pytest.approx(0.5, abs=0.02)
    found = swap_propensities(
        partner, swapped, clicks[:, 0], clicks[np.arange(len(partner)), partner], level=0.99
    )
    truth = THETA / THETA[0]
    assert ((found.low <= truth) & (truth <= found.high)).sum() >= PLACES - 1
    np.testing.assert_allclose(found.relative[:5], truth[:5], rtol=0.15)


# --- clicks teach position ----------------------------------------------------------------------


def test_weights_undo_what_position_does_to_a_click(lived) -> None:
    """Rows of equal relevance: clicks fall with the place, weighted clicks do not (no trust)."""
    past, _ = live_through(small(trust=0.0, cascade=0.0), 40)
    truth = pd.concat([day.truth for day in past])
    place = pd.concat([day.requests["position"] for day in past]).to_numpy()
    chance = truth["true_click_probability"].to_numpy()
    np.testing.assert_allclose(ips_relevance(chance, place, THETA), truth["true_relevance"])
    alike = np.isclose(truth["true_relevance"], 7 / 16)
    clicks = truth["true_click"].to_numpy()
    weighted = ips_relevance(clicks, place, THETA)
    top, low = alike & (place == 0), alike & (place >= 4)
    assert clicks[top].mean() > 2 * clicks[low].mean()
    error = weighted[low].std() / np.sqrt(low.sum()) + weighted[top].std() / np.sqrt(top.sum())
    assert abs(weighted[top].mean() - weighted[low].mean()) < 3 * error


def test_a_ranker_that_weighs_clicks_reaches_a_better_order() -> None:
    """Over seeds, one-sided 99 %: weights beat counting, and both beat the match alone."""
    reached = {name: [] for name in LEARNS}
    for seed in range(1, 6):
        for name, turned in LEARNS.items():
            world = small(seed, **turned)
            _, state = live_through(world, 40)
            reached[name].append(quality(world.midnight(40, state)))
    for better, worse in ((WEIGHTED, CLICKS), (CLICKS, MATCH)):
        found = stats.ttest_rel(reached[better], reached[worse], alternative="greater")
        assert found.pvalue < 0.01, reached


def test_without_position_bias_weights_change_nothing() -> None:
    flat = (0.5,) * PLACES
    days = [small(examination=flat, weighting=w) for w in (0.0, 1.0)]
    one, other = (live_through(world, 5)[1] for world in days)
    np.testing.assert_array_equal(one.counts.learned, other.counts.learned)


# --- through the house --------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_each_row_of_a_page_has_one_action_and_one_effect(runs, name: str) -> None:
    run = runs[name]
    assert run.log["final_action"].isin(["show", "drop"]).all()
    effects = run.ledger[run.ledger["request_id"] >= 0]
    assert not effects.duplicated([*SEARCH.identity]).any()
    assert set(row_keys(effects, SEARCH.identity)) == set(run.truth().index)
    assert int(run.ledger["cents"].sum()) == run.value
    assert run.value == int(run.books["cents"].sum()) + run.outstanding
    assert 0.1 < (run.log["final_action"] == "show").mean() < 0.95


def test_money_is_the_cost_table(runs) -> None:
    run = runs["resilient"]
    truth = run.truth().loc[row_keys(run.log, SEARCH.identity)]
    shown = (run.log["final_action"] == "show").to_numpy()
    missed = (truth["true_label"] == 1).to_numpy()
    searches = 2 * (shown & ~missed).sum() - 5 * (~shown & ~missed).sum()
    cents = PANEL * searches - PANEL // 10 * (shown & missed).sum()
    assert cents == run.ledger.loc[run.ledger["request_id"] >= 0, "cents"].sum()
    assert SearchCosts().by_search(1, 1) == 2 * PANEL
    assert SearchCosts().by_search(1, 0) == -5 * PANEL


def test_the_naive_system_learns_clicks_and_the_resilient_one_answers(runs) -> None:
    for name, run in runs.items():
        truth = run.truth().loc[row_keys(run.log, SEARCH.identity)]
        score = run.log["score"].to_numpy()
        gap = [abs(score.mean() - (1 - truth["true_click_probability"]).mean()),
               abs(score.mean() - truth["true_probability"].mean())]  # fmt: skip
        assert (gap[0] < gap[1]) == (name == "naive"), gap
    naive, resilient = (
        run.ledger.loc[run.ledger["request_id"] >= 0, "cents"].sum() for run in runs.values()
    )
    assert resilient > naive  # before upkeep


def test_the_resilient_system_logs_its_propensities(runs) -> None:
    log = runs["resilient"].log
    explored = log["reason"] == "exploration"
    assert explored.any()
    assert (log.loc[explored, "propensity"] == 0.02).all()
    assert (log.loc[explored, "action"] == "show").all()
    sources = set(runs["resilient"].labels["source"].unique())
    assert {"click log", "matured"} <= sources


def test_monitors_are_quiet_while_all_is_well(runs) -> None:
    assert not len(runs["resilient"].alerts)
    metrics = set(runs["resilient"].metrics["metric"])
    assert {"match_mean", "share_news", "drop_rate", "reported_miss_rate"} <= metrics


def test_two_runs_are_compared_and_a_page_is_traced(runs) -> None:
    price = mls.compare(runs["naive"], runs["resilient"])
    assert price.total == runs["resilient"].value - runs["naive"].value
    run = runs["resilient"]
    told = repr(run.trace(int(run.log["request_id"].iloc[0])))
    assert told.count("at place") == PLACES


@pytest.mark.parametrize("name", PRESETS)
def test_any_batch_and_any_pause_give_the_same_actions(world, name: str) -> None:
    system = PRESETS[name]("search", seed=SEED)
    whole = mls.simulate(world, system, days=3)
    assert mls.simulate(world, system, days=3, batch_size=37).actions_sha256 == whole.actions_sha256
    paused = mls.simulate(world, system, days=1)
    assert mls.resume(paused, days=2).actions_sha256 == whole.actions_sha256


def test_a_later_day_costs_what_an_early_one_does(runs) -> None:
    """Linear in days: state and waiting rows do not grow (seconds would depend on the machine)."""
    world = runs["naive"].world
    states = [live_through(world, days)[1] for days in (5, 15)]
    assert [len(state.reports) for state in states] == [5, 15]  # nobody has asked for them
    run = mls.simulate(world, mls.naive_system("search", seed=SEED), days=6)
    assert len(run.state.reports) <= ATTRIBUTION_DAYS
    assert run.state.counts.shown.shape == (QUERIES, SHELVES)


def test_any_size_can_be_asked_for_by_name() -> None:
    assert search_engine(seed=1, daily=20_000).daily == pytest.approx(20_000, rel=0.01)
    assert (search_engine(1, 1_000).documents, search_engine(1, 1_000).queries) == (400, 200)


@pytest.mark.parametrize("wrong", [
    lambda: mls.search_world(users=49), lambda: mls.search_world(documents=1.5),
    lambda: mls.search_world(queries=1), lambda: mls.search_world(habits="still"),
    lambda: mls.SearchHabits(loop=-1.0), lambda: mls.SearchHabits(searches=float("nan")),
    lambda: mls.SearchHabits(examination=(0.5,)), lambda: mls.SearchHabits(half_life=0.0),
    lambda: mls.SearchHabits(examination=(0.0,) * PLACES), lambda: mls.SearchHabits(weighting=1.1),
    lambda: small().history(LOOKBACK + 1), lambda: small().day(-1, small().start()),
])  # fmt: skip
def test_what_no_search_engine_can_be_is_refused_in_a_sentence(wrong) -> None:
    with pytest.raises(InputError) as told:
        wrong()
    assert str(told.value).endswith(".")


# --- faults -------------------------------------------------------------------------------------


def test_the_domain_speaks_of_every_fault() -> None:
    assert set(FAULTS) == set(CATALOGUE)
    assert all(here.told.endswith(".") for here in FAULTS.values())
    fields = set(SEARCH.columns) | set(SEARCH.inputs)
    for here in FAULTS.values():
        named = [here.using.get(name) for name in ("field", "sender")]
        assert set(filter(None, [*named, *here.using.get("reads", ())])) <= fields


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", [name for name, here in FAULTS.items() if here.exists])
def test_every_fault_runs_and_its_rows_are_settled_once(world, preset: str, name: str) -> None:
    fault = CATALOGUE[name](start=1.3, end=2.6, **FAULTS[name].using)
    system = PRESETS[preset]("search", seed=SEED)
    run = mls.simulate(world, system, days=3, faults=[fault])
    effects = run.ledger[run.ledger["request_id"] >= 0]
    assert not effects.duplicated([*SEARCH.identity]).any()
    assert run.value == int(run.books["cents"].sum()) + run.outstanding
    if preset == "resilient":
        cut = mls.simulate(world, system, days=3, faults=[fault], batch_size=397)
        assert cut.actions_sha256 == run.actions_sha256


@pytest.mark.parametrize("name", [
    "unit_change", "null_flood", "renamed_category", "duplicate_replay", "late_rows", "wrong_model",
    "silent_fallback", "dependency_outage", "label_job_failure",
])  # fmt: skip
def test_somebody_is_called(name: str) -> None:
    """A fault of the inputs, the model or the reports raises the alert that its metric is for."""
    world = mls.search_world(SEED, 600, DOCUMENTS, QUERIES)
    first = 40 if name == "label_job_failure" else 15  # what is reported has no past of its own
    fault = CATALOGUE[name](start=first, end=first + 4, **FAULTS[name].using)
    run = mls.simulate(world, mls.resilient_system("search", seed=SEED), days=first + 4,
                       faults=[fault], keep="metrics")  # fmt: skip
    assert not len(run.alerts[run.alerts["tick"] < first])
    alerts = run.alerts["layer"].astype(str) + "." + run.alerts["metric"].astype(str)
    moved = ".".join(fault.moves.split(".")[:2])
    expected = {"outputs.score_log_odds": "operations.fallback_rate"}.get(moved, moved)
    assert expected in set(alerts), sorted(set(alerts))
