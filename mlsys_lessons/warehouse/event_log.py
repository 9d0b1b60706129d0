"""EventLog: the days of a run in a DuckDB file, one transaction a day, read back as written.

A day is in the file or it is not: a writer killed at any moment loses no committed day, and the
next one continues behind the last. One process at a time may have a file open. Nothing is computed
from the rows here. Longer than most: opening, writing and reading are one promise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from weakref import WeakValueDictionary

import pandas as pd

from mlsys_lessons.errors import InputError, LessonError, StateError, StorageError
from mlsys_lessons.records import whole_number
from mlsys_lessons.warehouse import seals
from mlsys_lessons.warehouse.columns import (
    Column,
    columns_of,
    fingerprint,
    refuse_foreign_columns,
    restored,
)
from mlsys_lessons.warehouse.connection import connect, duckdb_errors_as

# --- the schema: the tables and their keys; all other columns are those of the first day's frames
LOG, LABELS, TRUTH = "log", "label_log", "truth"
LOG_INDEX = "row_id"
_READING = {"SELECT", "EXPLAIN", "RELATION"}  # DuckDB's kinds of statement that change nothing

_open: WeakValueDictionary[Path, EventLog] = WeakValueDictionary()  # of this process


class EventLog:
    """A log of days, and SQL over it; in memory unless it is given a path.

    Why it matters: what was known at a time can only be asked of a log that is never overwritten.

    Tables: `log` (one row for each received row, with its tick), `label_log`, `truth` (which no
    system may read), `ticks` (the committed days). `memory_mb` bounds what DuckDB itself holds.

    Raises StateError for a file that is open elsewhere, InputError for one that is something
    else, StorageError for one that cannot be read or written.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> with EventLog() as log:
    ...     log.append(0, world.day(0, world.start()).requests)
    ...     log.query("SELECT tick, count(*) AS requests FROM log GROUP BY tick")
       tick  requests
    0     0       267
    """

    def __init__(
        self, path: str | Path | None = None, *, memory_mb: int = 768, threads: int = 2
    ) -> None:
        whole_number("memory_mb", memory_mb, 128, 2**20)
        whole_number("threads", threads, 1, 1_024)
        self.path = None if path is None else Path(path).resolve()
        self._name = "the warehouse in memory" if path is None else str(path)
        if self.path in _open:
            raise StateError(f"{self._name} is open already; close that warehouse first.")
        self._is_closed = False
        self._connection = connect(self.path, memory_mb=memory_mb, threads=threads)
        try:
            with self._asked():
                self._load_state()
                self._check_seals()
        except BaseException:
            self._connection.close()
            raise
        if self.path is not None:
            _open[self.path] = self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path or 'in memory')!r}, {self.days} days)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Move what is committed into the file itself (a checkpoint) and close it.

        Closing twice does no harm.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            with duckdb_errors_as(StorageError, self._name):
                self._connection.execute("CHECKPOINT")
        finally:
            self._connection.close()
            if self.path is not None:
                _open.pop(self.path, None)

    @contextmanager
    def _asked(self, kind: type[LessonError] = StorageError) -> Iterator[Any]:
        """The open connection; DuckDB's errors in it become one of ours."""
        if self._is_closed:
            raise StateError(f"{self._name} is closed; open it again.")
        with duckdb_errors_as(kind, self._name):
            yield self._connection

    def _load_state(self) -> None:
        """Read from the file the number of days and the columns of each table."""
        self.days = int(self._connection.execute("SELECT count(*) FROM ticks").fetchone()[0])
        self._columns = self._columns_before(self.days)

    def _check_seals(self) -> None:
        """Raise StorageError where a table or a day is not as it was written."""
        for table, columns in self._columns.items():
            names = self._connection.table(table).columns
            if names != ["tick", *(column.name for column in columns)]:
                raise StorageError(
                    f"{self._name} is damaged: its table {table} has other columns than were "
                    "written; take a copy from before, or run again with another path."
                )
        day = seals.broken(self._connection, self._columns, self.days)
        if day is not None:
            raise StorageError(
                f"{self._name} is damaged: day {day} is not as it was written, the days before it "
                "are sound; take a copy from before, or run again with another path."
            )

    def _columns_before(self, stop: int) -> dict[str, list[Column]]:
        """The columns of each table as the days before `stop` left them."""
        columns: dict[str, list[Column]] = {}
        query = """
            SELECT source, name, any_value(dtype), arg_max(words, tick) FROM fields WHERE tick < ?
            GROUP BY source, name ORDER BY min(rowid)
        """
        for table, name, dtype, words in self._connection.execute(query, [stop]).fetchall():
            column = Column(name, dtype, None if words is None else tuple(words))
            columns.setdefault(table, []).append(column)
        return columns

    # --- writing -------------------------------------------------------------------------------

    def append(
        self,
        tick: int,
        frame: pd.DataFrame,
        labels: pd.DataFrame | None = None,
        truth: pd.DataFrame | None = None,
    ) -> None:
        """Commit one day: its rows in order of arrival, its labels and its truth.

        A day that is in the file already is compared and never overwritten, so that a run that was
        interrupted may simply be started again. Raises StateError if that day differs, InputError
        if days are skipped or the columns are not those of the days before.
        """
        whole_number("tick", tick, 0, self.days)
        frames = {LOG: self._with_row_ids(tick, frame), LABELS: labels, TRUTH: truth}
        tables = {table: rows for table, rows in frames.items() if rows is not None}
        for rows in tables.values():
            refuse_foreign_columns(rows)
        sha256 = fingerprint(tables.values())
        if tick < self.days:
            return self._compare(tick, sha256)
        with self._asked(), self._transaction():
            for table, rows in tables.items():
                self._insert(table, tick, rows)
            day = [tick, len(frame), sha256]
            self._connection.execute("INSERT INTO ticks VALUES (?, ?, ?)", day)
            seals.seal(self._connection, self._columns, tick)
        self.days += 1

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block's writes or none, whatever happens in between."""
        self._connection.execute("BEGIN")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._load_state()
            raise

    def _with_row_ids(self, tick: int, frame: pd.DataFrame) -> pd.DataFrame:
        """The day with row ids as its index, counted on from the days before it."""
        if frame.index.name == LOG_INDEX:
            return frame
        return frame.set_axis(self._row_ids(tick, len(frame)), axis=0)

    def _row_ids(self, tick: int, rows: int) -> pd.RangeIndex:
        """The row ids of so many rows from a day on."""
        query = "SELECT coalesce(sum(requests), 0)::BIGINT FROM ticks WHERE tick < ?"
        with self._asked() as connection:
            first = int(connection.execute(query, [tick]).fetchone()[0])
        return pd.RangeIndex(first, first + rows, name=LOG_INDEX)

    def _compare(self, tick: int, sha256: str) -> None:
        query = "SELECT sha256 FROM ticks WHERE tick = ?"
        with self._asked() as connection:
            recorded = connection.execute(query, [tick]).fetchone()[0]
        if recorded != sha256:
            raise StateError(
                f"{self._name} holds another run: its day {tick} differs; choose another path."
            )

    def _insert(self, table: str, tick: int, frame: pd.DataFrame) -> None:
        """Write one day of one table; the first day creates the table."""
        new, old = columns_of(frame), self._columns.get(table)
        if old is not None and [column.signature for column in old] != [
            column.signature for column in new
        ]:
            raise InputError(f"day {tick} brings other columns to {table} than the days before.")
        columns = [before.extended_by(day) for before, day in zip(old or new, new, strict=True)]
        self._connection.register("fresh", frame.reset_index() if frame.index.name else frame)
        verb = f"CREATE TABLE {table} AS" if old is None else f"INSERT INTO {table}"
        values = ", ".join(column.insert_sql for column in new)
        self._connection.execute(f"{verb} SELECT {tick}::INTEGER AS tick, {values} FROM fresh")
        self._connection.unregister("fresh")
        for column in columns if old is None else set(columns) - set(old):
            row = [tick, table, column.name, column.dtype, column.categories]
            self._connection.execute("INSERT INTO fields VALUES (?, ?, ?, ?, ?)", row)
        self._columns[table] = columns

    # --- reading -------------------------------------------------------------------------------

    def log(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Every row that was received on days [start, stop), index row_id."""
        rows = self._read(LOG, start, stop)
        return rows.drop(columns=LOG_INDEX).set_axis(self._row_ids(start, len(rows)), axis=0)

    def labels(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """The labels that became known on days [start, stop)."""
        return self._read(LABELS, start, stop)

    def truth(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """What only the world knows of the rows of days [start, stop), by the caller's id."""
        rows = self._read(TRUTH, start, stop)
        return rows.set_index(rows.columns[0])

    def _read(self, table: str, start: int, stop: int | None) -> pd.DataFrame:
        self._require(table)
        end = self.days if stop is None else stop
        with self._asked() as connection:
            columns = self._columns_before(end).get(table, [])
            names = ", ".join(column.select_sql for column in columns)
            query = f"SELECT {names} FROM {table} WHERE tick >= ? AND tick < ? ORDER BY rowid"
            return restored(connection.execute(query, [start, end]).df(), columns)

    def _require(self, table: str) -> None:
        if table not in self._columns:
            raise StateError(f"{self._name} has no {table}; append a day that brings one.")

    def query(self, text: str) -> pd.DataFrame:
        """The result of a SELECT; the log is never changed by a question.

        Raises InputError for a text that DuckDB refuses, and for one that would do anything else
        than read.

        >>> EventLog().query("DROP TABLE ticks")
        Traceback (most recent call last):
            ...
        mlsys_lessons.errors.InputError: query(...) reads, and this is a DROP; write one SELECT.
        """
        if not isinstance(text, str):
            raise InputError(f"query({text!r}) is no text; write one SELECT.")
        with self._asked(InputError) as connection:
            kinds = [statement.type.name for statement in connection.extract_statements(text)]
            if len(kinds) != 1 or kinds[0] not in _READING:
                said = " and a ".join(kinds) or "blank"
                raise InputError(f"query(...) reads, and this is a {said}; write one SELECT.")
            return connection.execute(text).df()

    @contextmanager
    def cursor(self, *tables: str) -> Iterator[Any]:
        """A DuckDB cursor for several statements; what it creates as TEMP is gone with it.

        Raises StateError if one of the `tables` that they read is not there yet, InputError for
        a statement that DuckDB refuses.
        """
        for table in tables:
            self._require(table)
        with self._asked(InputError) as connection, connection.cursor() as cursor:
            yield cursor
