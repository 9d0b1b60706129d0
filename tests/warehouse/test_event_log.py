"""The event log: a run's days in a file that survive their writer and come back as they were."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from strategies import requests as clean_requests

import mlsys_lessons as mls
from mlsys_lessons import cli
from mlsys_lessons.errors import InputError, LessonError, StateError, StorageError
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.warehouse.event_log import EventLog

SEED, DAILY, DAYS = 7, 200, 6
WORLD = mls.payments_world(seed=SEED, daily=DAILY)
NAIVE = mls.naive_system(seed=SEED)


def storm(first: int = 1, last: int = 4) -> tuple[mls.faults.Fault, ...]:
    """Repeats, late rows, and rows for quarantine."""
    return (
        mls.faults.duplicate_replay(start=first, end=last),
        mls.faults.late_rows(start=first, end=last),
        mls.faults.null_flood(start=first, end=last, severity=0.1),
        mls.faults.unit_change(start=last, end=last + 1),
    )


def labels_of(frame: pd.DataFrame) -> pd.DataFrame:
    """A label for every request of a frame."""
    label = np.arange(len(frame), dtype=np.int8) % 2
    return pd.DataFrame(
        {"request_id": frame["request_id"], "label": label, "label_time": frame["arrival_time"]}
    )


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
    for actual, expected in pairs:
        pd.testing.assert_frame_equal(actual, expected, check_exact=True)
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


def test_a_day_without_rows_is_a_day(file: Path) -> None:
    frame = clean_requests(5)
    with EventLog(file) as event_log:
        for tick, rows in enumerate((frame, frame[:0], frame)):
            event_log.append(tick, rows)
        assert event_log.log(1, 2).empty and event_log.log().index.tolist() == list(range(10))
        again = pd.concat([frame, frame], ignore_index=True).rename_axis("row_id")
        pd.testing.assert_frame_equal(event_log.log(), again, check_exact=True)
        with pytest.raises(StateError, match="no label_log"):
            event_log.labels()


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
from mlsys_lessons.warehouse.event_log import EventLog
append = EventLog.append
def reported(self, tick, *day):
    append(self, tick, *day)
    print(tick, flush=True)
EventLog.append = reported
world = mls.payments_world(seed=7, daily=200)
mls.simulate(world, mls.naive_system(seed=7), days=365, keep="disk", path=sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_writer_loses_no_committed_day(file: Path) -> None:
    system, last_reported = mls.naive_system(seed=SEED), 12
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(file)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == 2:
                with pytest.raises(StateError, match=r"open in another process.*\.$") as caught:
                    EventLog(file)
                assert "\n" not in str(caught.value)
            if int(line) == last_reported:
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    with EventLog(file) as event_log:
        committed, log = event_log.days, event_log.log()
    assert last_reported < committed < 365
    expected = simulate(WORLD, system, days=committed)
    pd.testing.assert_frame_equal(log, expected.log, check_exact=True)
    longer = simulate(WORLD, system, days=committed + 2, keep="disk", path=file)
    pd.testing.assert_frame_equal(longer.log[: len(log)], expected.log, check_exact=True)


def test_a_day_that_fails_leaves_nothing_behind(file: Path) -> None:
    frame = clean_requests(5)
    labels = labels_of(frame)
    with EventLog(file) as event_log:
        event_log.append(0, frame, labels)
        with pytest.raises(InputError, match="other columns to label_log"):
            event_log.append(1, frame, labels.drop(columns="label_time"))
        assert (event_log.days, len(event_log.log()), len(event_log.labels())) == (
            1,
            5,
            len(labels),
        )
        event_log.append(1, frame, labels)
        assert (event_log.days, len(event_log.log())) == (2, 10)


def test_a_failure_in_the_writer_reaches_the_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: EventLog, tick: int, *day: object) -> None:
        raise StorageError("no space left on the device; free some.")

    monkeypatch.setattr(EventLog, "append", full)
    for days in (1, 3):  # the run hears of it on the next day, or at its end
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
    prepare: Callable[[Path], None],
    error: type[LessonError],
    file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare(file)
    before = file.read_bytes() if file.is_file() else b""
    with pytest.raises(error, match=str(file)) as caught:
        EventLog(file)
    assert "\n" not in str(caught.value) and str(caught.value).endswith("choose another path.")
    assert (file.read_bytes() if file.is_file() else b"") == before
    arguments = ["simulate", "--days", "1", "--daily", "200", "--system", "naive"]
    assert cli.main([*arguments, "--keep", "disk", "--path", str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        EventLog(tmp_path / "no" / "such" / "folder.duckdb")


def test_a_second_opener_in_the_same_process(file: Path) -> None:
    with EventLog(file), pytest.raises(StateError, match="open already"):
        EventLog(file.parent / "." / file.name)
    with EventLog(file) as event_log:
        assert event_log.days == 0


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
    "a gap": (lambda: EventLog().append(1, clean_requests(2)), "tick=1 must lie in 0..0"),
    "no log": (lambda: EventLog().log(), "has no log; append"),
    "bad SQL": (lambda: EventLog().query("SELEC 1"), "syntax error"),
    "little memory": (lambda: EventLog(memory_mb=1), "memory_mb=1 must lie in 128"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", REFUSED)
def test_bad_input_gets_one_line(mistake: str) -> None:
    call, message = REFUSED[mistake]
    with pytest.raises((InputError, StateError), match=message) as caught:
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
    with EventLog(file) as event_log:
        pd.testing.assert_frame_equal(event_log.log(), run.log, check_exact=True)


def test_memory_does_not_grow_with_days(file: Path) -> None:
    """What the run holds is what keep="metrics" holds: no rows."""
    disk = simulate(WORLD, NAIVE, days=3, keep="disk", path=file)
    held = {name for name, value in vars(disk.recorder).items() if value}
    assert held == {"path", "days", "rows", "digest"}  # rows: how many
    assert len(disk.ledger) == len(simulate(WORLD, NAIVE, days=3, keep="metrics").ledger)


def test_categories_survive_as_they_were(file: Path) -> None:
    """They grow day by day; quotes, gaps and empty lists of categories are nothing special."""
    days = [
        pd.DataFrame({"word": pd.Categorical(["it's", None], categories=["it's"]), "n": [1, 2]}),
        pd.DataFrame({"word": pd.Categorical([None, None], categories=[]), "n": [3, 4]}),
        pd.DataFrame({"word": pd.Categorical(['a "b"', "it's"]), "n": [5, 6]}),
    ]
    with EventLog(file) as event_log:
        for tick, day in enumerate(days):
            event_log.append(tick, day)
        log = event_log.log()
        assert log["word"].isna().tolist() == [False, True, True, True, False, False]
        assert log["word"].cat.categories.tolist() == ["it's", 'a "b"']
        assert event_log.log(0, 2)["word"].cat.categories.tolist() == ["it's"]
        assert log["n"].tolist() == [1, 2, 3, 4, 5, 6]
