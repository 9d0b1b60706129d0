"""The decision log: no decision is lost, no other file is touched, and replay is the state.

The oracle of every replay reads the file with sqlite3 and feeds a copy of the system by hand.
"""

from __future__ import annotations

import copy
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import CostDecisions
from mlsys_lessons.errors import InputError, StateError, StorageError
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.serving import decider as decider_module
from mlsys_lessons.serving import transactions, warmed
from mlsys_lessons.serving.decider import Decider
from mlsys_lessons.serving.decision_log import DecisionLog
from mlsys_lessons.serving.serialisation import ENTRY_COLUMNS, EPOCH_MS, Entry, Row
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

WORLD = mls.payments_world(seed=7, daily=80)
MAKERS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
ABOUT = {"seed": "7", "system": "test"}
ARRIVAL, ACTION, SCORE = map(ENTRY_COLUMNS.index, ("arrival_time", "action", "score"))
ROW = (1, EPOCH_MS, EPOCH_MS, 17, 0, "DE", 5, "grocery", "DE", "chip", 23.5)


@pytest.fixture(scope="module", params=MAKERS)
def system(request: pytest.FixtureRequest) -> System:
    return warmed(WORLD, MAKERS[request.param](seed=7))


@pytest.fixture(scope="module")
def resilient() -> System:
    return warmed(WORLD, mls.resilient_system(seed=7))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Three days of requests with repeats, late rows and rows that break the contract."""
    trouble = (
        mls.faults.duplicate_replay(start=1, end=3),
        mls.faults.late_rows(start=1, end=3),
        mls.faults.unit_change(start=2, end=3, severity=0.5),
    )
    run = mls.simulate(WORLD, mls.naive_system(seed=7), days=3, faults=trouble)
    bodies = transactions(run.log[run.log["amount"].notna()], virtual=True)
    return [tuple(body[name] for name in RAW_COLUMNS) for body in bodies]


def opened(system: System, path: Path | None, *, virtual: bool = True) -> Decider:
    decider = Decider(system, path, virtual=virtual, power_loss_safe=False)
    decider.open()
    return decider


def decided(decider: Decider, rows: list[Row], size: int) -> list[Entry]:
    """All rows in batches of one size."""
    starts = range(0, len(rows), size)
    return [entry for start in starts for entry in decider.decide(rows[start : start + size])]


def written(path: Path) -> pd.DataFrame:
    """The log as anybody can read it."""
    with sqlite3.connect(path) as file:
        log = pd.read_sql("SELECT * FROM decisions ORDER BY row_id", file)
        log.attrs["closed_days"] = file.execute("SELECT * FROM edges ORDER BY tick").fetchall()
    file.close()
    return log


def by_hand(system: System, log: pd.DataFrame, size: int) -> list[str]:
    """The actions of a copy of the system that is shown the log's rows, in batches of any size."""
    system, actions = copy.deepcopy(system), []
    frame = log[list(RAW_COLUMNS)].copy()
    for name in ("event_time", "arrival_time", "account_opened"):
        frame[name] = frame[name].to_numpy().astype("datetime64[ms]")
    day = (log["arrival_time"].to_numpy() - EPOCH_MS) // DAY_MS
    for tick in range(day.max() + 1):
        today = frame[day == tick]
        for start in range(0, len(today), size):
            actions += system.handle(today.iloc[start : start + size])["action"].tolist()
        system.step(system.close(tick))
    return actions


# --- what is kept --------------------------------------------------------------------------------


def entry(row_id: int, **changed: Any) -> Entry:
    decision = ("approve", 0.1, "score", None, "m-1", False, None, False)
    values = dict(zip(ENTRY_COLUMNS, (row_id, *ROW, *decision), strict=True))
    return tuple({**values, **changed}.values())


def test_what_is_written_is_read_back_to_the_bit(tmp_path: Path) -> None:
    entries = [
        entry(0, request_id=-(2**53) + 1, amount=-1e11, score=None),
        entry(1, score=np.nextafter(0.1, 1), category="früh\x00stück'; --", is_duplicate=True),
        entry(2, event_time=-62_135_596_800_000, amount=5e-324, fallback_reason="deadline"),
    ]
    log = DecisionLog(tmp_path / "a.db", ABOUT)
    log.append(entries[:2], [(0, 0), (1, 1)])
    log.append(entries[2:], [])
    log.close()
    again = DecisionLog(tmp_path / "a.db", ABOUT)
    assert [list(chunk) for chunk in again.entries(rows=2)] == [entries[:2], entries[2:]]
    assert again.closed_days() == [(0, 0), (1, 1)]
    again.close()
    again.close()


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "a.db", ABOUT)
    log.append([entry(0)], [])
    with pytest.raises(StorageError):
        log.append([entry(1), entry(0)], [(0, 1)])
    log.close()
    kept = written(tmp_path / "a.db")
    assert (kept["row_id"].tolist(), kept.attrs["closed_days"]) == ([0], [])


