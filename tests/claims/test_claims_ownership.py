"""Claims C24 and C25: what differs between their arms, and their arithmetic on made-up runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from mlsys_lessons import claims
from mlsys_lessons.claims import c24_owner as c24
from mlsys_lessons.claims import c25_ship_small as c25
from mlsys_lessons.claims.claim import Evidence
from mlsys_lessons.components.response import roll_back
from mlsys_lessons.components.response.cases import UNOWNED
from mlsys_lessons.experiments import batches, routing
from mlsys_lessons.experiments.arms import RESILIENT
from mlsys_lessons.simulation.investigations import Investigations
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.worlds.payments.domain import PAYMENTS

RULES = PAYMENTS.alert_rules
SMALL = ClaimSize(days=32, daily=150)


def made_up(name: str, columns: dict[str, dict[str, float]], size: ClaimSize) -> Evidence:
    """Twelve seeds on which an arm has these columns, and 0 where nothing is said."""
    arms = [(rate, arm) for rate in (0.0, 1.0, 4.0) for arm in claims.CLAIMS[name].arms(rate)]
    rows = [
        {"seed": seed, "rate": rate, "arm": arm, "requests": 1_000, "value_cents": 0,
         "expected_cents": 0, "days_to_end": 0.0, "bad": 0.0, "bad_days": 0.0,
         **columns.get(arm, {})}
        for seed in range(12) for rate, arm in arms
    ]  # fmt: skip
    return Evidence(pd.DataFrame(rows), size)


# --- C24 ----------------------------------------------------------------------------------------


def test_routes_change_owners_and_nothing_else() -> None:
    for route in routing.ROUTES:
        for old, new in zip(RULES, routing.routed(RULES, route), strict=True):
            assert replace(new, owner=old.owner) == old
    nobody = routing.routed(RULES, routing.NO_OWNER)
    assert {rule.owner for rule in nobody} == {UNOWNED}
    assert routing.routed(RULES, routing.TEAM) == RULES


def test_only_hand_offs_take_longer() -> None:
    usual, slow = Investigations(3), routing.SlowerHandOffs(3, times=4.0)
    assert slow.hours("hand_off", 5, "x") == 4 * usual.hours("hand_off", 5, "x")
    assert slow.hours("ask_owner", 5, "x") == usual.hours("ask_owner", 5, "x")


def test_no_owner_is_never_sooner_and_the_same_is_seen() -> None:
    arms = [routing.Routed(RESILIENT, route=route, fault="null_flood", rate=4.0)
            for route in (routing.TEAM, routing.NO_OWNER)]  # fmt: skip
    team, nobody = (arm.play(11, SMALL)["measured"] for arm in arms)
    assert team["days_to_notice"] == nobody["days_to_notice"]
    assert team["days_to_end"] <= nobody["days_to_end"]


def test_the_days_are_a_mean_by_how_often_each_comes() -> None:
    longer = {one: float(number) for number, one in enumerate(routing.SILENT)}
    columns = {c24.name_of(one, c24.NO_OWNER): {"days_to_end": days}
               for one, days in longer.items()}  # fmt: skip
    made = made_up("C24", columns, routing.SIZE)
    weights = pd.Series(routing.SILENT)
    expected = (pd.Series(longer) * weights).sum() / weights.sum()
    assert c24.longer(made, 1.0) == pytest.approx(np.full(12, expected))


def test_the_money_is_that_of_a_year_of_them() -> None:
    columns = {c24.name_of("null_flood", c24.TEAM): {"expected_cents": 7_300}}
    made = made_up("C24", columns, ClaimSize(days=44, daily=1_000))
    yearly = routing.SILENT["null_flood"] * 73.0 / 365  # euros, on 365 thousand requests
    assert c24.dearer(made, 1.0) == pytest.approx(np.full(12, yearly))


# --- C25 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 2, 8, 16])
def test_a_change_waits_for_the_last_of_its_batch(batch: int) -> None:
    shipped = batches.releases(batch)
    assert sorted(sum(shipped.values(), ())) == list(range(batches.CHANGES))
    for day, changes in shipped.items():
        ready = [batches.FIRST_READY + batches.EVERY * change for change in changes]
        assert len(changes) == batch and day == max(ready)


def test_one_change_in_seven_is_bad_and_calm_worlds_are_among_the_others() -> None:
    few = [batches.bad_changes(seed, 1.0) for seed in range(300)]
    many = [batches.bad_changes(seed, 4.0) for seed in range(300)]
    assert all(one.items() <= other.items() for one, other in zip(few, many, strict=True))
    for found, share in ((few, batches.BAD_SHARE), (many, 4 * batches.BAD_SHARE)):
        bad = sum(map(len, found))
        assert binomtest(bad, 300 * batches.CHANGES, share).pvalue > 0.001
    assert set().union(*(one.values() for one in many)) == set(batches.WAYS)


def test_every_batch_ships_the_same_bad_changes_and_a_roll_back_ends_them() -> None:
    one, eight = (
        batches.Shipped(RESILIENT, rate=4.0, batch=batch).faults(5, batches.SIZE)
        for batch in (1, 8)
    )
    assert [fault.name for fault in one] == [fault.name for fault in eight]
    assert all(late.start >= soon.start for soon, late in zip(one, eight, strict=True))
    assert all(fault.ended_by(roll_back(), PAYMENTS) for fault in (*one, *eight))


def test_the_sum_is_its_four_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c25, "bad_changes", lambda seed, rate: {3: "latency"} if rate else {})
    columns = {"the model alone": {"expected_cents": 900_000},
               "8 a release": {"expected_cents": -2_000},
               "1 a release": {"expected_cents": -1_000}}  # fmt: skip
    made = made_up("C25", columns, ClaimSize(days=90, daily=1_000))
    a_day = 0.005 * 9_000 / 90  # euros per 1,000 requests for a change and day
    assert c25.waiting(made, 8) == pytest.approx(16 * 3 * 3.5 * a_day)
    assert c25.waiting(made, 1) == 0.0
    assert c25.searching(made, 8, 1.0) == pytest.approx(np.full(12, 7 * 4.5 * a_day))
    assert not c25.searching(made, 1, 1.0).any()  # the only suspect is the culprit
    assert c25.shipping(made, 1) == pytest.approx(16 * 30 / 90)
    assert c25.damage(made, 8, 1.0) == pytest.approx(np.full(12, 20.0))
    whole = c25.cost(made, 8, 1.0) - c25.cost(made, 1, 1.0)
    parts = 10.0 + (168 + 31.5) * a_day - 14 * 30 / 90
    assert whole == pytest.approx(np.full(12, parts))
    assert not c25.damage(made, 8, 0.0).any()


@pytest.mark.parametrize("name", ["C24", "C25"])
def test_the_judge_has_a_row_for_each_and_says_what_is_assumed(name: str) -> None:
    columns = {"the model alone": {"expected_cents": 900_000}}
    found = claims.CLAIMS[name].judge(made_up(name, columns, claims.CLAIMS[name].size))
    assert found.verdict in ("holds", "does not hold", "undecided")
    assert len(found.table) and any("incidents are" in note for note in found.notes)
