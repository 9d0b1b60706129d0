"""The warehouse: SQL features against the online ones, and a log that survives its writer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import requests as clean_requests

import mlsys_lessons as mls
from mlsys_lessons import cli
from mlsys_lessons.components.features.offline import offline
from mlsys_lessons.records import (
    DAY_MS,
    EPOCH,
    HOUR_MS,
    InputError,
    LessonError,
    StateError,
    StorageError,
    milliseconds,
    ticks,
    timestamps,
)
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.warehouse import MISTAKES, STEPS, Warehouse, pipeline, sql
from mlsys_lessons.worlds.payments.domain import FEATURES, HISTORY

SEED, DAILY, DAYS = 7, 200, 6
WORLD = mls.payments_world(seed=SEED, daily=DAILY)
REASONS = ["amount: breaks its promise", "event_time: too old"]


def storm(first: int = 1, last: int = 4) -> tuple[mls.faults.Fault, ...]:
    """Repeats, late rows, and rows for quarantine."""
    return (
        mls.faults.duplicate_replay(start=first, end=last),
        mls.faults.late_rows(start=first, end=last),
        mls.faults.null_flood(start=first, end=last, severity=0.1),
        mls.faults.unit_change(start=last, end=last + 1),
    )


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
    echo, first = draw.choice(rows, (2, 60), replace=False)  # on the edge of a window, and beyond
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
        is_quarantined=reason >= 0,
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


def verdicts(requests: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Labels for most requests, some corrected later, some at midnight sharp, some at once."""
    draw = np.random.default_rng([seed, 42])
    known = requests[draw.random(len(requests)) < 0.7]
    told = milliseconds(known["arrival_time"]) + draw.integers(0, 60 * DAY_MS, len(known))
    told = np.where(draw.random(len(known)) < 0.3, told // DAY_MS * DAY_MS, told)
    label = (draw.random(len(known)) < 0.3).astype(np.int8)
    first = pd.DataFrame(
        {"request_id": known["request_id"], "label": label, "label_time": timestamps(told)}
    )
    again = first.iloc[:20].assign(label=lambda each: 1 - each["label"])
    again.loc[again.index[10:], "label_time"] += pd.Timedelta(days=3)  # the others at that moment
    return pd.concat([first, again], ignore_index=True)


def agree(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-9, check_exact=False)


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000))
def test_sql_says_what_the_replay_says(seed: int) -> None:
    requests = nasty(seed)
    labels = verdicts(requests, seed)
    with Warehouse() as house:
        agree(house.offline_features(requests, labels), offline(requests, labels))


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
    with Warehouse() as house:
        found = house.offline_features(requests, labels)
    with pytest.raises(AssertionError):
        agree(found, expected)


@cache
def one_nasty_world() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    requests = nasty(1)
    labels = verdicts(requests, 1)
    return requests, labels, offline(requests, labels)


@pytest.mark.parametrize("name", ["resilient", "naive"])
def test_sql_says_what_the_system_logged(name: str) -> None:
    """History and log in one table: online point-in-time features are reproduced, batch ones not.

    The rows are late, repeated, and put aside; their labels are selected and delayed.
    """
    make = {"resilient": mls.resilient_system, "naive": mls.naive_system}[name]
    history = WORLD.history(60)
    run = simulate(WORLD, make(seed=SEED), days=47, faults=storm(1, 46))
    logged = run.log[~run.log["is_duplicate"]]
    requests = pd.concat([history.requests, run.log])
    labels = pd.concat([history.labels, run.labels])
    with Warehouse() as house:
        found = house.offline_features(requests, labels).iloc[len(history.requests) :]
    assert found["request_id"].tolist() == logged["request_id"].tolist()
    gap = found[list(FEATURES)].to_numpy() - logged[list(FEATURES)].to_numpy()
    skewed = np.nanmax(np.abs(gap), axis=0) > 1e-9
    online = {name for name, different in zip(FEATURES, skewed, strict=True) if not different}
    assert set(FEATURES) - online == (set(HISTORY) if name == "naive" else set())


