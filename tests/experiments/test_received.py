"""The perfect model on what is received: the truth, unless something breaks."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons.experiments.arms import NAIVE, Arm
from mlsys_lessons.experiments.extreme_models import (
    GRID,
    ExtremeArm,
    ReceivedTruth,
    great_model,
    table_age,
)
from mlsys_lessons.experiments.received import RATE, received_probability
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import CATALOGUE, Fault, faulted
from mlsys_lessons.worlds import PaymentsWorld, payments_world
from mlsys_lessons.worlds.payments.purchases import genuine_payments
from mlsys_lessons.worlds.payments.truth import fraud_probability

DAYS = 12


@pytest.fixture(scope="module")
def world() -> PaymentsWorld:
    return payments_world(seed=11, daily=1_000)


def told(world: PaymentsWorld, fault: Fault | None = None) -> pd.DataFrame:
    """Some days with nobody deciding: the truth, and what is told of the rows as received."""
    state, parts = world.start(), []
    for tick in range(DAYS):
        requests, truth = world.day(tick, state)
        seen = faulted(lambda frame: frame, [fault] if fault else [])(requests)
        found = received_probability(world.midnight(tick, state), seen, tick)
        parts.append(truth.assign(told=found, amount=seen["amount"].to_numpy()))
        world.react(state, tick, pd.DataFrame({"request_id": [], "final_action": []}))
    return pd.concat(parts)


def test_on_clean_rows_it_is_the_truth(world: PaymentsWorld) -> None:
    rows = told(world)
    np.testing.assert_allclose(rows["told"], rows["true_probability"], rtol=1e-9)


def test_a_gap_in_the_amount_keeps_it_calibrated(world: PaymentsWorld) -> None:
    """As many frauds among rows without an amount as it says, and less sure of each."""
    rows = told(world, CATALOGUE["null_flood"](start=0, end=DAYS, severity=0.6))
    blind = rows[rows["amount"].isna()]
    assert len(blind) > 5_000
    spread = np.sqrt((blind["told"] * (1 - blind["told"])).sum())
    assert abs(blind["told"].sum() - blind["true_label"].sum()) < 4 * spread
    assert not np.allclose(blind["told"], blind["true_probability"])
    clear = rows[rows["amount"].notna()]
    np.testing.assert_allclose(clear["told"], clear["true_probability"], rtol=1e-9)


@pytest.mark.parametrize(
    ("feature", "draws"), [("hour_sin", 24), ("is_online", 2), ("log_amount", 4_001)]
)
def test_a_distrusted_field_is_averaged_over_what_the_owner_would_do(
    world: PaymentsWorld, feature: str, draws: int
) -> None:
    """The same odds by brute force: genuine rows of one card and shop, weighted by their share."""
    from mlsys_lessons.records import HOUR_MS, timestamps
    from mlsys_lessons.worlds.payments.calendars import HOURS, WEEKDAY

    state = world.start()
    midnight, requests = world.midnight(0, state), world.day(0, state).requests
    row = requests.iloc[[17]].assign(**{feature: np.nan})
    people, merchants = world.population, world.population.merchants
    seat = np.flatnonzero(people.account(np.arange(len(people)), 0)[0] == row["customer_id"].iat[0])
    shop = np.flatnonzero(merchants.merchant_id == row["merchant_id"].iat[0])
    many = pd.concat([requests.iloc[[17]]] * draws, ignore_index=True)
    weights = np.full(draws, 1 / draws)
    if feature == "hour_sin":
        many["event_time"], weights = timestamps(np.arange(24) * HOUR_MS), HOURS[WEEKDAY]
    elif feature == "is_online":
        online = people.online_share(seat, shop, 0)[0]
        many["channel"] = pd.Categorical(["online", "chip"], row["channel"].cat.categories)
        weights = np.array([online, 1 - online])
    else:
        from scipy.stats import norm

        steps = np.linspace(-7, 7, draws)
        weights = norm.pdf(steps) * (steps[1] - steps[0])
        many["amount"] = np.exp(people.log_basket(seat, shop, 0)[0] + 0.7 * steps)
    each = received_probability(midnight, many, 0)
    odds = (weights * each / (1 - each)).sum()
    found = received_probability(midnight, row, 0)[0]
    assert found / (1 - found) == pytest.approx(odds, rel=0.02)


def test_a_wrong_unit_is_judged_as_the_payment_that_it_says(world: PaymentsWorld) -> None:
    """Cents for euros: the truth about the same genuine payments, a hundred times as large."""
    state, people = world.start(), world.population
    midnight, requests = world.midnight(0, state), world.day(0, state).requests
    genuine = genuine_payments(people, 0, np.zeros(len(people), dtype=bool))
    larger = pd.Series(
        fraud_probability(midnight, genuine._replace(cents=genuine.cents * 100)),
        genuine.request_id,
    )
    rows = requests[requests["request_id"].isin(larger.index)]
    wrong = rows.assign(amount=rows["amount"] * 100)
    expected = larger.loc[rows["request_id"]].to_numpy()
    np.testing.assert_allclose(received_probability(midnight, wrong, 0), expected, rtol=1e-9)
    assert not np.allclose(received_probability(midnight, rows, 0), expected)


def test_strangers_get_the_rate_of_the_portfolio(world: PaymentsWorld) -> None:
    state = world.start()
    rows = world.day(0, state).requests.head(3).assign(merchant_id=2**19)
    found = received_probability(world.midnight(0, state), rows, 0)
    np.testing.assert_allclose(found, RATE)


def test_an_old_table_does_not_know_who_was_robbed_since() -> None:
    world = payments_world(seed=11, daily=5_000)
    state, kept = world.start(), []
    for tick in range(4):
        kept.append(world.midnight(tick, state))
        requests, truth = world.day(tick, state)
        fraud = truth["true_label"].to_numpy() == 1
        if tick < 3:
            world.react(state, tick, pd.DataFrame({"request_id": [], "final_action": []}))
    fresh, old = (received_probability(kept[place], requests, 3) for place in (3, 0))
    assert fresh[fraud].mean() > 1.3 * old[fraud].mean()
    since = ~np.isin(kept[3].live.seat, kept[0].live.seat)
    assert since.any() and (old <= fresh + 1e-2).mean() > 0.99


def test_in_a_system_it_is_the_oracle_until_something_breaks() -> None:
    world = payments_world(seed=3, daily=800)
    oracle, reader = Arm(NAIVE, model="perfect"), ExtremeArm(NAIVE, model="received")
    calm = [simulate(world, arm.system(3), days=14) for arm in (oracle, reader)]
    np.testing.assert_allclose(*(run.log["score"].to_numpy(float) for run in calm), atol=1e-12)
    assert calm[0].actions_sha256 == calm[1].actions_sha256
    for name in ("unit_change", "stale_features"):
        broken = [CATALOGUE[name](start=1, end=14)]
        spared, hurt = (
            simulate(world, arm.system(3), days=14, faults=broken) for arm in (oracle, reader)
        )
        assert spared.expected_value == pytest.approx(calm[0].expected_value)
        assert hurt.log["score"].to_numpy(float)[-300:].tolist() != (
            spared.log["score"].to_numpy(float)[-300:].tolist()
        )
        assert hurt.expected_value < spared.expected_value


def test_a_copy_of_the_reader_shares_what_it_was_shown() -> None:
    model = ReceivedTruth()
    model.watch("midnight", ())
    other = copy.deepcopy(model)
    other.watch("next midnight", ())
    assert (model._midnights, other._midnights) == (("midnight",), ("midnight", "next midnight"))


def test_the_age_of_a_table_is_the_fault_s_and_a_gap_is_the_oldest() -> None:
    frame = pd.DataFrame({
        "arrival_time": pd.to_datetime(["2025-01-01", "2025-01-03", "2025-01-03"]).astype(
            "datetime64[ms]"
        ),
        "count_1h": [0.0, 0.0, np.nan],
    })  # fmt: skip
    stale = CATALOGUE["stale_features"](start=2, end=3, severity=2.0)
    assert table_age(frame, [stale]).tolist() == [0, 2, 8]


def test_a_great_model_is_tuned_on_the_grid_and_cut_by_f1() -> None:
    model, cut = great_model(5, times=1)
    assert (model.trees, model.leaves) in GRID  # type: ignore[attr-defined]
    assert 0 < cut < 1
