"""The ramp by closed forms and simulated canaries; the split in the running system."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.inference.canary import Arm, rows_needed
from mlsys_lessons.components.inference.models import BaseRate
from mlsys_lessons.components.inference.ramp import (
    GO,
    HARM,
    WAIT,
    WRONG_SPLIT,
    Guardrail,
    RampPlan,
    Step,
    days_to_see,
    equal_rows,
    word_of,
)
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.inference.split import SHADOW, SplitInference
from mlsys_lessons.errors import InputError

BLOCKED = Guardrail("blocked", harm=0.01)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_so_many_days_see_the_change_that_often(share: float) -> None:
    rate, change, daily = 0.03, 0.02, 1_000
    rows = days_to_see(rate, change, share=share, rows_a_day=daily) * daily
    draw = np.random.default_rng(5)
    new_rows, old_rows = round(rows * share), round(rows * (1 - share))
    new, old = draw.binomial(new_rows, rate + change, 4_000), draw.binomial(old_rows, rate, 4_000)
    pooled = (new + old) / (new_rows + old_rows)
    error = np.sqrt(pooled * (1 - pooled) * (1 / new_rows + 1 / old_rows))
    seen = np.abs(new / new_rows - old / old_rows) / error > 1.96
    assert seen.mean() == pytest.approx(0.8, abs=0.04)


def test_an_even_split_is_the_formula_of_equal_arms() -> None:
    assert days_to_see(0.01, 0.001, share=0.5, rows_a_day=2) == rows_needed(0.01, 0.001)
    assert [equal_rows(10, share) for share in (0.2, 0.8)] == pytest.approx([3.2, 3.2])


def test_a_sound_version_is_stopped_at_most_that_often_however_many_segments() -> None:
    """Thirty nights, four guardrails of one metric: at most 5 % of ramps stop at all."""
    draw, stopped = np.random.default_rng(8), 0
    rails = [Guardrail("blocked", 0.02, segment) for segment in "abcd"]
    for _ in range(120):
        old, new = draw.binomial(225, 0.05, (30, 4)), draw.binomial(25, 0.05, (30, 4))
        for night in range(1, 31):
            arms = {
                rail: (Arm(int(old[:night, i].sum()), 225 * night),
                       Arm(int(new[:night, i].sum()), 25 * night))
                for i, rail in enumerate(rails)
            }  # fmt: skip
            if word_of(arms, share=0.1, rows=(900 * night, 100 * night)) == HARM:
                stopped += 1
                break
    assert stopped <= 0.05 * 120 + 3


def test_harm_in_one_segment_stops_and_relief_does_not() -> None:
    calm, bad = (Arm(100, 10_000), Arm(10, 1_000)), (Arm(100, 10_000), Arm(60, 1_000))
    rails = [Guardrail("blocked", 0.02, segment) for segment in "ab"]
    rows = (10_000, 1_000)
    share = 1 / 11
    assert word_of({rails[0]: calm, rails[1]: bad}, share=share, rows=rows) == HARM
    down = Guardrail("blocked", harm=-0.02)
    assert word_of({down: bad}, share=share, rows=rows) in (WAIT, GO)
    fallen = (Arm(600, 10_000), Arm(5, 1_000))
    assert word_of({down: fallen}, share=share, rows=rows) == HARM


def test_go_is_what_excludes_the_harm_and_wait_what_cannot() -> None:
    small, large = (Arm(5, 500), Arm(0, 50)), (Arm(500, 50_000), Arm(50, 5_000))
    share = 1 / 11
    assert word_of({BLOCKED: small}, share=share, rows=(500, 50)) == WAIT
    assert word_of({BLOCKED: large}, share=share, rows=(50_000, 5_000)) == GO
    assert word_of({BLOCKED: (Arm(0, 1), Arm(0, 0))}, share=0.5, rows=(1, 0)) == WAIT


def test_the_split_is_looked_at_first() -> None:
    bad = (Arm(100, 10_000), Arm(400, 900))
    assert word_of({BLOCKED: bad}, share=0.5, rows=(10_000, 900)) == WRONG_SPLIT


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: RampPlan(steps=()),
        lambda: RampPlan(steps=(Step(0.2, 1), Step(0.1, 1))),
        lambda: RampPlan(steps=(Step(0.0, 1),)),
        lambda: RampPlan(steps=(Step(1.0, 1),)),
        lambda: RampPlan(steps=(Step(0.1, 0),)),
        lambda: RampPlan(guardrails=(Guardrail("blocked", 0.0),)),
        lambda: RampPlan(alpha=1.0),
        lambda: days_to_see(0.1, 0.1, share=0.0, rows_a_day=10),
        lambda: days_to_see(0.1, 0.1, share=1.0, rows_a_day=10),
        lambda: days_to_see(0.1, 0.0, share=0.5, rows_a_day=10),
        lambda: equal_rows(10, 1.5),
    ],
)
def test_what_cannot_be_is_refused(wrong) -> None:
    with pytest.raises(InputError):
        wrong()


def constant(rate: float) -> ModelVersion:
    labels = np.r_[np.ones(round(1_000 * rate)), np.zeros(1_000 - round(1_000 * rate))]
    return ModelVersion("constant-2", BaseRate().fit(pd.DataFrame(), labels))


@pytest.fixture(scope="module")
def runs() -> dict[float, mls.Run]:
    """Six days with a challenger that scores .3 on everything, by its share."""
    system = mls.resilient_system(seed=5, retraining=None)
    world, found = mls.payments_world(seed=5, daily=300), {}
    for share in (-1.0, 0.0, 0.1, 0.4, 1.0):
        tried = system
        if share >= 0:
            split = SplitInference.around(system.inference, constant(0.3), share=share, seed=9)
            tried = system.with_(inference=split)
        found[share] = mls.simulate(world, tried, days=3, keep="log")
    return found


def test_a_shadow_changes_no_answer(runs: dict[float, mls.Run]) -> None:
    assert runs[0.0].actions_sha256 == runs[-1.0].actions_sha256
    assert runs[0.0].value == runs[-1.0].value
    assert (runs[0.0].log[SHADOW] == 0.3).all()
    assert SHADOW not in runs[-1.0].log


def test_shares_are_kept_and_nested(runs: dict[float, mls.Run]) -> None:
    answered = {}  # thieves come back elsewhere once they are blocked: ids that all runs have
    common = set.intersection(*(set(run.log["request_id"]) for run in runs.values()))
    for share in (0.1, 0.4, 1.0):
        log = runs[share].log
        log = log[~log["is_fallback"]]
        new = log["model_version"] == "constant-2"
        assert (log.loc[new, "score"] == 0.3).all()
        assert new.mean() == pytest.approx(share, abs=4 * np.sqrt(0.25 / len(log)))
        answered[share] = set(log.loc[new, "request_id"]) & common
    assert answered[0.1] <= answered[0.4] <= answered[1.0]


def test_sending_is_from_the_next_request_on(runs: dict[float, mls.Run]) -> None:
    run = mls.resume(runs[0.4], days=1)
    run.system.inference.send(0.0)
    run.step()
    day = mls.records.ticks(run.log["arrival_time"])
    by_new = (run.log["model_version"] == "constant-2").groupby(day).mean()
    assert by_new.iloc[3] > 0.2 and by_new.iloc[4] == 0
    with pytest.raises(InputError):
        run.system.inference.send(1.1)


def test_batches_of_any_size_are_split_alike() -> None:
    system = mls.resilient_system(seed=5, retraining=None)
    split = SplitInference.around(system.inference, constant(0.3), share=0.3)
    world = mls.payments_world(seed=5, daily=120)
    hashes = {
        mls.simulate(
            world, system.with_(inference=split), days=2, batch_size=size
        ).actions_sha256
        for size in (None, 7)
    }  # fmt: skip
    assert len(hashes) == 1


def test_a_plan_says_what_it_cannot_see() -> None:
    plan = RampPlan()
    dark = plan.in_the_dark(0.004, 1_000)
    assert list(dark) == [0.01, 0.05, 0.25]
    longer = replace(plan, steps=tuple(Step(s.share, 10 * s.days) for s in plan.steps))
    assert all(longer.in_the_dark(0.004, 1_000)[share] < dark[share] for share in dark)
