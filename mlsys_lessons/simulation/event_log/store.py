"""The event log in a DuckDB file: one transaction a tick, read back as it was written.

A tick is in the file or it is not: a writer killed at any moment loses no committed one, and the
next opener goes on behind the last. One process at a time may have a file open. What the rows mean
is told by the stages that made them; features are computed in pipeline.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

import pandas as pd

from mlsys_lessons.records import InputError, StateError, StorageError, whole_number
from mlsys_lessons.simulation.event_log.columns import Column, columns_of, fingerprint, restored
from mlsys_lessons.simulation.event_log.connection import connected, translated

_open: WeakValueDictionary[Path, EventLog] = WeakValueDictionary()


class EventLog:
    """A log of days, and SQL over it; in memory unless it is given a path.

    Why it matters: what was true at the time can only be asked of a log that nobody overwrites.

    Tables: `log` (one row for each received row, with its tick), `label_log`, `truth` (which no
    system may read), `ticks` (what is committed). `memory_mb` bounds what DuckDB itself holds.

    Raises StateError for a file that is open elsewhere, InputError for one that is something
    else, StorageError for one that cannot be read or written.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> with EventLog() as house:
    ...     house.append(0, world.day(0, world.start()).requests)
    ...     house.query("SELECT tick, count(*) AS requests FROM log GROUP BY tick")
       tick  requests
    0     0       268
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
        self._connection = connected(self.path, memory_mb, threads)
        self._recall()
        if self.path is not None:
            _open[self.path] = self

    def __repr__(self) -> str:
        return f"EventLog({str(self.path or 'in memory')!r}, {self.days} days)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Move what is committed into the file itself and let it go."""
        with translated(StorageError, self._name):
            self._connection.execute("CHECKPOINT")
        self._connection.close()
        if self.path is not None:
            _open.pop(self.path, None)

    def _recall(self) -> None:
        """Read what is committed: the number of days, and the columns of each table."""
        self.days = int(self._connection.execute("SELECT count(*) FROM ticks").fetchone()[0])
        self._columns = self._known_columns(self.days)

    def _known_columns(self, stop: int) -> dict[str, list[Column]]:
        """The columns of each table as they were when day `stop` opened."""
        known: dict[str, list[Column]] = {}
        asked = """
            SELECT source, name, any_value(dtype), arg_max(words, tick) FROM fields WHERE tick < ?
            GROUP BY source, name ORDER BY min(rowid)
        """
        for source, name, dtype, words in self._connection.execute(asked, [stop]).fetchall():
            column = Column(name, dtype, None if words is None else tuple(words))
            known.setdefault(source, []).append(column)
        return known

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing, whatever happens in between."""
        self._connection.execute("BEGIN")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._recall()
            raise

    # --- writing -------------------------------------------------------------------------------

    def append(
        self,
        tick: int,
        frame: pd.DataFrame,
        labels: pd.DataFrame | None = None,
        truth: pd.DataFrame | None = None,
    ) -> None:
        """Commit one day: its rows in order of arrival, the labels and the truth that came with it.

        A tick that is in the file already is compared, and never overwritten: the same run may be
        started again and goes on where its file ends. Raises StateError if that day differs,
        InputError if days are skipped or the columns are others than the day before.
        """
        whole_number("tick", tick, 0, self.days)
        frames = {"log": self._numbered(tick, frame), "label_log": labels, "truth": truth}
        given = {name: each for name, each in frames.items() if each is not None}
        mark = fingerprint(given.values())
        if tick < self.days:
            return self._compare(tick, mark)
        with translated(StorageError, self._name), self._transaction():
            for source, rows in given.items():
                self._insert(source, tick, rows)
            self._connection.execute("INSERT INTO ticks VALUES (?, ?, ?)", [tick, len(frame), mark])
        self.days += 1

    def _numbered(self, tick: int, frame: pd.DataFrame) -> pd.DataFrame:
        """The day with `row_id` as its index, counted on from the rows before it."""
        if frame.index.name == "row_id":
            return frame
        start = self._rows_before(tick)
        return frame.set_axis(pd.RangeIndex(start, start + len(frame), name="row_id"), axis=0)

    def _rows_before(self, tick: int) -> int:
        asked = "SELECT coalesce(sum(requests), 0)::BIGINT FROM ticks WHERE tick < ?"
        return int(self._connection.execute(asked, [tick]).fetchone()[0])

    def _compare(self, tick: int, mark: str) -> None:
        asked = "SELECT sha256 FROM ticks WHERE tick = ?"
        if self._connection.execute(asked, [tick]).fetchone()[0] != mark:
            raise StateError(
                f"{self._name} holds another run: its day {tick} differs; choose another path."
            )

    def _insert(self, source: str, tick: int, frame: pd.DataFrame) -> None:
        """Write one day of one table; the first day makes the table."""
        given, known = columns_of(frame), self._columns.get(source)
        if known is not None and [each.kind for each in known] != [each.kind for each in given]:
            raise InputError(f"day {tick} brings other columns to {source} than the days before.")
        columns = [a.with_words_of(b) for a, b in zip(known or given, given, strict=True)]
        self._connection.register("fresh", frame.reset_index() if frame.index.name else frame)
        verb = f"CREATE TABLE {source} AS" if known is None else f"INSERT INTO {source}"
        listed = ", ".join(each.written for each in given)
        self._connection.execute(f"{verb} SELECT {tick}::INTEGER AS tick, {listed} FROM fresh")
        self._connection.unregister("fresh")
        for each in columns if known is None else set(columns) - set(known):
            row = [tick, source, each.name, each.dtype, each.words]
            self._connection.execute("INSERT INTO fields VALUES (?, ?, ?, ?, ?)", row)
        self._columns[source] = columns

    # --- reading -------------------------------------------------------------------------------

    def log(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Every row that was received on days [start, stop), index row_id."""
        rows = self._read("log", start, stop)
        index = pd.RangeIndex(first := self._rows_before(start), first + len(rows), name="row_id")
        return rows.drop(columns="row_id").set_axis(index, axis=0)

    def labels(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """The labels that became known on days [start, stop)."""
        return self._read("label_log", start, stop)

    def truth(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """What only the world knows of the rows of days [start, stop), by request_id."""
        return self._read("truth", start, stop).set_index("request_id")

    def _read(self, source: str, start: int, stop: int | None) -> pd.DataFrame:
        self._need(source)
        until = self.days if stop is None else stop
        columns = self._known_columns(until).get(source, [])
        listed = ", ".join(each.read for each in columns)
        asked = f"SELECT {listed} FROM {source} WHERE tick >= ? AND tick < ? ORDER BY rowid"
        return restored(self._connection.execute(asked, [start, until]).df(), columns)

    def _need(self, source: str) -> None:
        if source not in self._columns:
            raise StateError(f"{self._name} has no {source}; append a day that brings one.")

    def query(self, text: str) -> pd.DataFrame:
        """The answer to a SELECT of yours. Raises InputError for a text that DuckDB refuses."""
        with translated(InputError, self._name):
            return self._connection.execute(text).df()
