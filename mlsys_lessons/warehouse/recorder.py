"""A recorder that keeps a run's days in an event log on disk.

What a recorder is, is told in simulation/recorder.py; what the file is like, in event_log.py.
"""

from __future__ import annotations

import copy
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pandas as pd

from mlsys_lessons.errors import StateError
from mlsys_lessons.simulation.recorder import RECORDERS, Recorder
from mlsys_lessons.warehouse.event_log import EventLog

FILE_MB = 256  # what the open file may hold in memory
DAYS_A_READ = 20  # so that reading a file needs little more than what is read


class DiskRecorder(Recorder):
    """Every row, in a DuckDB file ("disk"), one transaction a day.

    While a thread commits one day, the loop goes on with the next; a failure comes up then.
    """

    keep = "disk"
    takes_path = True

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.file: EventLog | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._committing: Future[None] | None = None
        self._entered = 0  # how often it has been entered and not left

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = copy.copy(self)
        twin.digest, twin.file, twin._writer = self.digest.copy(), None, None
        twin._committing, twin._entered = None, 0
        return twin

    def __enter__(self) -> Self:
        if not self._entered:
            file = EventLog(self.path, memory_mb=FILE_MB, threads=1)
            if (held := file.days) < self.days:
                file.close()
                raise StateError(
                    f"{self.path} holds {held} of {self.days} days; put the run's own file back."
                )
            self.file, self._writer = file, ThreadPoolExecutor(1)
        self._entered += 1
        return self

    def __exit__(self, *exception: object) -> None:
        self._entered -= 1
        if self._entered:
            return
        file, writer = self.file, self._writer
        self.file, self._writer = None, None
        if file is not None and writer is not None:
            with file, writer:
                self._commit()

    def _keep_day(self, log: pd.DataFrame, truth: pd.DataFrame, labels: pd.DataFrame) -> None:
        assert self.file is not None and self._writer is not None, "enter the recorder first"
        self._commit()
        self._committing = self._writer.submit(self.file.append, self.days, log, labels, truth)

    def _commit(self) -> None:
        """Wait until the day before is committed."""
        committing, self._committing = self._committing, None
        if committing is not None:
            committing.result()

    def kept(self, what: str) -> list[pd.DataFrame]:
        """The days of "log", "truth" or "labels", in order, some at a time."""
        with self:
            read, starts = getattr(self.file, what), range(0, self.days, DAYS_A_READ)
            return [read(day, min(day + DAYS_A_READ, self.days)) for day in starts]


RECORDERS[DiskRecorder.keep] = DiskRecorder
