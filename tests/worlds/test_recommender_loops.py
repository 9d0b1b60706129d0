"""What the loop of a front page does to a market: closed forms, and orderings of the literature.

Orderings are held over seeds with an interval (Student's t of paired differences, 99 %). Sizes of
effects are this world's own and are not asserted, but for what is said to be near nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from test_recommender import live_through

import mlsys_lessons as mls
from mlsys_lessons.worlds.recommender.popularity import (
    gini,
    parallel_worlds,
    sameness,
    unpredictability,
)
from mlsys_lessons.worlds.recommender.slates import exposure

K, SEEDS = 20, range(1, 7)


def rises(after: list[float], before: list[float]) -> bool:
    """Whether paired differences are above 0, with 99 % confidence on that side."""
    gap = np.subtract(after, before)
    return bool(stats.ttest_1samp(gap, 0.0, alternative="greater").pvalue < 0.01)


# --- the loop alone -----------------------------------------------------------------------------


def test_equal_items_under_polyas_urn_have_the_gini_of_the_simplex() -> None:
    clicks = parallel_worlds(np.ones(K), worlds=400, visitors=4_000, seed=1)
    found = gini(clicks)
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - (K - 1) / (2 * K)) < 3 * error


@pytest.mark.parametrize("exponent, low, high", [(0.0, 0.0, 0.06), (4.0, 0.94, 1.0)])
def test_without_memory_all_are_equal_and_a_greedy_page_has_one_winner(exponent, low, high) -> None:
    found = gini(parallel_worlds(np.ones(K), visitors=4_000, exponent=exponent, seed=2)).mean()
    assert low <= found <= high


def test_an_urn_is_exposure_and_nothing_else() -> None:
    """Against a plain loop over visitors with Python's own arithmetic."""
    clicks = parallel_worlds(np.ones(3), worlds=20_000, visitors=2, seed=3)
    both_same = (clicks == 2).any(axis=1).mean()
    assert both_same == pytest.approx(2 / 4, abs=0.015)  # (1 + 1) balls of 4
    np.testing.assert_allclose(exposure(np.array([0.0, 3.0]), 2.0), [1 / 17, 16 / 17])


def test_measures_against_plain_loops() -> None:
    draw = np.random.default_rng(4)
    amounts = draw.random(9)
    pairs = np.abs(amounts[:, None] - amounts).sum() / (2 * 9 * 9 * amounts.mean())
    assert gini(amounts) == pytest.approx(pairs)
    clicks = draw.integers(1, 9, (5, 4)).astype(float)
    shares = clicks / clicks.sum(axis=1, keepdims=True)
    apart = [np.abs(shares[a] - shares[b]).mean() for a in range(5) for b in range(a)]
    assert unpredictability(clicks) == pytest.approx(np.mean(apart))
    taken = draw.random((6, 8)) < 0.4
    taken[0] = True
    alike = [(x & y).sum() / (x | y).sum() for i, x in enumerate(taken) for y in taken[:i]]
    assert sameness(taken) == pytest.approx(np.mean(alike))
    assert sameness(np.zeros((3, 3), bool)) == 0.0
    assert gini(np.zeros(3)) == 0.0


def test_social_influence_raises_inequality_and_lowers_predictability() -> None:
    """Salganik, Dodds and Watts, 2006: the same songs, weaker and stronger influence."""
    quality, found = np.linspace(0.2, 0.6, K), {}
    for exponent in (0.0, 0.5, 1.0):
        runs = [parallel_worlds(quality, exponent=exponent, seed=seed) for seed in SEEDS]
        found[exponent] = ([gini(c).mean() for c in runs], [unpredictability(c) for c in runs])
    for weaker, stronger in ((0.0, 0.5), (0.5, 1.0)):
        for after, before in zip(found[stronger], found[weaker], strict=True):
            assert rises(after, before)


def test_exploration_and_a_growing_catalogue_slow_degeneration() -> None:
    """Jiang and others, 2019: how far one user's interests collapse onto what he was shown."""
    liked, never = np.full(60, 0.5), np.full(40, 10**9)
    start = np.zeros(20)
    fixed, growing = np.r_[start, never], np.r_[start, np.linspace(50, 1_950, 40)]

    def collapse(seed: int, joins: np.ndarray, exploration: float) -> float:
        clicks = parallel_worlds(
            liked, joins=joins, exponent=1.2, exploration=exploration, seed=seed
        )
        return float((np.linalg.norm(clicks, axis=1) / clicks.sum(axis=1)).mean())

    plain, some, more, grown = (
        [collapse(seed, joins, share) for seed in SEEDS]
        for joins, share in ((fixed, 0.0), (fixed, 0.1), (fixed, 0.3), (growing, 0.0))
    )
    assert rises(plain, some)
    assert rises(some, more)
    assert rises(plain, grown)


