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

from mlsys_lessons.contract import PAYMENTS_CONTRACT, REPORT_COLUMNS, UNUSUAL, Contract, lag_ms
from mlsys_lessons.keys import SeenIds
from mlsys_lessons.records import categorical, extend

DEDUP_DAYS = 7  # how long an answer is remembered for a repeated request
USUAL_DAYS = 7  # a week has every weekday once: its mean is the usual volume


class UsualAmounts:
    """What each merchant usually charges, to notice that it now counts in another unit.

    A slip from euros to cents is a factor of 100 and often still inside the field's range. Against
    the merchant's own level of the last weeks it is beyond any customer's whim. The level changes
    at tick edges only; logarithms are summed as whole millionths, so no batch cut changes a bit.

    >>> usual = UsualAmounts()
    >>> usual.learn(np.zeros(40, np.int64), np.full(40, 20.0))
    >>> usual.close_day()
    >>> usual.unusual(np.array([0, 0]), np.array([35.0, 2_000.0])).tolist()
    [False, True]
    """

    factor = 50.0  # further than this from the merchant's level is another unit
    least_rows = 20.0  # below this a level is an anecdote
    memory = 0.97  # of yesterday's weight: a half-life of 23 days
    merchants = 2**20

    def __init__(self) -> None:
        self._rows = np.zeros(1)
        self._sums = np.zeros(1)
        self._today = [np.zeros(1), np.zeros(1)]

    def __repr__(self) -> str:
        return f"UsualAmounts({int((self._rows >= self.least_rows).sum())} merchants known)"

    def unusual(
        self, merchant: NDArray[np.int64], amount: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which amounts are further from their merchant's level than any customer goes."""
        known = (merchant >= 0) & (merchant < len(self._rows))
        place = np.where(known, merchant, 0)
        rows = np.where(known, self._rows[place], 0.0)
        level = self._sums[place] / np.maximum(rows, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(amount) * 1e6 - level)
        return np.asarray((rows >= self.least_rows) & (distance > np.log(self.factor) * 1e6))

    def learn(self, merchant: NDArray[np.int64], amount: NDArray[np.float64]) -> None:
        """Take in clean rows of the running day."""
        kept = (merchant >= 0) & (merchant < self.merchants) & (amount > 0)
        merchant, logs = merchant[kept], np.rint(np.log(amount[kept]) * 1e6)
        size = max(int(merchant.max(initial=0)) + 1, len(self._today[0]))
        for j, weights in enumerate((None, logs)):
            counted = np.bincount(merchant, weights, minlength=size).astype(np.float64)
            counted[: len(self._today[j])] += self._today[j]
            self._today[j] = counted

    def close_day(self) -> None:
        """The running day joins the level; older days weigh a little less."""
        size = max(len(self._rows), len(self._today[0]))
        past = [np.pad(each, (0, size - len(each))) for each in (self._rows, self._sums)]
        new = [np.pad(each, (0, size - len(each))) for each in self._today]
        self._rows, self._sums = (
            self.memory * old + day for old, day in zip(past, new, strict=True)
        )
        self._today = [np.zeros(1), np.zeros(1)]


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
