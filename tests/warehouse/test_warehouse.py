"""The warehouse: SQL features against the online ones, on frames and on a run's file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import requests as clean_requests

import mlsys_lessons as mls
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.records import DAY_MS, EPOCH, HOUR_MS, milliseconds, ticks, timestamps
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.warehouse import MISTAKES, STEPS, Warehouse, pipeline, sql
from mlsys_lessons.worlds.payments.domain import FEATURES, HISTORY

SEED, DAYS = 7, 47
WORLD = mls.payments_world(seed=SEED, daily=200)
TROUBLE = (  # repeats, late rows, and rows for quarantine
    mls.faults.duplicate_replay(start=1, end=46),
    mls.faults.late_rows(start=1, end=46),
    mls.faults.null_flood(start=1, end=46, severity=0.1),
    mls.faults.unit_change(start=46, end=47),
)
REASONS = ["amount: breaks its promise", "event_time: too old"]


# --- the same features, another way -------------------------------------------------------------


def nasty(seed: int, *, rows: int = 300, days: int = 130) -> pd.DataFrame:
    """Requests with ties on both clocks, late and overtaken rows, repeats, quarantine, nonsense."""
    draw = np.random.default_rng([seed, 41])
    frame = clean_requests(rows, seed=seed)
    grain = HOUR_MS // 2  # a coarse clock makes ties, and few days make company
    busy = draw.choice(days, 20, replace=False)
    arrival = draw.choice(busy, rows) * DAY_MS + draw.integers(0, 48, rows) * grain
    late = np.where(draw.random(rows) < 0.4, draw.exponential(2 * DAY_MS, rows), 0.0)
    late = np.minimum(late, 7 * DAY_MS - 1)  # beyond, the online state may have forgotten
    event = arrival - late.astype(np.int64) // grain * grain + draw.choice([-1, 0, 0, 0, 1], rows)
    customer = draw.geometric(0.3, rows) - 1  # a few customers pay most of the time
    echo, first = draw.choice(rows, (2, 60), replace=False)  # at the end of a window, and beyond
    customer[echo] = customer[first]
    later = draw.choice([0, 1, 24, 24, 168, 720], 60) * HOUR_MS + draw.choice([0, 0, 0, 1], 60)
    event[echo] = event[first] + later
    arrival[echo] = event[echo]
    reason = np.where(draw.random(rows) < 0.1, draw.integers(0, 2, rows), -1)
    frame = frame.assign(
        request_id=draw.integers(0, rows, rows),
        arrival_time=timestamps(arrival),
        event_time=timestamps(event),
        customer_id=customer,
        merchant_id=draw.integers(1, 6, rows),
        is_quarantined=(reason >= 0) & (draw.random(rows) < 0.5),  # the others are degraded
        quarantine_reason=pd.Categorical.from_codes(reason, REASONS),
    )
    odd = draw.choice(rows, 40, replace=False).reshape(8, 5)
    frame.loc[odd[0], "amount"] = [np.nan, np.inf, -5.0, 0.001, 1e300]
    frame.loc[odd[1], "customer_id"] = [-1, 2**24, 2**62, -(2**63), 2**24 - 1]
    frame.loc[odd[2], "merchant_id"] = [-1, 2**20, 2**63 - 1, 0, 2**20 - 1]
    frame.loc[odd[3][:2], "event_time"] = pd.NaT
    frame.loc[odd[3][2:], "event_time"] = pd.to_datetime(["1900-01-01", "2022-05-12", "2200-01-01"])
    frame.loc[odd[4], "account_opened"] = pd.NaT
    for place, name in enumerate(("country", "card_country", "category", "channel")):
        frame.loc[odd[5 + place % 3], name] = None
    renamed = frame["category"].cat.rename_categories({"fuel": "petrol"})
    return frame.assign(category=renamed if seed % 2 else frame["category"])


def labels_of(requests: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Labels for most requests, some corrected later, some at midnight sharp, some at once."""
    draw = np.random.default_rng([seed, 42])
    known = requests[draw.random(len(requests)) < 0.7]
    known_ms = milliseconds(known["arrival_time"]) + draw.integers(0, 60 * DAY_MS, len(known))
    known_ms = np.where(draw.random(len(known)) < 0.3, known_ms // DAY_MS * DAY_MS, known_ms)
    label = (draw.random(len(known)) < 0.3).astype(np.int8)
    first = pd.DataFrame(
        {"request_id": known["request_id"], "label": label, "label_time": timestamps(known_ms)}
    )
    again = first.iloc[:20].assign(label=1 - first["label"].iloc[:20])
    again.loc[again.index[10:], "label_time"] += pd.Timedelta(days=3)  # the others at that moment
    return pd.concat([first, again], ignore_index=True)


def agree(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(actual, expected, rtol=0, atol=1e-9, check_exact=False)


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000))
def test_sql_says_what_the_replay_says(seed: int) -> None:
    requests = nasty(seed)
    labels = labels_of(requests, seed)
    with Warehouse() as warehouse:
        agree(warehouse.offline_features(requests, labels), offline(requests, labels))