# --- the front page -----------------------------------------------------------------------------


def market(habits: mls.Habits, seed: int, refresh_days: int) -> tuple[float, float]:
    """Sixty days of random retrieval, then ninety by clicks: sameness, content a slate.

    Clicks are read every so many days; both are of the last thirty.
    """
    random = mls.recommender_world(seed, 600, 400, replace(habits, exposure=0.0))
    world = replace(random, habits=replace(habits, refresh_days=refresh_days))
    state = random.start()
    state.counts.clicks[:] = 0.0
    live_through(random, 60, state)
    state.retrieved_by = state.counts.clicks.copy()
    past, _ = live_through(world, 90, state, first=60)
    taken = np.zeros((len(world.population.came), len(world.population.added)), dtype=bool)
    for day in past[-30:]:
        clicked = day.truth[day.truth["true_click"] == 1]
        taken[clicked["true_user"], clicked["true_item"]] = True
    content = sum(day.truth["true_content"].sum() for day in past[-30:])
    return sameness(taken), content / sum(len(day.truth) / 10 for day in past[-30:])


@pytest.mark.parametrize("clicks_tell_of_merit", [False, True])
def test_repeated_retraining_homogenises_users(clicks_tell_of_merit: bool) -> None:
    """Chaney, Stewart and Engelhardt, 2018: more alike, and no more content, against one fit.

    So it is where clicks say nothing of merit: half of the items are bait, none is better for
    everybody. Where they do, content rises a little, and users are as much more alike.
    """
    plain = mls.Habits.still()
    bait = replace(plain, quality=0.0, clickbait=0.5, lure=2.0, letdown=3.0)
    habits = plain if clicks_tell_of_merit else bait
    nightly, once = (
        np.transpose([market(habits, seed, days) for seed in SEEDS]) for days in (1, 10_000)
    )
    assert rises(nightly[0], once[0])
    lift = nightly[1] / once[1] - 1
    reach = stats.t.ppf(0.995, len(lift) - 1) * lift.std(ddof=1) / np.sqrt(len(lift))
    if clicks_tell_of_merit:
        assert lift.mean() - reach > 0.0
    else:
        assert lift.mean() - reach > -0.05
        assert lift.mean() + reach < 0.05
    assert lift.mean() < nightly[0].mean() / once[0].mean() - 1


def test_a_front_page_by_clicks_is_less_equal_and_less_predictable() -> None:
    """Parallel worlds of the same items: what the exponent does through slates and users."""
    found = {}
    for exponent in (0.0, 1.0):
        habits = replace(mls.Habits.still(), exposure=exponent)
        inequality, doubt = [], []
        for seed in SEEDS:
            clicks = []
            for early in (101, 102):
                world = mls.recommender_world(seed, 200, 200, habits, early=early)
                past, _ = live_through(world, 30)
                truth = np.concatenate(
                    [d.truth.loc[d.truth["true_click"] == 1, "true_item"] for d in past]
                )
                clicks.append(np.bincount(truth, minlength=200))
            inequality.append(gini(clicks).mean())
            doubt.append(unpredictability(clicks))
        found[exponent] = inequality, doubt
    for after, before in zip(found[1.0], found[0.0], strict=True):
        assert rises(after, before)


def test_exploration_keeps_tastes_where_they_were() -> None:
    """Jiang and others on the front page itself: tastes are pulled to what is shown."""
    pulled = {}
    for share in (0.0, 0.6):
        habits = replace(mls.Habits.still(), sway=0.2, exploration=share)
        pulled[share] = []
        for seed in SEEDS:
            world = mls.recommender_world(seed, 200, 200, habits)
            _, state = live_through(world, 60)
            moved = np.linalg.norm(state.tastes - world.population.tastes, axis=1)
            pulled[share].append(moved.mean())
    assert rises(pulled[0.0], pulled[0.6])


def test_cost_is_linear_in_days() -> None:
    """The rows of a late day are as many as those of an early one, and so is what is kept."""
    world = mls.recommender_world(3, 300, 200, mls.Habits.still())
    past, state = live_through(world, 60)
    early, late = (sum(len(day.requests) for day in past[a:b]) for a, b in ((10, 31), (31, 52)))
    assert late == pytest.approx(early, rel=0.1)
    kept = sum(len(frame) for tick, frame in state.reports.items() if tick >= 60)
    assert kept < 4 * early / 21
