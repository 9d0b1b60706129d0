"""Ingestion: what may enter, what has been here before, what is late, what is put aside.

First stage of the loop: producers -> ingestion -> features. It flags rows and never drops, repairs
or reorders one: a flag with a reason is an answer that somebody can look up, a missing row is not.
It knows nothing of models or money; what a field promises is told in contract/.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Columns, Component
from mlsys_lessons.components.ingestion.contract import REPORT_COLUMNS, Contract, lag_ms
from mlsys_lessons.components.ingestion.idempotency import ANSWERED_DAYS, Answers
from mlsys_lessons.components.ingestion.usual_amounts import UsualAmounts
from mlsys_lessons.domain import Costs, Domain
from mlsys_lessons.errors import StateError
from mlsys_lessons.frames import array_of, categorical, extend
from mlsys_lessons.ids import SeenIds, row_keys
from mlsys_lessons.records import ClosedDay, Written

USUAL_DAYS = 7  # a week has every weekday once: its mean is the usual volume
FLAGS = ("is_duplicate", "is_late", "is_quarantined", "quarantine_reason")
NO_REASON = -1


class ParsingIngestion(Component):
    """Naive level: read the columns and pass everything on. What most notebooks ship."""

    resilient = False
    plugs_into = "ingestion"

    def __init__(self, domain: Domain = DEFAULT_DOMAIN) -> None:
        self.domain = domain
        self.rows_seen = 0
        self._reasons = pd.CategoricalDtype(list(Contract.of(domain).reasons))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.rows_seen:,} rows seen)"

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Stamp row ids and constant flags: this level cannot tell one row from another."""
        frame = self._numbered(frame)
        nothing = np.full(len(frame), NO_REASON, dtype=np.int8)
        return extend(frame, self._flags(np.zeros((3, len(frame)), dtype=bool), nothing))

    @property
    def needs(self) -> Columns:
        """The raw columns of the domain."""
        return self.domain.columns

    @property
    def adds(self) -> Columns:
        """Three flags and a reason."""
        return FLAGS

    def remember(self, decided: pd.DataFrame) -> None:
        """Keep a batch of answers for callers who ask again: nobody is recognised at this level."""

    def repeat(self, received: pd.DataFrame) -> pd.DataFrame:
        """Repeated rows with their first answers: there are none at this level."""
        raise StateError("this level recognises no repeated request; see ContractIngestion.")

    def complete(self, day: pd.DataFrame) -> pd.DataFrame:
        """A day's log with the final actions of repeats: there are none at this level."""
        return day

    def step(self, day: ClosedDay) -> None:
        """Take a closed day over midnight: nothing is remembered between days at this level."""

    def warm(self, requests: pd.DataFrame) -> None:
        """Take in a history: nothing is learned from it at this level."""

    def overheads(self, day: ClosedDay, costs: Costs) -> Mapping[str, int]:
        """Each quarantined row is handled by somebody."""
        return {"quarantine": int(array_of(day.log, "is_quarantined").sum()) * costs.quarantine}

    def _numbered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame indexed by row_id, in the order of arrival since the first day."""
        start, self.rows_seen = self.rows_seen, self.rows_seen + len(frame)
        return frame.set_axis(pd.RangeIndex(start, self.rows_seen, name="row_id"), axis=0)

    def _flags(self, flags: NDArray[np.bool_], reason: NDArray[np.int8]) -> dict[str, object]:
        return dict(zip(FLAGS, (*flags, categorical(reason, self._reasons)), strict=True))


class ContractIngestion(ParsingIngestion):
    """Resilient level: contract, duplicates, late rows, quarantine with reasons.

    Why it matters: a model answers any row, also one whose amount is in cents or whose category
    nobody has seen. Whoever wants no answer to nonsense has to say what nonsense is.
    """

    resilient = True

    def __init__(self, contract: Contract | None = None, domain: Domain = DEFAULT_DOMAIN) -> None:
        super().__init__(domain)
        self.contract = contract or Contract.of(domain)
        self.seen = SeenIds(days=ANSWERED_DAYS)
        self.answers = Answers(ANSWERED_DAYS, domain.identity)
        self.usual = UsualAmounts()
        self.audits: Written[tuple[int, int, list[float]]] = Written()  # tick, rows, promises
        self._reasons = pd.CategoricalDtype(list(self.contract.reasons))

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Flag each row: duplicate, late, quarantined and why."""
        frame = self._numbered(frame)
        reason = self._judged(frame)
        duplicate = self.seen.add(row_keys(frame, self.domain.identity))
        lag = lag_ms(array_of(frame, "arrival_time"), array_of(frame, "event_time"))
        reason[duplicate] = NO_REASON
        late = lag > self.contract.late_ms
        flags = np.stack([duplicate, late, self.contract.is_put_aside(reason)])
        return extend(frame, self._flags(flags, reason))

    def _judged(self, frame: pd.DataFrame) -> NDArray[np.int8]:
        """Each row's gravest broken promise; clean rows teach what is usual."""
        reason = self.contract.violations(frame)
        if self.domain.usual_by:
            keys = array_of(frame, self.domain.usual_by)
            amounts = array_of(frame, self.domain.measure)
            aside = self.contract.is_put_aside(reason)
            unusual, doubted = self.usual.judged(keys, amounts)
            for odd, why in ((doubted, self.contract.doubtful), (unusual, self.contract.unusual)):
                reason[odd & ~aside] = self.contract.reasons.index(why)
            clean = reason == NO_REASON
            self.usual.learn(keys[clean], amounts[clean])
        return reason

    def remember(self, decided: pd.DataFrame) -> None:
        """Keep a batch of first answers for callers who ask again."""
        self.answers.remember(decided)

    def repeat(self, received: pd.DataFrame) -> pd.DataFrame:
        """Repeated rows with their first answers at the right."""
        return self.answers.repeat(received)

    def complete(self, day: pd.DataFrame) -> pd.DataFrame:
        """A day's log in which repeats have the final action of their first row."""
        return self.answers.close_day(day)

    def step(self, day: ClosedDay) -> None:
        """Audit the day's feed; forget old requests; move each merchant's usual level."""
        lately = [rows for _, rows, _ in self.audits[-USUAL_DAYS:]]
        usual_rows = sum(lately) / len(lately) if lately else float("nan")
        observed = self.contract.observe(day.log, usual_rows)
        self.audits.append((day.tick, len(day.log), observed))
        self.seen.close_day()
        self.usual.close_day()

    @property
    def report(self) -> pd.DataFrame:
        """Every promise of every closed day: tick and the columns of `Contract.report`."""
        days = {tick: self.contract.judged(observed) for tick, _, observed in self.audits}
        if not days:
            return pd.DataFrame(columns=["tick", *REPORT_COLUMNS])
        return pd.concat(days, names=["tick"]).reset_index("tick").reset_index(drop=True)

    def warm(self, requests: pd.DataFrame) -> None:
        """Learn each merchant's usual level from a history."""
        if self.domain.usual_by:
            names = (self.domain.usual_by, self.domain.measure)
            self.usual.learn(*(array_of(requests, name) for name in names))
        self.usual.close_day()