def test_repeats_of_a_run_are_left_out_and_raw_repeats_are_attempts() -> None:
    frame = clean_requests(4).assign(customer_id=1)
    labels = pd.DataFrame({"request_id": [], "label": [], "label_time": EPOCH[None][:0]})
    with Warehouse() as house:
        attempts = house.offline_features(frame, labels)
        flagged = frame.assign(is_duplicate=[False, True, False, None])
        answered = house.offline_features(flagged, labels)
    assert attempts["count_24h"].tolist() == [0, 1, 2, 3]
    assert answered["count_24h"].tolist() == [0, 1, 2]
    assert answered["request_id"].tolist() == frame["request_id"].iloc[[0, 2, 3]].tolist()


def test_nobody_came() -> None:
    frame = clean_requests(3)
    labels = verdicts(frame, 0)
    with Warehouse() as house:
        agree(house.offline_features(frame, labels[:0]), offline(frame, labels[:0]))
        empty = house.offline_features(frame[:0], labels[:0])
    assert len(empty) == 0 and tuple(empty.columns[: len(FEATURES)]) == FEATURES


def test_threads_and_memory_change_no_bit() -> None:
    history = mls.payments_world(seed=SEED, daily=1_500).history(90)  # more than one row group
    tables = []
    for threads, memory_mb in ((1, 768), (4, 128)):
        with Warehouse(threads=threads, memory_mb=memory_mb) as house:
            wrong = house.wrong_features("todays_mean", *history)
            tables.append([house.offline_features(*history), wrong])
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
    with Warehouse() as house:
        for requests, labels in (
            (history.requests[then], history.labels[known]),
            tuple(history),
        ):
            arguments = [requests, labels]
            parts.append(
                house.offline_features(*arguments)
                if mistake is None
                else house.wrong_features(mistake, *arguments)
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
    with Warehouse() as house:
        wrong = house.wrong_features("todays_label", frame, labels)
        right = house.offline_features(frame, labels)
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


# --- the log on disk ----------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.duckdb"


@pytest.mark.parametrize("make", [mls.naive_system, mls.resilient_system])
def test_the_disk_gives_back_what_memory_would_have_kept(make: type, file: Path) -> None:
    system = make(seed=SEED)
    kept, disk = (
        simulate(WORLD, system, days=DAYS, faults=storm(), **where)
        for where in ({}, {"keep": "disk", "path": file})
    )
    same_rows(disk, kept)
    assert (disk.value, disk.requests) == (kept.value, kept.requests)
    assert disk.trace(int(kept.log["request_id"].iloc[5])).rows.equals(
        kept.trace(int(kept.log["request_id"].iloc[5])).rows
    )
    assert not file.with_name(file.name + ".wal").exists(), "no checkpoint at close"
    with pytest.raises(StateError, match="keep='log'"):
        mls.compare(kept, disk)


def same_rows(one: mls.Run, other: mls.Run) -> None:
    pairs = ((one.log, other.log), (one.labels, other.labels), (one.truth(), other.truth()))
    for found, expected in pairs:
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert one.actions_sha256 == other.actions_sha256


def test_resume_goes_on_in_the_file_and_leaves_the_first_run_alone(file: Path) -> None:
    """Long enough for words that come later: a model's name, a reason."""
    system = mls.resilient_system(seed=SEED)
    whole = simulate(WORLD, system, days=10, faults=storm(5, 8))
    short = simulate(WORLD, system, days=4, faults=storm(5, 8))
    first = simulate(WORLD, system, days=4, faults=storm(5, 8), keep="disk", path=str(file))
    then = mls.resume(first, days=6)
    same_rows(then, whole)
    same_rows(first, short)
    same_rows(mls.resume(first, days=6), whole)  # the days are there: they are compared


def test_the_file_alone_gives_the_features_of_its_log(file: Path) -> None:
    run = simulate(
        WORLD, mls.resilient_system(seed=SEED), days=DAYS, faults=storm(), keep="disk", path=file
    )
    log = run.log
    with Warehouse(file) as house:
        found = house.offline_features()
        assert house.query("SELECT count(*) AS n FROM log")["n"].item() == run.requests
        assert house.days == DAYS and f"{DAYS} days" in repr(house)
        pd.testing.assert_frame_equal(
            house.log(2, 4), log[ticks(log["arrival_time"]) // 2 == 1], check_exact=True
        )
    with Warehouse() as house:
        pd.testing.assert_frame_equal(house.offline_features(log, run.labels), found)


def test_a_day_without_rows_is_a_day(file: Path) -> None:
    frame = clean_requests(5)
    with Warehouse(file) as house:
        for tick, rows in enumerate((frame, frame[:0], frame)):
            house.append(tick, rows)
        assert house.log(1, 2).empty and house.log().index.tolist() == list(range(10))
        again = pd.concat([frame, frame], ignore_index=True).rename_axis("row_id")
        pd.testing.assert_frame_equal(house.log(), again, check_exact=True)
        with pytest.raises(StateError, match="no label_log"):
            house.offline_features()


def test_a_run_started_again_goes_on_where_its_file_ends(file: Path) -> None:
    system = mls.naive_system(seed=SEED)
    simulate(WORLD, system, days=3, faults=storm(4, 6), keep="disk", path=file)
    again = simulate(WORLD, system, days=DAYS, faults=storm(4, 6), keep="disk", path=file)
    same_rows(again, simulate(WORLD, system, days=DAYS, faults=storm(4, 6)))
    with pytest.raises(StateError, match="holds another run: its day 0 differs"):
        simulate(mls.payments_world(seed=8, daily=DAILY), system, days=2, keep="disk", path=file)
    same_rows(again, simulate(WORLD, system, days=DAYS, faults=storm(4, 6)))


KILLED = """
import sys, mlsys_lessons as mls
from mlsys_lessons.warehouse import Warehouse
append = Warehouse.append
def told(self, tick, *day):
    append(self, tick, *day)
    print(tick, flush=True)
Warehouse.append = told
world = mls.payments_world(seed=7, daily=200)
mls.simulate(world, mls.naive_system(seed=7), days=365, keep="disk", path=sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_writer_loses_no_committed_day(file: Path) -> None:
    system, told = mls.naive_system(seed=SEED), 12
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(file)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == 2:
                with pytest.raises(StateError, match=r"open in another process.*\.$") as caught:
                    Warehouse(file)
                assert "\n" not in str(caught.value)
            if int(line) == told:
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    with Warehouse(file) as house:
        committed, log = house.days, house.log()
    assert told < committed < 365
    expected = simulate(WORLD, system, days=committed)
    pd.testing.assert_frame_equal(log, expected.log, check_exact=True)
    longer = simulate(WORLD, system, days=committed + 2, keep="disk", path=file)
    pd.testing.assert_frame_equal(longer.log[: len(log)], expected.log, check_exact=True)


def test_a_day_that_fails_leaves_nothing_behind(file: Path) -> None:
    frame = clean_requests(5)
    labels = verdicts(frame, 0)
    with Warehouse(file) as house:
        house.append(0, frame, labels)
        with pytest.raises(InputError, match="other columns to label_log"):
            house.append(1, frame, labels.drop(columns="label_time"))
        assert (house.days, len(house.log()), len(house.labels())) == (1, 5, len(labels))
        house.append(1, frame, labels)
        assert (house.days, len(house.log())) == (2, 10)


def test_a_failure_in_the_writer_reaches_the_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Warehouse, tick: int, *day: object) -> None:
        raise StorageError("no space left on the device; free some.")

    monkeypatch.setattr(Warehouse, "append", full)
    for days in (1, 3):  # it is told at the next day, or at the end
        with pytest.raises(StorageError, match="no space"):
            simulate(WORLD, mls.naive_system(seed=SEED), days=days, keep="disk", path=file)
    monkeypatch.undo()
    assert simulate(WORLD, mls.naive_system(seed=SEED), days=1, keep="disk", path=file).days == 1


def _foreign(file: Path) -> None:
    file.write_text("customer,amount\n" * 1_000)


def _empty(file: Path) -> None:
    file.touch()


def _another_database(file: Path) -> None:
    import duckdb

    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE about AS SELECT 1 AS one")


def _folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (_foreign, InputError),
        (_empty, InputError),
        (_another_database, InputError),
        (_folder, StorageError),
    ],
)
def test_a_file_that_is_something_else_is_left_alone(
    prepare: object, error: type[LessonError], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(file)
    before = file.read_bytes() if file.is_file() else b""
    with pytest.raises(error, match=str(file)) as caught:
        Warehouse(file)
    assert "\n" not in str(caught.value) and str(caught.value).endswith("choose another path.")
    assert (file.read_bytes() if file.is_file() else b"") == before
    arguments = ["simulate", "--days", "1", "--daily", "200", "--system", "naive"]
    assert cli.main([*arguments, "--keep", "disk", "--path", str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        Warehouse(tmp_path / "no" / "such" / "folder.duckdb")


def test_a_second_opener_in_the_same_process(file: Path) -> None:
    with Warehouse(file), pytest.raises(StateError, match="open already"):
        Warehouse(file.parent / "." / file.name)
    with Warehouse(file) as house:
        assert house.days == 0


def test_a_file_that_was_lost_is_not_made_anew(file: Path) -> None:
    run = simulate(WORLD, mls.naive_system(seed=SEED), days=2, keep="disk", path=file)
    file.rename(file.with_name("elsewhere"))
    with pytest.raises(StateError, match="holds 0 of 2 days"):
        len(run.log)
    with pytest.raises(StateError, match="holds 0 of 2 days"):
        mls.resume(run, days=1)


REFUSED = {
    "no path": (lambda: simulate(WORLD, NAIVE, days=1, keep="disk"), "path=None names no file"),
    "a path for nothing": (
        lambda: simulate(WORLD, NAIVE, days=1, path="x.duckdb"), "only; leave one",
    ),
    "unknown mistake": (
        lambda: in_memory().wrong_features("typo", clean_requests(2), LABELS),
        "'typo' is unknown.*todays_mean",
    ),
    "a gap": (lambda: in_memory().append(1, clean_requests(2)), "tick=1 must lie in 0..0"),
    "no log": (lambda: in_memory().log(), "has no log; append"),
    "bad SQL": (lambda: in_memory().query("SELEC 1"), "syntax error"),
    "column short": (
        lambda: in_memory().offline_features(clean_requests(2).drop(columns="amount"), LABELS),
        "'amount' is absent",
    ),
    "labels short": (
        lambda: in_memory().offline_features(clean_requests(2), LABELS.drop(columns="label")),
        "'label' is absent",
    ),
    "labels in words": (
        lambda: in_memory().offline_features(clean_requests(2), LABELS.assign(label="fraud")),
        "in memory: .*fraud",
    ),
    "little memory": (lambda: Warehouse(memory_mb=1), "memory_mb=1 must lie in 128"),
}  # fmt: skip
NAIVE = mls.naive_system(seed=SEED)
LABELS = verdicts(clean_requests(5), 0)


def in_memory() -> Warehouse:
    return Warehouse()


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_gets_one_line(what: str) -> None:
    call, said = REFUSED[what]
    with pytest.raises((InputError, StateError), match=said) as caught:
        call()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_the_command_writes_the_file_that_the_library_reads(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["simulate", "--days", "2", "--daily", "200", "--system", "naive", "--json"]
    assert cli.main([*arguments, "--keep", "disk", "--path", str(file)]) == 0
    facts = json.loads(capsys.readouterr().out)
    run = simulate(WORLD, NAIVE, days=2)
    assert facts["actions_sha256"] == run.actions_sha256
    with Warehouse(file) as house:
        pd.testing.assert_frame_equal(house.log(), run.log, check_exact=True)


def test_memory_does_not_grow_with_days(file: Path) -> None:
    """What the run holds is what keep="metrics" holds: no rows."""
    disk = simulate(WORLD, NAIVE, days=3, keep="disk", path=file)
    recorder = disk.recorder
    assert (recorder.log, recorder.truth, recorder.labels) == ([], [], [])
    assert (recorder.file, recorder.writer, recorder.committing) == (None, None, None)
    assert len(disk.ledger) == len(simulate(WORLD, NAIVE, days=3, keep="metrics").ledger)


def test_words_survive_as_they_were(file: Path) -> None:
    """Vocabularies grow day by day; quotes, gaps and empty vocabularies are words like others."""
    days = [
        pd.DataFrame({"word": pd.Categorical(["it's", None], categories=["it's"]), "n": [1, 2]}),
        pd.DataFrame({"word": pd.Categorical([None, None], categories=[]), "n": [3, 4]}),
        pd.DataFrame({"word": pd.Categorical(['a "b"', "it's"]), "n": [5, 6]}),
    ]
    with Warehouse(file) as house:
        for tick, day in enumerate(days):
            house.append(tick, day)
        read = house.log()
        assert read["word"].isna().tolist() == [False, True, True, True, False, False]
        assert read["word"].cat.categories.tolist() == ["it's", 'a "b"']
        assert house.log(0, 2)["word"].cat.categories.tolist() == ["it's"]
        assert read["n"].tolist() == [1, 2, 3, 4, 5, 6]
