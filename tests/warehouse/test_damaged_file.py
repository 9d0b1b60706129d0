"""A warehouse that was damaged is found out when it is opened, in one line, by the day."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import InputError, LessonError, StateError, StorageError
from mlsys_lessons.warehouse import EventLog, Warehouse

WORLD = mls.payments_world(seed=7, daily=60)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a run of six days."""
    path = tmp_path_factory.mktemp("warehouse") / "run.duckdb"
    mls.simulate(WORLD, mls.naive_system(seed=7), days=6, keep="disk", path=path)
    return path.read_bytes()


@pytest.fixture
def file(sound: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "run.duckdb"
    path.write_bytes(sound)
    return path


EDITS = {
    "an amount changed": "UPDATE log SET amount = amount + 0.01 WHERE rowid = 150",
    "an amount is gone": "UPDATE log SET amount = NULL WHERE rowid = 150",
    "an action changed": "UPDATE log SET action = 'block' WHERE rowid = 150",
    "rows are gone": "DELETE FROM log WHERE rowid = 150",
    "the last rows are gone": "DELETE FROM log WHERE tick = 5",
    "a row comes twice": "INSERT INTO log SELECT * FROM log WHERE rowid = 150",
    "a row of a day to come": "INSERT INTO log SELECT * REPLACE (9 AS tick) FROM log LIMIT 1",
    "two rows are swapped": "UPDATE log SET row_id = 301 - row_id WHERE row_id IN (150, 151)",
    "truth changed": "UPDATE truth SET true_label = 1 - true_label WHERE tick = 2",
    "truth is gone": "DELETE FROM truth WHERE tick = 2",
    "a table is gone": "DROP TABLE log",
    "the truth is dropped": "DROP TABLE truth",
    "a column is gone": "ALTER TABLE log DROP COLUMN score",
    "a column is new": "ALTER TABLE log ADD COLUMN mood VARCHAR DEFAULT 'bad'",
    "a column has another name": "ALTER TABLE log RENAME COLUMN score TO points",
    "one day is gone": "DELETE FROM ticks WHERE tick = 3",
    "the last day is gone": "DELETE FROM ticks WHERE tick = 5",
    "a day counts otherwise": "UPDATE ticks SET requests = 1 WHERE tick = 3",
    "a day is another's": "UPDATE ticks SET sha256 = 'x' WHERE tick = 3",
    "a word is unknown": "UPDATE fields SET dtype = 'int64' WHERE name = 'amount'",
    "no columns are known": "DELETE FROM fields",
    "a seal is gone": "DELETE FROM seals WHERE tick = 2",
    "the last seal is gone": "DELETE FROM seals WHERE tick = 5",
    "a seal changed": "UPDATE seals SET chain = 'x' WHERE tick = 2",
    "it says nothing of itself": "DROP TABLE about",
    "it is something else": "UPDATE about SET format = 'diary'",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_is_refused_in_one_line(file: Path, edit: str) -> None:
    with closing(duckdb.connect(str(file))) as connection:
        connection.execute(EDITS[edit])
    with pytest.raises(LessonError) as caught:
        EventLog(file)
    sentence = str(caught.value)
    assert "\n" not in sentence and "run.duckdb" in sentence and sentence.endswith(".")
    with pytest.raises(LessonError):  # and nothing was mended or locked on the way
        EventLog(file)


def test_it_says_which_day(file: Path) -> None:
    with closing(duckdb.connect(str(file))) as connection:
        tick = connection.execute("SELECT tick FROM log WHERE rowid = 150").fetchone()
        connection.execute(EDITS["an amount changed"])
    assert tick is not None
    with pytest.raises(StorageError, match=f"day {tick[0]} is not as it was written, the days bef"):
        EventLog(file)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "cut to its head": lambda data: data[:4096],
    "its beginning is gone": lambda data: data[100:],
    "zeros": lambda data: bytes(len(data)),
    "zeros at the end": lambda data: data[: len(data) // 3] + bytes(len(data) - len(data) // 3),
    "text": lambda data: b"days, " * 1_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_in_one_line(file: Path, damage: str) -> None:
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    with pytest.raises(LessonError) as caught:
        EventLog(file).log()
    assert "\n" not in str(caught.value) and "run.duckdb" in str(caught.value)


def test_a_sound_file_goes_on_and_an_old_one_is_sealed(file: Path) -> None:
    with closing(duckdb.connect(str(file))) as connection:
        connection.execute("DROP TABLE seals")
    for days in (6, 8):
        run = mls.simulate(WORLD, mls.naive_system(seed=7), days=days, keep="disk", path=file)
        assert run.days == days
    with closing(duckdb.connect(str(file))) as connection:
        assert connection.execute("SELECT count(*) FROM seals").fetchone() == (8,)


# --- a question changes nothing -----------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE log", "DELETE FROM ticks", "BEGIN", "", "  ", "-- nothing",
        "SELECT 1; SELECT 2",
        "CREATE TABLE x AS SELECT 1", "INSERT INTO ticks VALUES (9, 9, 'x') RETURNING *",
        "UPDATE log SET amount = 0", "COPY log TO 'x.csv'", "ATTACH 'x.duckdb'", "CHECKPOINT",
        "WITH one AS (SELECT 1) INSERT INTO ticks SELECT 1, 1, 'x'", None, 5, "SELECT FROM",
    ],
)  # fmt: skip
def test_a_question_only_reads(text: object) -> None:
    with Warehouse() as house:
        house.append(0, WORLD.day(0, WORLD.start()).requests)
        before = house.query("SELECT count(*) AS rows FROM log")["rows"].tolist()
        with pytest.raises(InputError) as caught:
            house.query(text)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
        assert house.query("SELECT count(*) AS rows FROM log")["rows"].tolist() == before
        assert len(house.query("DESCRIBE log")) == len(house.query("FROM log LIMIT 1").columns)


def test_a_closed_warehouse_says_so() -> None:
    house = Warehouse()
    house.close()
    house.close()
    for ask in (
        lambda: house.query("SELECT 1"),
        lambda: house.append(0, WORLD.day(0, WORLD.start()).requests),
    ):
        with pytest.raises(StateError, match="closed; open it again"):
            ask()


@pytest.mark.parametrize("dtype", ["Int64", "datetime64[ms, UTC]", "complex128"])
def test_a_column_that_would_come_back_otherwise_is_named(dtype: str) -> None:
    day = WORLD.day(0, WORLD.start()).requests
    with Warehouse() as house:
        with pytest.raises(InputError, match=r"'amount' has type .*, which a file does not keep"):
            house.append(0, day.assign(amount=day["request_id"].astype("int64").astype(dtype)
                                       if dtype != "datetime64[ms, UTC]" else
                                       day["event_time"].dt.tz_localize("UTC")))  # fmt: skip
        with pytest.raises(InputError, match="'amount' and 'Amount' are one name in SQL"):
            house.append(0, day.assign(Amount=1))
        house.append(0, day)
