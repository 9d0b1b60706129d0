"""What each request id stood for: a repeat brings the same payment, or it is refused.

It knows ids and fingerprints of the last days, and nothing of decisions: the first answer is kept
by ingestion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlsys_lessons.components.ingestion.idempotency import ANSWERED_DAYS
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.serving.serialisation import ARRIVAL_TIME, Row
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

_REQUEST_ID = RAW_COLUMNS.index("request_id")


class Payloads:
    """Fingerprints of the last days' payments by request id.

    Why it matters: a caller whose payment was approved may send another, dearer one under the same
    id; an answer that is given by id alone would approve that one too.

    >>> payloads, payment = Payloads(), (1, 0, 0, 17, 0, "DE", 5, "grocery", "DE", "chip", 12.0)
    >>> payloads.claim([payment, payment]), payloads.claim([(*payment[:-1], 19_000.0)])
    (None, 1)
    """

    def __init__(self) -> None:
        self._days: dict[int, dict[int, int]] = {}  # day -> request id -> fingerprint

    def __repr__(self) -> str:
        return f"Payloads({sum(map(len, self._days.values())):,} ids of {len(self._days)} days)"

    def claim(self, rows: Sequence[Row]) -> int | None:
        """Remember the rows; returns the first id that stands for another payment, or None.

        With such an id in it, nothing of a request is remembered.
        """
        known, fresh = [*self._days.values()], dict[int, dict[int, int]]()
        for row in rows:
            request_id, day = row[_REQUEST_ID], row[ARRIVAL_TIME] // DAY_MS
            mark = hash((*row[:ARRIVAL_TIME], *row[ARRIVAL_TIME + 1 :]))
            first = self._first(request_id, (*known, *fresh.values()))
            if first is None:
                fresh.setdefault(day, {})[request_id] = mark
            elif first != mark:
                return int(request_id)
        for day, marks in fresh.items():
            if day not in self._days:
                self._forget(day - ANSWERED_DAYS)
            self._days.setdefault(day, {}).update(marks)
        return None

    def _forget(self, before: int) -> None:
        self._days = {day: marks for day, marks in self._days.items() if day >= before}

    @staticmethod
    def _first(request_id: int, days: Iterable[dict[int, int]]) -> int | None:
        return next((marks[request_id] for marks in days if request_id in marks), None)
