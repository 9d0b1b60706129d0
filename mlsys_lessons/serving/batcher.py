"""The gate: what is let in, which requests share a batch, and how long anybody may wait.

While one batch is being worked, the next one gathers: nobody waits for company, and the busier it
gets, the cheaper a row becomes. All of this runs in the event loop; the decider has a thread of its
own. What the gate turns away is counted, answered at once, and not decided.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple, NoReturn

from mlsys_lessons.records import DAY_MS
from mlsys_lessons.serving.decider import Decider
from mlsys_lessons.serving.metrics import Meters
from mlsys_lessons.serving.serialisation import ARRIVAL, Entry, Row
from mlsys_lessons.serving.settings import BUSY, UNREADABLE, EdgeSettings, Refused

HEARTBEAT_S = 60.0  # how soon after midnight a day without traffic is closed
ROUNDS = 3  # of the event loop without a caller: then nobody is at the door
FURTHEST_MS = 31 * DAY_MS  # how far one virtual stamp may move the clock


class _Job(NamedTuple):
    rows: Sequence[Row]
    answered: asyncio.Future[list[Entry]]


class Gate:
    """The way to a decider: `open` it in a running loop, `ask`, `close`.

    `settled` is done once the log has been replayed, and carries the error if it could not be.
    """

    def __init__(self, decider: Decider, settings: EdgeSettings, meters: Meters) -> None:
        self.decider = decider
        self.settings = settings
        self.meters = meters
        self.state = "the decision log is being replayed"  # empty once requests are welcome
        self.settled: Future[None] = Future()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decider")
        self._waiting: deque[_Job] = deque()
        self._rows = 0
        self._come = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        meters.queue.set_function(lambda: self._rows)

    def __repr__(self) -> str:
        return f"Gate({self.state or 'open'}, {self._rows} rows waiting)"

    def open(self) -> None:
        """Begin to replay the log, and to work once that is done."""
        self._tasks = [asyncio.create_task(self._work())]

    async def ask(self, rows: Sequence[Row]) -> list[Entry]:
        """The decisions on some rows; raises Refused when they cannot be had in time."""
        self._admit(rows)
        job = _Job(rows, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._rows += len(rows)
        self._come.set()
        return await job.answered

    def _admit(self, rows: Sequence[Row]) -> None:
        if self.state:
            self.turn_away(len(rows), "not_ready", self.state)
        if self._rows + len(rows) > self.settings.queue_rows:
            self.turn_away(len(rows), "queue_full", f"{self._rows} transactions are waiting")
        clock = self.decider.clock_ms
        if self.decider.virtual and max(row[ARRIVAL] for row in rows) > clock + FURTHEST_MS:
            rule = f"should be within 31 days of the edge's clock, which says {clock} ms"
            loc = ["body", "arrival_time"]
            raise Refused(UNREADABLE, [{"type": "value_error", "loc": loc, "msg": rule}])

    def turn_away(self, rows: int, cause: str, why: str) -> NoReturn:
        """Count and refuse; the caller may come again."""
        self.meters.shed.labels(cause).inc(rows)
        raise self.refusal(why)

    def refusal(self, why: str) -> Refused:
        """A no for now, with the time after which to ask again."""
        wait = self.settings.retry_after_s
        return Refused(BUSY, f"{why}; try again in {wait} s.", retry_after_s=wait)

    async def _work(self) -> None:
        """The life of the gate: replay, then one batch after another."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self.decider.open)
        except Exception as error:
            self.state = str(error).rstrip(".")
            self.settled.set_exception(error)
            return
        self.state = ""
        self.settled.set_result(None)
        if not self.decider.virtual:
            self._tasks.append(asyncio.create_task(self._keep_time()))
        while not self.state:
            await self._come.wait()
            self._come.clear()
            while self._waiting and not self.state:
                await self._one_batch(loop)

    async def _one_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take what has come, have it decided, hand the answers out."""
        await self._let_in()
        jobs = self._taken()
        rows = [row for job in jobs for row in job.rows]
        if not rows:
            return
        try:
            decided = await loop.run_in_executor(self._thread, self.decider.decide, rows)
        except Exception as error:
            self._stop(jobs, error)
            return
        self.meters.decided(decided)
        end = 0
        for job in jobs:
            start, end = end, end + len(job.rows)
            if not job.answered.done():
                job.answered.set_result(decided[start:end])

    async def _let_in(self) -> None:
        """Take along who is at the door already: until nobody has come for some rounds."""
        quiet = 0
        while quiet < ROUNDS and self._rows < self.settings.max_batch:
            before = self._rows
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._rows == before else 0

    def _taken(self) -> list[_Job]:
        """The oldest jobs up to the batch limit; who has given up waiting is passed over."""
        jobs: list[_Job] = []
        rows = 0
        while self._waiting and (
            not jobs or rows + len(self._waiting[0].rows) <= self.settings.max_batch
        ):
            job = self._waiting.popleft()
            self._rows -= len(job.rows)
            if not job.answered.done():
                jobs.append(job)
                rows += len(job.rows)
        return jobs

    def _stop(self, jobs: Sequence[_Job], error: Exception) -> None:
        """The system is ahead of its log: say no from now on, until somebody restarts the edge."""
        self.state = f"the edge has stopped: {error}".rstrip(".")
        for job in (*jobs, *self._waiting):
            if not job.answered.done():
                job.answered.set_exception(self.refusal(self.state))
        self._waiting.clear()
        self._rows = 0

    async def _keep_time(self) -> None:
        """Days end without traffic, too."""
        loop = asyncio.get_running_loop()
        while not self.state:
            try:
                await loop.run_in_executor(self._thread, self.decider.keep_time)
            except Exception as error:
                self._stop([], error)
            await asyncio.sleep(HEARTBEAT_S)

    async def close(self) -> None:
        """Stop working, give the log back, end the thread."""
        self.state = self.state or "the edge is closing"
        self.decider.stopping = True
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.decider.close)
        self._thread.shutdown()
