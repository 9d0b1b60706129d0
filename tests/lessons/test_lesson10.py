"""Lesson 10 tells the truth: parallel pages, shares, clicks and their places, a slider."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlsys_lessons.components.feedback.position_bias import ips_relevance, swap_propensities
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.front_pages import merit, told_of_merit
from mlsys_lessons.lessons.lesson10 import answers, pages, questions, results, slider, sureness
from mlsys_lessons.worlds.recommender.popularity import gini, parallel_worlds
from mlsys_lessons.worlds.recommender.slates import exposure

UNSEEN = 78  # shown in no lesson, used by no claim


@pytest.fixture(scope="module")
def worlds() -> tuple[pages.Lived, ...]:
    return pages.parallel(UNSEEN, 4)


@pytest.fixture(scope="module")
def log() -> results.Log:
    return results.logged(UNSEEN, users=1_500)


def test_parallel_worlds_differ_in_luck_alone(worlds) -> None:
    first = worlds[0].world.population
    for other in worlds[1:]:
        there = other.world.population
        for name in ("tastes", "traits", "quality", "bait", "added"):
            np.testing.assert_array_equal(getattr(there, name), getattr(first, name))
        assert not np.array_equal(there.early, first.early)
        np.testing.assert_array_equal(merit(other.world), merit(worlds[0].world))
    ones = pages.number_ones(worlds)
    assert ones["number one"].nunique() > 1


def test_merit_by_brute_force_over_users(worlds) -> None:
    world = worlds[0].world
    state, good = world.start(), merit(world)
    users = np.arange(len(world.population.came))
    for item in (0, 17, 99):
        at = np.full(len(users), item)
        likely = world.chances(state, users, at, np.zeros(len(users), dtype=np.int64))
        assert good[item] == pytest.approx(likely.conversion.mean() / world.habits.examination[0])


def test_told_of_merit_against_scipy_and_by_hand() -> None:
    draw = np.random.default_rng(3)
    clicks, good = draw.poisson(5, 40).astype(float), draw.random(40)
    told = told_of_merit(clicks, good)
    assert told.correlation == pytest.approx(stats.spearmanr(clicks, good).statistic)
    most, best = set(np.argsort(-clicks, kind="stable")[:4]), set(np.argsort(-good)[:4])
    assert told.best_found == len(most & best) / 4
    assert told_of_merit(np.zeros(5), np.arange(5.0)).correlation == 0.0
    assert told_of_merit(good, good) == (1.0, 1.0)
    for wrong in (
        lambda: told_of_merit([1.0], [1.0]),
        lambda: told_of_merit([1, 2], [1, 2, 3]),
        lambda: told_of_merit([1, 2], [3, 3]),
        lambda: told_of_merit([1, 2], [1, 2], top=0.0),
    ):
        with pytest.raises(InputError):
            wrong()


def test_a_page_is_lived_as_counted(worlds) -> None:
    page = worlds[0]
    places = page.state.counts.shown - page.world.start().counts.shown
    assert places.sum() == pytest.approx(10 * page.days["slates"].sum())
    assert page.days["orders"].lt(page.days["clicks"]).all()
    again = pages.lived(page.world)
    np.testing.assert_array_equal(again.clicks, page.clicks)
    plain = pages.lived(page.world, 5, lambda shown, clicks, orders: clicks)
    assert plain.days.equals(page.days.head(5))  # the seam left alone is the page itself


def test_newcomers_are_found_by_chance_alone() -> None:
    found = {
        share: pages.newcomers(
            pages.lived(pages.founded(UNSEEN, item_growth=2.0, exploration=share))
        )["places a day"]
        for share in (0.0, 0.2)
    }
    assert found[0.0].iloc[0] > 5 * found[0.0].iloc[1]
    assert found[0.2].iloc[1] > 2 * found[0.0].iloc[1]


def test_the_leader_of_an_urn_by_closed_form() -> None:
    items = 20
    clicks = parallel_worlds(np.ones(items), worlds=400, visitors=2_000, seed=UNSEEN)
    leads = (clicks.max(axis=1) / clicks.sum(axis=1)).mean()
    assert leads == pytest.approx(np.sum(1 / np.arange(1, items + 1)) / items, rel=0.04)
    assert gini(clicks).mean() == pytest.approx((items - 1) / (2 * items), rel=0.04)


def test_shares_are_the_page_s_own_and_add_up_to_one() -> None:
    draw = np.random.default_rng(5)
    for items, power in ((1, 2.0), (7, 0.0), (50, 1.5)):
        clicks = draw.poisson(4, items).astype(float)
        np.testing.assert_allclose(answers.shares(clicks, power, 0.0), exposure(clicks, power))
        np.testing.assert_allclose(answers.shares(clicks, power, 1.0), 1 / items)
        assert answers.shares(clicks, power, 0.3).sum() == pytest.approx(1.0)


def test_attraction_is_unbiased_and_the_package_s_own() -> None:
    draw = np.random.default_rng(6)
    rows, examination = 600_000, np.array([0.7, 0.3, 0.1])
    document, attracts = draw.integers(3, size=rows), np.array([0.1, 0.5, 0.9])
    position = np.where(draw.random(rows) < 0.6, 2 - document, draw.integers(3, size=rows))
    clicked = (draw.random(rows) < (examination[position] * attracts[document])).astype(int)
    ours = answers.attraction(document, position, clicked, examination)
    np.testing.assert_allclose(ours, attracts, atol=0.02)
    package = ips_relevance(clicked, position, examination)
    np.testing.assert_allclose(ours, [package[document == k].mean() for k in range(3)])


def test_looks_are_the_package_s_own_and_near_the_truth(log) -> None:
    place, swapped, top, other = results.swapped_pages(log)
    found = answers.looks(place, swapped == 1, top, other)
    package = swap_propensities(place, swapped, top, other)
    np.testing.assert_allclose(found, package.relative[1:])
    assert found[0] == pytest.approx(log.examination[1] / log.examination[0], rel=0.2)


def test_a_log_holds_each_document_of_a_query_once_a_page(log) -> None:
    slots = np.sort(log.slot.reshape(-1, results.PLACES), axis=1)
    assert (slots == np.arange(results.PLACES)).all()
    plain = log.partner == 0
    np.testing.assert_array_equal(log.slot[plain], log.position[plain])  # in the order of the match
    assert np.all(np.diff(log.match, axis=1) <= 0)
    pair = (log.query == 0) & (log.slot == 3) & plain
    weighted = log.clicked[pair] * 2.0
    every = (log.clicked[plain] * 2.0).mean()
    due = (weighted.sum() + results.PRIOR * every) / (pair.sum() + results.PRIOR)
    assert results.estimated(log, np.full(10, 2.0))[0, 3] == pytest.approx(due)


def test_in_an_unseen_world_the_division_is_worse_than_no_learning(log) -> None:
    quality = results.compared(log)
    assert quality[results.BY_PLACE] < quality[results.SHOWN] < quality[results.COUNTED]
    assert quality[results.KNOWN] > quality[results.COUNTED]


def test_the_stored_worlds_are_twenty_that_no_lesson_shows() -> None:
    stored = sureness.stored()
    assert sorted(stored["seed"]) == list(range(400, 420))
    assert stored["number_ones"].between(1, 10).all()
    for table in (sureness.effects_of_reading(stored), sureness.effects_of_retraining(stored)):
        assert (table["low"] <= table["effect"]).all() and (table["effect"] <= table["high"]).all()


def test_a_page_of_one_s_own_is_judged_by_orders_and_by_form() -> None:
    assert questions.more_orders(lambda shown, clicks, orders: clicks, 500) == pytest.approx(0.0)
    for wrong in (
        lambda shown, clicks, orders: clicks[:2],
        lambda shown, clicks, orders: clicks - 5,
        lambda shown, clicks, orders: clicks * np.nan,
        lambda shown, clicks, orders: 1.0,
    ):
        assert "one number an item, 0 or more" in questions.q4.judge(wrong).message


def test_the_slider_shows_what_its_text_twin_says() -> None:
    form = slider.widget(UNSEEN)
    parts = {part._dom_classes[0].removeprefix("mls-market-"): part for part in form.children}
    assert repr(slider.Market(1.0, 0.0, UNSEEN)) in parts["status"].value
    parts["exponent"].value, parts["exploration"].value = 2.0, 0.5
    assert repr(slider.Market(2.0, 0.5, UNSEEN)) in parts["status"].value
    for power, chance in ((-1.0, 0.0), (1.0, 1.5)):
        with pytest.raises(InputError):
            slider.Market(power, chance, UNSEEN)


def test_chance_alone_follows_merit_more_than_a_strong_loop() -> None:
    leads = {
        power: sum((slider.Market(power, 0.0, seed).leaders == 1).sum() for seed in range(80, 90))
        for power in (0.0, 2.0)
    }
    assert leads[0.0] > leads[2.0]
