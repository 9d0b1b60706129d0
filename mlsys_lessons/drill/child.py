"""The parent's side of a league: a policy of somebody's own in a child process, held to time.

It gets JSON observations and gives commands (player.py is the other side). What it cannot answer in
time, or at all, is one sentence here, and the child is ended with its context.
"""

from __future__ import annotations

import json
import subprocess
import sys
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self

from mlsys_lessons.drill.observation import Observation
from mlsys_lessons.errors import InputError

START_S, ANSWER_S = 60.0, 5.0


class ChildPolicy:
    """`module:function` in a process of its own; a context manager, and a policy.

    Raises InputError where there is no such function, or it fails or takes too long.
    """

    def __init__(self, spec: str, *, answer_s: float = ANSWER_S) -> None:
        self.spec, self.answer_s = spec, answer_s
        self._lines: Queue[str] = Queue()
        self._process: subprocess.Popen[str] | None = None

    def __repr__(self) -> str:
        return f"ChildPolicy({self.spec!r})"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlsys_lessons.drill.player", self.spec],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        Thread(target=self._read, daemon=True).start()
        try:
            self._answer(START_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._end()

    def __call__(self, observation: Observation) -> str:
        """The child's command."""
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(observation.plain(), default=str) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise InputError(f"policy {self.spec!r} has ended; run it by itself.") from None
        return str(self._answer(self.answer_s).get("command", "advance"))

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")  # it has ended

    def _answer(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            raise InputError(f"policy {self.spec!r} took longer than {seconds:g} s.") from None
        if not line:
            raise InputError(f"policy {self.spec!r} has ended; run it by itself.")
        told: dict[str, Any] = json.loads(line)
        if "mistake" in told:
            raise InputError(f"policy {self.spec!r}: {told['mistake']}")
        return told

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
