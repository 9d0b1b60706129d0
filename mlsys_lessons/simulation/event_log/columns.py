"""Frames and tables: how a column is written to SQL and comes back as the same column.

Category columns are words in the file, so that a query can be read; their vocabulary is kept beside
them and grows as `answers.stacked` lets it grow. No file is opened here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column of a frame: its name, its dtype, and the words of a category column."""

    name: str
    dtype: str
    words: tuple[str, ...] | None = None

    @property
    def kind(self) -> tuple[str, str]:
        """What must be the same every day: name and dtype; words may be added."""
        return self.name, self.dtype

    @property
    def quoted(self) -> str:
        """The name as SQL wants it.

        >>> Column("action", "int64").quoted
        '"action"'
        """
        return '"' + self.name.replace('"', '""') + '"'

    @property
    def written(self) -> str:
        """What an INSERT selects: numbers, truth and times as they are, all else as words."""
        plain = self.words is None and np.dtype(self.dtype).kind in "iufbM"
        return self.quoted if plain else f"{self.quoted}::VARCHAR AS {self.quoted}"

    @property
    def read(self) -> str:
        """What a SELECT says to get the column back.

        >>> print(Column("kind", "category", ("a", "b")).read)
        "kind"::ENUM('a', 'b') AS "kind"
        """
        if not self.words:
            return self.quoted
        words = ", ".join("'" + word.replace("'", "''") + "'" for word in self.words)
        return f"{self.quoted}::ENUM({words}) AS {self.quoted}"

    def with_words_of(self, later: Column) -> Column:
        """The column with the words of a later day behind its own."""
        if self.words is None or later.words is None or set(later.words) <= set(self.words):
            return self
        return Column(self.name, self.dtype, tuple(dict.fromkeys(self.words + later.words)))


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """The columns of a frame, its index first if it has a name."""
    whole = frame.reset_index() if frame.index.name else frame
    return [Column(str(name), str(dtype), _words(dtype)) for name, dtype in whole.dtypes.items()]


def _words(dtype: Any) -> tuple[str, ...] | None:
    is_category = isinstance(dtype, pd.CategoricalDtype)
    return tuple(map(str, dtype.categories.tolist())) if is_category else None


def restored(frame: pd.DataFrame, columns: Iterable[Column]) -> pd.DataFrame:
    """A frame as DuckDB hands it over, in the dtypes it was written with."""
    for column in columns:
        known = column.words is not None
        wanted = pd.CategoricalDtype(list(column.words or ())) if known else column.dtype
        if frame[column.name].dtype != wanted:
            frame[column.name] = frame[column.name].astype(wanted)
    return frame


def fingerprint(frames: Iterable[pd.DataFrame]) -> str:
    """A hash of every value of some frames, whatever frame of equal values they came in."""
    digest = hashlib.sha256()
    for frame in frames:
        for name, column in frame.items():
            digest.update(str(name).encode())
            digest.update(_bytes(column))
    return digest.hexdigest()


def _bytes(column: pd.Series) -> bytes:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return repr(_words(dtype)).encode() + column.array.codes.tobytes()
    if isinstance(dtype, np.dtype) and dtype.kind in "iufbM":
        return column.to_numpy().tobytes()
    return repr(column.tolist()).encode()
