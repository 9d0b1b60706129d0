"""The recorder: what a run keeps of its days, in memory or not at all.

It writes down and reads back; what the frames mean is told in run.py. A recorder that keeps days
elsewhere adds itself to RECORDERS: warehouse/recorder.py does, with a file.
"""

from __future__ import annotations

import copy
import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import pandas as pd

from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.frames import array_of, codes, subset


class Recorder:
    """No rows ("metrics"): a count, and a fingerprint of every answer; memory does not grow.

    A context manager, which may be entered again inside itself: whatever has to be open is open
    while days are recorded or read, and only then.
    """

    keep = "metrics"
    takes_path = False

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.days = 0
        self.rows = 0
        self.digest: Any = hashlib.sha256()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.days} days, {self.rows:,} rows)"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = copy.copy(self)
        twin.digest = self.digest.copy()
        return twin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing was opened."""

    def record(self, log: pd.DataFrame, truth: pd.DataFrame, labels: pd.DataFrame) -> None:
        """Take in one closed day."""
        self.digest.update(array_of(log, "request_id").tobytes())
        for name in ("action", "final_action"):
            self.digest.update(codes(array_of(log, name)).tobytes())
        label = labels.columns.get_loc("label")  # behind the identity of its row
        self._keep_day(log, truth, subset(labels, labels.columns[: label + 3]))  # and time, source
        self.rows += len(log)
        self.days += 1

    def _keep_day(self, log: pd.DataFrame, truth: pd.DataFrame, labels: pd.DataFrame) -> None:
        """No row of it."""

    def kept(self, what: str) -> list[pd.DataFrame]:
        """The days of "log", "truth" or "labels", in order. Raises StateError if not kept."""
        raise StateError(f"{what} was not kept (keep={self.keep!r}); use keep='log'.")


class MemoryRecorder(Recorder):
    """Every row, in memory ("log")."""

    keep = "log"

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.log: list[pd.DataFrame] = []
        self.truth: list[pd.DataFrame] = []
        self.labels: list[pd.DataFrame] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = super().__deepcopy__(memo)
        twin.log, twin.truth, twin.labels = list(self.log), list(self.truth), list(self.labels)
        return twin

    def _keep_day(self, log: pd.DataFrame, truth: pd.DataFrame, labels: pd.DataFrame) -> None:
        self.log.append(log)
        self.truth.append(truth)
        self.labels.append(labels)

    def kept(self, what: str) -> list[pd.DataFrame]:
        """The days of "log", "truth" or "labels", in order."""
        return list(getattr(self, what))


RECORDERS: dict[str, type[Recorder]] = {"log": MemoryRecorder, "metrics": Recorder}
_LATE = {"disk": "mlsys_lessons.warehouse"}  # whose module adds itself once somebody names it


def recorder(keep: str, path: str | Path | None = None) -> Recorder:
    """A recorder by the word for what it keeps.

    Raises InputError for a word that nobody answers to, or a path where none is used.

    >>> recorder("log")
    MemoryRecorder(0 days, 0 rows)
    """
    if keep in _LATE:
        import_module(_LATE[keep])
    if keep not in RECORDERS:
        words = ", ".join(dict.fromkeys([*RECORDERS, *_LATE]))
        raise InputError(f"keep={keep!r} is unknown; choose one of {words}.")
    kind = RECORDERS[keep]
    if not kind.takes_path and path is not None:
        raise InputError(f"path={path!r} is for keep='disk' only; leave one of the two out.")
    if kind.takes_path and not isinstance(path, str | Path):
        raise InputError(
            f"path={path!r} names no file; keep={keep!r} needs path='run.duckdb', say."
        )
    return kind(None if path is None else Path(path))
