"""Simulate: let a system meet a world for some days, and go on from there.

A run is made here, with everything checked and the system warmed; what a day is, is told in
loop.py.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import LAST_TICK, whole_number
from mlsys_lessons.simulation.incidents import Incidents
from mlsys_lessons.simulation.ledger import Ledger
from mlsys_lessons.simulation.recorder import recorder
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.system.faults import SEAMS, Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import History, World

WARM_DAYS = 60
LONGEST = LAST_TICK + 1  # days


def simulate(
    world: World, system: System, *, days: int, faults: Iterable[Fault] = (),
    batch_size: int | None = None, keep: str = "log", path: str | Path | None = None,
    progress: bool = False,
) -> Run:  # fmt: skip
    """Let a system meet a world for some days.

    Works on a copy of `system`, warmed with the world's last 60 history days; the same call twice
    gives the same bytes, and `batch_size` (None: a day at a time) changes no action. `keep` is
    "log" (every row), "metrics" (no rows: memory does not grow with days) or "disk": every row in
    a DuckDB file at `path`, one transaction a day. The same call on a file that a killed run
    left behind compares the days that are there and appends the others. `progress` shows a bar.

    Raises InputError for days below 1, an unknown `keep`, or arguments of other types; for a
    file see `warehouse.EventLog`.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> run = mls.simulate(world, mls.naive_system(seed=7), days=2)
    >>> int(run.ledger["cents"].sum()) == run.value
    True
    """
    _check(world, system, days, batch_size)
    faults = _checked_faults(faults)
    with recorder(keep, path) as kept:
        system = warmed(world, system)
        system.install(faults)
        accounts = Ledger(world.seed, world.domain, keep_entries=keep == "log")
        happening = Incidents.of(world.seed, faults)
        run = Run(world, system, kept, accounts, world.start(), happening, batch_size=batch_size)
        return _go_on(run, days, shown=progress)


def resume(run: Run, *, days: int, progress: bool = False) -> Run:
    """Go on from where a run ended; the given run stays as it is.

    `resume(simulate(..., days=30), days=30)` equals `simulate(..., days=60)`.
    """
    if not isinstance(run, Run):
        raise InputError(f"{run!r} is not a run; make one with simulate(world, system, days=30).")
    whole_number("days", days, 1, LONGEST)
    whole_number("days in all", run.days + days, 1, LONGEST)
    return _go_on(copied(run), days, shown=progress)


def copied(run: Run) -> Run:
    """The same run once more, to be taken on by `step`; the given one stays as it is.

    >>> import mlsys_lessons as mls
    >>> run = mls.simulate(mls.payments_world(seed=7, daily=50), mls.naive_system(seed=7), days=1)
    >>> twin = copied(run)
    >>> twin.step()
    >>> run.days, twin.days
    (1, 2)
    """
    held = {field.name: getattr(run, field.name) for field in fields(run)}
    moves = ("system", "recorder", "accounts", "state", "transit", "happening")
    return Run(**held | {name: copy.deepcopy(held[name]) for name in moves})


def warmed(world: World, system: System) -> System:
    """A copy of a system that has seen a world's last 60 days, as `simulate` starts with.

    Why it matters: a feature store without history takes every customer for a new one.

    >>> import mlsys_lessons as mls
    >>> ready = warmed(mls.payments_world(seed=7, daily=100), mls.naive_system(seed=7))
    >>> len(ready.features.store) > 1_000
    True
    """
    system = copy.deepcopy(system)
    history = _history(world)
    system.staff(world.reviewers.capacity)
    system.warm(history.requests, history.labels)
    return system


def _go_on(run: Run, days: int, *, shown: bool) -> Run:
    """Add days to a run in place; its file, if it has one, is opened once."""
    with run.recorder:
        for _ in _days(days, shown=shown):
            run.step()
    return run


def _days(count: int, *, shown: bool) -> Iterable[int]:
    if not shown:
        return range(count)
    from tqdm.auto import tqdm

    return tqdm(range(count), desc="days", unit="day")  # type: ignore[no-any-return]


@lru_cache(maxsize=4)
def _history(world: World) -> History:
    """The history that warms systems in this world; shared by the runs of a process."""
    return world.history(WARM_DAYS)


def _check(world: Any, system: Any, days: Any, batch_size: Any) -> None:
    if isinstance(world, type) or not isinstance(world, World):
        raise InputError(f"world is {world!r}; make one with payments_world(seed=7).")
    if not isinstance(system, System):
        raise InputError(f"system is {system!r}; make one with resilient_system(seed=7).")
    if system.domain.name != world.domain.name:  # a system from another process has a copy of it
        raise InputError(
            f"{system.name!r} is a system for {system.domain.name}, and the world is one of "
            f"{world.domain.name}; make both for one domain."
        )
    whole_number("days", days, 1, LONGEST)
    if batch_size is not None:
        whole_number("batch_size", batch_size, 1, 10**9)


def _checked_faults(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    if isinstance(faults, (str, Fault)) or not isinstance(faults, Iterable):
        raise InputError(
            f"faults={faults!r} is not a list; pass a list, [faults.latency(start=5, end=8)] say."
        )
    chosen = tuple(faults)
    for fault in chosen:
        if not isinstance(fault, Fault) or fault.seam not in SEAMS:
            raise InputError(f"{fault!r} is not a fault; make one with faults.unit_change(...).")
    return chosen
