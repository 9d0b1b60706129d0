"""Ingestion: what may enter, what has been here before, what is late, what is put aside.

First stage of the loop: producers -> ingestion -> features. It flags rows and never drops, repairs
or reorders one: a flag with a reason is an answer that somebody can look up, a missing row is not.
It knows nothing of models or money; what a field promises is told in contract.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.ingestion.contract import (
    PAYMENTS_CONTRACT,
    REPORT_COLUMNS,
    UNUSUAL,
    Contract,
    lag_ms,
)
from mlsys_lessons.components.ingestion.idempotency import DEDUP_DAYS
from mlsys_lessons.components.ingestion.usual_amounts import UsualAmounts
from mlsys_lessons.frames import categorical, extend
from mlsys_lessons.ids import SeenIds

USUAL_DAYS = 7  # a week has every weekday once: its mean is the usual volume


@dataclass
class ParsingIngestion:
    """Naive level: read the columns and pass everything on. What most notebooks ship."""

    rows_seen: int = 0

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Stamp row ids and constant flags: this level cannot tell one row from another."""
        rows = len(frame)
        frame = frame.set_axis(_row_ids(self.rows_seen, rows), axis=0)
        self.rows_seen += rows
        nothing = np.full(rows, -1, dtype=np.int8)
        return extend(frame, _flags(np.zeros((3, rows), dtype=bool), nothing, ()))

    def audit(self, tick: int, closed: pd.DataFrame) -> None:
        """Nobody has promised anything at this level."""

    def step(self, tick: int) -> None:
        """Nothing is remembered between days at this level."""

    def warm(self, requests: pd.DataFrame) -> None:
        """Nothing is learned from history at this level."""


@dataclass
class ContractIngestion:
    """Resilient level: contract, duplicates, late rows, quarantine with reasons.

    Why it matters: a model answers any row, also one whose amount is in cents or whose category
    nobody has seen. Whoever wants no answer to nonsense has to say what nonsense is.
    """

    contract: Contract = PAYMENTS_CONTRACT
    rows_seen: int = 0
    seen: SeenIds = field(default_factory=lambda: SeenIds(days=DEDUP_DAYS))
    usual: UsualAmounts = field(default_factory=UsualAmounts)
    audits: list[tuple[int, int, list[float]]] = field(default_factory=list, repr=False)

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Flag each row: duplicate, late, quarantined and why."""
        rows = len(frame)
        frame = frame.set_axis(_row_ids(self.rows_seen, rows), axis=0)
        self.rows_seen += rows
        reason = self._judged(frame)
        duplicate = self.seen.add(frame["request_id"].to_numpy())
        late = lag_ms(frame) > self.contract.late_ms
        reason[duplicate] = -1
        flags = np.stack([duplicate, late, self.contract.puts_aside[reason]])
        return extend(frame, _flags(flags, reason, self.contract.reasons))

    def _judged(self, frame: pd.DataFrame) -> NDArray[np.int8]:
        """Each row's gravest broken promise; clean rows teach what is usual."""
        reason = self.contract.breaches(frame)
        merchant, amount = frame["merchant_id"].to_numpy(), frame["amount"].to_numpy()
        odd = ~self.contract.puts_aside[reason] & self.usual.unusual(merchant, amount)
        reason[odd] = self.contract.reasons.index(UNUSUAL)
        clean = reason < 0
        self.usual.learn(merchant[clean], amount[clean])
        return reason

    def audit(self, tick: int, closed: pd.DataFrame) -> None:
        """Look at a closed day's feed as a whole: what it brought, for the promises it gave."""
        lately = [rows for _, rows, _ in self.audits[-USUAL_DAYS:]]
        usual_rows = sum(lately) / len(lately) if lately else float("nan")
        self.audits.append((tick, len(closed), self.contract.observe(closed, usual_rows)))

    @property
    def report(self) -> pd.DataFrame:
        """Every promise of every closed day: tick and the columns of `Contract.report`."""
        days = {tick: self.contract.judged(seen) for tick, _, seen in self.audits}
        if not days:
            return pd.DataFrame(columns=["tick", *REPORT_COLUMNS])
        return pd.concat(days, names=["tick"]).reset_index("tick").reset_index(drop=True)

    def step(self, tick: int) -> None:
        """Close the day: forget old answers, and move each merchant's usual level."""
        self.seen.close_day()
        self.usual.close_day()

    def warm(self, requests: pd.DataFrame) -> None:
        """Learn each merchant's usual level from a history."""
        self.usual.learn(requests["merchant_id"].to_numpy(), requests["amount"].to_numpy())
        self.usual.close_day()


def _row_ids(start: int, rows: int) -> pd.RangeIndex:
    return pd.RangeIndex(start, start + rows, name="row_id")


def _flags(
    flags: NDArray[np.bool_], reason: NDArray[np.int8], reasons: tuple[str, ...]
) -> dict[str, object]:
    return {
        "is_duplicate": flags[0],
        "is_late": flags[1],
        "is_quarantined": flags[2],
        "quarantine_reason": categorical(reason, _reason_dtype(reasons)),
    }


def _reason_dtype(reasons: tuple[str, ...]) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(list(reasons or PAYMENTS_CONTRACT.reasons))
