"""The decision log: requests and decisions, on disk before the response leaves.

One SQLite file with one row a decision. It is the whole state of an edge: a system that handles the
logged rows again is in the same state again (decider.py does that). The file belongs to one process
at a time and is never edited: every batch is sealed (seals.py), and what is not as it was written
is found when the log is read. A killed process loses nothing; lost power may cost the last moments,
unless `power_loss_safe`. Longer than most: what is written, and how it is found to be whole, are
one format and stand in one file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mlsys_lessons.errors import InputError, StateError, StorageError
from mlsys_lessons.serving.reviews import Review
from mlsys_lessons.serving.seals import FIRST, Seal, Walk, seal_of
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
_SEALS = "CREATE TABLE seals (number INTEGER PRIMARY KEY, rows INTEGER, days INTEGER, sha256 TEXT)"
_REVIEWS = (  # what people said of held payments, each sealed with the one before it
    "CREATE TABLE reviews (row_id INTEGER PRIMARY KEY, verdict TEXT NOT NULL, reviewer TEXT NOT "
    "NULL, reason TEXT NOT NULL, decided_ms INTEGER NOT NULL, number INTEGER, sha256 TEXT)"
)
_LATER = {table.split()[2]: table for table in (_SEALS, _REVIEWS)}  # older logs lack them
_LEARNED = ("policy",)  # names that older logs lack: they are written into them
_OPEN = "is open"  # stands in `about` as long as a server has the file, or was killed with it
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
        self.path, self._last_seal, self._is_closed = path, FIRST, False
        self._had_wal = path is not None and Path(f"{path}-wal").exists()
        if path is not None and path.is_file() and not path.stat().st_size:
            raise StorageError(f"{path} is empty: no log, or all of it lost; remove it to begin.")
        try:
            self._file = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0)
        except sqlite3.Error as error:
            raise self._storage_error(error) from None
        try:
            is_new = self._check_format()
            self._lock("FULL" if power_loss_safe else "NORMAL")
            if is_new:
                self._create(about)
            else:
                self._check_tables()
            self._open_seals()
            # a lock is had on a file that may only be read, too: so something is written
            self._file.execute(f"PRAGMA user_version = {FORMAT}")
            self._file.execute("COMMIT")
            self.about = self._check_about(about, from_file)
            self._mark_open()
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

    def _check_tables(self) -> None:
        """Raise StorageError where a table or a column is not as this version writes it."""
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        found = dict(self._file.execute(query).fetchall())
        for table in (*_TABLES, *_LATER.values()):
            name = table.split()[2]
            if found.get(name) != table and not (name in _LATER and name not in found):
                raise StorageError(
                    f"{self.path} is damaged: its table {name} is not as it was made; take a copy "
                    "of it from before, or start a new log."
                )

    def _open_seals(self) -> None:
        """Read the last seal; a log from before there were any is sealed as it stands."""
        if not self._number("SELECT count(*) FROM sqlite_master WHERE name = 'seals'"):
            self._file.execute(_SEALS)
            rows = self._file.execute("SELECT * FROM decisions ORDER BY row_id").fetchall()
            if rows or self.closed_days():
                self._seal(rows, self.closed_days())
        if not self._number("SELECT count(*) FROM sqlite_master WHERE name = 'reviews'"):
            self._file.execute(_REVIEWS)
        last = self._file.execute("SELECT sha256 FROM seals ORDER BY number DESC").fetchone()
        self._last_seal = last[0] if last else FIRST

    def _rows_from(self, entries: Sequence[Entry]) -> list[Entry]:
        """Entries as the file holds them: SQLite knows no booleans, and 5 in a REAL is 5.0."""
        query = "SELECT * FROM decisions WHERE row_id >= ? ORDER BY row_id"
        return self._file.execute(query, [entries[0][0]]).fetchall() if entries else []

    def _seal(self, entries: Sequence[Entry], closed_days: Sequence[tuple[int, int]]) -> str:
        seal = seal_of(self._last_seal, entries, closed_days)
        self._file.execute("INSERT INTO seals (rows, days, sha256) VALUES (?, ?, ?)", seal)
        return seal.sha256

    def _mark_open(self) -> None:
        """Write into the file itself that it is open: a later reader then misses a lost -wal."""
        if self.about.pop(_OPEN, None) and not self._had_wal:
            raise StorageError(
                f"{self.path}-wal is missing: the log was not closed, and its last decisions were "
                "in that file; put it back, or start a new log."
            )
        self._file.execute("INSERT OR REPLACE INTO about VALUES (?, 'yes')", [_OPEN])
        self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _check_about(self, about: Mapping[str, str], from_file: Sequence[str]) -> dict[str, str]:
        """What the file says of itself; raises InputError where it is another system's."""
        recorded = dict(self._file.execute("SELECT name, value FROM about").fetchall())
        for name in (each for each in about if each not in from_file):
            if name in _LEARNED and name not in recorded:
                self._file.execute("INSERT INTO about VALUES (?, ?)", [name, about[name]])
            elif recorded.get(name) != about[name]:
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
            seal = self._seal(self._rows_from(entries), closed_days)
            self._file.execute("COMMIT")
            self._last_seal = seal
        except sqlite3.Error as error:
            raise self._storage_error(error) from None

    def append_review(self, review: Review) -> None:
        """Commit what a person has said of a held payment."""
        try:
            number, before = self._last_review()
            seal = seal_of(before, [review], []).sha256
            self._file.execute(
                "INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?)", (*review, number + 1, seal)
            )
        except sqlite3.Error as error:
            raise self._storage_error(error) from None

    def _last_review(self) -> tuple[int, str]:
        query = "SELECT number, sha256 FROM reviews ORDER BY number DESC"
        number, seal = self._file.execute(query).fetchone() or (0, FIRST)
        return number, seal

    def reviews(self) -> list[Review]:
        """What people have said, in the order in which they did.

        Raises StorageError where a review is not as it was written.
        """
        reviews, before = [], FIRST
        try:
            rows = self._file.execute("SELECT * FROM reviews ORDER BY number").fetchall()
        except sqlite3.Error as error:
            raise self._storage_error(error) from None
        for place, (*values, number, sha256) in enumerate(rows, start=1):
            review = Review(*values)
            seal = seal_of(before, [review], []).sha256
            if (number, sha256) != (place, seal):
                raise StorageError(
                    f"{self.path} is damaged: its review of row {review.row_id} is not as it was "
                    "written; take a copy from before, or keep it and start a new log."
                )
            reviews.append(review)
            before = seal
        return reviews

    def entries(self, rows: int = 5_000) -> Iterator[list[Entry]]:
        """All entries in the order in which they were written, in lists of at most `rows`.

        Raises StorageError at the first batch that is not as it was written.
        """
        try:
            query = "SELECT rows, days, sha256 FROM seals ORDER BY number"
            seals = [Seal(*each) for each in self._file.execute(query)]
            if any(type(count) is not int for seal in seals for count in seal[:2]):
                self._refuse_from(0)
            walk = Walk(seals, self.closed_days())
            cursor = self._file.execute("SELECT * FROM decisions ORDER BY row_id")
            while chunk := cursor.fetchmany(rows):
                self._refuse_from(walk.take(chunk))
                yield chunk
            self._refuse_from(walk.take([], is_end=True))
        except sqlite3.Error as error:
            raise self._storage_error(error) from None

    def _refuse_from(self, broken: int | None) -> None:
        if broken is None:
            return
        where = f"from row {broken} on" if broken >= 0 else "at its end"
        raise StorageError(
            f"{self.path} is damaged: {where} it is not as it was written, before that it is "
            "sound; take a copy from before, or keep it and start a new log."
        )

    def closed_days(self) -> list[tuple[int, int]]:
        """Each day that has closed, and the first row after it."""
        return self._file.execute("SELECT tick, row_id FROM edges ORDER BY tick").fetchall()

    def close(self) -> None:
        """Close the file, so that another process may open it; closing twice does no harm."""
        if not self._is_closed:
            self._is_closed = True
            try:
                self._file.execute("DELETE FROM about WHERE name = ?", [_OPEN])
            except sqlite3.Error:  # a disk that is full: the mark stays, and so does the -wal
                pass
            finally:
                self._file.close()

    def _storage_error(self, error: sqlite3.Error) -> Exception:
        """SQLite's complaint as one of our errors."""
        if "locked" in str(error):
            return StateError(f"{self.path} is open in another server; stop that one first.")
        return StorageError(f"{self.path} cannot be used as a decision log: {error}.")
