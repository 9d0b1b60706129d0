"""A circuit breaker that counts in one-minute slots of arrival time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class Breaker:
    """A circuit breaker that counts in one-minute slots of arrival time.

    Rows of a slot see the state left by earlier slots, so cutting the stream into other batches
    changes no answer. Closed until at least `failure_share` of at least `minimum_calls` calls in
    the last `window` slots failed; then open for `open_slots`; then one slot of calls decides.

    Why it matters: a model that does not answer still takes your threads, your retries and your
    caller's patience. An open breaker gives them back.
    """

    window: int = 10
    minimum_calls: int = 5
    failure_share: float = 0.5
    open_slots: int = 5
    slot: int = -(2**62)  # the running slot and its counts so far
    calls: int = 0
    failed: int = 0
    open_until: int = -(2**62)  # calls are refused in slots before this one
    probing: bool = False  # the next slot with calls decides alone
    recent: deque[tuple[int, int, int]] = field(default_factory=deque)  # slot, calls, failed

    def __repr__(self) -> str:
        return f"Breaker({'open' if self.slot < self.open_until else 'closed'})"

    def admit(self, slots: NDArray[np.int64], failing: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which rows may call, given their slots (ascending) and whether the call would fail."""
        if not len(slots):
            return np.ones(0, dtype=bool)
        distinct, first, rows = np.unique(slots, return_index=True, return_counts=True)
        if self._all_is_well(failing):
            last = slice(-self.window, None)
            for slot, count in zip(distinct[last].tolist(), rows[last].tolist(), strict=True):
                self.enter(slot, count, 0)
            return np.ones(len(slots), dtype=bool)
        bad = np.add.reduceat(failing.astype(np.int64), first)
        counts = zip(distinct.tolist(), rows.tolist(), bad.tolist(), strict=True)
        admitted = [self.enter(*count) for count in counts]
        return np.repeat(np.array(admitted, dtype=bool), rows)

    def _all_is_well(self, failing: NDArray[np.bool_]) -> bool:
        """Closed, with no failure in sight: slots need not be walked one by one."""
        quiet = not self.failed and not self.probing and not any(bad for _, _, bad in self.recent)
        return quiet and self.slot >= self.open_until and not failing.any()

    def enter(self, slot: int, rows: int, bad: int) -> bool:
        """Move to a slot and count its calls; returns whether they are let through."""
        if slot != self.slot:
            self._judge()
            self.slot, self.calls, self.failed = slot, 0, 0
        if slot < self.open_until:
            return False
        self.calls += rows
        self.failed += bad
        return True

    def _judge(self) -> None:
        """The running slot is over: open, stay, or forget."""
        if not self.calls:
            return
        self.recent.append((self.slot, self.calls, self.failed))
        while self.recent[0][0] <= self.slot - self.window:
            self.recent.popleft()
        calls = sum(entry[1] for entry in self.recent)
        failed = sum(entry[2] for entry in self.recent)
        enough = self.probing or calls >= self.minimum_calls
        self.probing = failed > 0 and enough and failed >= self.failure_share * calls
        if self.probing:
            self.open_until = self.slot + 1 + self.open_slots
        if self.probing:
            self.recent.clear()
