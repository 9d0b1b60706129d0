"""The contract: policies, what a feed promises, pandera's second wording, and one bad row.

How each single promise is judged is told in test_ingestion.py.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import batch_sizes, cut, requests

import mlsys_lessons as mls
from mlsys_lessons.components.features.stages import OnlineFeatures
from mlsys_lessons.components.ingestion.contract import (
    PAYMENTS_CONTRACT,
    REPORT_COLUMNS,
    Contract,
    broken,
    parse,
)
from mlsys_lessons.components.ingestion.stages import ContractIngestion
from mlsys_lessons.domain import POLICIES, Field
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.worlds.payments.domain import FEATURES

BAD = {  # values that a caller can really send, in a column's own type or another
    "request_id": [-1, -(2**62), "A-17", None],
    "event_time": [pd.NaT, np.datetime64("1999-01-01"), np.datetime64("2031-01-01"), "soon"],
    "customer_id": [-1, 2**24, 2**63 - 1, 1.5],
    "account_opened": [pd.NaT, {}],
    "card_country": ["XX", None, "de", ""],
    "merchant_id": [-1, 2**20, None],
    "category": ["consumer_electronics", None, 7],
    "country": ["XX", None, ["DE"]],
    "channel": ["fax", None],
    "amount": [0.0, -5.0, 20_000.01, np.nan, np.inf, -np.inf, 1e300, "twelve"],
}
bad_cells = st.sampled_from([(name, value) for name, values in BAD.items() for value in values])


def spoiled(frame: pd.DataFrame, cells: list[tuple[int, tuple[str, object]]]) -> pd.DataFrame:
    """The frame with other values in the given cells, as a caller would send it."""
    columns = {name: frame[name].astype(object) for name in frame.columns}
    for row, (name, value) in cells:
        columns[name].iat[row] = value
    return pd.DataFrame(columns)


def with_policy(**policies: str) -> Contract:
    """The payments contract with other policies for some fields."""
    fields = [
        replace(each, on_breach=policies.get(each.name, each.on_breach))
        for each in PAYMENTS_CONTRACT.fields
    ]
    return replace(PAYMENTS_CONTRACT, fields=tuple(fields))


# --- policy -------------------------------------------------------------------------------------


def test_every_field_has_an_owner_and_only_a_nameless_row_is_put_aside() -> None:
    strict = {one.name for one in PAYMENTS_CONTRACT.fields if one.on_breach == "quarantine"}
    assert strict == {"request_id", "customer_id"}
    for name in ("event_time", "arrival_time", *(each.name for each in PAYMENTS_CONTRACT.fields)):
        assert PAYMENTS_CONTRACT.owner(name)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"on_breach": "drop"}, r"on_breach='drop' is no policy; choose one of \('quarantine', 'd"),
        ({"owner": ""}, "owner is empty; name the team"),
        ({"minimum": 5.0, "maximum": 1.0}, r"minimum=5.0 lies above maximum=1.0; swap them"),
        ({"null_rate": 1.5}, r"null_rate=1.5 must be a number in 0..1; pick one inside"),
        ({"null_rate": -0.1}, r"null_rate=-0.1 must be a number in 0..1"),
        ({"minimum": float("nan")}, r"minimum=nan must be a number in "),
        ({"maximum": "5"}, r"maximum='5' must be a number in "),
        ({"dtype": "datetime64[ms]"}, r"minimum=0.01 must be a time; try numpy"),
    ],
)
def test_a_promise_that_nobody_could_keep_is_refused(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=rf"^field 'amount': {sentence}"):
        replace(PAYMENTS_CONTRACT.fields[-1], **changes)


def features_of(contract: Contract, frame: pd.DataFrame) -> tuple[pd.DataFrame, OnlineFeatures]:
    """The frame behind ingestion under a contract, and behind features with their state."""
    features = OnlineFeatures()
    return features(ContractIngestion(contract=contract)(parse(frame))), features


@pytest.mark.parametrize("policy", POLICIES)
def test_an_unknown_word_under_either_policy(policy: str) -> None:
    frame = spoiled(requests(4), [(1, ("category", "consumer_electronics"))])
    out, features = features_of(with_policy(category=policy), frame)
    aside = policy == "quarantine"
    assert out["is_quarantined"].tolist() == [False, aside, False, False]
    assert out["quarantine_reason"].iloc[1] == "category: breaks its promise"
    assert out["quarantine_reason"].isna().tolist() == [True, False, True, True]
    assert out["log_amount"].notna().all()  # the amount itself was kept
    assert len(features.store) == 4 - aside  # only a degraded row is remembered


@pytest.mark.parametrize("policy", POLICIES)
def test_an_amount_out_of_range_is_not_read_under_either_policy(policy: str) -> None:
    frame = spoiled(requests(4), [(1, ("amount", 25_000.0))])
    out, features = features_of(with_policy(amount=policy), frame)
    assert out["is_quarantined"].iloc[1] == (policy == "quarantine")
    assert out["log_amount"].isna().tolist() == [False, True, False, False]
    assert out["count_24h"].notna().all()
    assert len(features.store) == 3 + (policy == "degrade")  # an attempt of unknown size


def test_an_unusual_unit_follows_the_policy_of_the_amount() -> None:
    history = pd.concat([requests(2_000, seed=each, day=-1) for each in (1, 2)])
    in_cents = requests(50).assign(amount=lambda frame: frame["amount"] * 100)
    for policy in POLICIES:
        ingestion = ContractIngestion(contract=with_policy(amount=policy, category="degrade"))
        ingestion.warm(history)
        renamed = spoiled(in_cents, [(0, ("category", "x"))])
        out = ingestion(parse(renamed))
        odd = out["quarantine_reason"] == PAYMENTS_CONTRACT.unusual
        assert odd.sum() > 25
        assert (out["is_quarantined"][odd] == (policy == "quarantine")).all()
        assert odd.iloc[0]  # a lighter breach hides no graver one


policies = st.fixed_dictionaries(
    {each.name: st.sampled_from(POLICIES) for each in PAYMENTS_CONTRACT.fields}
)
spoils = st.lists(st.tuples(st.integers(0, 5), bad_cells), max_size=8)


@settings(max_examples=40, deadline=None)
@given(policy=policies, cells=spoils)
@example(
    policy={each.name: "quarantine" for each in PAYMENTS_CONTRACT.fields},
    cells=[(0, ("request_id", -1)), (0, ("event_time", "soon"))],
)
def test_the_gravest_breach_counts(
    policy: dict[str, str], cells: list[tuple[int, tuple[str, object]]]
) -> None:
    """Put aside first; of what is degraded a number, then a clock, then a word; then in order."""
    contract, frame = with_policy(**policy), parse(spoiled(requests(6), cells))
    found = contract.violations(frame)
    lag = (frame["arrival_time"] - frame["event_time"]) / pd.Timedelta(milliseconds=1)
    for row in range(len(frame)):
        broken_promises = []
        known = pd.notna(lag.iloc[row])  # a missing time is neither late nor early, only missing
        if known and not -contract.future_ms <= lag.iloc[row] <= contract.stale_ms:
            broken_promises.append((0 if policy["event_time"] == "quarantine" else 2, "event_time"))
        for each in contract.fields:
            one = frame.iloc[row : row + 1]
            if broken(each, one[each.name], one["arrival_time"])[0]:
                weight = 3 if each.categories is not None else 1 + each.is_clock
                weight = 0 if each.on_breach == "quarantine" else weight
                broken_promises.append((weight, each.name))
        said = contract.reasons[found[row]].split(":")[0] if found[row] >= 0 else None
        assert said == (
            min(broken_promises, key=lambda each: each[0])[1] if broken_promises else None
        )
        assert contract.puts_aside[found[row]] == any(weight == 0 for weight, _ in broken_promises)


def test_a_degraded_row_costs_no_handling() -> None:
    """Through the whole system: the same luck, one word of the contract changed."""
    world, system = mls.payments_world(seed=7, daily=300), mls.resilient_system(seed=7)
    twin = copy.deepcopy(system)
    system.ingestion.contract = with_policy(category="quarantine")
    fault = mls.faults.renamed_category(start=1, end=3)
    runs = [mls.simulate(world, each, days=4, faults=[fault]) for each in (system, twin)]
    aside = [int(run.log["is_quarantined"].sum()) for run in runs]
    handled = [run.ledger.query("item == 'quarantine'")["cents"].sum() for run in runs]
    assert aside[0] > 30 and aside[1] == 0
    assert handled == [-aside[0] * mls.COSTS.quarantine, 0]
    named = [run.log["quarantine_reason"].notna().sum() for run in runs]
    assert named[0] == named[1] == aside[0]


# --- one bad row --------------------------------------------------------------------------------


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    place=st.integers(0, 20), cells=st.lists(bad_cells, min_size=1, max_size=4),
    seed=st.integers(0, 9), sizes=batch_sizes(),
)  # fmt: skip
def test_one_bad_row_never_stops_good_ones(
    place: int, cells: list[tuple[str, object]], seed: int, sizes: list[int]
) -> None:
    """The good rows get the answers that they would have got without it, to the bit."""
    good = requests(20, seed=seed).reset_index(drop=True)
    bad = requests(1, seed=seed + 100).assign(request_id=77)
    near = good["arrival_time"].iloc[min(place, 19)]
    bad = bad.assign(event_time=near, arrival_time=near)
    mixed = pd.concat([good.iloc[:place], bad, good.iloc[place:]], ignore_index=True)
    sent = spoiled(mixed, [(place, cell) for cell in cells])
    alone, together = (mls.resilient_system(seed=7) for _ in range(2))
    expected = alone.handle(good)
    answered = pd.concat([together.handle(each) for each in cut(parse(sent), sizes)])
    assert len(answered) == 21
    assert answered["action"].notna().all()
    others = answered[answered["request_id"].isin(good["request_id"])]
    same = ["request_id", "score", "action", "model_version", "is_fallback", *FEATURES]
    pd.testing.assert_frame_equal(
        others[same].reset_index(drop=True), expected[same].reset_index(drop=True),
        check_exact=True,
    )  # fmt: skip
    row = answered[~answered["request_id"].isin(good["request_id"])].iloc[0]
    assert not pd.isna(row["quarantine_reason"])


# --- what a feed promises -----------------------------------------------------------------------


def broken_lines(report: pd.DataFrame) -> list[tuple[str, str, str, float]]:
    lines = report.loc[report["broken"], ["field", "promise", "owner", "observed"]]
    return [tuple(line) for line in lines.to_numpy().tolist()]


def test_a_clean_day_keeps_every_promise_and_the_report_is_readable() -> None:
    report = PAYMENTS_CONTRACT.report(requests(400), usual_rows=500.0)
    assert tuple(report.columns) == REPORT_COLUMNS
    assert not report["broken"].any()
    assert report["owner"].ne("").all()
    assert set(report["promise"]) == {
        "null rate", "values", "unique", "unit", "freshness", "least volume", "most volume",
    }  # fmt: skip
    assert set(report["field"]) == {
        *(each.name for each in PAYMENTS_CONTRACT.fields), "event_time", "(rows)",
    }  # fmt: skip
    volume = report.set_index("promise").loc["least volume"]
    assert volume["observed"] == 0.8


@pytest.mark.parametrize(
    ("name", "value", "promise", "owner"),
    [
        ("amount", np.nan, "null rate", "payments gateway"),
        ("amount", -5.0, "values", "payments gateway"),
        ("category", None, "null rate", "merchant desk"),
        ("category", "x", "values", "merchant desk"),
        ("account_opened", pd.NaT, "null rate", "accounts"),
        ("channel", "fax", "values", "terminals"),
        ("customer_id", -1, "values", "accounts"),
    ],
)
def test_a_broken_share_is_counted_and_has_an_owner(
    name: str, value: object, promise: str, owner: str
) -> None:
    frame = parse(spoiled(requests(200), [(row, (name, value)) for row in (3, 50, 51)]))
    assert broken_lines(PAYMENTS_CONTRACT.report(frame)) == [(name, promise, owner, 0.015)]


def test_a_share_within_its_promise_is_not_broken() -> None:
    frame = parse(spoiled(requests(1_000), [(3, ("amount", np.nan))]))
    assert not PAYMENTS_CONTRACT.report(frame)["broken"].any()  # 0.001 was promised
    frame = parse(spoiled(requests(999), [(3, ("amount", np.nan))]))
    assert PAYMENTS_CONTRACT.report(frame)["broken"].sum() == 1


def test_repeats_freshness_and_volume() -> None:
    frame = requests(200)
    twice = pd.concat([frame, frame.iloc[:2]])
    assert broken_lines(PAYMENTS_CONTRACT.report(twice)) == [
        ("request_id", "unique", "payments gateway", 2 / 202)
    ]
    late = frame.assign(event_time=frame["event_time"])
    late.loc[late.index[:3], "event_time"] -= np.timedelta64(61, "m")
    assert broken_lines(PAYMENTS_CONTRACT.report(late)) == [
        ("event_time", "freshness", "payments gateway", 0.015)
    ]
    for usual, promise in ((401.0, "least volume"), (99.0, "most volume")):
        lines = broken_lines(PAYMENTS_CONTRACT.report(frame, usual_rows=usual))
        assert lines == [("(rows)", promise, "payments gateway", 200 / usual)]


def test_a_frame_as_a_caller_sends_it_is_read_first() -> None:
    sent = spoiled(requests(200), [(3, ("amount", "twelve")), (9, ("country", "XX"))])
    lines = broken_lines(PAYMENTS_CONTRACT.report(sent.astype({"country": str})))
    assert [line[:2] for line in lines] == [("country", "values"), ("amount", "null rate")]
    with pytest.raises(InputError, match=r"^column 'amount' is absent"):
        PAYMENTS_CONTRACT.report(sent.drop(columns="amount"))


def test_an_empty_day_breaks_its_volume_only() -> None:
    lines = broken_lines(PAYMENTS_CONTRACT.report(requests(3).iloc[:0], usual_rows=100.0))
    assert [line[1] for line in lines] == ["least volume"]


@pytest.fixture(scope="module")
def audited() -> mls.Run:
    """Four quiet days, then one trouble a day; the last day is quiet again."""
    world, system = mls.payments_world(seed=7, daily=400), mls.resilient_system(seed=7)
    faults = mls.faults
    calendar = [
        faults.null_flood(start=4, end=5),
        faults.duplicate_replay(start=5, end=5.8),
        faults.renamed_category(start=6, end=7),
        faults.unit_change(start=7, end=8),
        faults.late_rows(start=8, end=8.5),
    ]
    return mls.simulate(world, system, days=11, faults=calendar)


def test_the_report_of_a_run_names_the_broken_promise_of_each_day(audited: mls.Run) -> None:
    report = audited.system.ingestion.report
    assert tuple(report.columns) == ("tick", *REPORT_COLUMNS)
    assert set(report["tick"]) == set(range(11))
    broken = report[report["broken"]].groupby("tick")[["field", "promise"]].agg(list)
    assert broken["field"].map(tuple).to_dict() == {
        4: ("amount",), 5: ("request_id", "event_time"), 6: ("category",), 7: ("amount", "amount"),
        8: ("event_time",),
    }  # fmt: skip
    assert broken["promise"].map(tuple).tolist() == [
        ("null rate",), ("unique", "freshness"), ("values",), ("values", "unit"), ("freshness",),
    ]  # fmt: skip


def test_observed_shares_are_those_of_the_log(audited: mls.Run) -> None:
    report = audited.system.ingestion.report.set_index(["tick", "field", "promise"])["observed"]
    day = audited.log[audited.log["arrival_time"].dt.normalize() == np.datetime64("2025-01-05")]
    assert report[4, "amount", "null rate"] == day["amount"].isna().mean()
    rows = audited.log["arrival_time"].dt.normalize().value_counts(sort=False).to_numpy()
    assert np.isnan(report[0, "(rows)", "least volume"])
    assert report[1, "(rows)", "least volume"] == rows[1] / rows[0]
    assert report[10, "(rows)", "least volume"] == pytest.approx(rows[10] / rows[3:10].mean())


def test_any_cut_gives_the_same_report(audited: mls.Run) -> None:
    world, system = mls.payments_world(seed=7, daily=400), mls.resilient_system(seed=7)
    cut_run = mls.simulate(world, system, days=6, faults=audited.faults, batch_size=61)
    expected = audited.system.ingestion.report.query("tick < 6")
    pd.testing.assert_frame_equal(cut_run.system.ingestion.report, expected, check_exact=True)


@pytest.mark.parametrize("seed", [1, 3])
def test_healthy_days_break_no_promise(seed: int) -> None:
    """Weeks of traffic with its seasons: a promise that alarms by itself is none."""
    world = mls.payments_world(seed=seed, daily=300, drift=mls.Drift.none())
    run = mls.simulate(world, mls.resilient_system(seed=7), days=35, keep="metrics")
    report = run.system.ingestion.report
    assert not report["broken"].any(), report[report["broken"]]


def test_a_fresh_system_has_nothing_to_report_and_the_naive_one_promises_nothing() -> None:
    empty = ContractIngestion().report
    assert tuple(empty.columns) == ("tick", *REPORT_COLUMNS) and empty.empty
    assert not hasattr(mls.naive_system(seed=7).ingestion, "report")


# --- pandera ------------------------------------------------------------------------------------


def accepted_by_pandera(contract: Contract, frame: pd.DataFrame) -> np.ndarray:
    """Which rows no check of the exported schema names."""
    from pandera.errors import SchemaErrors

    try:
        contract.to_pandera().validate(frame, lazy=True)
    except SchemaErrors as error:
        assert error.failure_cases["index"].notna().all(), error.failure_cases
        return np.asarray(~frame.index.isin(error.failure_cases["index"].astype(int)))
    return np.ones(len(frame), dtype=bool)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(cells=st.lists(st.tuples(st.integers(0, 7), bad_cells), max_size=10), shift=st.integers())
def test_pandera_accepts_the_same_rows(
    cells: list[tuple[int, tuple[str, object]]], shift: int
) -> None:
    """Row by row; clocks are tried at their very limits too."""
    frame = spoiled(requests(8), cells)
    limits = [-5 * 60_000, -5 * 60_000 - 1, 7 * DAY_MS, 7 * DAY_MS + 1, shift % DAY_MS]
    lag = np.array([0, 0, 0, *limits]).astype("timedelta64[ms]")
    frame = parse(frame)
    frame = frame.assign(event_time=frame["event_time"] - lag)
    ours = PAYMENTS_CONTRACT.violations(frame) < 0
    assert accepted_by_pandera(PAYMENTS_CONTRACT, frame).tolist() == ours.tolist()


bounds = st.one_of(st.none(), st.integers(-3, 3).map(float))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(low=bounds, high=bounds, words=st.sampled_from([None, ("DE",), ("DE", "FR", "XX")]))
def test_pandera_follows_another_contract(
    low: float | None, high: float | None, words: tuple[str, ...] | None
) -> None:
    """The schema is made from the data, not from this one contract."""
    if low is not None and high is not None and low > high:
        low, high = high, low
    frame = parse(spoiled(requests(7), [(0, ("country", "XX")), (1, ("country", None))]))
    frame = frame.assign(amount=[-3.0, -1.0, 0.0, 1.0, 3.0, np.nan, np.inf])
    fields = [Field("amount", "float64", "a", minimum=low, maximum=high)]
    fields += [Field("country", "category", "b", categories=words)] if words else []
    contract = replace(PAYMENTS_CONTRACT, fields=tuple(fields))
    ours = contract.violations(frame) < 0
    assert accepted_by_pandera(contract, frame).tolist() == ours.tolist()


def test_the_schema_says_who_owns_what() -> None:
    schema = with_policy(amount="degrade").to_pandera()
    amount = schema.columns["amount"]
    assert amount.metadata == {"owner": "payments gateway", "unit": "EUR", "on_breach": "degrade"}
    assert set(schema.columns) == {each.name for each in PAYMENTS_CONTRACT.fields}


def test_nothing_loads_pandera_before_it_is_asked_for() -> None:
    code = (
        "import sys, mlsys_lessons as mls\n"
        "world, system = mls.payments_world(seed=7, daily=100), mls.resilient_system(seed=7)\n"
        "mls.simulate(world, system, days=1).system.ingestion.report\n"
        "print('pandera' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
