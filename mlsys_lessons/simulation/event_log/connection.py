"""Opening a DuckDB file, and saying in one sentence why it cannot be opened or written.

Nothing of the network is ever used: no extension is fetched, none is loaded by itself.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlsys_lessons.records import InputError, LessonError, StateError, StorageError

FORMAT = "mlsys_lessons event log 1"
CHECKPOINT_AT = "128MB"  # of changes beside the file: rarer and larger is quicker
_TABLES = f"""
    BEGIN;
    CREATE TABLE about (format VARCHAR);
    CREATE TABLE ticks (tick INTEGER, requests BIGINT, sha256 VARCHAR);
    CREATE TABLE fields (
        tick INTEGER, source VARCHAR, name VARCHAR, dtype VARCHAR, words VARCHAR[]
    );
    INSERT INTO about VALUES ('{FORMAT}');
    COMMIT;
"""


def connected(path: Path | None, memory_mb: int, threads: int) -> Any:
    """A connection to an event log, or to one in memory; a file that is not there is made."""
    overflow = Path(tempfile.gettempdir(), f"mlsys_lessons_{os.getpid()}")
    settings = {
        "memory_limit": f"{memory_mb}MB",
        "threads": threads,
        "checkpoint_threshold": CHECKPOINT_AT,
        "temp_directory": str(overflow),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = _opened(path, settings)
    found = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    if not found:
        connection.execute(_TABLES)
    elif ("about",) not in found or (FORMAT,) not in connection.table("about").fetchall():
        connection.close()
        raise InputError(f"{path} is a database, but no event log; choose another path.")
    return connection


def _opened(path: Path | None, settings: dict[str, Any]) -> Any:
    import duckdb

    try:
        return duckdb.connect(":memory:" if path is None else str(path), config=settings)
    except duckdb.Error as error:
        said = _first_line(error)
        if "Could not set lock" in said:
            raise StateError(f"{path} is open in another process; close it there first.") from None
        if "not a valid DuckDB" in said:
            raise InputError(f"{path} is not an event log; choose another path.") from None
        raise StorageError(f"{path} cannot be opened ({said}); choose another path.") from None


@contextmanager
def translated(kind: type[LessonError], what: str) -> Iterator[None]:
    """What DuckDB complains about, as an error of ours in one line."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise kind(f"{what}: {_first_line(error)}.") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(". ")
