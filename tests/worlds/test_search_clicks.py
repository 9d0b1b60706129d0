"""Clicks and what can be learned from them: closed forms, brute force, scikit-learn, coverage.

Seeds are the first ones that were written down.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import ndcg_score

import mlsys_lessons as mls
from mlsys_lessons.components.feedback.position_bias import ips_relevance, swap_propensities
from mlsys_lessons.components.monitoring.ranking import ndcg
from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.worlds.recommender.knobs import EXAMINATION
from mlsys_lessons.worlds.search.clicks import (
    Trust,
    cascade,
    cascade_examination,
    position_based,
    trust_biased,
)

THETA = np.array(EXAMINATION)
PLACES = len(THETA)
PLACE = np.arange(PLACES)


# --- click models -------------------------------------------------------------------------------


def test_equal_documents_are_clicked_eleven_times_as_often_at_the_top() -> None:
    """FACTS, position bias: 11.3 naively, 1 with weights of 1 / examination."""
    click = position_based(np.full(PLACES, 0.3))
    assert click[0] / click[-1] == pytest.approx(11.3, abs=0.05)
    np.testing.assert_allclose(ips_relevance(click, PLACE, THETA), 0.3)


def test_a_cascade_stops_at_its_first_click() -> None:
    """Against people who read down the page one by one."""
    attraction = np.array([0.2, 0.7, 0.05, 0.5])
    wanted = stream(1, "readers").random((200_000, 4)) < attraction
    first = np.where(wanted.any(axis=1), wanted.argmax(axis=1), -1)
    found = np.array([(first == k).mean() for k in range(4)])
    np.testing.assert_allclose(found, cascade(attraction), atol=0.005)
    assert cascade(attraction).sum() == pytest.approx(1 - np.prod(1 - attraction))
    equal = np.full((2, 5), 0.3)
    np.testing.assert_allclose(cascade(equal), np.tile(0.3 * 0.7 ** np.arange(5), (2, 1)))
    np.testing.assert_allclose(cascade_examination(equal)[0], 0.7 ** np.arange(5))


def test_trust_is_a_line_that_does_not_pass_through_zero() -> None:
    trust = Trust.usual()
    nothing, everything = (trust_biased(np.full(PLACES, r), trust) for r in (0.0, 1.0))
    np.testing.assert_allclose(nothing, THETA * 0.65 / (PLACE + 1))
    np.testing.assert_allclose(everything, THETA * (0.98 - PLACE / 100))
    some = trust_biased(np.full(PLACES, 0.4), trust)
    np.testing.assert_allclose(some, 0.6 * nothing + 0.4 * everything)
    alpha = THETA * (trust.when_relevant - trust.when_irrelevant)
    np.testing.assert_allclose((some - nothing) / alpha, 0.4)  # the affine correction


def test_under_trust_weights_of_one_over_examination_still_favour_the_top() -> None:
    weighted = ips_relevance(trust_biased(np.full(PLACES, 0.2), Trust.usual()), PLACE, THETA)
    assert (np.diff(weighted) < 0).all()
    assert weighted[0] > 2 * weighted[-1]


def test_without_trust_the_models_agree() -> None:
    relevance = stream(2, "relevance").random((7, PLACES))
    for trust in (Trust.none(), Trust.usual(strength=0.0)):
        np.testing.assert_allclose(trust_biased(relevance, trust), position_based(relevance))


# --- learning from a log ------------------------------------------------------------------------


def test_ips_ranks_truthfully_where_counting_does_not() -> None:
    """A ranker whose order is wrong: over seeds, rank correlation with the truth, 99 %."""
    naive, weighted = [], []
    for seed in range(1, 11):
        luck = stream(seed, "pages")
        attraction = np.sort(luck.random(PLACES))  # shown with the worst on top
        shift = np.where(luck.random(20_000) < 0.1, luck.integers(0, PLACES, 20_000), 0)
        position = (PLACE + shift[:, None]) % PLACES
        clicks = luck.random(position.shape) < attraction * THETA[position]
        rows = ips_relevance(clicks.ravel(), position.ravel(), THETA).reshape(clicks.shape)
        naive.append(stats.spearmanr(clicks.mean(axis=0), attraction)[0])
        weighted.append(stats.spearmanr(rows.mean(axis=0), attraction)[0])
    assert stats.ttest_rel(weighted, naive, alternative="greater").pvalue < 0.01
    assert np.mean(weighted) > 0.9 > 0.3 > np.mean(naive)


def swapped_pages(seed: int, pages: int, share: float = 0.5) -> tuple[np.ndarray, ...]:
    """Pages of unequal documents, better ones on top, whose top was exchanged by a coin."""
    luck = stream(seed, "swaps")
    merit = 0.2 + 0.6 * luck.random((pages, PLACES))
    merit[:, 0] = 0.9
    partner = luck.integers(1, PLACES, pages)
    coin = luck.random(pages) < share
    other = merit[np.arange(pages), partner]
    on_top, below = np.where(coin, other, 0.9), np.where(coin, 0.9, other)
    top_clicks = luck.random(pages) < THETA[0] * on_top
    partner_clicks = luck.random(pages) < THETA[partner] * below
    return partner, coin, top_clicks, partner_clicks


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_swaps_recover_examination_and_their_intervals_cover_it(share: float) -> None:
    """Coverage of 95 % intervals over replications: within three standard errors of it."""
    truth, runs = THETA / THETA[0], 80
    found = [swap_propensities(*swapped_pages(seed, 9_000, share)) for seed in range(runs)]
    covered = np.mean([(f.low[1:] <= truth[1:]) & (truth[1:] <= f.high[1:]) for f in found])
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / (runs * (PLACES - 1))))
    centre = np.exp(np.mean([np.log(f.relative) for f in found], axis=0))
    np.testing.assert_allclose(centre, truth, rtol=0.04)


def test_naive_ratios_of_the_same_pages_are_wrong() -> None:
    """Without the other side of the coin, the better document on top passes for its place."""
    partner, coin, top, other = swapped_pages(3, 200_000)
    plain = ~coin & (partner == 1)
    naive = other[plain].mean() / top[plain].mean()
    fair = swap_propensities(partner, coin, top, other)
    truth = THETA[1] / THETA[0]
    assert fair.low[1] < truth < fair.high[1]
    assert naive < 0.7 * truth


# --- an order's quality -------------------------------------------------------------------------


@pytest.mark.parametrize("places", [1, 3, 10, 40])
def test_ndcg_is_scikit_learns(places: int) -> None:
    luck = stream(4, "orders")
    gains, scores = luck.integers(0, 5, (60, 25)), luck.random((60, 25))
    gains[:, 0] = 4
    ours = ndcg(gains, scores, places=places)
    theirs = [ndcg_score([g], [s], k=places) for g, s in zip(gains, scores, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_best_order_is_one_and_nothing_to_find_has_none() -> None:
    assert ndcg([4, 3, 1, 0], [9, 8, 7, 6])[0] == 1.0
    assert np.isnan(ndcg([0, 0], [1, 2])[0])


def test_they_stand_on_the_roof() -> None:
    assert mls.position_bias.ips_relevance is ips_relevance
    assert mls.ranking.ndcg is ndcg


@pytest.mark.parametrize("wrong", [
    lambda: position_based([1.2] * PLACES), lambda: position_based([0.5] * 3),
    lambda: position_based(0.5), lambda: cascade([np.nan]),
    lambda: trust_biased([2.0], Trust.none(1)),
    lambda: ips_relevance([1], [10], THETA), lambda: ips_relevance([1], [0.5], THETA),
    lambda: ips_relevance([1], [0], [0.0]), lambda: ips_relevance([1, 0], [0], THETA),
    lambda: swap_propensities([0], [1], [1], [1]), lambda: swap_propensities([], [], [], []),
    lambda: swap_propensities([1] * 9, [1] * 9, [1] * 9, [1] * 9),
    lambda: swap_propensities(*swapped_pages(1, 500), level=1.0),
    lambda: ndcg([1, 2], [1]), lambda: ndcg([-1.0], [0]), lambda: ndcg([1], [0], places=0),
])  # fmt: skip
def test_what_no_log_can_be_is_refused_in_a_sentence(wrong) -> None:
    with pytest.raises(InputError) as told:
        wrong()
    assert str(told.value).endswith(".")
