"""Simulate: let a system meet a world for some days, and go on from there."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from mlsys_lessons.records import InputError, whole_number
from mlsys_lessons.simulation.compare import _check_run
from mlsys_lessons.simulation.ledger import Ledger
from mlsys_lessons.simulation.loop import _one_day
from mlsys_lessons.simulation.recorder import Recorder
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.transit import Transit
from mlsys_lessons.system.faults import SEAMS, Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import History, PaymentsWorld

WARM_DAYS = 60


LONGEST = 1_096  # days: the world deals customer ids for three years


KEEP = ("log", "metrics", "disk")


def simulate(
    world: PaymentsWorld, system: System, *, days: int, faults: Iterable[Fault] = (),
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
    file see `event_log.EventLog`.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=200)
    >>> run = mls.simulate(world, mls.naive_system(seed=7), days=2)
    >>> int(run.ledger["cents"].sum()) == run.value
    True
    """
    _check(world, system, days, keep, batch_size)
    system = copy.deepcopy(system)
    system.install(_checked_faults(faults))
    system.staff(world.reviewers.capacity)
    with Recorder(keep, _checked_path(keep, path)) as recorder:
        history = _history(world)
        system.warm(history.requests, history.labels)
        run = Run(
            world, system, 0, system.faults, 0.0, recorder,
            Ledger(world.seed, keep_entries=keep == "log"), world.start(), Transit(),
            {"batch_size": batch_size, "progress": progress},
        )  # fmt: skip
        return _go_on(run, days)


def resume(run: Run, *, days: int) -> Run:
    """Go on from where a run ended; the given run stays as it is.

    `resume(simulate(..., days=30), days=30)` equals `simulate(..., days=60)`.
    """
    _check_run(run)
    whole_number("days", days, 1, LONGEST)
    whole_number("days in all", run.days + days, 1, LONGEST)
    fields = {name: getattr(run, name) for name in Run.__dataclass_fields__}
    kept = {name: copy.deepcopy(fields[name]) for name in _MUTABLE}
    with kept["recorder"]:
        return _go_on(Run(**{**fields, **kept}), days)


_MUTABLE = ("system", "recorder", "book", "state", "transit")


def _go_on(run: Run, days: int) -> Run:
    """Add days to a run in place."""
    began = time.perf_counter()
    for tick in _ticks(run.days, run.days + days, shown=run.settings["progress"]):
        _one_day(run, tick)
    run.days += days
    run.seconds += time.perf_counter() - began
    return run


def _ticks(start: int, stop: int, *, shown: bool) -> Iterable[int]:
    if not shown:
        return range(start, stop)
    from tqdm.auto import tqdm

    return tqdm(range(start, stop), desc="days", unit="day")  # type: ignore[no-any-return]


@lru_cache(maxsize=4)
def _history(world: PaymentsWorld) -> History:
    """The history that warms systems in this world; shared by the runs of a process."""
    return world.history(WARM_DAYS)


def _check(world: Any, system: Any, days: Any, keep: str, batch_size: Any) -> None:
    if isinstance(world, type) or not (hasattr(world, "history") and hasattr(world, "day")):
        raise InputError(f"world is {world!r}; make one with payments_world(seed=7).")
    if not isinstance(system, System):
        raise InputError(f"system is {system!r}; make one with resilient_system(seed=7).")
    whole_number("days", days, 1, LONGEST)
    if keep not in KEEP:
        raise InputError(f"keep={keep!r} is unknown; choose one of {', '.join(KEEP)}.")
    if batch_size is not None:
        whole_number("batch_size", batch_size, 1, 10**9)


def _checked_path(keep: str, path: Any) -> Path | None:
    if keep != "disk":
        if path is not None:
            raise InputError(f"path={path!r} is for keep='disk' only; leave one of the two out.")
        return None
    if not isinstance(path, (str, Path)):
        raise InputError(f"path={path!r} names no file; keep='disk' needs path='run.duckdb', say.")
    return Path(path)


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
