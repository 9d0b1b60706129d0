"""A reference that is sorted and counted once, and then compared with many chunks.

The same statistics as drift.py gives, at the price of the chunk alone. Nothing here decides what
is too far, and no formula is defined here; a reference that moves along is in references.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from mlsys_lessons.components.monitoring.bins import (
    bin_counts,
    doane_edges,
    grid_counts,
    quantile_edges,
)
from mlsys_lessons.components.monitoring.drift import (
    chi2_of_counts,
    jensen_shannon_of_counts,
    l_infinity_of_counts,
    psi_of_counts,
    unseen_rate_of_counts,
)
from mlsys_lessons.components.monitoring.ranks import Ordered
from mlsys_lessons.components.monitoring.samples import (
    Codes,
    Floats,
    counted,
    kind_of,
    numbers,
    present,
)
from mlsys_lessons.errors import InputError

STATISTICS = (
    "ks", "psi", "jensen_shannon", "chi2", "l_infinity", "unseen_rate", "missing_rate_difference",
)  # fmt: skip
DECILES = 10
Measures: TypeAlias = dict[str, Callable[[], float]]  # what can be measured, not yet measured


@dataclass(frozen=True)
class PreparedReference:
    """Every column of a reference, sorted or counted once.

    Why it matters: a month has thirty days and one reference. Whoever sorts it for each day, as
    scipy's `ks_2samp` must, spends most of the time on rows that have not changed.

    >>> reference = PreparedReference.of(pd.DataFrame({"amount": np.arange(100.0)}))
    >>> today = pd.DataFrame({"amount": np.arange(50.0, 150.0)})
    >>> reference, reference.compare(today, ["ks"])["value"].item()
    (PreparedReference(1 column), 0.5)
    """

    columns: Mapping[Hashable, NumericColumn | CategoryColumn] = field(repr=False)

    def __repr__(self) -> str:
        """How many columns."""
        return f"PreparedReference({len(self.columns)} column{'s' * (len(self.columns) != 1)})"

    @classmethod
    def of(cls, frame: pd.DataFrame) -> PreparedReference:
        """Prepare each column of a frame of at least one row: O(n log n), once.

        Numbers are kept sorted (8 bytes a value), categories as counts. InputError for an empty
        frame, two columns of one name, infinite numbers, and types that no statistic compares.
        """
        _check_frame(frame, "the reference")
        if not len(frame.columns) or not frame.columns.is_unique:
            raise InputError(
                f"the reference has the columns {list(frame.columns)}; it needs at least one, "
                "and each name once: rename or drop the others."
            )
        return cls({name: _prepared(frame[name], name) for name in frame.columns})

    def compare(
        self, chunk: pd.DataFrame, statistics: Collection[str] = STATISTICS
    ) -> pd.DataFrame:
        """How far each column of a chunk is from the reference: column, statistic, value.

        Values equal the functions of their names in drift with default arguments: KS for numbers;
        chi2, l_infinity and unseen_rate for categories; the others for both. A row is left out
        where its statistic does not exist, such as the KS of an all-missing column; values are
        finite. Columns that the reference does not know are left alone. InputError for a chunk
        that is empty or lacks a column, for another type of column, and for infinite numbers.
        """
        _check_frame(chunk, "the chunk")
        unknown = [name for name in statistics if name not in STATISTICS]
        if unknown or isinstance(statistics, str):
            raise InputError(f"statistics={statistics!r}; pass a list out of {STATISTICS}.")
        lacking = [name for name in self.columns if name not in chunk.columns]
        if lacking:
            raise InputError(f"the chunk lacks {lacking}; add them or prepare fewer columns.")
        rows = self._measured(chunk, statistics)
        return pd.DataFrame(list(rows), columns=["column", "statistic", "value"])

    def _measured(
        self, chunk: pd.DataFrame, statistics: Collection[str]
    ) -> Iterator[tuple[Hashable, str, float]]:
        for name, column in self.columns.items():
            role = f"column {name!r} of the chunk"
            values = chunk[name]
            kind = kind_of(values, role)
            if kind != column.kind:
                raise InputError(
                    f"{role} is {kind} and {column.kind} in the reference; convert one of them."
                )
            measures = column.measures(values, role)
            yield from ((name, each, measures[each]()) for each in statistics if each in measures)


@dataclass(frozen=True)
class NumericColumn:
    """What a column of numbers is compared by: its order, and counts between two kinds of edges."""

    ordered: Ordered | None  # None where all are missing
    decile_edges: Floats
    deciles: Codes  # the missing ones last
    grid: Floats  # Doane's edges
    between: Codes  # the ones outside last
    kind = "numeric"

    @classmethod
    def of(cls, column: pd.Series, role: str) -> NumericColumn:
        """Sorted, and cut at deciles and at Doane's edges."""
        values = numbers(column, role)
        known = present(values)
        if not len(known):
            nothing = np.empty(0)
            return cls(None, nothing, bin_counts(values, nothing), nothing, np.empty(0, np.int64))
        grid = doane_edges(known)
        ordered = Ordered.of(known)
        edges = quantile_edges(ordered.values, DECILES)
        return cls(ordered, edges, bin_counts(values, edges), grid, grid_counts(known, grid))

    def measures(self, column: pd.Series, role: str) -> Measures:
        """What can be said of a chunk's column, by the name of the statistic."""
        values, ordered = numbers(column, role), self.ordered
        deciles = bin_counts(values, self.decile_edges)
        shares: Measures = {
            "psi": lambda: psi_of_counts(self.deciles, deciles),
            "missing_rate_difference": lambda: _share(deciles, -1) - _share(self.deciles, -1),
        }
        if ordered is None or deciles[-1] == len(values):
            return shares
        known = present(values) if deciles[-1] else values
        return shares | {
            "ks": lambda: ordered.gap(known),
            "jensen_shannon": lambda: jensen_shannon_of_counts(
                self.between, grid_counts(known, self.grid)
            ),
        }