@pytest.mark.parametrize(("safe", "level"), [(False, 1), (True, 2)])
def test_power_loss_is_one_flag(tmp_path: Path, safe: bool, level: int) -> None:
    """1 is NORMAL and 2 is FULL in SQLite's own words; the journal is a write-ahead log."""
    log = DecisionLog(tmp_path / "a.db", ABOUT, power_loss_safe=safe)
    asked = [log._file.execute(f"PRAGMA {name}").fetchone()[0]
             for name in ("synchronous", "journal_mode")]  # fmt: skip
    assert asked == [level, "wal"]
    log.close()


# --- whose it is ---------------------------------------------------------------------------------


def one_line(error: pytest.ExceptionInfo[Exception], *words: str) -> None:
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_another_systems_log_is_refused_by_name(tmp_path: Path) -> None:
    DecisionLog(tmp_path / "a.db", ABOUT).close()
    with pytest.raises(InputError) as error:
        DecisionLog(tmp_path / "a.db", {**ABOUT, "seed": "8"})
    one_line(error, "a.db", "seed 7", "8", "start a new log")
    DecisionLog(tmp_path / "a.db", ABOUT).close()  # and it is free again


def test_what_only_the_file_knows_is_taken_from_it(tmp_path: Path) -> None:
    DecisionLog(tmp_path / "a.db", {"day": "1"}).close()
    log = DecisionLog(tmp_path / "a.db", {"day": "2"}, from_file=("day",))
    assert log.about == {"day": "1"}
    log.close()


