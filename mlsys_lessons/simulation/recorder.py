"""The recorder: what a run keeps of its days, in memory, in a file, or not at all.

It writes down and reads back; what the frames mean is told in run.py, and what the file is like in
event_log/log.py.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlsys_lessons.frames import codes
from mlsys_lessons.records import StateError
from mlsys_lessons.simulation.event_log import EventLog

KEEP = ("log", "metrics", "disk")
FILE_MB = 256  # what the open file may hold in memory
DAYS_A_READ = 20  # so that reading a file needs little more than what is read


@dataclass
class Recorder:
    """What a run keeps of each day: all in memory ("log") or in a file ("disk"), or no rows.

    A context manager, which may be entered again inside itself: the file is open while days are
    recorded or read, and only then. While a thread commits one day to it the loop goes on with the
    next; a failure comes up then.
    """

    keep: str
    path: Path | None = None
    log: list[pd.DataFrame] = field(default_factory=list)
    truth: list[pd.DataFrame] = field(default_factory=list)
    labels: list[pd.DataFrame] = field(default_factory=list)
    days: int = 0
    rows: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    file: EventLog | None = None
    writer: ThreadPoolExecutor | None = None
    committing: Future[None] | None = None
    depth: int = 0  # how often it has been entered and not left

    def __deepcopy__(self, memo: dict[int, Any]) -> Recorder:
        chunks = (list(self.log), list(self.truth), list(self.labels))
        return Recorder(self.keep, self.path, *chunks, self.days, self.rows, self.digest.copy())

    def __enter__(self) -> Recorder:
        if self.path is not None and not self.depth:
            file = EventLog(self.path, memory_mb=FILE_MB, threads=1)
            if (held := file.days) < self.days:
                file.close()
                raise StateError(
                    f"{self.path} holds {held} of {self.days} days; put the run's own file back."
                )
            self.file, self.writer = file, ThreadPoolExecutor(1)
        self.depth += 1
        return self

    def __exit__(self, *exception: object) -> None:
        self.depth -= 1
        if self.depth:
            return
        file, writer = self.file, self.writer
        self.file, self.writer = None, None
        if file is not None and writer is not None:
            with file, writer:
                self._settle()

    def _settle(self) -> None:
        """Wait until the day before is committed."""
        committing, self.committing = self.committing, None
        if committing is not None:
            committing.result()

    def record(self, closed: pd.DataFrame, truth: pd.DataFrame, labels: pd.DataFrame) -> None:
        """Take in one closed day."""
        self.digest.update(closed["request_id"].to_numpy().tobytes())
        for name in ("action", "final_action"):
            self.digest.update(codes(closed[name]).tobytes())
        first = labels.columns.get_loc("label")  # behind the identity of its row
        known = labels.iloc[:, : first + 3]
        if self.file is not None and self.writer is not None:
            self._settle()
            day = (self.days, closed, known, truth)
            self.committing = self.writer.submit(self.file.append, *day)
        elif self.keep == "log":
            self.log.append(closed)
            self.truth.append(truth)
            self.labels.append(known)
        self.rows += len(closed)
        self.days += 1

    def kept(self, what: str) -> list[pd.DataFrame]:
        """The days of "log", "truth" or "labels", in order. Raises StateError if not kept."""
        if self.keep == "metrics":
            raise StateError(f"{what} was not kept (keep={self.keep!r}); use keep='log'.")
        if self.keep == "log":
            return list(getattr(self, what))
        with self:
            read, starts = getattr(self.file, what), range(0, self.days, DAYS_A_READ)
            return [read(day, min(day + DAYS_A_READ, self.days)) for day in starts]
