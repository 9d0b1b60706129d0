"""The batcher: which requests are admitted, which share a batch, and how long they may wait.

While the system decides one batch, the next one gathers: no request waits for others to come, and
the more requests there are, the cheaper a row becomes. All of this runs in the event loop; the
decider has a thread of its own. A shed request is counted, answered at once, and not decided.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import NamedTuple, NoReturn

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.serving.decider import Decider
from mlsys_lessons.serving.metrics import Metrics
from mlsys_lessons.serving.reviews import HeldPayment, VerdictStands
from mlsys_lessons.serving.serialisation import ARRIVAL_TIME, REQUEST_ID, Entry, Row
from mlsys_lessons.serving.settings import (
    CONFLICT,
    NOT_FOUND,
    UNAVAILABLE,
    UNPROCESSABLE,
    EdgeSettings,
    Refused,
)

HEARTBEAT_S = 60.0  # how soon after midnight a day is closed when no request comes
QUIET_ROUNDS = 3  # turns of the event loop without a new request, after which a batch is complete
LOG = logging.getLogger("mlsys_lessons.serving")
MAX_STEP_MS = 31 * DAY_MS  # how far one virtual stamp may move the clock


class _Job(NamedTuple):
    """The rows of one request, and the future that gets the decisions on them."""

    rows: Sequence[Row]
    decisions: asyncio.Future[list[Entry]]


class Batcher:
    """The way to a decider: `open` it in a running loop, `decide`, `close`.

    `replay` is done once the log has been replayed; it carries the error if that failed. `state`
    says why requests are refused, and is empty while they are accepted.
    """

    def __init__(self, decider: Decider, settings: EdgeSettings, metrics: Metrics) -> None:
        self.decider = decider
        self.settings = settings
        self.metrics = metrics
        self.state = "the decision log is being replayed"
        self.is_broken = False  # and only a restart helps
        self.replay: Future[None] = Future()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decider")
        self._queue: deque[_Job] = deque()
        self._queued_rows = 0
        self._arrival = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        metrics.queue.set_function(lambda: self._queued_rows)

    def __repr__(self) -> str:
        return f"Batcher({self.state or 'open'}, {self._queued_rows} rows waiting)"

    # --- admission: what a request meets -------------------------------------------------------

    async def decide(self, rows: Sequence[Row]) -> list[Entry]:
        """The decisions on the rows of one request; raises Refused where it is not admitted."""
        self._admit(rows)
        job = _Job(rows, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._queued_rows += len(rows)
        self._arrival.set()
        return await job.decisions

    async def review(
        self, request: int, verdict: str, *, reviewer: str, reason: str
    ) -> HeldPayment:
        """A person's word on a held payment; raises Refused where it cannot be taken."""
        if self.state:
            raise self.refusal(self.state)
        waiting = {held.entry[REQUEST_ID] for held in self.decider.desk.waiting}
        say = partial(self.decider.review, request, verdict, reviewer=reviewer, reason=reason)
        try:
            held = await asyncio.get_running_loop().run_in_executor(self._thread, say)
        except InputError as error:
            raise Refused(NOT_FOUND, str(error)) from None
        except VerdictStands as error:
            raise Refused(CONFLICT, str(error)) from None
        except Exception as error:
            self._fail([], error)
            raise self.refusal(self.state) from None
        self._tell_alerts()
        self.metrics.reviews.labels(verdict).inc(request in waiting)
        self.metrics.waiting.set(len(self.decider.desk.waiting))
        return held

    def _admit(self, rows: Sequence[Row]) -> None:
        if self.state:
            self.shed(len(rows), "not_ready", self.state)
        if self._queued_rows + len(rows) > self.settings.queue_rows:
            self.shed(len(rows), "queue_full", f"{self._queued_rows} transactions are waiting")
        clock_ms = self.decider.clock_ms
        if self.decider.virtual and max(row[ARRIVAL_TIME] for row in rows) > clock_ms + MAX_STEP_MS:
            rule = f"should be within 31 days of the edge's clock, which says {clock_ms} ms"
            loc = ["body", "arrival_time"]
            raise Refused(UNPROCESSABLE, [{"type": "value_error", "loc": loc, "msg": rule}])

    def shed(self, rows: int, cause: str, reason: str) -> NoReturn:
        """Count a request as shed, by cause, and raise its refusal."""
        self.metrics.shed.labels(cause).inc(rows)
        raise self.refusal(reason)

    def refusal(self, reason: str) -> Refused:
        """A refusal: for now, with the time after which to ask again, or for good."""
        if self.is_broken:
            return Refused(UNAVAILABLE, f"{reason}; only a restart of the edge ends this.")
        wait_s = self.settings.retry_after_s
        return Refused(UNAVAILABLE, f"{reason}; try again in {wait_s} s.", retry_after_s=wait_s)

    # --- the life of the batcher ---------------------------------------------------------------

    def open(self) -> None:
        """Begin to replay the log, and to decide once that is done."""
        self._tasks = [asyncio.create_task(self._run())]

    async def _run(self) -> None:
        """Replay the log, then decide one batch after another until something fails."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self.decider.open)
        except Exception as error:
            self.state, self.is_broken = str(error).rstrip("."), True
            self.replay.set_exception(error)
            return
        self.state = ""
        self.metrics.open_alerts.set(len(self.decider.board.alerts))
        self.metrics.waiting.set(len(self.decider.desk.waiting))
        self.replay.set_result(None)
        if not self.decider.virtual:
            self._tasks.append(asyncio.create_task(self._close_days()))
        while not self.state:
            await self._arrival.wait()
            self._arrival.clear()
            while self._queue and not self.state:
                await self._decide_batch(loop)

    async def _close_days(self) -> None:
        """On the wall clock, days end without any request, too."""
        loop = asyncio.get_running_loop()
        while not self.state:
            try:
                await loop.run_in_executor(self._thread, self.decider.close_past_days)
            except Exception as error:
                self._fail([], error)
            self._tell_alerts()
            await asyncio.sleep(HEARTBEAT_S)

    async def close(self) -> None:
        """Refuse further requests, close the log behind the running batch, end the thread."""
        self.state = self.state or "the edge is closing"
        self.decider.stopping = True
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.decider.close)
        self._thread.shutdown()

    # --- one batch -----------------------------------------------------------------------------

    async def _decide_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gather a batch, have it decided, and hand every job its part of the decisions."""
        await self._gather()
        jobs = [job for job in self._next_jobs() if self._is_new_or_equal(job)]
        rows = [row for job in jobs for row in job.rows]
        if not rows:
            return
        try:
            entries = await loop.run_in_executor(self._thread, self.decider.decide, rows)
        except Exception as error:
            self._fail(jobs, error)
            return
        self.metrics.count_batch(entries)
        self.metrics.waiting.set(len(self.decider.desk.waiting))
        self._tell_alerts()
        end = 0
        for job in jobs:
            start, end = end, end + len(job.rows)
            if not job.decisions.done():
                job.decisions.set_result(entries[start:end])

    def _tell_alerts(self) -> None:
        """Count the alerts of the days that have closed, and say each new one in a line."""
        while self.decider.new_boards:
            board = self.decider.new_boards.popleft()
            self.metrics.count_board(board)
            for alert in board.alerts:
                if alert.is_new:
                    LOG.info("alert: day %d, %s", board.day, alert)

    def _is_new_or_equal(self, job: _Job) -> bool:
        """Whether the ids of a job are new, or stand for the same payments; else it is refused."""
        other = self.decider.payloads.claim(job.rows)
        if other is not None:
            rule = f"request_id {other} stood for another payment before; send a new id"
            job.decisions.set_exception(Refused(CONFLICT, f"{rule}, or the same payment again."))
        return other is None

    async def _gather(self) -> None:
        """Let requests that have already reached the socket join, until none comes any more."""
        quiet = 0
        while quiet < QUIET_ROUNDS and self._queued_rows < self.settings.max_batch:
            before = self._queued_rows
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._queued_rows == before else 0

    def _next_jobs(self) -> list[_Job]:
        """The oldest jobs up to the batch limit, without those whose callers have given up."""
        jobs: list[_Job] = []
        rows = 0
        while self._queue and (
            not jobs or rows + len(self._queue[0].rows) <= self.settings.max_batch
        ):
            job = self._queue.popleft()
            self._queued_rows -= len(job.rows)
            if not job.decisions.done():
                jobs.append(job)
                rows += len(job.rows)
        return jobs

    def _fail(self, jobs: Sequence[_Job], error: Exception) -> None:
        """Refuse all requests from now on: the system may hold rows that the log does not.

        Only a restart helps, because it rebuilds the system from the log.
        """
        self.state, self.is_broken = f"the edge has stopped: {error}".rstrip("."), True
        for job in (*jobs, *self._queue):
            if not job.decisions.done():
                job.decisions.set_exception(self.refusal(self.state))
        self._queue.clear()
        self._queued_rows = 0
