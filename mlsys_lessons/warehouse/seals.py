"""Seals: a chained check sum of each day in a DuckDB file, made and checked by DuckDB itself.

A day's seal stands on every value of its rows in their order, on its entry among the days, and on
the seal before it; a million rows are checked in about a second. DuckDB may hash otherwise in
another version: a file from one is sealed anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

TABLE = "CREATE TABLE seals (tick INTEGER, chain VARCHAR, library VARCHAR)"
_ENTRIES = (  # what the file itself keeps of a day
    "SELECT tick, requests, sha256 FROM ticks WHERE tick >= ? ORDER BY tick",
    "SELECT tick, source, name, dtype, words FROM fields WHERE tick >= ? ORDER BY tick, rowid",
)
_ROWS = """
    SELECT tick, '{table}', count(*), hash(list(hash(each) ORDER BY each.rowid))::VARCHAR
    FROM {table} AS each WHERE tick >= ? GROUP BY tick ORDER BY tick
"""


def seal(connection: Any, tables: Iterable[str], tick: int) -> None:
    """Seal the days from `tick` on, as they stand."""
    import duckdb

    before = connection.execute("SELECT chain FROM seals WHERE tick = ?", [tick - 1]).fetchone()
    for day, chain in _chain(connection, tables, tick, before[0] if before else ""):
        connection.execute("INSERT INTO seals VALUES (?, ?, ?)", [day, chain, duckdb.__version__])


def broken(connection: Any, tables: Iterable[str], days: int) -> int | None:
    """The first day that is not as it was written, or None; seals what no seal was made for."""
    import duckdb

    tables = list(tables)
    if ("seals",) not in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        connection.execute(TABLE)
        seal(connection, tables, 0)
        return None
    sealed = connection.execute("SELECT tick, chain, library FROM seals ORDER BY tick").fetchall()
    if any(library != duckdb.__version__ for _, _, library in sealed):
        connection.execute("DELETE FROM seals")
        seal(connection, tables, 0)
        return None
    found = dict(_chain(connection, tables, 0, ""))
    known = {tick: chain for tick, chain, _ in sealed}
    for tick in sorted({*found, *known, *range(days)}):
        if found.get(tick) != known.get(tick) or tick not in known or tick >= days:
            return int(tick)
    return None


def _chain(connection: Any, tables: Iterable[str], tick: int, before: str) -> list[tuple[int, str]]:
    """Each day from `tick` on with its seal."""
    queries = [*_ENTRIES, *(_ROWS.format(table=table) for table in tables)]
    rows = [row for query in queries for row in connection.execute(query, [tick]).fetchall()]
    chain = []
    for day, facts in groupby(sorted(rows, key=itemgetter(0)), key=itemgetter(0)):
        before = hashlib.sha256(f"{before}{list(facts)!r}".encode()).hexdigest()
        chain.append((day, before))
    return chain
