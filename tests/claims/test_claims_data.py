"""Claims C9-C11: their arms do what they say, and their judges conclude what made-up runs say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons.claims import c9_data_bugs, c10_data_bias, c11_staleness
from mlsys_lessons.claims.claim import Evidence, yardstick
from mlsys_lessons.claims.effects import FAILS, HOLDS
from mlsys_lessons.experiments.pasts import AnotherPast, UnderFaults, all_along
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import CATALOGUE
from mlsys_lessons.worlds import payments_world

TINY = ClaimSize(days=2, daily=200)
RATES = (0.0, 1.0, 4.0)


def evidence(worth: Callable[[str], dict[str, float]], arms: list[str]) -> Evidence:
    """Ten seeds with made-up columns for each arm, euros per 1,000 requests among them."""
    luck = np.random.default_rng(0)
    rows = []
    for seed in range(10):
        for rate in RATES:
            for arm in arms:
                made = worth(arm)
                cents = 100 * made.pop("euros", 0.0) + luck.normal()
                rows.append({"seed": seed, "rate": rate, "arm": arm, "requests": 1_000,
                             "expected_cents": cents, "value_cents": cents, **made})  # fmt: skip
    return Evidence(pd.DataFrame(rows), TINY)


def four_lives(new: float, learned: float, fixed: float, odd: float = 0.0) -> Evidence:
    """The same three worths for each fault; `odd` more for one whose repair is welcome."""

    def worth(arm: str) -> dict[str, float]:
        name, _, life = arm.partition(": ")
        euros = {"new": new, "learned": learned, "fixed": fixed}.get(life, 500.0)
        euros = {"approve all": 100.0}.get(arm, euros)
        return {"euros": euros + odd * (life == "fixed" and name == "null_flood")}

    return evidence(worth, list(c9_data_bugs.arms(1.0)))


def test_c9_needs_both_halves() -> None:
    assert c9_data_bugs.CLAIM.judge(four_lives(300, 480, 400)).verdict == HOLDS
    assert c9_data_bugs.CLAIM.judge(four_lives(300, 480, 480)).verdict == FAILS
    assert c9_data_bugs.CLAIM.judge(four_lives(480, 480, 400)).verdict == FAILS
    mixed = c9_data_bugs.CLAIM.judge(four_lives(300, 480, 400, odd=150.0))
    assert mixed.verdict == "depends on the fault"
    assert mixed.effects[0].interval.estimate == pytest.approx(80 - 150 / 5, abs=1)


def test_c9_lives_differ_in_past_and_present_only() -> None:
    lives = c9_data_bugs.arms(1.0)
    assert len(lives) == len(yardstick(1.0)) + 1 + 3 * len(c9_data_bugs.FAULTS)
    learned, fixed = lives["unit_change: learned"], lives["unit_change: fixed"]
    assert [each.name for each in learned.faults(3, TINY)][-1] == "unit_change"
    assert learned.faults(3, TINY)[:-1] == fixed.faults(3, TINY)  # the year's own remain
    scores = {name: lives[name].system(3).inference.model for name in ("clean", "unit_change: new")}
    rows = payments_world(seed=3, daily=200).history(60)
    table = c9_data_bugs.table_of(3).head(500)
    same, other = (model.predict(table) for model in scores.values())
    assert np.array_equal(same, other)
    assert not np.array_equal(same, fixed.system(3).inference.model.predict(table))
    world = fixed.world(3, TINY)
    told = world.history(60).requests.set_index("request_id")["amount"]
    said = rows.requests.set_index("request_id")["amount"].loc[told.index]
    assert set(np.round(told / said).unique()) == {1.0, 100.0}


def test_another_past_has_the_present_of_its_world() -> None:
    base = payments_world(seed=4, daily=200)
    flood = all_along(CATALOGUE["null_flood"](start=0, end=1, severity=0.5))
    world = AnotherPast.of(base, UnderFaults((flood,)))
    today, other = world.day(0, world.start()), base.day(0, base.start())
    pd.testing.assert_frame_equal(today.requests, other.requests)
    assert world.history(30).requests["amount"].isna().mean() == pytest.approx(0.5, abs=0.03)
    pd.testing.assert_frame_equal(world.history(30).labels, base.history(30).labels)
    assert hash(world) == hash(AnotherPast.of(base, UnderFaults((flood,))))
    with pytest.raises(AttributeError):
        world.nonsense  # noqa: B018


@pytest.mark.parametrize(("bias", "factor"), [("accused", 2.0), ("unheard", 0.5)])
@pytest.mark.parametrize("group", list(c10_data_bias.GROUPS))
def test_c10_labels_are_wrong_by_about_two_and_in_one_group_only(
    group: str, bias: str, factor: float
) -> None:
    history = payments_world(seed=6, daily=1_000).history(180)
    told = c10_data_bias.Misreported(group, bias)(history)
    assert told.requests is history.requests
    column, word = c10_data_bias.GROUPS[group]
    ids = history.requests.loc[(history.requests[column] == word).to_numpy(), "request_id"]
    mine = history.labels["request_id"].isin(ids).to_numpy()
    before, after = history.labels["label"].to_numpy(), told.labels["label"].to_numpy()
    assert np.array_equal(before[~mine], after[~mine])
    assert after[mine].sum() / before[mine].sum() == pytest.approx(factor, rel=0.25)


def test_c10_a_bias_passed_on_whole_is_one_and_twice_as_large_is_two() -> None:
    def passing(times: float) -> Evidence:
        def worth(arm: str) -> dict[str, float]:
            bias = "accused" if "accused" in arm else "unheard" if "unheard" in arm else ""
            data = {"accused": 2.0, "unheard": 0.5, "": 1.0}[bias]
            system = {"accused": 2.0 * times, "unheard": 0.5 / times, "": 1.0}[bias]
            return {f"{group} {what}": 0.01 * (data if what == "labelled" else system)
                    for group in c10_data_bias.GROUPS
                    for what in ("labelled", "wronged", "caught")}  # fmt: skip

        return evidence(worth, list(c10_data_bias.arms(1.0)))

    whole, doubled = (c10_data_bias.CLAIM.judge(passing(times)) for times in (1.0, 2.0))
    assert [each.interval.estimate for each in whole.effects] == pytest.approx([1.0] * 8)
    assert [each.interval.estimate for each in doubled.effects] == pytest.approx([2.0] * 8)
    assert (whole.verdict, doubled.verdict) == (FAILS, HOLDS)
    assert doubled.table.loc[0, "data"] == pytest.approx(2.0)


def test_c10_counts_each_group_in_a_real_run() -> None:
    arm = c10_data_bias.arms(1.0)["resilient, visible and accused"]
    measured = arm.play(3, TINY)["measured"]
    kinds = ("wronged", "caught", "labelled")
    assert set(measured) == {f"{group} {kind}" for group in c10_data_bias.GROUPS for kind in kinds}
    assert all(0 < share <= 1 for share in measured.values())
    honest = c10_data_bias.BiasedArm(arm.levels)._labelled(3, "visible")
    assert measured["visible labelled"] > 1.5 * honest
    assert measured["hidden labelled"] != honest


def test_c11_holds_when_a_day_costs_and_fails_when_it_is_free() -> None:
    def aged(first_day: float) -> Evidence:
        def worth(arm: str) -> dict[str, float]:
            age = float(arm.split()[0]) if arm.endswith("days") else 0.0
            lift = 0.0 if arm == "approve all" else 400.0
            return {"euros": 100 + lift - first_day * min(age, 1) - 10 * age}

        return evidence(worth, list(c11_staleness.arms(1.0)))

    found = c11_staleness.CLAIM.judge(aged(80.0))
    assert found.verdict == HOLDS
    assert found.effects[1].interval.estimate == pytest.approx(150, abs=1)
    assert "60%" in found.notes[0]
    assert c11_staleness.CLAIM.judge(aged(-10.0)).verdict == FAILS


def test_c11_ages_are_the_severities_of_the_fault() -> None:
    lives = c11_staleness.arms(0.0)
    ages = {name: arm.faults(3, TINY) for name, arm in lives.items()}
    assert ages["fresh"] == ages["approve all"] == ()
    assert "the model alone" in c11_staleness.arms(1.0)
    assert [ages[f"{age:g} days"][0].severity for age in c11_staleness.AGES] == [0, 1, 2, 4, 7]
