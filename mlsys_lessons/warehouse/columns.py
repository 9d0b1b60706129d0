"""Columns: how a frame's column is written to SQL and comes back as the same column.

Category columns are text in the file, so that queries can be read; their categories are kept beside
them and grow as `frames.stacked` lets them grow. Whatever columns a domain has, they are taken from
the frames; no file is opened here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.errors import InputError


@dataclass(frozen=True)
class Column:
    """One column of a frame: its name, its dtype, and the categories of a category column."""

    name: str
    dtype: str
    categories: tuple[str, ...] | None = None

    @property
    def signature(self) -> tuple[str, str]:
        """What must be the same every day: name and dtype; categories may be added."""
        return self.name, self.dtype

    @property
    def quoted(self) -> str:
        """The name as SQL wants it.

        >>> Column("action", "int64").quoted
        '"action"'
        """
        return '"' + self.name.replace('"', '""') + '"'

    @property
    def insert_sql(self) -> str:
        """What an INSERT selects: numbers, booleans and times as they are, all else as text."""
        plain = self.categories is None and np.dtype(self.dtype).kind in "iufbM"
        return self.quoted if plain else f"{self.quoted}::VARCHAR AS {self.quoted}"

    @property
    def select_sql(self) -> str:
        """What a SELECT names to get the column back.

        >>> print(Column("kind", "category", ("a", "b")).select_sql)
        "kind"::ENUM('a', 'b') AS "kind"
        """
        if not self.categories:
            return self.quoted
        listed = ", ".join("'" + word.replace("'", "''") + "'" for word in self.categories)
        return f"{self.quoted}::ENUM({listed}) AS {self.quoted}"

    def extended_by(self, later: Column) -> Column:
        """The column with the new categories of a later day behind its own."""
        old, new = self.categories, later.categories
        if old is None or new is None or set(new) <= set(old):
            return self
        return Column(self.name, self.dtype, tuple(dict.fromkeys(old + new)))


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """The columns of a frame, its index first if it has a name."""
    whole = frame.reset_index() if frame.index.name else frame
    return [
        Column(str(name), str(dtype), _categories(dtype)) for name, dtype in whole.dtypes.items()
    ]


def refuse_foreign_columns(frame: pd.DataFrame) -> None:
    """Raise InputError for a column that would not come back from a file as it went in.

    SQL knows no two names that differ in their case alone; nullable numbers and times with a zone
    come back as other types.
    """
    seen: dict[str, object] = {}
    for name, dtype in frame.dtypes.items():
        twin = seen.setdefault(str(name).casefold(), name)
        if twin is not name:
            raise InputError(f"columns {twin!r} and {name!r} are one name in SQL; rename one.")
        plain = isinstance(dtype, np.dtype) and dtype.kind in "iufbMO"
        if not (plain or isinstance(dtype, pd.CategoricalDtype | pd.StringDtype)):
            raise InputError(
                f"column {name!r} has type {dtype}, which a file does not keep; convert it by "
                "astype(...) to int64, float64 or datetime64[ms] (UTC)."
            )


def _categories(dtype: Any) -> tuple[str, ...] | None:
    is_category = isinstance(dtype, pd.CategoricalDtype)
    return tuple(map(str, dtype.categories.tolist())) if is_category else None


def restored(frame: pd.DataFrame, columns: Iterable[Column]) -> pd.DataFrame:
    """A frame that DuckDB returned, with the dtypes that it was written with."""
    for column in columns:
        is_category = column.categories is not None
        dtype = pd.CategoricalDtype(list(column.categories or ())) if is_category else column.dtype
        if frame[column.name].dtype != dtype:
            frame[column.name] = frame[column.name].astype(dtype)
    return frame


def fingerprint(frames: Iterable[pd.DataFrame]) -> str:
    """A hash of every value of some frames: equal for equal values, however they were built."""
    digest = hashlib.sha256()
    for frame in frames:
        for name, column in frame.items():
            digest.update(str(name).encode())
            digest.update(_bytes(column))
    return digest.hexdigest()


def _bytes(column: pd.Series) -> bytes:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return repr(_categories(dtype)).encode() + column.array.codes.tobytes()
    if isinstance(dtype, np.dtype) and dtype.kind in "iufbM":
        return column.to_numpy().tobytes()
    return repr(column.tolist()).encode()