def test_a_second_opener_gets_one_clear_line(tmp_path: Path) -> None:
    """In this process and in another one; the file is free when its owner is done."""
    path = tmp_path / "a.db"
    first = DecisionLog(path, ABOUT)
    with pytest.raises(StateError) as error:
        DecisionLog(path, ABOUT)
    one_line(error, "a.db", "open in another server")
    code = (
        "import sys; from pathlib import Path\n"
        "from mlsys_lessons.serving.decision_log import DecisionLog\n"
        f"try: DecisionLog(Path(sys.argv[1]), {ABOUT!r})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", code, str(path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.startswith("StateError") and output.count("\n") == 1
    first.append([entry(0)], [])
    first.close()
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def foreign_database(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE mine (x)")
    file.close()


def later_format(path: Path) -> None:
    DecisionLog(path, ABOUT).close()
    with sqlite3.connect(path, isolation_level=None) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()


FOREIGN = {
    "text": lambda path: path.write_text("These are my notes, and none of your business.\n" * 9),
    "another database": foreign_database,
    "a folder": lambda path: path.mkdir(),
    "a later format": later_format,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_named_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "theirs.db"
    FOREIGN[kind](path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StorageError) as error:
        DecisionLog(path, ABOUT)
    one_line(error, "theirs.db")
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as error:
        DecisionLog(tmp_path / "nowhere" / "a.db", ABOUT)
    one_line(error, "a.db", "unable to open")


def test_a_damaged_log_is_not_replayed(tmp_path: Path, resilient: System) -> None:
    path = tmp_path / "a.db"
    decider = opened(resilient, path)
    decider.decide([(request_id, *ROW[1:]) for request_id in range(2_000)])
    decider.close()
    content = bytearray(path.read_bytes())
    for page in range(2 * 4_096, len(content), 8_192):
        content[page : page + 200] = b"\xa5" * 200
    path.write_bytes(content)
    with pytest.raises((StorageError, StateError)) as error:
        opened(resilient, path)
    one_line(error, "a.db")


# --- replay --------------------------------------------------------------------------------------


def test_the_log_replays_by_hand_in_any_cut(
    tmp_path: Path, system: System, rows: list[Row]
) -> None:
    """What was decided in batches of 25 is decided again, batch size notwithstanding."""
    decider = opened(system, tmp_path / "a.db")
    entries = decided(decider, rows, 25)
    decider.close()
    log = written(tmp_path / "a.db")
    assert log["row_id"].tolist() == list(range(len(rows)))
    assert log["request_id"].tolist() == [row[0] for row in rows]
    assert log["action"].tolist() == [entry[ACTION] for entry in entries]
    assert log.attrs["closed_days"] == [
        (tick, int((log["arrival_time"] < EPOCH_MS + (tick + 1) * DAY_MS).sum()))
        for tick in range(2)
    ]
    assert log["is_duplicate"].any() == (system.name == "resilient")
    for size in (1, 7, 10**6):
        assert by_hand(system, log, size) == log["action"].tolist()


def test_the_first_day_is_the_simulations(system: System) -> None:
    """Until labels come in, a served world is a simulated one."""
    name = system.name
    run = mls.simulate(WORLD, MAKERS[name](seed=7), days=1)
    bodies = transactions(run.log, virtual=True)
    decider = opened(system, None)
    rows = [tuple(body[column] for column in RAW_COLUMNS) for body in bodies]
    entries = decided(decider, rows, 20)
    assert [entry[ACTION] for entry in entries] == run.log["action"].tolist()
    assert [entry[SCORE] for entry in entries] == run.log["score"].tolist()
    decider.close()


def test_a_restart_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, system: System, rows: list[Row]
) -> None:
    whole = opened(system, None)
    expected = decided(whole, rows, 40)
    whole.close()
    entries: list[Entry] = []
    for start in range(0, len(rows), 100):
        decider = opened(system, tmp_path / "a.db")
        assert decider.clock_ms >= (entries[-1][ARRIVAL] if entries else 0)
        entries += decided(decider, rows[start : start + 100], 40)
        decider.close()
    assert entries == expected


def test_a_repeat_gets_the_first_answer_across_a_restart(
    tmp_path: Path, resilient: System, rows: list[Row]
) -> None:
    first = opened(resilient, tmp_path / "a.db")
    distinct = list({row[0]: row for row in rows[:120]}.values())
    originals = decided(first, distinct, 30)
    first.close()
    second = opened(resilient, tmp_path / "a.db")
    dearer = [(*row[:-1], row[-1] * 90) for row in distinct]
    repeats = decided(second, dearer, 11)
    second.close()
    assert [entry[ACTION : ACTION + 3] for entry in repeats] == [
        entry[ACTION : ACTION + 3] for entry in originals
    ]
    assert all(entry[-1] for entry in repeats) and not any(entry[-1] for entry in originals)
    assert written(tmp_path / "a.db")["is_duplicate"].sum() == len(distinct)


def test_a_log_that_says_otherwise_is_not_served(tmp_path: Path, resilient: System) -> None:
    path = tmp_path / "a.db"
    decider = opened(resilient, path)
    decider.decide([ROW, (2, *ROW[1:])])
    decider.close()
    with closing(sqlite3.connect(path)) as file:
        about = dict(file.execute("SELECT * FROM about").fetchall())
    log = DecisionLog(path, about)
    first, second = next(log.entries())
    log.close()
    path.unlink()
    said = DecisionLog(path, about)  # another system's word, sealed as such
    said.append([first, (*second[:ACTION], "block", *second[ACTION + 1 :])], [])
    said.close()
    with pytest.raises(StateError) as error:
        opened(resilient, path)
    one_line(error, "a.db", "block for row 1", "approve")


def test_a_log_belongs_to_one_policy(tmp_path: Path, resilient: System) -> None:
    path = tmp_path / "a.db"
    opened(resilient, path).close()
    with closing(sqlite3.connect(path)) as file, file:
        first = file.execute("SELECT value FROM about WHERE name = 'policy'").fetchone()[0]
        assert first == resilient.decisions.version
        file.execute("DELETE FROM about WHERE name = 'policy'")  # as in a log from before
    opened(resilient, path).close()  # which learns it
    explores = replace(resilient.decisions.policy, explore_share=0.2)
    other = resilient.with_(decisions=CostDecisions(7, explores))
    with pytest.raises(InputError) as error:
        opened(other, path)
    one_line(error, f"policy {first}")


def test_a_system_with_another_past_is_refused(tmp_path: Path, resilient: System) -> None:
    opened(resilient, tmp_path / "a.db").close()
    for other in (mls.resilient_system(seed=7), warmed(WORLD, mls.naive_system(seed=7))):
        with pytest.raises(InputError) as error:
            opened(other, tmp_path / "a.db")
        one_line(error, "written with system")
    with pytest.raises(InputError) as error:
        opened(resilient, tmp_path / "a.db", virtual=False)
    one_line(error, "clock virtual", "wall")


def test_the_given_system_stays_as_it_was(resilient: System) -> None:
    before = repr(resilient), repr(resilient.features), resilient.ingestion.rows_seen
    decider = opened(resilient, None)
    decider.decide([ROW, (2, EPOCH_MS, EPOCH_MS + 3 * DAY_MS, *ROW[3:])])
    decider.close()
    assert decider.system.last_tick == 2
    assert (repr(resilient), repr(resilient.features), resilient.ingestion.rows_seen) == before


# --- the clock -----------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(stamps=st.lists(st.integers(-2 * DAY_MS, 5 * DAY_MS), min_size=1, max_size=12))
def test_time_never_runs_backward(resilient: System, stamps: list[int]) -> None:
    """Stamps in any order: arrivals ascend, none is moved further than needed, days close once."""
    decider = opened(resilient, None)
    rows = [(k, EPOCH_MS, EPOCH_MS + stamp, *ROW[3:]) for k, stamp in enumerate(stamps)]
    entries = decided(decider, rows, 5)
    expected = np.maximum.accumulate(np.maximum(stamps, 0)) + EPOCH_MS
    assert [entry[ARRIVAL] for entry in entries] == expected.tolist()
    assert decider.tick == (max(0, *stamps, 0)) // DAY_MS
    assert decider.system.last_tick == (decider.tick - 1 if decider.tick else None)
    decider.close()


def test_days_without_requests_end_on_the_wall_clock(
    tmp_path: Path, resilient: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Day 0 is the day on which the log was begun; later days close by themselves."""
    begun = 1_700_000_000_000
    now = [begun]
    monkeypatch.setattr(decider_module, "_now_ms", lambda: now[0])
    decider = opened(resilient, tmp_path / "a.db", virtual=False)
    entries = decider.decide([(1, begun, begun, *ROW[3:])])
    assert entries[0][-5:] == (None, "boosted-1", False, None, False)  # today's claim is no old one
    now[0] += 3 * DAY_MS
    decider.close_past_days()
    decider.close_past_days()
    assert decider.system.last_tick == 2
    decider.close()
    assert written(tmp_path / "a.db").attrs["closed_days"] == [(0, 1), (1, 1), (2, 1)]
    now[0] += DAY_MS
    again = opened(resilient, tmp_path / "a.db", virtual=False)
    assert again.system.last_tick == 2 and again.first_day_ms == begun // DAY_MS * DAY_MS
    again.close_past_days()
    assert again.system.last_tick == 3
    now[0] = begun + 2_000 * DAY_MS
    with pytest.raises(StateError, match=r"1,?095.*start a new log"):
        again.close_past_days()
    again.close()


def test_the_wall_clock_is_virtual_time_moved(
    system: System, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history that ended yesterday, and the same answers, whatever day it is today."""
    begun = EPOCH_MS + 691 * DAY_MS
    monkeypatch.setattr(decider_module, "_now_ms", lambda: begun + 5)
    moved = [
        (row[0], row[1] + begun - EPOCH_MS, row[2] + begun - EPOCH_MS, row[3],
         row[4] + begun - EPOCH_MS, *row[5:])
        for row in rows
    ]  # fmt: skip
    virtual, wall = opened(system, None), opened(system, None, virtual=False)
    expected, entries = decided(virtual, rows, 50), decided(wall, moved, 50)
    assert [entry[ACTION:] for entry in entries] == [entry[ACTION:] for entry in expected]
    virtual.close()
    wall.close()


def test_only_systems_without_the_truth_are_served(resilient: System) -> None:
    for wrong in (mls.reference_system(seed=7), "resilient", None):
        with pytest.raises(InputError) as error:
            Decider(wrong, None, virtual=True, power_loss_safe=False)  # type: ignore[arg-type]
        one_line(error)


# --- nothing legible breaks it -------------------------------------------------------------------

WORDS = st.one_of(st.sampled_from(["DE", "grocery", "chip", "ö" * 64]), st.text(max_size=16))
IDS = st.one_of(st.integers(0, 3), st.integers(-(2**53) + 1, 2**53 - 1))
TIMES = st.one_of(
    st.integers(EPOCH_MS, EPOCH_MS + 3 * DAY_MS),
    st.integers(-62_135_596_800_000, 253_402_300_799_999),
)
AMOUNTS = st.one_of(
    st.floats(0.01, 500), st.floats(-9e11, 9e11), st.sampled_from([0.0, -0.0, 5e-324, -5.0])
)
ANY_ROW = st.tuples(
    IDS, TIMES, st.integers(EPOCH_MS, EPOCH_MS + 2 * DAY_MS), IDS, TIMES, WORDS, IDS, WORDS,
    WORDS, WORDS, AMOUNTS,
)  # fmt: skip


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(ANY_ROW, min_size=1, max_size=12), min_size=1, max_size=2))
def test_whatever_can_be_read_is_decided(
    system: System, tmp_path: Path, batches: list[list[Row]]
) -> None:
    path = tmp_path / "a.db"
    path.unlink(missing_ok=True)
    decider = opened(system, path)
    answers = [decider.decide(batch) for batch in batches]
    decider.close()
    assert list(map(len, answers)) == list(map(len, batches))
    actions = {entry[ACTION] for entries in answers for entry in entries}
    assert actions <= {"approve", "review", "block"}
    opened(system, path).close()  # and it replays
