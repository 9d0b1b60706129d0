"""Opening a DuckDB file as an event log, and DuckDB's errors as one sentence of ours.

The network is never used: DuckDB may neither download extensions nor load them by itself.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlsys_lessons.errors import InputError, LessonError, StateError, StorageError
from mlsys_lessons.warehouse import seals

FORMAT = "mlsys_lessons event log 1"
CHECKPOINT_AT = "128MB"  # of changes kept beside the file: fewer, larger checkpoints are quicker
_TABLES = f"""
    BEGIN;
    CREATE TABLE about (format VARCHAR);
    CREATE TABLE ticks (tick INTEGER, requests BIGINT, sha256 VARCHAR);
    CREATE TABLE fields (
        tick INTEGER, source VARCHAR, name VARCHAR, dtype VARCHAR, words VARCHAR[]
    );
    {seals.TABLE};
    INSERT INTO about VALUES ('{FORMAT}');
    COMMIT;
"""


def connect(path: Path | None, *, memory_mb: int, threads: int) -> Any:
    """A connection to an event log, new or existing; `path=None` keeps it in memory.

    Raises StateError for a file that another process has open, InputError for one that is
    something else, StorageError for one that cannot be opened.
    """
    overflow = Path(tempfile.gettempdir(), f"mlsys_lessons_{os.getpid()}")
    settings = {
        "memory_limit": f"{memory_mb}MB",
        "threads": threads,
        "checkpoint_threshold": CHECKPOINT_AT,
        "temp_directory": str(overflow),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = _open(path, settings)
    try:
        with duckdb_errors_as(StorageError, str(path)):
            _make_or_check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_or_check(connection: Any, path: Path | None) -> None:
    tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    if not tables:
        connection.execute(_TABLES)
    elif ("about",) not in tables or (FORMAT,) not in connection.table("about").fetchall():
        raise InputError(f"{path} is a database, but no event log; choose another path.")


def _open(path: Path | None, settings: dict[str, Any]) -> Any:
    import duckdb

    try:
        return duckdb.connect(":memory:" if path is None else str(path), config=settings)
    except duckdb.Error as error:
        message = _first_line(error)
        if "Could not set lock" in message:
            raise StateError(f"{path} is open in another process; close it there first.") from None
        if "not a valid DuckDB" in message:
            raise InputError(f"{path} is not an event log; choose another path.") from None
        raise StorageError(f"{path} cannot be opened ({message}); choose another path.") from None


@contextmanager
def duckdb_errors_as(kind: type[LessonError], source: str) -> Iterator[None]:
    """Turn DuckDB's errors into one of ours, in one line that begins with the log's name."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise kind(f"{source}: {_first_line(error)}.") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(". ")
