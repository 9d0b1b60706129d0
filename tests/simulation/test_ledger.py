"""Money: to the cent under any traffic, one effect a request, books and accruals that agree."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.domain import OVERHEAD_ITEMS
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import ClosedDay
from mlsys_lessons.simulation.ledger import Ledger, effects, expected_cents
from mlsys_lessons.worlds.payments.domain import ACTION_DTYPE, ACTIONS, COSTS, ITEMS

Row = tuple[int, str, bool, int, float]  # request, final action, fraud, cents, true probability
FINAL = ("approve", "block", "shed")


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A settled request; its truth is a function of its id, as in the world."""
    request, action = draw(st.integers(0, 25)), draw(st.sampled_from(FINAL))
    return request, action, request % 3 == 0, 100 + 997 * request, (request % 7) / 7


days = st.lists(
    st.tuples(
        st.lists(rows(), max_size=8),
        st.sets(st.integers(0, 25), max_size=5),  # reported on this day
        st.dictionaries(st.sampled_from(OVERHEAD_ITEMS), st.integers(0, 9_999), max_size=3),
    ),
    max_size=8,
)
Days = list[tuple[list[Row], set[int], dict[str, int]]]


def closed_day(tick: int, today: list[Row]) -> tuple[ClosedDay, pd.DataFrame]:
    """A day and its truth, in the same order."""
    ids = np.array([row[0] for row in today], dtype=np.int64)
    action = pd.Categorical([row[1] for row in today], dtype=ACTION_DTYPE)
    truth = {
        "true_label": np.array([row[2] for row in today], dtype=np.int8),
        "true_amount_cents": np.array([row[3] for row in today], dtype=np.int64),
        "true_probability": np.array([row[4] for row in today], dtype=np.float64),
    }
    log = pd.DataFrame({"request_id": ids, "final_action": action})
    day = ClosedDay(tick, log, verdicts=log.iloc[:0], held=0)
    return day, pd.DataFrame(truth, index=pd.Index(ids, name="request_id"))


def reports(ids: Iterable[int]) -> pd.DataFrame:
    """What cardholders say, as far as the ledger looks at it."""
    return pd.DataFrame({"request_id": np.array(sorted(ids), dtype=np.int64)})


def kept(history: Days, *, keep_entries: bool = True) -> Ledger:
    """A ledger after some days."""
    ledger = Ledger(seed=5, keep_entries=keep_entries)
    for tick, (today, reported, overheads) in enumerate(history):
        ledger.settle(*closed_day(tick, today))
        ledger.report(tick, reports(reported))
        ledger.charge(tick, overheads)
    return ledger


def effect(action: str, fraud: bool, cents: int) -> tuple[str, int]:
    """One consequence, from the cost table's own words."""
    if action == "shed":
        return "shed_sale", -COSTS.shed
    if action == "block":
        return ("fraud_blocked", 0) if fraud else ("friction", -COSTS.friction)
    if fraud:
        return "fraud_loss", -(cents + COSTS.chargeback_fee)
    return "margin", round(cents * COSTS.margin_rate) + COSTS.margin_fixed


@settings(max_examples=40, deadline=None)
@given(days)
def test_accruals_are_books_plus_outstanding_at_every_edge(history: Days) -> None:
    for length in range(len(history) + 1):
        ledger = kept(history[:length])
        booked = int(ledger.books["cents"].sum())
        assert int(ledger.entries["cents"].sum()) == ledger.accrued
        assert ledger.accrued == booked + ledger.outstanding


@settings(max_examples=40, deadline=None)
@given(days)
def test_every_distinct_request_has_one_effect_and_it_is_the_first_rows(history: Days) -> None:
    expected: dict[int, tuple[int, str, int]] = {}
    overheads = 0
    for tick, (today, _, spent) in enumerate(history):
        for request, action, fraud, cents, _ in today:
            expected.setdefault(request, (tick, *effect(action, fraud, cents)))
        overheads -= sum(spent.values())
    entries = kept(history).entries
    effects_ = entries[entries["request_id"] >= 0]
    assert effects_["request_id"].is_unique
    found = {
        row.request_id: (row.tick, row.item, row.cents) for row in effects_.itertuples(index=False)
    }
    assert found == expected
    assert int(entries.loc[entries["request_id"] < 0, "cents"].sum()) == overheads


@settings(max_examples=40, deadline=None)
@given(days)
def test_summed_and_detailed_ledgers_agree_by_day_and_item(history: Days) -> None:
    detailed, summed = kept(history), kept(history, keep_entries=False)
    sums = [
        each.entries.groupby(["tick", "item"], observed=True)["cents"].sum().to_dict()
        for each in (detailed, summed)
    ]
    assert sums[0] == sums[1]
    assert detailed.accrued == summed.accrued
    assert detailed.outstanding == summed.outstanding
    pd.testing.assert_frame_equal(detailed.books, summed.books)
    distinct = summed.entries.drop_duplicates(["tick", "item"])
    assert len(summed.entries) == len(distinct)


