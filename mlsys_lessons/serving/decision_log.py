"""The decision log: what was asked and what was said, on disk before the answer leaves.

One SQLite file with one row a decision; the table is the whole state of an edge, because a system
that is shown it again is in the same state again. It belongs to one process at a time and is never
edited. Lost power may cost the last moments unless `power_loss_safe`; a killed process costs
nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mlsys_lessons.records import InputError, StateError, StorageError
from mlsys_lessons.serving.serialisation import SAID, Entry
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

COLUMNS = ("row_id", *RAW_COLUMNS, *SAID)
OURS = 0x6D6C7331  # "mls1", where SQLite lets an application sign its files
FORMAT = 1
_TYPES = {
    **dict.fromkeys(("card_country", "category", "country", "channel"), "TEXT"),
    **dict.fromkeys(("action", "reason", "quarantine_reason", "model_version"), "TEXT"),
    **{"fallback_reason": "TEXT", "amount": "REAL", "score": "REAL"},
}
_TABLES = (
    "CREATE TABLE decisions (row_id INTEGER PRIMARY KEY, "
    + ", ".join(f"{name} {_TYPES.get(name, 'INTEGER')}" for name in COLUMNS[1:])
    + ")",
    # a day that was closed, and the first row that came after it
    "CREATE TABLE edges (tick INTEGER PRIMARY KEY, row_id INTEGER NOT NULL)",
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
_ADD = f"INSERT INTO decisions VALUES ({', '.join('?' * len(COLUMNS))})"


class DecisionLog:
    """An open log; `path=None` keeps it in memory, for a lesson that ends with its cell.

    `about` says whose log it is: a new file takes it down, an old one must agree, but for the
    names in `kept`, which an old file tells. Raises InputError for another system's log,
    StateError while another process has it open, StorageError for files that are not logs.

    >>> log = DecisionLog(None, {"seed": "7"})
    >>> log.about, list(log.entries()), log.closed_days()
    ({'seed': '7'}, [], [])
    >>> log.close()
    """

    def __init__(
        self, path: Path | None, about: Mapping[str, str], *, kept: Sequence[str] = (),
        power_loss_safe: bool = False,
    ) -> None:  # fmt: skip
        self.path = path
        try:
            self._file = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0)
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        try:
            self.about = self._opened(
                dict(about), set(kept), "FULL" if power_loss_safe else "NORMAL"
            )
        except BaseException as error:
            self._file.close()
            if isinstance(error, sqlite3.Error):
                raise self._unusable(error) from None
            raise

    def __repr__(self) -> str:
        return f"DecisionLog({str(self.path or 'in memory')!r})"

    def _opened(self, about: dict[str, str], kept: set[str], synchronous: str) -> dict[str, str]:
        """Look before touching: a foreign file is left as it is."""
        signed, form = (
            self._value(f"PRAGMA {name}") for name in ("application_id", "user_version")
        )
        empty = not self._value("SELECT count(*) FROM sqlite_master")
        if not (signed == OURS or (empty and signed == 0)):
            raise StorageError(f"{self.path} is no decision log; name a file of its own.")
        if not empty and form != FORMAT:
            raise StorageError(
                f"{self.path} is a decision log of format {form}, and this is {FORMAT}; "
                "start a new one."
            )
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute(f"PRAGMA synchronous = {synchronous}")
        self._file.execute("BEGIN IMMEDIATE")  # takes the lock for as long as the file is open
        if empty:
            self._create(about)
        self._file.execute("COMMIT")
        told = dict(self._file.execute("SELECT name, value FROM about").fetchall())
        for name in about.keys() - kept:
            if told.get(name) != about[name]:
                raise InputError(
                    f"{self.path} was written with {name} {told.get(name)}, and this is "
                    f"{about[name]}; serve that one, or start a new log."
                )
        return told

    def _create(self, about: dict[str, str]) -> None:
        for table in _TABLES:
            self._file.execute(table)
        self._file.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        self._file.execute(f"PRAGMA application_id = {OURS}")
        self._file.execute(f"PRAGMA user_version = {FORMAT}")

    def _value(self, query: str) -> int:
        return int(self._file.execute(query).fetchone()[0])

    def append(self, entries: Sequence[Entry], edges: Sequence[tuple[int, int]]) -> None:
        """Write a batch and the days that ended before or in it: all of it, or nothing."""
        try:
            self._file.execute("BEGIN")
            self._file.executemany(_ADD, entries)
            self._file.executemany("INSERT INTO edges VALUES (?, ?)", edges)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def entries(self, rows: int = 5_000) -> Iterator[list[Entry]]:
        """Everything that was said, in the order in which it was, some thousand lines at a time."""
        try:
            found = self._file.execute("SELECT * FROM decisions ORDER BY row_id")
            while chunk := found.fetchmany(rows):
                yield chunk
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def closed_days(self) -> list[tuple[int, int]]:
        """Each day that has ended, and the first row after it."""
        return self._file.execute("SELECT tick, row_id FROM edges ORDER BY tick").fetchall()

    def close(self) -> None:
        """Give the file back; calling it twice does no harm."""
        self._file.close()

    def _unusable(self, error: sqlite3.Error) -> Exception:
        if "locked" in str(error):
            return StateError(f"{self.path} is open in another server; stop that one first.")
        return StorageError(f"{self.path} cannot be used as a decision log: {error}.")
