"""What may enter: every promise of the contract, repeats, late rows, and frames of nonsense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import batch_sizes, cut, ended, requests

from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT, broken, parse
from mlsys_lessons.components.ingestion.idempotency import ANSWERED_DAYS
from mlsys_lessons.components.ingestion.stages import ContractIngestion, ParsingIngestion
from mlsys_lessons.domain import Field
from mlsys_lessons.errors import InputError
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

FLAGS = ["is_duplicate", "is_late", "is_quarantined", "quarantine_reason"]
HOUR, MINUTE, SECOND = (np.timedelta64(1, unit) for unit in "hms")


def with_value(name: str, value: object) -> pd.DataFrame:
    """Three clean requests, the middle one with one other value."""
    frame = requests(3)
    column = frame[name].astype(object)
    column.iloc[1] = value
    return parse(frame.assign(**{name: column}))


def lagged(lag: np.timedelta64) -> pd.DataFrame:
    """Three requests; the middle one arrives so long after its event."""
    frame = requests(3)
    event = frame["event_time"].to_numpy().copy()
    event[1] = frame["arrival_time"].to_numpy()[1] - lag
    return frame.assign(event_time=event)


# --- the contract ------------------------------------------------------------------------------

BREACHES = [
    ("request_id", -1, "payments gateway"),
    ("customer_id", -1, "accounts"),
    ("customer_id", 2**24, "accounts"),
    ("merchant_id", 2**20, "merchant desk"),
    ("account_opened", pd.NaT, "accounts"),
    ("card_country", "XX", "accounts"),
    ("category", "consumer_electronics", "merchant desk"),
    ("category", None, "merchant desk"),
    ("country", "de", "merchant desk"),
    ("channel", "fax", "terminals"),
    ("amount", 0.0, "payments gateway"),
    ("amount", -5.0, "payments gateway"),
    ("amount", 20_000.01, "payments gateway"),
    ("amount", np.nan, "payments gateway"),
    ("amount", np.inf, "payments gateway"),
]


@pytest.mark.parametrize(("name", "value", "owner"), BREACHES)
def test_each_broken_promise_is_flagged_with_its_reason_and_owner(
    name: str, value: object, owner: str
) -> None:
    answered = ContractIngestion()(with_value(name, value))
    nameless = name in ("request_id", "customer_id")
    assert answered["is_quarantined"].tolist() == [False, nameless, False]
    reason = answered["quarantine_reason"].iloc[1]
    assert reason.startswith(f"{name}: ")
    assert answered["quarantine_reason"].isna().tolist() == [True, False, True]
    assert PAYMENTS_CONTRACT.owner(reason.split(":")[0]) == owner


@pytest.mark.parametrize("value", [0.01, 20_000.0])
def test_the_ends_of_a_range_are_inside(value: float) -> None:
    assert ContractIngestion()(with_value("amount", value))["quarantine_reason"].isna().all()


@pytest.mark.parametrize(
    ("lag", "late", "reason"),
    [
        (-5 * MINUTE, False, None),
        (-6 * MINUTE, False, "event_time: in the future"),
        (1 * HOUR, False, None),
        (1 * HOUR + SECOND, True, "event_time: in another zone"),
        (6 * HOUR + 59 * SECOND, True, "event_time: in another zone"),
        (6 * HOUR + MINUTE, True, None),
        (150 * MINUTE, True, None),
        (7 * 24 * HOUR - MINUTE, True, None),
        (7 * 24 * HOUR + MINUTE, True, "event_time: too old"),
    ],
)
def test_both_clocks_are_checked(lag: np.timedelta64, late: bool, reason: str | None) -> None:
    row = ContractIngestion()(lagged(lag)).iloc[1]
    assert row["is_late"] == late
    assert not row["is_quarantined"]
    assert (None if pd.isna(row["quarantine_reason"]) else row["quarantine_reason"]) == reason


def test_the_first_broken_promise_is_the_reason() -> None:
    frame = with_value("amount", np.nan)
    frame["merchant_id"] = [0, -1, 0]
    reason = ContractIngestion()(frame)["quarantine_reason"].iloc[1]
    assert reason == "merchant_id: breaks its promise"


bounds = st.one_of(st.none(), st.integers(-5, 5).map(float))


@settings(max_examples=100, deadline=None)
@given(
    low=bounds,
    high=bounds,
    values=st.lists(st.one_of(st.integers(-9, 9).map(float), st.just(np.nan))),
)
def test_a_field_is_a_plain_loop(
    low: float | None, high: float | None, values: list[float]
) -> None:
    assume(low is None or high is None or low <= high)
    promise = Field("x", "float64", "somebody", minimum=low, maximum=high)
    kept = [
        not np.isnan(each) and (low is None or each >= low) and (high is None or each <= high)
        for each in values
    ]
    verdict = broken(promise, pd.Series(values, dtype=np.float64))
    assert verdict.tolist() == [not each for each in kept]


def test_the_contract_covers_every_column_and_names_unknown_ones() -> None:
    clocks = {"event_time", "arrival_time"}  # checked against each other
    assert {each.name for each in PAYMENTS_CONTRACT.fields} | clocks == set(RAW_COLUMNS)
    assert len(PAYMENTS_CONTRACT.reasons) == len(PAYMENTS_CONTRACT.fields) + 5
    with pytest.raises(InputError, match=r"'iban' is not in the contract; it has \['account"):
        PAYMENTS_CONTRACT.owner("iban")


def test_values_are_never_repaired_or_dropped() -> None:
    frame = with_value("category", "consumer_electronics")
    answered = ContractIngestion()(frame)
    assert answered["category"].iloc[1] == "consumer_electronics"
    pd.testing.assert_frame_equal(
        answered[list(RAW_COLUMNS)].reset_index(drop=True), frame.reset_index(drop=True)
    )


# --- repeats and row ids ------------------------------------------------------------------------


def test_repeats_are_seen_within_a_batch_across_batches_and_across_days() -> None:
    ingestion, frame = ContractIngestion(), requests(4)
    twice = pd.concat([frame.iloc[:2], frame.iloc[:1]])
    assert ingestion(twice)["is_duplicate"].tolist() == [False, False, True]
    assert ingestion(frame)["is_duplicate"].tolist() == [True, True, False, False]
    for tick in range(ANSWERED_DAYS):
        ingestion.step(ended(tick))
    assert ingestion(frame.iloc[:1])["is_duplicate"].tolist() == [True]
    ingestion.step(ended(ANSWERED_DAYS))
    assert ingestion(frame.iloc[:1])["is_duplicate"].tolist() == [False]


def test_a_repeat_of_a_broken_row_is_a_repeat_not_a_second_quarantine() -> None:
    frame = with_value("customer_id", -1)
    answered = ContractIngestion()(pd.concat([frame, frame.iloc[1:2]]))
    assert answered["is_quarantined"].tolist() == [False, True, False, False]
    assert answered["is_duplicate"].tolist() == [False, False, False, True]
    assert answered["quarantine_reason"].isna().tolist() == [True, False, True, True]


@settings(max_examples=40, deadline=None)
@given(sizes=batch_sizes(), picks=st.lists(st.integers(0, 19), min_size=1, max_size=60))
@pytest.mark.parametrize("level", [ContractIngestion, ParsingIngestion])
def test_any_cut_gives_the_same_flags_and_row_ids(
    level: Callable[[], ContractIngestion], sizes: list[int], picks: list[int]
) -> None:
    source = requests(20)
    source.loc[::4, "amount"] = np.nan
    frame = parse(source.iloc[picks])
    whole, ingestion = level()(frame), level()
    pieces = pd.concat([ingestion(batch) for batch in cut(frame, sizes)])
    pd.testing.assert_frame_equal(pieces, whole, check_index_type=False)
    assert whole.index.name == "row_id"
    assert whole.index.tolist() == list(range(len(frame)))


def test_the_naive_level_passes_everything() -> None:
    frame = with_value("amount", np.nan)
    answered = ParsingIngestion()(pd.concat([frame, frame]))
    assert not answered[FLAGS[:3]].to_numpy().any()
    assert answered["quarantine_reason"].isna().all()


def test_both_levels_speak_the_same_types() -> None:
    frame = parse(requests(3))
    naive, resilient = ParsingIngestion()(frame), ContractIngestion()(frame)
    assert naive.dtypes[FLAGS].tolist() == resilient.dtypes[FLAGS].tolist()


def test_an_empty_batch_is_no_accident() -> None:
    for level in (ContractIngestion, ParsingIngestion):
        assert len(level()(parse(requests(3).iloc[:0]))) == 0


# --- parsing ------------------------------------------------------------------------------------


def test_clean_frames_come_through_untouched_and_the_callers_frame_stays() -> None:
    frame = requests(5)
    before = frame.copy()
    pd.testing.assert_frame_equal(parse(frame), before)
    parse(frame.drop(columns="arrival_time"))
    pd.testing.assert_frame_equal(frame, before)


def test_foreign_but_readable_types_are_read() -> None:
    frame = requests(4)
    foreign = frame.assign(
        request_id=frame["request_id"].astype(str),
        event_time=frame["event_time"].astype(str),
        country=frame["country"].astype(str),
        amount=frame["amount"].astype(str),
        extra=1,
    )[[*RAW_COLUMNS[::-1], "extra"]]
    pd.testing.assert_frame_equal(parse(foreign), frame)


def test_one_row_from_json_is_a_frame_like_any_other() -> None:
    row = requests(1).iloc[0].to_dict()
    row.update(event_time="2025-01-01T10:00:00", account_opened="2020-01-01")
    del row["arrival_time"]
    answered = parse(pd.DataFrame([row]))
    assert answered["arrival_time"].tolist() == answered["event_time"].tolist()
    assert not ContractIngestion()(answered)["is_quarantined"].any()


@pytest.mark.parametrize("name", [each for each in RAW_COLUMNS if each != "arrival_time"])
def test_an_absent_column_is_named(name: str) -> None:
    with pytest.raises(InputError, match=rf"^column '{name}' is absent; requests need"):
        parse(requests(3).drop(columns=name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", "twelve"),
        ("amount", [1.0]),
        ("request_id", "A-17"),
        ("request_id", np.nan),
        ("request_id", 1.5),
        ("request_id", 2.0**70),
        ("customer_id", None),
        ("event_time", "yesterday"),
        ("account_opened", {}),
    ],
)
def test_a_column_that_cannot_be_read_is_named_with_the_way_out(name: str, value: object) -> None:
    frame = requests(3)
    frame[name] = [value] * 3
    with pytest.raises(InputError, match=rf"^column '{name}' .*cannot be read as .*; write "):
        parse(frame)


@pytest.mark.parametrize("name", ["true_label", "true_probability", "true_anything"])
def test_the_truth_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"^column '{name}' is the world's secret; drop it"):
        parse(requests(3).assign(**{name: 0}))


@pytest.mark.parametrize("thing", [None, [], {"amount": 1}, "frame", np.zeros(3)])
def test_anything_but_a_frame_is_refused(thing: object) -> None:
    with pytest.raises(InputError, match=rf"^requests came as {type(thing).__name__}; pass a"):
        parse(thing)  # type: ignore[arg-type]


def test_a_column_given_twice_is_refused() -> None:
    frame = requests(3)
    with pytest.raises(InputError, match="amount"):
        parse(pd.concat([frame, frame[["amount"]]], axis=1))


def test_a_missing_event_time_is_flagged() -> None:
    answered = ContractIngestion()(with_value("event_time", pd.NaT))
    assert not answered["is_quarantined"].any()
    assert answered["quarantine_reason"].iloc[1].startswith("event_time")


def test_a_missing_arrival_time_is_stamped_now() -> None:
    """Stamping is our own work: a gap in it says nothing against the row."""
    frame = with_value("arrival_time", pd.NaT)
    assert frame["arrival_time"].iloc[1] == frame["arrival_time"].max()
    nowhere = requests(3).drop(columns="arrival_time")
    nowhere.loc[1, "event_time"] = pd.NaT
    stamped = parse(nowhere)["arrival_time"]
    assert stamped.tolist()[::2] == nowhere["event_time"].tolist()[::2]
    assert stamped.iloc[1] == nowhere["event_time"].max()
    reason = ContractIngestion()(parse(nowhere))["quarantine_reason"]
    assert reason.notna().tolist() == [False, True, False]
    for nothing in (nowhere.assign(event_time=pd.NaT), frame.assign(arrival_time=pd.NaT)):
        with pytest.raises(InputError, match=r"^every arrival_time is missing; send one, or leav"):
            parse(nothing)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("amount", "twelve", np.nan),
        ("amount", [1.0], np.nan),
        ("amount", "12.5", 12.5),
        ("request_id", "A-17", -1),
        ("request_id", None, -1),
        ("customer_id", 2.0**70, -1),
        ("merchant_id", {}, -1),
        ("account_opened", "yesterday", pd.NaT),
        ("event_time", {}, pd.NaT),
        ("country", ["DE"], "['DE']"),
    ],
)
def test_one_illegible_value_is_that_rows_own_trouble(
    name: str, value: object, read: object
) -> None:
    frame = requests(7)
    column = frame[name].astype(object)
    column.iloc[4] = value
    parsed = parse(frame.assign(**{name: column}))
    others = np.arange(7) != 4
    pd.testing.assert_frame_equal(
        parsed[others], frame[others], check_dtype=False, check_categorical=False
    )
    found = parsed[name].iloc[4]
    assert found == read or (pd.isna(found) and pd.isna(read))
    reason = ContractIngestion()(parsed)["quarantine_reason"]
    assert pd.notna(reason.iloc[4]) == (value != "12.5")


def test_halving_a_long_column_loses_only_what_is_illegible() -> None:
    frame = requests(2_000)
    column = frame["amount"].astype(object)
    column.iloc[[0, 1, 700, 1_999]] = "?"
    amount = parse(frame.assign(amount=column))["amount"]
    assert np.flatnonzero(amount.isna()).tolist() == [0, 1, 700, 1_999]
    assert amount.dropna().tolist() == frame["amount"][amount.notna()].tolist()
