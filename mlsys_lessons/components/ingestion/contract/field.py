"""One column's promise: what it holds, who answers for it, and what happens when it is broken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.records import InputError

POLICIES = ("quarantine", "degrade")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Field:
    """One column's promise: what it holds, in which unit and range, and who answers for it.

    `on_breach` is the policy for a row that breaks it. "quarantine" puts the row aside: answered
    with what is legible, remembered by nobody, handled at a cost. "degrade" does without the
    field: the row counts like any other, what stands on the field is missing.

    Raises InputError for an unknown policy, a field without an owner, or limits that nothing meets.
    """

    name: str
    dtype: str
    owner: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    null_rate: float = 0.0  # the share of missing values that the owner has promised to stay below
    unit_rate: float = 0.01  # the same of values that look like another unit: some always do
    unique: bool = False  # no value comes twice
    on_breach: str = "quarantine"

    def __post_init__(self) -> None:
        """Refuse what could not be kept or judged."""
        low, high = self.minimum, self.maximum
        if self.on_breach not in POLICIES:
            wrong = f"on_breach={self.on_breach!r} is no policy; choose one of {POLICIES}."
        elif not self.owner:
            wrong = "owner is empty; name the team that is called when the promise is broken."
        elif low is not None and high is not None and low > high:
            wrong = f"minimum={low} lies above maximum={high}; swap them."
        elif not 0 <= self.null_rate <= 1:
            wrong = f"null_rate={self.null_rate} is no share; give one between 0 and 1."
        else:
            return
        raise InputError(f"field {self.name!r}: {wrong}")

    def broken(self, values: pd.Series) -> Mask:
        """Which rows break this promise; evaluated with array masks, no per-row Python.

        >>> Field("amount", "float64", "payments gateway", minimum=0.01).broken(
        ...     pd.Series([5.0, -1.0, float("nan")])).tolist()
        [False, True, True]
        """
        if self.categories is not None:
            return _category_codes(values, self.categories) < 0
        numbers = values.to_numpy()
        if self.minimum is None and self.maximum is None:
            return pd.isna(numbers)
        kept = True if self.minimum is None else numbers >= self.minimum
        return np.asarray(~(kept if self.maximum is None else kept & (numbers <= self.maximum)))

    def missing(self, values: pd.Series) -> Mask:
        """Which rows hold no value at all."""
        if self.categories is not None:
            return np.asarray(values.array.codes < 0)
        numbers = values.to_numpy()
        return np.zeros(len(numbers), bool) if numbers.dtype.kind in "iu" else pd.isna(numbers)


def _category_codes(values: pd.Series, known: tuple[str, ...]) -> NDArray[np.integer]:
    """Codes in the known vocabulary, -1 for anything else."""
    held = values.array  # the accessor `.cat` costs ten times as much
    codes: NDArray[np.integer] = held.codes
    if tuple(held.categories) == known:
        return codes
    lookup = np.append(pd.Index(known).get_indexer(held.categories), -1)
    return np.asarray(lookup[codes])
