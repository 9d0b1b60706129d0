"""The edge's limits, and its refusals.

Everything that comes from outside is bounded here: bytes, rows, waiting, time. A refusal is an
HTTP status, its reason and, where trying again helps, the seconds to wait. Who refuses what is
written in app.py (size, time), batcher.py (queue) and schemas.py (fields).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlsys_lessons.errors import LessonError
from mlsys_lessons.records import positive, whole_number, within

NOT_FOUND, CONFLICT, TOO_LARGE = 404, 409, 413  # HTTP's own names
UNPROCESSABLE, UNAVAILABLE = 422, 503


@dataclass(frozen=True)
class EdgeSettings:
    """The limits of one edge; the defaults suit a laptop.

    Raises InputError for a number out of its range.

    >>> EdgeSettings(queue_rows=100, rows_per_call=10).queue_rows
    100
    """

    max_batch: int = 256  # rows that share one call of the system; a larger request is one batch
    queue_rows: int = 4_096  # rows that may wait; a request beyond them is shed
    rows_per_call: int = 1_000  # transactions in one request
    body_bytes: int = 1_000_000
    time_limit_s: float = 5.0  # from the first byte of a body to the response
    retry_after_s: int = 1  # the Retry-After of a shed request
    power_loss_safe: bool = False  # one fsync a batch: the log outlives lost power, not only a kill
    allow_hosts: tuple[str, ...] = ()  # names besides 127.0.0.1 and localhost that callers may use

    def __post_init__(self) -> None:
        """Refuse a number that is out of its range."""
        whole_number("max_batch", self.max_batch, 1, 100_000)
        whole_number("queue_rows", self.queue_rows, 1, 1_000_000)
        whole_number("rows_per_call", self.rows_per_call, 1, self.queue_rows)
        whole_number("body_bytes", self.body_bytes, 1, 100_000_000)
        whole_number("retry_after_s", self.retry_after_s, 1, 3_600)
        within("time_limit_s", positive("time_limit_s", self.time_limit_s), high=600.0)


class Refused(LessonError):
    """A request that gets an error response: `status` for programs, `detail` for people."""

    def __init__(self, status: int, detail: Any, *, retry_after_s: int | None = None) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