def test_these_worlds_are_nasty() -> None:
    """Each way in which event order and arrival order can disagree is among the rows."""
    requests, _, table = one_nasty_world()
    frame = requests.sort_values("arrival_time", kind="stable")
    event = pd.Series(milliseconds(frame["event_time"]), index=frame.index)
    latest = event.groupby(frame["customer_id"]).cummax()
    assert (event < latest).sum() > 30, "no row was overtaken"
    assert frame[["customer_id", "event_time"]].duplicated().any(), "no ties"
    assert frame["request_id"].duplicated().any() and frame["is_quarantined"].any()
    assert (table["merchant_risk"].round(6).nunique() > 20) and (table["count_7d"] > 3).any()
    assert table[list(FEATURES)].isna().any().sum() > 10


DRIFTS = {
    "a window one millisecond short": ("history", "86_400_000 PRECEDING", "86_399_999 PRECEDING"),
    "ties seen": ("history", "1 PRECEDING)", "CURRENT ROW)"),
    "the future of a late row": ("history", "max(arrival) OVER month > arrival", "false"),
    "one clock only": ("history", "AND past.arrival < asked.arrival", ""),
    "quarantine forgotten": ("payments", "AND NOT is_quarantined", ""),
    "an amount in doubt": ("payments", "quarantine_reason LIKE 'amount%'", "false"),
    "cents cut off": ("payments", "round_even(euros * 100, 0)", "floor(euros * 100)"),
    "impatience": ("risks", "tick + 46 AS tick", "tick + 45 AS tick"),
    "a long memory": ("risks", "tick + 106 AS end_tick", "tick + 107 AS end_tick"),
    "midnight unheard": ("risks", "+ INTERVAL 1 DAY - INTERVAL 1 MILLISECOND", "+ INTERVAL 1 DAY"),
    "any label": ("risks", "WHERE label = 1", "WHERE label >= 0"),
    "first word": ("features", "(label_time, position)", "(label_time, -position)"),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_definition_that_drifts_is_noticed(drift: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worlds of the parity test know every clause: change one, and the two pipelines part."""
    step, clause, instead = DRIFTS[drift]
    assert clause in sql(step)
    drifted = {name: sql(name) for name in STEPS}
    drifted[step] = drifted[step].replace(clause, instead)
    monkeypatch.setattr(pipeline, "sql", drifted.__getitem__)
    requests, labels, expected = one_nasty_world()
    with Warehouse() as warehouse:
        table = warehouse.offline_features(requests, labels)
    with pytest.raises(AssertionError):
        agree(table, expected)


@cache
def one_nasty_world() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    requests = nasty(1)
    labels = labels_of(requests, 1)
    return requests, labels, offline(requests, labels)


@pytest.mark.parametrize("name", ["resilient", "naive"])
def test_sql_says_what_the_system_logged(name: str) -> None:
    """History and log in one table: online point-in-time features are reproduced, batch ones not.

    The rows are late, repeated, and put aside; their labels are selected and delayed.
    """
    make = {"resilient": mls.resilient_system, "naive": mls.naive_system}[name]
    history = WORLD.history(60)
    run = simulate(WORLD, make(seed=SEED), days=DAYS, faults=TROUBLE)
    logged = run.log[~run.log["is_duplicate"]]
    requests = pd.concat([history.requests, run.log])
    labels = pd.concat([history.labels, run.labels])
    with Warehouse() as warehouse:
        table = warehouse.offline_features(requests, labels).iloc[len(history.requests) :]
    assert table["request_id"].tolist() == logged["request_id"].tolist()
    gap = table[list(FEATURES)].to_numpy() - logged[list(FEATURES)].to_numpy()
    skewed = np.nanmax(np.abs(gap), axis=0) > 1e-9
    online = {name for name, different in zip(FEATURES, skewed, strict=True) if not different}
    assert set(FEATURES) - online == (set(HISTORY) if name == "naive" else set())


def test_repeats_of_a_run_are_left_out_and_raw_repeats_are_attempts() -> None:
    frame = clean_requests(4).assign(customer_id=1)
    labels = pd.DataFrame({"request_id": [], "label": [], "label_time": EPOCH[None][:0]})
    with Warehouse() as warehouse:
        attempts = warehouse.offline_features(frame, labels)
        flagged = frame.assign(is_duplicate=[False, True, False, None])
        answered = warehouse.offline_features(flagged, labels)
    assert attempts["count_24h"].tolist() == [0, 1, 2, 3]
    assert answered["count_24h"].tolist() == [0, 1, 2]
    assert answered["request_id"].tolist() == frame["request_id"].iloc[[0, 2, 3]].tolist()


def test_nobody_came() -> None:
    frame = clean_requests(3)
    labels = labels_of(frame, 0)
    with Warehouse() as warehouse:
        agree(warehouse.offline_features(frame, labels[:0]), offline(frame, labels[:0]))
        empty = warehouse.offline_features(frame[:0], labels[:0])
    assert len(empty) == 0 and tuple(empty.columns[: len(FEATURES)]) == FEATURES


def test_threads_and_memory_change_no_bit() -> None:
    history = mls.payments_world(seed=SEED, daily=1_500).history(90)  # more than one row group
    tables = []
    for threads, memory_mb in ((1, 768), (4, 128)):
        with Warehouse(threads=threads, memory_mb=memory_mb) as warehouse:
            wrong = warehouse.wrong_features("todays_mean", *history)
            tables.append([warehouse.offline_features(*history), wrong])
    for one, other in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


# --- the point in time, and three ways to lose it -----------------------------------------------

TOUCHED = {
    "todays_label": {"merchant_risk", "country_risk", "category_risk"},
    "todays_mean": {"amount_to_habit"},
    "last_write_wins": {
        "count_1h", "count_24h", "count_7d", "sum_24h", "sum_7d", "recency_hours",
        "amount_to_habit",
    },
}  # fmt: skip


def before_and_after(mistake: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a past as they look then, and as they look after another 60 days."""
    history = mls.payments_world(seed=SEED, daily=500).history(180)
    then = ticks(history.requests["arrival_time"]) < -60
    known = milliseconds(history.labels["label_time"]) < -60 * DAY_MS
    parts = []
    with Warehouse() as warehouse:
        for requests, labels in (
            (history.requests[then], history.labels[known]),
            tuple(history),
        ):
            arguments = [requests, labels]
            parts.append(
                warehouse.offline_features(*arguments)
                if mistake is None
                else warehouse.wrong_features(mistake, *arguments)
            )
    return parts[0][list(FEATURES)], parts[1][list(FEATURES)][: int(then.sum())]


def test_the_future_does_not_change_the_past() -> None:
    then, now = before_and_after(None)
    pd.testing.assert_frame_equal(then, now, check_exact=True)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_lets_the_future_in_and_nothing_else(mistake: str) -> None:
    then, now = before_and_after(mistake)
    moved = {name for name in FEATURES if not then[name].equals(now[name])}
    assert moved == TOUCHED[mistake]


def test_todays_label_tells_a_row_what_became_of_itself() -> None:
    frame = clean_requests(2).assign(merchant_id=[1, 2])
    labels = pd.DataFrame(
        {"request_id": frame["request_id"], "label": [1, 0], "label_time": EPOCH[None].repeat(2)}
    )
    with Warehouse() as warehouse:
        wrong = warehouse.wrong_features("todays_label", frame, labels)
        right = warehouse.offline_features(frame, labels)
    assert wrong["merchant_risk"].tolist() == [1.0, 0.0]
    assert right["merchant_risk"].nunique() == 1


def test_every_text_can_be_read_and_says_what_it_is() -> None:
    assert set(MISTAKES.values()) < set(STEPS)
    for name in STEPS:
        assert sql(name).startswith("-- ") and "WRONG" not in sql(name)
    for name, step in MISTAKES.items():
        assert sql(name).startswith("-- WRONG on purpose: ") and f"{step}.sql" in sql(name)
    with pytest.raises(InputError, match="'historie' is unknown"):
        sql("historie")


# --- features of a file --------------------------------------------------------------------------


def test_the_file_alone_gives_the_features_of_its_log(tmp_path: Path) -> None:
    days, file = 6, tmp_path / "run.duckdb"
    run = simulate(
        WORLD, mls.resilient_system(seed=SEED), days=days, faults=TROUBLE, keep="disk", path=file
    )
    log = run.log
    with Warehouse(file) as warehouse:
        table = warehouse.offline_features()
        assert warehouse.query("SELECT count(*) AS n FROM log")["n"].item() == run.requests
        assert repr(warehouse) == f"Warehouse({str(file)!r}, {days} days)"
        pd.testing.assert_frame_equal(
            warehouse.log(2, 4), log[ticks(log["arrival_time"]) // 2 == 1], check_exact=True
        )
    with Warehouse() as warehouse:
        pd.testing.assert_frame_equal(warehouse.offline_features(log, run.labels), table)


REFUSED = {
    "unknown mistake": (
        lambda: Warehouse().wrong_features("typo", clean_requests(2), LABELS),
        "'typo' is unknown.*todays_mean",
    ),
    "no log": (lambda: Warehouse().offline_features(labels=LABELS), "has no log; append"),
    "no labels": (
        lambda: Warehouse().offline_features(clean_requests(2)), "has no label_log; append",
    ),
    "column short": (
        lambda: Warehouse().offline_features(clean_requests(2).drop(columns="amount"), LABELS),
        "'amount' is absent",
    ),
    "labels short": (
        lambda: Warehouse().offline_features(clean_requests(2), LABELS.drop(columns="label")),
        "'label' is absent",
    ),
    "labels in words": (
        lambda: Warehouse().offline_features(clean_requests(2), LABELS.assign(label="fraud")),
        "label 'fraud' is neither 0 nor 1",
    ),
}  # fmt: skip
LABELS = labels_of(clean_requests(5), 0)


@pytest.mark.parametrize("mistake", REFUSED)
def test_bad_input_gets_one_line(mistake: str) -> None:
    call, message = REFUSED[mistake]
    with pytest.raises((InputError, StateError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