@dataclass(frozen=True)
class CategoryColumn:
    """What a column of categories is compared by: its values and how often each occurs."""

    values: pd.Index
    counts: Codes  # the missing ones first
    kind = "categorical"

    @classmethod
    def of(cls, column: pd.Series, role: str) -> CategoryColumn:
        """Counted by value."""
        return cls(*counted(column, role))

    def measures(self, column: pd.Series, role: str) -> Measures:
        """What can be said of a chunk's column, by the name of the statistic."""
        first, second = self._aligned(*counted(column, role))
        shares: Measures = {
            "psi": lambda: psi_of_counts(first, second),
            "missing_rate_difference": lambda: _share(second, 0) - _share(first, 0),
        }
        if not first[1:].sum() or not second[1:].sum():
            return shares
        formulas = {
            "jensen_shannon": jensen_shannon_of_counts,
            "chi2": chi2_of_counts,
            "l_infinity": l_infinity_of_counts,
            "unseen_rate": unseen_rate_of_counts,
        }
        return shares | {
            name: lambda formula=formula: formula(first[1:], second[1:])
            for name, formula in formulas.items()
        }

    def _aligned(self, values: pd.Index, counts: Codes) -> tuple[Codes, Codes]:
        """Both rows of counts over the union of the values: the reference's, then the new ones."""
        places = self.values.get_indexer(values) + 1
        known = places > 0
        first = np.append(self.counts, np.zeros(np.count_nonzero(~known), dtype=np.int64))
        second = np.zeros_like(first)
        second[0] = counts[0]
        second[places[known]] = counts[1:][known]
        second[len(self.counts) :] = counts[1:][~known]
        return first, second


def _prepared(column: pd.Series, name: Hashable) -> NumericColumn | CategoryColumn:
    role = f"column {name!r} of the reference"
    numeric = kind_of(column, role) == "numeric"
    return NumericColumn.of(column, role) if numeric else CategoryColumn.of(column, role)


def _share(counts: Codes, place: int) -> float:
    return float(counts[place] / counts.sum())


def _check_frame(frame: Any, role: str) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"{role} is a {type(frame).__name__}; pass a pandas DataFrame.")
    if not len(frame):
        raise InputError(f"{role} holds no rows; a statistic needs at least one, so skip it.")
