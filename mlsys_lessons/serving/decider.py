"""The decider: a system, its clock and its log, in the hands of one thread.

Rows in, lines of the log out; the lines are on disk when they are returned. On opening, it shows
the system everything that the log says, and insists on hearing the same answers. It knows nothing
of HTTP, queues or callers.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from mlsys_lessons.components.inference.models import PerfectModel
from mlsys_lessons.records import DAY_MS, InputError, StateError
from mlsys_lessons.serving.decision_log import DecisionLog
from mlsys_lessons.serving.serialisation import (
    ARRIVAL,
    EPOCH_MS,
    SAID,
    Entry,
    Row,
    entries,
    frame_of,
)
from mlsys_lessons.simulation.simulate import WARM_DAYS
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import FEATURES

LIFE_DAYS = 1_095  # a system's days are numbered; see System.close_day
_ACTION = len(SAID) - SAID.index("action")  # the place of an entry's action, from its end


def warmed(world: Any, system: System) -> System:
    """A copy of a system that has seen a world's last 60 days, as `simulate` starts with.

    Why it matters: a feature store without history takes every customer for a new one.

    >>> import mlsys_lessons as mls
    >>> ready = warmed(mls.payments_world(seed=7, daily=100), mls.naive_system(seed=7))
    >>> len(ready.features.store) > 1_000
    True
    """
    system = copy.deepcopy(system)
    history = world.history(WARM_DAYS)
    system.staff(world.reviewers.capacity)
    system.warm(history.requests, history.labels)
    return system


class Decider:
    """A copy of a system, served from a log: `open`, then `decide` as often as you like, `close`.

    In virtual time the arrival stamps are the clock, and day 0 opens on 2025-01-01; on the wall
    clock day 0 is the day (in UTC) on which the log was begun. Time never runs backward: a stamp
    earlier than the last one is moved up to it. All calls must come from one thread.
    """

    def __init__(
        self, system: System, path: Path | None, *, virtual: bool, power_loss_safe: bool
    ) -> None:
        if not isinstance(system, System):
            raise InputError(f"system is {system!r}; make one with resilient_system(seed=7).")
        if isinstance(system.inference.model, PerfectModel):
            raise InputError(f"{system.name!r} knows the truth, which only simulate() can show it.")
        self.system = copy.deepcopy(system)
        self.path = path
        self.virtual = virtual
        self.power_loss_safe = power_loss_safe
        self.tick = 0 if system.last_tick is None else system.last_tick + 1
        self.first_day_ms = EPOCH_MS if virtual else _midnight(_now_ms()) - self.tick * DAY_MS
        self.clock_ms = self.first_day_ms + self.tick * DAY_MS
        self.stopping = False  # set from outside to end a long replay
        self._log: DecisionLog | None = None
        self._edges: list[tuple[int, int]] = []

    def __repr__(self) -> str:
        return f"Decider({self.system.name!r}, day {self.tick}, {self._log!r})"

    def open(self) -> None:
        """Open the log and bring the system to where the log ends.

        Raises StateError where the system now answers otherwise than the log says.
        """
        about = {
            "system": f"{self.system!r}, {self.system.features!r}",
            "seed": str(self.system.seed),
            "clock": "virtual" if self.virtual else "wall",
            "first_day_ms": str(self.first_day_ms),
        }
        self._log = log = DecisionLog(
            self.path, about, kept=("first_day_ms",), power_loss_safe=self.power_loss_safe
        )
        self.first_day_ms = int(log.about["first_day_ms"])
        self.clock_ms = self.first_day_ms + self.tick * DAY_MS
        for logged in log.entries():
            if self.stopping:
                raise StateError(f"{log!r} was not read to its end: the server was stopped.")
            self._check(logged, self._decided([entry[1 : -len(SAID)] for entry in logged]))
            self.clock_ms = logged[-1][1 + ARRIVAL]
        for tick, _ in log.closed_days():
            self._advance(tick + 1)
        self.clock_ms = max(self.clock_ms, self.first_day_ms + self.tick * DAY_MS)
        self._edges = []  # they are in the log already
        # trees are laid out at their first call, and no caller should wait for that
        self.system.inference.model.predict(pd.DataFrame(0.0, [0], list(FEATURES)))

    def _check(self, logged: Sequence[Entry], decided: Sequence[Entry]) -> None:
        for was, now in zip(logged, decided, strict=True):
            if (was[0], was[-_ACTION]) != (now[0], now[-_ACTION]):
                raise StateError(
                    f"{self._log!r} does not replay: it says {was[-_ACTION]} for row {was[0]}, and "
                    f"this system says {now[-_ACTION]} for row {now[0]}; start a new log."
                )

    def decide(self, rows: Sequence[Row]) -> list[Entry]:
        """Stamp, decide and write down; what is returned is on disk.

        An error leaves the system ahead of its log: go no further with it, open a new decider.
        """
        assert self._log is not None, "open() comes first"
        stamped = []
        for row in rows:
            self.clock_ms = max(self.clock_ms, row[ARRIVAL])
            stamped.append((*row[:ARRIVAL], self.clock_ms, *row[ARRIVAL + 1 :]))
        decided = self._decided(stamped)
        self._log.append(decided, self._edges)
        self._edges = []
        return decided

    def keep_time(self) -> None:
        """Close the days that have passed without anybody calling."""
        self.clock_ms = max(self.clock_ms, _now_ms())
        self._advance((self.clock_ms - self.first_day_ms) // DAY_MS)
        if self._edges:
            self.decide([])

    def _decided(self, rows: Sequence[Row]) -> list[Entry]:
        """Rows in order of arrival, each day closed before the next begins."""
        told: list[Entry] = []
        days = groupby(rows, key=lambda row: (row[ARRIVAL] - self.first_day_ms) // DAY_MS)
        for tick, of_day in days:
            self._advance(tick)
            chunk = list(of_day)
            frame = frame_of(chunk, self.first_day_ms - EPOCH_MS)
            told += entries(chunk, self.system.handle(frame))
        return told

    def _advance(self, tick: int) -> None:
        """Midnight, as often as it has passed. Nobody reviews here: held payments time out."""
        if tick > LIFE_DAYS:
            raise StateError(f"day {tick} is beyond the {LIFE_DAYS} of a system; start a new log.")
        for passed in range(self.tick, tick):
            self.system.close_day(passed)
            self.system.step(passed)
            self._edges.append((passed, self.system.ingestion.rows_seen))
        self.tick = max(self.tick, tick)

    def close(self) -> None:
        """Give the log back."""
        if self._log is not None:
            self._log.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _midnight(now_ms: int) -> int:
    return now_ms // DAY_MS * DAY_MS
