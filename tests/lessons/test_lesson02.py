"""Lesson 02's instruments agree with the components they talk about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import CostDecisions
from mlsys_lessons.lessons.lesson02 import answers, neighbours


@pytest.fixture(scope="module")
def twins() -> tuple[mls.Run, mls.Run]:
    year = mls.scenarios.ordinary_year(7, daily=1_000, days=20)
    systems = mls.naive_system(seed=7), mls.resilient_system(seed=7)
    runs = [mls.simulate(year.world, system, days=20, faults=year.faults) for system in systems]
    return runs[0], runs[1]


def test_the_stopping_cut_is_where_the_resilient_policy_changes_its_mind() -> None:
    fraud = np.linspace(0, 0.3, 3_001)
    frame = pd.DataFrame({"score": fraud, "amount": 80.0, "log_amount": np.log(80.0)})
    approve, block, review = CostDecisions(0)._expected_cents(frame.assign(is_quarantined=False))
    cents = np.array([8_000])
    block_from, review_from = fraud[block > approve][0], fraud[review > approve][0]
    lower = min(review_from, block_from)
    assert neighbours.stopping_cut(cents)[0] == pytest.approx(block_from, abs=1e-4)
    assert neighbours.stopping_cut(cents, 0.0)[0] == pytest.approx(lower, abs=1e-4)


def test_rescued_requests_lie_between_the_two_cuts(twins: tuple[mls.Run, mls.Run]) -> None:
    cases = neighbours.rescued_frauds(*twins)
    assert len(cases) > 3
    assert (cases["saved"] > 0).all()
    assert not (cases["score_naive"] >= cases["cut_naive"]).any()
    assert (cases["score_resilient"] >= cases["cut_resilient"]).all()
    assert neighbours.same_opinion(cases) in set(cases["request_id"])


def test_scaled_to_its_own_traffic_the_gain_is_the_difference(
    twins: tuple[mls.Run, mls.Run],
) -> None:
    naive, resilient = twins
    daily = neighbours.by_traffic(naive, resilient, [1_000, 2_000])
    assert daily[1_000] * 20 == pytest.approx(resilient.value - naive.value)
    upkeep = neighbours.standing_cost(naive, resilient)
    assert daily[2_000] == pytest.approx(2 * daily[1_000] + upkeep / 20)


def test_the_money_at_stake_is_divided_without_a_rest(twins: tuple[mls.Run, mls.Run]) -> None:
    assert neighbours.doubt(twins[0]).sum() == pytest.approx(1.0)


def test_the_lesson_s_prices_are_those_of_the_component(twins: tuple[mls.Run, mls.Run]) -> None:
    naive = twins[0]
    theirs = mls.assemble({"model", "decisions"}, seed=7)
    ours = neighbours.priced(theirs, answers.expected_cents)
    runs = [mls.simulate(naive.world, system, days=10) for system in (ours, theirs)]
    assert runs[0].actions_sha256 == runs[1].actions_sha256
    assert runs[0].value == runs[1].value


def test_replay_waits_for_open_prices_and_says_what_filled_ones_earn(
    twins: tuple[mls.Run, mls.Run],
) -> None:
    open_prices = neighbours.replay(lambda fraud, cents: (..., ..., ...), twins[0])
    assert repr(open_prices).startswith("[not attempted]")
    assert "euros" in repr(neighbours.replay(answers.expected_cents, twins[0]))
