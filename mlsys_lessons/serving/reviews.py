"""The review desk: payments held until midnight, and what people have said of them.

Plain values, used by the decider's thread; another thread may read `waiting`, which is replaced and
never changed. Nothing is written here (decision_log.py does that), and no opinion is formed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.frames import codes
from mlsys_lessons.records import REVIEW
from mlsys_lessons.serving.serialisation import ENTRY_COLUMNS, REQUEST_ID, ROW_ID, Entry

VERDICTS = ("approve", "block")
MINUTES = 6.0  # of work a verdict stands for; nobody measures it at the edge (assumed)
LISTED = 100  # held payments that one answer lists; the rest are counted
_SHOWN = tuple(name for name in ENTRY_COLUMNS if name not in ("action", "is_duplicate"))


class VerdictStands(StateError):
    """Another verdict on a payment that has one."""


class Review(NamedTuple):
    """A person's word on one held payment, as the log keeps it."""

    row_id: int
    verdict: str
    reviewer: str
    reason: str
    decided_ms: int


class HeldPayment(NamedTuple):
    """A payment that waits for a person: what they may see, what a look is worth, what was said."""

    entry: Entry
    value_cents: float
    review: Review | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for a response: the payment, the score and why it is held."""
        seen = dict(zip(ENTRY_COLUMNS, self.entry, strict=True))
        review = None if self.review is None else self.review._asdict()
        return {**{name: seen[name] for name in _SHOWN},
                "value_cents": round(self.value_cents), "review": review}  # fmt: skip


class ReviewDesk:
    """Today's held payments, by the caller's id.

    `known` are the verdicts that a log holds: each is given again when its payment is held again.

    >>> ReviewDesk()
    ReviewDesk(0 waiting, 0 decided today)
    """

    def __init__(self, known: Iterable[Review] = ()) -> None:
        self._known = {review.row_id: review for review in known}
        self._held: dict[int, HeldPayment] = {}
        self.waiting: tuple[HeldPayment, ...] = ()  # the most valuable first

    def __repr__(self) -> str:
        decided = len(self._held) - len(self.waiting)
        return f"ReviewDesk({len(self.waiting)} waiting, {decided} decided today)"

    def hold(self, entries: Sequence[Entry], decided: pd.DataFrame) -> None:
        """Take in what the system has sent to review; `decided` is its frame of these entries."""
        held = (codes(decided["action"]) == REVIEW) & ~decided["is_duplicate"].to_numpy()
        values = decided["review_value"].to_numpy()
        for place in np.flatnonzero(held).tolist():
            entry = entries[place]
            review = self._known.pop(entry[ROW_ID], None)
            self._held[entry[REQUEST_ID]] = HeldPayment(entry, float(values[place]), review)
        if held.any():
            self._sort()

    def find(self, request: int, verdict: str) -> HeldPayment:
        """A payment that waits today, or that has this very verdict.

        Raises InputError for one that does not wait, VerdictStands where there is another one.
        """
        payment = self._held.get(request)
        if payment is None:
            raise InputError(
                f"request_id {request} does not wait for a review today; "
                "GET /v1/reviews lists what does."
            )
        said = payment.review
        if said is not None and said.verdict != verdict:
            raise VerdictStands(
                f"request_id {request} is decided: {said.reviewer} said {said.verdict}, "
                "and a verdict stands."
            )
        return payment

    def put(self, request: int, review: Review) -> HeldPayment:
        """Lay a review that is on disk beside its payment."""
        self._held[request] = payment = self._held[request]._replace(review=review)
        self._sort()
        return payment

    def verdicts(self) -> pd.DataFrame | None:
        """What was said today, as a system takes it at midnight; the desk is empty then."""
        said = [(request, held.review) for request, held in self._held.items() if held.review]
        labels = [VERDICTS.index(review.verdict) for _, review in said]
        self._held, self.waiting = {}, ()
        if not said:
            return None
        return pd.DataFrame({
            "request_id": np.array([request for request, _ in said], dtype=np.int64),
            "label": np.array(labels, dtype=np.int8), "minutes": np.full(len(said), MINUTES),
        })  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Plain values for a response."""
        waiting = self.waiting
        return {"waiting": len(waiting), "reviews": [each.as_json() for each in waiting[:LISTED]]}

    def _sort(self) -> None:
        waits = [held for held in self._held.values() if held.review is None]
        self.waiting = tuple(sorted(waits, key=lambda held: -held.value_cents))
