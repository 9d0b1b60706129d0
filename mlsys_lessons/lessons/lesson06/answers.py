"""Answers to lesson 06's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import Policy

# --- q1: take the weight out ---------------------------------------------------------------------


def probability(score: np.ndarray, weight: float) -> np.ndarray:
    """The weight has multiplied the odds: divide them by it again."""
    return score / (score + weight * (1 - score))


def divided(score: np.ndarray, weight: float) -> np.ndarray:
    """The score itself, divided."""
    return score / weight


def still_odds(score: np.ndarray, weight: float) -> np.ndarray:
    """The right odds, left as odds."""
    return score / (1 - score) / weight


def other_way(score: np.ndarray, weight: float) -> np.ndarray:
    """The odds multiplied once more."""
    return weight * score / (weight * score + 1 - score)


def score_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Scores of models whose rare class had a weight; both ends among them."""
    for weight in (1.0, 40.0, 300.0):
        score = np.append(generator.random(30), [0.0, 0.5, 0.5, 0.999])
        yield {"score": score, "weight": weight}


# --- q2: block what is cheaper to block ----------------------------------------------------------


def block(probability: np.ndarray, cents: np.ndarray) -> np.ndarray:
    """Block where that costs less than approving, row by row."""
    costs = mls.COSTS
    approve = (1 - probability) * costs.margin(cents) - probability * costs.fraud_loss(cents)
    return -(1 - probability) * costs.friction > approve


def above_half(probability: np.ndarray, cents: np.ndarray) -> np.ndarray:
    """Fraud is likelier than not."""
    return probability > 0.5


def one_cut(probability: np.ndarray, cents: np.ndarray) -> np.ndarray:
    """One cut for all, from the mean amount."""
    loss = mls.COSTS.fraud_loss(cents).mean()
    return probability > mls.COSTS.friction / (mls.COSTS.friction + loss)


def without_margin(probability: np.ndarray, cents: np.ndarray) -> np.ndarray:
    """What an approved customer brings, forgotten."""
    costs = mls.COSTS
    return probability * costs.fraud_loss(cents) > (1 - probability) * costs.friction


def without_friction(probability: np.ndarray, cents: np.ndarray) -> np.ndarray:
    """What a blocked customer costs, forgotten."""
    costs = mls.COSTS
    return probability * costs.fraud_loss(cents) > (1 - probability) * costs.margin(cents)


def payment_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Probabilities and amounts, from a coffee to a car; certain rows among them."""
    for rows in (60, 600):
        cents = np.rint(np.exp(generator.normal(8.5, 1.5, rows))).astype(np.int64)
        chance = generator.beta(0.3, 2.0, rows)
        chance[:2], cents[:2] = (0.0, 1.0), (500_000, 100)
        yield {"probability": chance, "cents": cents}


# --- q3: whom to show ----------------------------------------------------------------------------


def to_review(
    approve: np.ndarray, block: np.ndarray, review: np.ndarray, capacity: int
) -> np.ndarray:
    """The rows for which a look is worth most above the better of the other two."""
    value = review - np.maximum(approve, block)
    shown = np.zeros(len(value), dtype=bool)
    shown[np.argsort(-value, kind="stable")[:capacity]] = True
    return shown & (value > 0)


def most_doubtful(
    approve: np.ndarray, block: np.ndarray, review: np.ndarray, capacity: int
) -> np.ndarray:
    """Where approving and blocking are nearest to each other."""
    shown = np.zeros(len(approve), dtype=bool)
    shown[np.argsort(np.abs(approve - block), kind="stable")[:capacity]] = True
    return shown


def always_full(
    approve: np.ndarray, block: np.ndarray, review: np.ndarray, capacity: int
) -> np.ndarray:
    """As many as people can look at, whatever a look is worth."""
    value = review - np.maximum(approve, block)
    shown = np.zeros(len(value), dtype=bool)
    shown[np.argsort(-value, kind="stable")[:capacity]] = True
    return shown


def all_that_pay(
    approve: np.ndarray, block: np.ndarray, review: np.ndarray, capacity: int
) -> np.ndarray:
    """Every row that is worth a look, however many there are."""
    return review > np.maximum(approve, block)


def against_approving(
    approve: np.ndarray, block: np.ndarray, review: np.ndarray, capacity: int
) -> np.ndarray:
    """A look against approving alone: some of these could be blocked for nothing."""
    return to_review(approve, approve, review, capacity)


def queue_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Cents of three actions, more or fewer rows than people, ties among them."""
    for rows, capacity in ((40, 8), (40, 400), (6, 0), (40, 39)):
        approve = np.rint(generator.normal(0, 3_000, rows))
        block = np.rint(generator.normal(-500, 100, rows))
        review = np.rint(0.8 * np.maximum(approve, 0) + generator.normal(0, 500, rows))
        approve[3:5], block[3:5], review[3:5] = -4_000.0, -600.0, -100.0
        approve[5], block[5], review[5] = -4_000.0, -600.0, -599.0  # a look is worth one cent
        yield {"approve": approve, "block": block, "review": review, "capacity": capacity}


# --- q4: a policy that pays ----------------------------------------------------------------------

INHERITED = Policy(explore_share=0.25, explore_below=100_000.0)


def my_policy(inherited: Policy) -> Policy:
    """Explore a little, and only where a lesson is cheap."""
    from dataclasses import replace

    return replace(inherited, explore_share=0.02, explore_below=100.0)


def as_inherited(inherited: Policy) -> Policy:
    """A quarter of the blocks, at any price."""
    return inherited


def explores_more(inherited: Policy) -> Policy:
    """More of the same."""
    return replace(inherited, explore_share=0.5)


def no_rules(inherited: Policy) -> Policy:
    """The rules taken away."""
    return replace(inherited, rules=())


def more_faith(inherited: Policy) -> Policy:
    """Reviewers who never err."""
    return replace(inherited, reviewer_slip=0.01)
