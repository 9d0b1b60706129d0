"""Adaptive fraud: periods by hand, the stored rows, the effect by pairs."""

from __future__ import annotations

import numpy as np
import pytest

from mlsys_lessons.components.decisions import RandomisedCut, RateLimit
from mlsys_lessons.experiments import adaptive_fraud
from mlsys_lessons.simulation.simulate import simulate

SEED = 21  # stored nowhere


def test_a_period_by_looking_at_each_payment() -> None:
    world = adaptive_fraud.probed_world(SEED, "names reasons", daily=100)
    run = simulate(world, adaptive_fraud.defended_system(SEED, "plain cut"), days=4)
    found = list(adaptive_fraud.periods(run, length=2))
    assert [one["from_day"] for one in found] == [0, 2]
    truth, log = run.truth(), run.log.set_index("request_id")
    earned = fraud = caught = wronged = genuine = 0.0
    late = log[(log["arrival_time"] - log["arrival_time"].min().normalize()).dt.days >= 2]
    for request, row in late.iterrows():
        p, cents = truth.loc[request, ["true_probability", "true_amount_cents"]]
        blocked = row["final_action"] == "block"
        margin = round(0.02 * cents) + 10
        earned += -(1 - p) * 500 if blocked else (1 - p) * margin - p * (cents + 1_500)
        fraud, genuine = fraud + p, genuine + 1 - p
        caught, wronged = caught + p * blocked, wronged + (1 - p) * blocked
    assert found[1]["euros"] == pytest.approx(10 * earned / len(late), rel=1e-3)
    assert found[1]["recall"] == pytest.approx(caught / fraud)
    assert found[1]["wronged"] == pytest.approx(100 * wronged / genuine)


def test_a_defence_is_the_same_cut_dressed() -> None:
    cuts = {name: adaptive_fraud.defended_system(SEED, name).decisions
            for name in adaptive_fraud.DEFENCES}  # fmt: skip
    plain = cuts["plain cut"].cut
    assert cuts["randomised cut"].cut == cuts["rate limit"].cut == plain
    assert isinstance(cuts["randomised cut"], RandomisedCut)
    assert isinstance(cuts["rate limit"], RateLimit) and cuts["prices"].policy.explore_share == 0


def test_stored_worlds_are_whole_and_their_effect_is_that_of_pairs() -> None:
    rows = adaptive_fraud.stored()
    assert sorted(set(rows["seed"])) == list(adaptive_fraud.SEEDS)
    arms = set(zip(rows["told"], rows["defence"], strict=True))
    assert arms == set(adaptive_fraud.ARMS)
    periods = adaptive_fraud.DAYS // adaptive_fraud.PERIOD
    assert len(rows) == len(adaptive_fraud.SEEDS) * len(arms) * periods
    lost = adaptive_fraud.lost_by_naming(rows)
    plain = rows[rows["defence"] == "plain cut"].groupby(["told", "seed"])["euros"].mean()
    expected = np.mean(plain["names reasons"] - plain["tells nothing"])
    assert lost.loc["plain cut", "effect"] == pytest.approx(expected)
