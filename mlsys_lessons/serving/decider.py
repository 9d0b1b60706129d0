"""The decider: a system, its clock and its decision log, used by one thread.

Rows in, log entries out; an entry is on disk when it is returned. Opening a log rebuilds the
system's state: it handles every logged row again and must decide as it did then. The decider knows
nothing of HTTP, queues or callers: those are app.py and batcher.py.
"""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd

from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.records import DAY_MS, LAST_TICK
from mlsys_lessons.serving.board import Board
from mlsys_lessons.serving.decision_log import DecisionLog
from mlsys_lessons.serving.payloads import Payloads
from mlsys_lessons.serving.reviews import HeldPayment, Review, ReviewDesk
from mlsys_lessons.serving.serialisation import (
    ACTION,
    ARRIVAL_TIME,
    EPOCH_MS,
    ROW_ID,
    Entry,
    Row,
    entries_of,
    frame_of,
    row_of,
)
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import FEATURES, PAYMENTS


class Decider:
    """A copy of a system, served from a log: `open`, then `decide` as often as you like, `close`.

    In virtual time the arrival stamps are the clock, and day 0 opens on 2025-01-01; on the wall
    clock day 0 is the day (in UTC) on which the log was begun. Time never runs backward: a stamp
    earlier than the last one is moved up to it. All calls must come from one thread. Raises
    InputError for a system that cannot be served.
    """

    def __init__(
        self, system: System, path: Path | None, *, virtual: bool, power_loss_safe: bool
    ) -> None:
        if not isinstance(system, System):
            raise InputError(f"system is {system!r}; make one with resilient_system(seed=7).")
        if system.domain.name != PAYMENTS.name:
            raise InputError(f"{system.name!r} is for {system.domain.name}; the edge is payments'.")
        if system.inference.registry.truth_column:
            raise InputError(f"{system.name!r} knows the truth, which only simulate() can show it.")
        self.system = copy.deepcopy(system)
        self.path = path
        self.virtual = virtual
        self.power_loss_safe = power_loss_safe
        self.tick = 0 if system.last_tick is None else system.last_tick + 1
        self.first_day_ms = EPOCH_MS if virtual else _midnight(_now_ms()) - self.tick * DAY_MS
        self.clock_ms = self.first_day_ms + self.tick * DAY_MS
        self.stopping = False  # set from another thread to end a long replay
        self.payloads = Payloads()
        self.board = Board()  # of the last closed day; another thread may read it
        self.desk = ReviewDesk()  # of today; another thread may read what waits
        self.new_boards: deque[Board] = deque()  # of days that closed while this one was serving
        self._log: DecisionLog | None = None
        self._unlogged_days: list[tuple[int, int]] = []  # closed since the log was last written

    @property
    def policy(self) -> str:
        """Which policy decides here, by its version."""
        return str(getattr(self.system.decisions, "version", type(self.system.decisions).__name__))

    def __repr__(self) -> str:
        return f"Decider({self.system.name!r}, day {self.tick}, {self._log!r})"

    # --- opening: the log is replayed ----------------------------------------------------------

    def open(self) -> None:
        """Open the log and bring the system to the state in which the log ends.

        Raises StateError where the system decides otherwise than the log says.
        """
        about = {
            "system": f"{self.system!r}, {self.system.features!r}",
            "seed": str(self.system.seed),
            "clock": "virtual" if self.virtual else "wall",
            "first_day_ms": str(self.first_day_ms),
            "policy": self.policy,
        }
        self._log = log = DecisionLog(
            self.path, about, from_file=("first_day_ms",), power_loss_safe=self.power_loss_safe
        )
        self.first_day_ms = int(log.about["first_day_ms"])
        self.clock_ms = self.first_day_ms + self.tick * DAY_MS
        self._replay(log)
        self.clock_ms = max(self.clock_ms, self.first_day_ms + self.tick * DAY_MS)
        self._unlogged_days = []  # the replayed days are in the log already
        self.new_boards.clear()  # and their alerts were told when they were new
        # trees are laid out at their first call, and no caller should wait for that
        self.system.inference.model.predict(pd.DataFrame(0.0, [0], list(FEATURES)))

    def _replay(self, log: DecisionLog) -> None:
        """Show the system every logged row and verdict, and close every logged day."""
        self.desk = ReviewDesk(log.reviews())
        for logged in log.entries():
            if self.stopping:
                raise StateError(f"{log!r} was not read to its end: the server was stopped.")
            self._check_replay(logged, self._handle([row_of(entry) for entry in logged]))
            self.clock_ms = row_of(logged[-1])[ARRIVAL_TIME]
            for entry in logged:
                self.payloads.claim([row_of(entry)])
        for tick, _ in log.closed_days():
            self._advance(tick + 1)

    def _check_replay(self, logged: Sequence[Entry], replayed: Sequence[Entry]) -> None:
        for old, new in zip(logged, replayed, strict=True):
            if (old[ROW_ID], old[ACTION]) != (new[ROW_ID], new[ACTION]):
                raise StateError(
                    f"{self._log!r} does not replay: it says {old[ACTION]} for row {old[ROW_ID]}, "
                    f"and this system says {new[ACTION]} for row {new[ROW_ID]}; start a new log."
                )

    # --- deciding ------------------------------------------------------------------------------

    def decide(self, rows: Sequence[Row]) -> list[Entry]:
        """Stamp, decide and log some rows; what is returned is on disk.

        After an error this decider must not be used again: the system may have handled rows that
        the log does not hold. A new decider on the same log starts from what the log holds.
        """
        assert self._log is not None, "open() comes first"
        stamped = []
        for row in rows:
            self.clock_ms = max(self.clock_ms, row[ARRIVAL_TIME])
            stamped.append((*row[:ARRIVAL_TIME], self.clock_ms, *row[ARRIVAL_TIME + 1 :]))
        entries = self._handle(stamped)
        self._log.append(entries, self._unlogged_days)
        self._unlogged_days = []
        return entries

    def close_past_days(self) -> None:
        """Close and log the days that have passed on the wall clock without any request."""
        self.clock_ms = max(self.clock_ms, _now_ms())
        self._advance((self.clock_ms - self.first_day_ms) // DAY_MS)
        if self._unlogged_days:
            self.decide([])

    def _handle(self, rows: Sequence[Row]) -> list[Entry]:
        """The system's decisions on rows in order of arrival; each day closes before the next."""
        entries: list[Entry] = []
        days = groupby(rows, key=lambda row: (row[ARRIVAL_TIME] - self.first_day_ms) // DAY_MS)
        for tick, group in days:
            self._advance(tick)
            day = list(group)
            decided = self.system.handle(frame_of(day, shift_ms=self.first_day_ms - EPOCH_MS))
            made = entries_of(day, decided)
            self.desk.hold(made, decided)
            entries += made
        return entries

    def review(self, request: int, verdict: str, *, reviewer: str, reason: str) -> HeldPayment:
        """A person's word on a payment that is held today; what is returned is on disk.

        Raises InputError for a payment that does not wait, VerdictStands for one on which there is
        another verdict.
        """
        assert self._log is not None, "open() comes first"
        if not self.virtual:
            self.close_past_days()
        held = self.desk.find(request, verdict)
        if held.review is not None:
            return held
        review = Review(held.entry[ROW_ID], verdict, reviewer, reason, self.clock_ms)
        self._log.append_review(review)
        return self.desk.put(request, review)

    def _advance(self, tick: int) -> None:
        """Close every day before `tick`; held payments on which nobody has said a word time out."""
        if tick > LAST_TICK:
            raise StateError(f"day {tick} is beyond the {LAST_TICK} of a system; start a new log.")
        for past in range(self.tick, tick):
            self.system.step(self.system.close(past, self.desk.verdicts()))
            self.board = Board.of(self.system, past)
            self.new_boards.append(self.board)
            self._unlogged_days.append((past, self.system.ingestion.rows_seen))
        self.tick = max(self.tick, tick)

    def close(self) -> None:
        """Close the log, so that another decider may open it."""
        if self._log is not None:
            self._log.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _midnight(now_ms: int) -> int:
    return now_ms // DAY_MS * DAY_MS
