"""A decision log that was damaged is found out when it is read, in one line, from where it is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mlsys_lessons.errors import LessonError, StorageError
from mlsys_lessons.serving.decision_log import DecisionLog
from mlsys_lessons.serving.serialisation import ENTRY_COLUMNS, EPOCH_MS, Entry

ABOUT = {"seed": "7", "system": "test"}
ROW = (EPOCH_MS, EPOCH_MS, 17, 0, "DE", 5, "grocery", "DE", "chip", 23.5)
DECISION = ("approve", 0.1, "score", None, "m-1", False, None, False)


def entry(row_id: int) -> Entry:
    return (row_id, row_id + 100, *ROW, *DECISION)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Ten batches of three rows; a day closes before every third."""
    path = tmp_path / "a.db"
    opened = DecisionLog(path, ABOUT)
    for batch in range(10):
        days = [(batch // 3, 3 * batch)] if batch % 3 == 2 else []
        opened.append([entry(3 * batch + place) for place in range(3)], days)
    opened.close()
    return path


def read(path: Path) -> int:
    """How many rows the log holds, all of it read."""
    opened = DecisionLog(path, ABOUT)
    try:
        return sum(len(chunk) for chunk in opened.entries())
    finally:
        opened.close()


EDITS = {
    "amount is gone": "UPDATE decisions SET amount = NULL WHERE row_id = 13",
    "score changed": "UPDATE decisions SET score = 0.2 WHERE row_id = 13",
    "action changed": "UPDATE decisions SET action = 'block' WHERE row_id = 13",
    "arrival goes back": "UPDATE decisions SET arrival_time = arrival_time - 1 WHERE row_id = 13",
    "text for a number": "UPDATE decisions SET customer_id = 'seventeen' WHERE row_id = 13",
    "a row is gone": "DELETE FROM decisions WHERE row_id = 13",
    "a row is new": "INSERT INTO decisions SELECT 1000, request_id, " + ", ".join(
        ENTRY_COLUMNS[2:]) + " FROM decisions WHERE row_id = 13",
    "the last rows are gone": "DELETE FROM decisions WHERE row_id > 26",
    "all rows are gone": "DELETE FROM decisions",
    "two rows are swapped": "UPDATE decisions SET request_id = 227 - request_id"
    " WHERE row_id IN (13, 14)",
    "a day is gone": "DELETE FROM edges WHERE tick = 1",
    "a day moved": "UPDATE edges SET row_id = row_id + 1 WHERE tick = 1",
    "a day is new": "INSERT INTO edges VALUES (9, 30)",
    "a seal is gone": "DELETE FROM seals WHERE number = 4",
    "a seal changed": "UPDATE seals SET sha256 = 'x' WHERE number = 4",
    "a seal counts more": "UPDATE seals SET rows = 4 WHERE number = 4",
    "a seal counts nonsense": "UPDATE seals SET rows = 'many' WHERE number = 4",
    "the seals are gone": "DELETE FROM seals",
    "a table is gone": "DROP TABLE edges",
    "the decisions are gone": "DROP TABLE decisions",
    "it says nothing of itself": "DROP TABLE about",
    "it is another system's": "UPDATE about SET value = '8' WHERE name = 'seed'",
    "a column is gone": "ALTER TABLE decisions DROP COLUMN score",
    "a column is new": "ALTER TABLE decisions ADD COLUMN mood TEXT",
    "a column has another name": "ALTER TABLE decisions RENAME COLUMN score TO points",
    "the format is another": "PRAGMA user_version = 9",
    "the signature is another": "PRAGMA application_id = 9",
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_log_is_refused_in_one_line(log: Path, edit: str) -> None:
    assert read(log) == 30
    with closing(sqlite3.connect(log)) as file:
        file.execute(EDITS[edit])
        file.commit()
    with pytest.raises(LessonError) as caught:
        read(log)
    sentence = str(caught.value)
    assert "\n" not in sentence and "a.db" in sentence and sentence.endswith(".")


def test_it_says_from_where_the_log_is_sound(log: Path) -> None:
    with closing(sqlite3.connect(log)) as file:
        file.execute(EDITS["score changed"])
        file.commit()
    with pytest.raises(StorageError, match=r"from row 12 on .* before that it is sound"):
        read(log)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    middle = data.index(b"grocery")
    return data[:middle] + b"GROCERY" + data[middle + 7 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "cut to a page": lambda data: data[:4096],
    "its beginning is gone": lambda data: data[100:],
    "zeros": lambda data: bytes(len(data)),
    "zeros at the end": lambda data: data[:-8192] + bytes(8192),
    "a word changed": flipped,
    "text": lambda data: b"decisions, " * 1_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_in_one_line(log: Path, damage: str) -> None:
    log.write_bytes(DAMAGES[damage](log.read_bytes()))
    with pytest.raises(LessonError) as caught:
        read(log)
    assert "\n" not in str(caught.value) and "a.db" in str(caught.value)


def test_a_wal_that_is_gone_is_missed(log: Path, tmp_path: Path) -> None:
    """The file of a server that was killed, without the one beside it: decisions are missing."""
    running = DecisionLog(log, ABOUT)
    running.append([entry(30)], [])
    killed = tmp_path / "killed.db"
    shutil.copy(log, killed)  # and not log-wal
    with pytest.raises(StorageError, match=r"killed\.db-wal is missing"):
        read(killed)
    shutil.copy(f"{log}-wal", f"{killed}-wal")
    assert read(killed) == 31
    running.close()
    assert read(log) == 31


def test_a_log_from_before_there_were_seals_is_sealed_as_it_stands(log: Path) -> None:
    with closing(sqlite3.connect(log)) as file:
        file.execute("DROP TABLE seals")
        file.commit()
    assert read(log) == 30
    with closing(sqlite3.connect(log)) as file:
        assert file.execute("SELECT rows, days FROM seals").fetchall() == [(30, 3)]
    assert read(log) == 30
