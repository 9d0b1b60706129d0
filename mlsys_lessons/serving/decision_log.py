"""The decision log: requests and decisions, on disk before the response leaves.

One SQLite file with one row a decision. It is the whole state of an edge: a system that handles the
logged rows again is in the same state again (decider.py does that). The file belongs to one process
at a time and is never edited. A killed process loses nothing; lost power may cost the last moments,
unless `power_loss_safe`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mlsys_lessons.errors import InputError, StateError, StorageError
from mlsys_lessons.serving.serialisation import CATEGORY_DTYPES, ENTRY_COLUMNS, REALS, Entry

# --- the payments schema: columns as SQLite keeps them -------------------------------------------

_TEXTS = (
    *CATEGORY_DTYPES, "action", "reason", "quarantine_reason", "model_version", "fallback_reason",
)  # fmt: skip
_TYPES = dict.fromkeys(_TEXTS, "TEXT") | dict.fromkeys((*REALS, "score"), "REAL")
_DECISIONS = ", ".join(f"{name} {_TYPES.get(name, 'INTEGER')}" for name in ENTRY_COLUMNS[1:])

# --- the file ------------------------------------------------------------------------------------

APPLICATION_ID = 0x6D6C7331  # "mls1", where SQLite lets an application sign its files
FORMAT = 1
_TABLES = (
    f"CREATE TABLE decisions (row_id INTEGER PRIMARY KEY, {_DECISIONS})",
    # the closed days, under their name of format 1: a day, and the first row after it
    "CREATE TABLE edges (tick INTEGER PRIMARY KEY, row_id INTEGER NOT NULL)",
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
_INSERT = f"INSERT INTO decisions VALUES ({', '.join('?' * len(ENTRY_COLUMNS))})"


class DecisionLog:
    """An open log; `path=None` keeps it in memory, for a lesson that ends with its cell.

    `about` says whose log it is, by system, seed and clock. A new file records it; an existing file
    must agree, except for the names in `from_file`, whose values an existing file decides. Raises
    InputError for another system's log, StateError while another process has the file open,
    StorageError for a file that is not a decision log.

    >>> log = DecisionLog(None, {"seed": "7"})
    >>> log.about, list(log.entries()), log.closed_days()
    ({'seed': '7'}, [], [])
    >>> log.close()
    """

    def __init__(
        self, path: Path | None, about: Mapping[str, str], *, from_file: Sequence[str] = (),
        power_loss_safe: bool = False,
    ) -> None:  # fmt: skip
        self.path = path
        try:
            self._file = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0)
        except sqlite3.Error as error:
            raise self._storage_error(error) from None
        try:
            is_new = self._check_format()
            self._lock("FULL" if power_loss_safe else "NORMAL")
            if is_new:
                self._create(about)
            # a lock is had on a file that may only be read, too: so something is written
            self._file.execute(f"PRAGMA user_version = {FORMAT}")
            self._file.execute("COMMIT")
            self.about = self._check_about(about, from_file)
        except BaseException as error:
            self._file.close()
            if isinstance(error, sqlite3.Error):
                raise self._storage_error(error) from None
            raise

    def __repr__(self) -> str:
        return f"DecisionLog({str(self.path or 'in memory')!r})"

    # --- opening -------------------------------------------------------------------------------

    def _check_format(self) -> bool:
        """Whether the file is new and empty; before the first write, so that others' files stay."""
        signature, format_number = (
            self._number(f"PRAGMA {name}") for name in ("application_id", "user_version")
        )
        is_empty = not self._number("SELECT count(*) FROM sqlite_master")
        if not (signature == APPLICATION_ID or (is_empty and signature == 0)):
            raise StorageError(f"{self.path} is no decision log; name a file of its own.")
        if not is_empty and format_number != FORMAT:
            raise StorageError(
                f"{self.path} is a decision log of format {format_number}, and this is {FORMAT}; "
                "start a new one."
            )
        return is_empty

    def _lock(self, synchronous: str) -> None:
        """Take the file for this process, for as long as it is open, and begin a transaction."""
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute(f"PRAGMA synchronous = {synchronous}")
        self._file.execute("BEGIN IMMEDIATE")  # this is what takes the lock

    def _create(self, about: Mapping[str, str]) -> None:
        for table in _TABLES:
            self._file.execute(table)
        self._file.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        self._file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._file.execute(f"PRAGMA user_version = {FORMAT}")

    def _check_about(self, about: Mapping[str, str], from_file: Sequence[str]) -> dict[str, str]:
        """What the file says of itself; raises InputError where it is another system's."""
        recorded = dict(self._file.execute("SELECT name, value FROM about").fetchall())
        for name in about.keys() - set(from_file):
            if recorded.get(name) != about[name]:
                raise InputError(
                    f"{self.path} was written with {name} {recorded.get(name)}, and this is "
                    f"{about[name]}; serve that one, or start a new log."
                )
        return recorded

    def _number(self, query: str) -> int:
        return int(self._file.execute(query).fetchone()[0])

    # --- writing and reading -------------------------------------------------------------------

    def append(self, entries: Sequence[Entry], closed_days: Sequence[tuple[int, int]]) -> None:
        """Commit a batch, and the days that closed before or in it: all of it, or nothing."""
        try:
            self._file.execute("BEGIN")
            self._file.executemany(_INSERT, entries)
            self._file.executemany("INSERT INTO edges VALUES (?, ?)", closed_days)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._storage_error(error) from None

    def entries(self, rows: int = 5_000) -> Iterator[list[Entry]]:
        """All entries in the order in which they were written, in lists of at most `rows`."""
        try:
            cursor = self._file.execute("SELECT * FROM decisions ORDER BY row_id")
            while chunk := cursor.fetchmany(rows):
                yield chunk
        except sqlite3.Error as error:
            raise self._storage_error(error) from None

    def closed_days(self) -> list[tuple[int, int]]:
        """Each day that has closed, and the first row after it."""
        return self._file.execute("SELECT tick, row_id FROM edges ORDER BY tick").fetchall()

    def close(self) -> None:
        """Close the file, so that another process may open it; closing twice does no harm."""
        self._file.close()

    def _storage_error(self, error: sqlite3.Error) -> Exception:
        """SQLite's complaint as one of our errors."""
        if "locked" in str(error):
            return StateError(f"{self.path} is open in another server; stop that one first.")
        return StorageError(f"{self.path} cannot be used as a decision log: {error}.")