@settings(max_examples=30, deadline=None)
@given(days)
def test_time_makes_everything_known_except_what_nobody_reports(history: Days) -> None:
    ledger = kept(history)
    for tick in range(len(history), len(history) + 10):
        ledger.settle(*closed_day(tick, []))
    ledger.report(len(history) + 10, reports(range(26)))
    assert ledger.outstanding == 0
    assert int(ledger.books["cents"].sum()) == ledger.accrued


@settings(max_examples=30, deadline=None)
@given(days)
def test_the_days_books_are_what_the_books_say_of_that_day(history: Days) -> None:
    ledger = Ledger(seed=5)
    for tick, (today, reported, overheads) in enumerate(history):
        ledger.settle(*closed_day(tick, today))
        ledger.report(tick, reports(reported))
        ledger.charge(tick, overheads)
        known = ledger.booked_on(tick)
        books = ledger.books
        sums = books[books["tick"] == tick].groupby("item", observed=True)["cents"].sum()
        assert known == sums.to_dict()


@settings(max_examples=30, deadline=None)
@given(days)
def test_the_world_is_told_of_first_rows_only(history: Days) -> None:
    ledger, told = Ledger(seed=5), []
    for tick, (today, _, _) in enumerate(history):
        told.append(ledger.settle(*closed_day(tick, today)))
        assert list(told[-1].columns[:2]) == ["request_id", "final_action"]
        assert {"true_label", "true_amount_cents"} <= set(told[-1].columns)
    if told:
        everything = pd.concat(told)
        assert everything["request_id"].is_unique
        ids = {row[0] for today, _, _ in history for row in today}
        assert set(everything["request_id"]) == ids


def test_an_unreported_fraud_looks_like_a_sale_until_it_is_reported() -> None:
    ledger = Ledger(seed=5)
    ledger.settle(*closed_day(0, [(1, "approve", True, 10_000, 0.5)]))
    assert ledger.booked_on(0) == {"margin": 210}
    assert (ledger.accrued, ledger.outstanding) == (-11_500, -11_710)
    ledger.report(3, reports([1]))
    assert ledger.booked_on(3) == {"margin": -210, "fraud_loss": -11_500}
    assert ledger.outstanding == 0
    ledger.report(4, reports([1]))
    assert ledger.booked_on(4) == {}


def test_complaints_come_within_five_days_and_by_luck_of_the_request() -> None:
    blocked: list[Row] = [(request, "block", False, 5_000, 0.1) for request in range(200)]
    ledger = Ledger(seed=5)
    ledger.settle(*closed_day(0, blocked))
    for tick in range(1, 6):
        ledger.settle(*closed_day(tick, []))
    books = ledger.books[ledger.books["item"] == "friction"]
    assert books["tick"].tolist() == [0, 1, 2, 3, 4]
    assert int(books["cents"].sum()) == -200 * COSTS.friction
    assert ledger.outstanding == 0


@settings(max_examples=100, deadline=None)
@given(action=st.sampled_from(FINAL), chance=st.floats(0, 1), cents=st.integers(1, 10**7))
def test_expected_cents_is_the_mean_of_both_fates(action: str, chance: float, cents: int) -> None:
    code, amount = np.array([ACTIONS.index(action)], dtype=np.int8), np.array([cents])
    found = expected_cents(code, np.array([chance]), amount, COSTS)[0]
    fates = [effect(action, fraud, cents)[1] for fraud in (False, True)]
    assert found == pytest.approx((1 - chance) * fates[0] + chance * fates[1])


@settings(max_examples=100, deadline=None)
@given(action=st.sampled_from(FINAL), fraud=st.booleans(), cents=st.integers(1, 2**40))
def test_effects_follow_the_cost_table(action: str, fraud: bool, cents: int) -> None:
    code = np.array([ACTIONS.index(action)], dtype=np.int8)
    item, value = effects(code, np.array([fraud]), np.array([cents]), COSTS)
    assert (ITEMS[item[0]], int(value[0])) == effect(action, fraud, cents)
    assert value.dtype == np.int64


def test_an_unknown_overhead_is_refused_and_nothing_is_charged() -> None:
    ledger = Ledger(seed=5)
    with pytest.raises(InputError, match=r"^item 'bribes' is not one of"):
        ledger.charge(0, {"review": 100, "bribes": 5})
    assert (ledger.accrued, len(ledger.entries)) == (0, 0)


def test_frames_have_their_columns_even_when_empty() -> None:
    ledger = Ledger(seed=5)
    assert list(ledger.entries.columns) == ["tick", "request_id", "item", "cents"]
    assert list(ledger.books.columns) == ["tick", "item", "cents"]
    assert list(ledger.entries["item"].cat.categories) == [*ITEMS, *OVERHEAD_ITEMS]
    assert ledger.entries["cents"].dtype == ledger.books["cents"].dtype == np.int64
    assert "0 entries" in repr(ledger)
