"""The loop: a world, a system, faults, one day after another.

    requests -> [faults, transit] -> system.handle -> review -> close -> ledger -> step -> world

This file keeps reality (truth, ledger, people) apart from the system; it decides nothing itself.
`simulate` repeats `step`, and a run is a loop that can be read (run.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from mlsys_lessons.records import News
from mlsys_lessons.simulation.incidents import Incidents
from mlsys_lessons.simulation.ledger import Ledger
from mlsys_lessons.simulation.recorder import Recorder
from mlsys_lessons.simulation.transit import Transit
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import World


@dataclass
class Loop:
    """A system in a world, at a midnight."""

    world: World
    system: System
    recorder: Recorder = field(repr=False)
    accounts: Ledger = field(repr=False)
    state: Any = field(repr=False)  # the world's: what decisions have changed in it
    happening: Incidents = field(repr=False)  # what truly goes wrong
    transit: Transit = field(default_factory=Transit, repr=False)  # rows still on their way
    batch_size: int | None = None  # rows a call; None: a day
    days: int = 0  # that are over
    seconds: float = 0.0

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What goes wrong: at the system's seams, and with the producers on the way to it."""
        return self.system.faults

    def step(self) -> None:
        """One day more, from midnight to midnight."""
        began = time.perf_counter()
        world, system, accounts, tick = self.world, self.system, self.accounts, self.days
        with self.recorder:
            day = world.day(tick, self.state)
            rows, truth = self.transit.deliver(tick, day, self.faults, system.domain.identity)
            system.reveal(truth, partial(world.midnight, tick, self.state))
            for batch in _batches(rows, self.batch_size):
                system.handle(batch)
            reports = world.reports(self.state, tick)
            picks = system.review_picks()
            verdicts = world.review(self.state, tick, picks) if len(picks) else None
            closed = system.close(tick, verdicts)
            settled = accounts.settle(closed, truth)
            accounts.report(tick, reports)
            midnight = system.step(closed, self._news(tick, reports))
            accounts.charge(tick, midnight.overheads)
            if self.happening.follow(tick, system.response, midnight.applied, system.domain):
                system.install(self.happening.faults)
            self.recorder.record(closed.log, truth, midnight.labels)
            world.react(self.state, tick, settled)
        self.days += 1
        self.seconds += time.perf_counter() - began

    def _news(self, tick: int, reports: pd.DataFrame) -> News:
        """What people tell the business tonight: harm, money, and what they have found."""
        known, happening = self.accounts.booked_on(tick), self.happening
        return News(reports, known, happening.tips(tick), happening.findings(tick))


def _batches(rows: pd.DataFrame, size: int | None) -> Iterator[pd.DataFrame]:
    """The day's rows in arrival order, cut into batches."""
    if size is None or size >= len(rows):
        yield rows
        return
    for start in range(0, len(rows), size):
        yield rows.iloc[start : start + size]
