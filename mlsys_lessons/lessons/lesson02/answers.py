"""Answers to lesson 02's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mlsys_lessons as mls

# --- q1: which component decided -----------------------------------------------------------------


def responsible(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Which swap alone stops a payment that the naive system let through."""
    other_score = score_resilient >= cut_naive
    other_policy = score_naive >= cut_resilient
    if other_score and other_policy:
        return "either"
    if other_score:
        return "score"
    return "policy" if other_policy else "both"


def larger_gap(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Blame whatever differs more."""
    scores, cuts = abs(score_naive - score_resilient), abs(cut_naive - cut_resilient)
    return "score" if scores > cuts else "policy"


def last_stage(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Blame whoever spoke last."""
    return "policy"


def whose_score_rose(
    score_naive: float, score_resilient: float, cut_naive: float, cut_resilient: float
) -> str:
    """Blame the score when it rose."""
    return "score" if score_resilient > score_naive else "policy"


_STORIES = np.array([  # score naive, score resilient, cut naive, cut resilient
    [0.02, 0.05, 0.17, 0.007],
    [0.02, 0.30, 0.17, 0.120],
    [0.13, 0.30, 0.17, 0.120],
    [0.02, 0.15, 0.17, 0.120],
    [0.10, 0.09, 0.17, 0.020],
])  # fmt: skip


def culprit_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Payments below the naive cut and above the resilient one, of all four kinds."""
    names = ("score_naive", "score_resilient", "cut_naive", "cut_resilient")
    for story in generator.permutation(_STORIES):
        yield dict(zip(names, (story * generator.uniform(0.97, 1.03, 4)).tolist(), strict=True))
    for score_naive, score_resilient in ((0.02, 0.17), (0.12, 0.13)):  # on a cut is stopped
        yield dict(zip(names, (score_naive, score_resilient, 0.17, 0.12), strict=True))


# --- q2: three prices ----------------------------------------------------------------------------


def expected_cents(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """Expected cents of approving, blocking and reviewing a payment."""
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    friction, delay = mls.COSTS.friction, mls.COSTS.delay
    people = 6 * mls.COSTS.review_minute
    approve = (1 - fraud) * margin - fraud * loss
    block = -(1 - fraud) * friction
    right, wrong = (1 - fraud) * margin, block - fraud * loss
    review = 0.9 * right + 0.1 * wrong - delay - people
    return approve, block, review


def blocking_is_free(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """A block costs nothing."""
    approve, block, review = expected_cents(fraud, cents)
    return approve, np.zeros_like(block), review


def only_losses(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """An approval can only lose."""
    _, block, review = expected_cents(fraud, cents)
    return -fraud * mls.COSTS.fraud_loss(cents), block, review


def perfect_people(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """A reviewer is never wrong."""
    approve, block, _ = expected_cents(fraud, cents)
    people = mls.COSTS.delay + 6 * mls.COSTS.review_minute
    return approve, block, (1 - fraud) * mls.COSTS.margin(cents) - people


def free_people(fraud: np.ndarray, cents: np.ndarray) -> tuple[np.ndarray, ...]:
    """A reviewer costs nothing."""
    approve, block, review = expected_cents(fraud, cents)
    return approve, block, review + mls.COSTS.delay + 6 * mls.COSTS.review_minute


def price_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Probabilities and amounts, few and many."""
    for rows in (3, 50):
        fraud = generator.beta(0.4, 4.0, rows)
        yield {"fraud": fraud, "cents": np.rint(np.exp(generator.normal(8.5, 1, rows))).astype(int)}


# --- q3: no answer -------------------------------------------------------------------------------


def answered(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """A score for every row: the model's, else the rule's; the base rate on broken fields."""
    spoken = np.where(np.isnan(score), rule_score, score)
    return np.where(quarantined, base_rate, spoken)


def silence_is_consent(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """No answer means yes."""
    return np.where(np.isnan(score) | quarantined, 0.0, score)


def silence_is_guilt(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """No answer means no."""
    return np.where(np.isnan(score) | quarantined, 1.0, score)


def rule_reads_anything(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """The rule answers for broken rows as well."""
    return np.where(np.isnan(score) | quarantined, rule_score, score)


def only_the_silent(
    score: np.ndarray, rule_score: np.ndarray, base_rate: float, quarantined: np.ndarray
) -> np.ndarray:
    """The model is believed wherever it spoke."""
    return np.where(np.isnan(score), np.where(quarantined, base_rate, rule_score), score)


def silence_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Scores with gaps and broken rows; the first four rows are each kind once."""
    for rows in (12, 200):
        score: NDArray[np.float64] = generator.beta(0.3, 20, rows)
        score[generator.random(rows) < 0.3] = np.nan
        rule_score = generator.choice([0.001, 0.01, 0.08], rows)
        quarantined = generator.random(rows) < 0.2
        score[:4], quarantined[:4] = [np.nan, np.nan, 0.3, 0.3], [True, False, True, False]
        yield {
            "score": score, "rule_score": rule_score, "base_rate": 0.004,
            "quarantined": quarantined,
        }  # fmt: skip


# --- q4: Shapley by hand -------------------------------------------------------------------------


def shapley(worth: dict[str, float]) -> dict[str, float]:
    """What each of D, F and M adds, on average over the six orders in which they can arrive."""
    from itertools import permutations

    shares = {"D": 0.0, "F": 0.0, "M": 0.0}
    for order in permutations("DFM"):
        for place, player in enumerate(order):
            before, after = "".join(sorted(order[:place])), "".join(sorted(order[: place + 1]))
            shares[player] += (worth[after] - worth[before]) / 6
    return shares


def comes_first(worth: dict[str, float]) -> dict[str, float]:
    """Each one added to nothing."""
    return {player: worth[player] - worth[""] for player in "DFM"}


def comes_last(worth: dict[str, float]) -> dict[str, float]:
    """Each one taken from everything."""
    return {player: worth["DFM"] - worth["DFM".replace(player, "")] for player in "DFM"}


def first_and_last(worth: dict[str, float]) -> dict[str, float]:
    """The mean of the two."""
    first, last = comes_first(worth), comes_last(worth)
    return {player: (first[player] + last[player]) / 2 for player in "DFM"}


def game_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """What each of the eight systems is worth, drawn at random."""
    for _ in range(2):
        names = ["", "D", "F", "M", "DF", "DM", "FM", "DFM"]
        yield {"worth": dict(zip(names, generator.integers(0, 90, 8).tolist(), strict=True))}


# --- q5: choose the neighbours -------------------------------------------------------------------


def my_system(seed: int) -> mls.System:
    """The model, two neighbours that pay every day, and one that pays in a bad year."""
    around = {"features", "decisions", "serving"}
    return mls.assemble({"model", *around}, seed=seed)


def everything(seed: int) -> mls.System:
    """All six components."""
    return mls.resilient_system(seed=seed)


def the_model_alone(seed: int) -> mls.System:
    """The model behind an endpoint."""
    return mls.naive_system(seed=seed)


def the_model_watched(seed: int) -> mls.System:
    """The model, looked after."""
    return mls.assemble({"model", "ingestion", "serving", "monitoring"}, seed=seed)


def oracle(seed: int) -> mls.System:
    """The model that knows the truth."""
    return mls.naive_system(seed=seed, model="perfect")
