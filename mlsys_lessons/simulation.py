"""The loop: a world, a system, faults, one day after another.

    requests -> [faults, transit] -> system.handle -> review -> close_day -> ledger -> step -> world

`simulate` starts a run, `resume` continues one, `compare` prices the difference between two. This
file keeps reality (truth, ledger, people) apart from the system; it decides nothing itself.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.answers import stacked
from mlsys_lessons.faults import SEAMS, Fault, faulted
from mlsys_lessons.ledger import Ledger
from mlsys_lessons.recorder import Recorder
from mlsys_lessons.records import DAY_MS, InputError, StateError, milliseconds, whole_number
from mlsys_lessons.run import Run
from mlsys_lessons.system import System
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
    file see `warehouse.Warehouse`.

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


def _one_day(run: Run, tick: int) -> None:
    """One turn of the loop."""
    world, system, book = run.world, run.system, run.book
    day = world.day(tick, run.state)
    rows, truth = run.transit.deliver(tick, day.requests, day.truth, run.faults)
    system.reveal(truth)
    for batch in _batches(rows, run.settings["batch_size"]):
        system.handle(batch)
    reports = world.reports(run.state, tick)
    picks = system.review_picks()
    if len(picks):
        system.receive(verdicts=world.review(run.state, tick, picks))
    system.receive(reports=reports)
    closed = system.close_day(tick)
    settled = book.settle(tick, closed, truth)
    book.report(tick, reports["request_id"].to_numpy())
    system.receive(books=book.booked_on(tick))
    edge = system.step(tick)
    book.charge(tick, edge.overheads)
    run.recorder.record(closed, truth, edge.labels)
    world.react(run.state, tick, settled)


def _batches(rows: pd.DataFrame, size: int | None) -> Iterator[pd.DataFrame]:
    """The day's rows in arrival order, cut into batches."""
    if size is None or size >= len(rows):
        yield rows
        return
    for start in range(0, len(rows), size):
        yield rows.iloc[start : start + size]


def _ticks(start: int, stop: int, *, shown: bool) -> Iterable[int]:
    if not shown:
        return range(start, stop)
    from tqdm.auto import tqdm

    return tqdm(range(start, stop), desc="days", unit="day")  # type: ignore[no-any-return]


@dataclass
class Transit:
    """The road between producers and ingestion: rows that arrive on a later day wait here."""

    waiting: list[tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=list)

    def deliver(
        self, tick: int, requests: pd.DataFrame, truth: pd.DataFrame, faults: tuple[Fault, ...]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What arrives on one day, in arrival order, and the truth of each of these rows."""
        producers = [fault for fault in faults if fault.seam == "requests"]
        if not producers and not self.waiting:
            return requests, truth
        sent = faulted(lambda frame: frame, producers)(requests)
        self.waiting.append((sent, truth.loc[sent["request_id"].to_numpy()]))
        rows = stacked([pair[0] for pair in self.waiting])
        facts = pd.concat([pair[1] for pair in self.waiting])
        arrival = milliseconds(rows["arrival_time"])
        order = np.argsort(arrival, kind="stable")
        here = order[arrival[order] < (tick + 1) * DAY_MS]
        later = order[arrival[order] >= (tick + 1) * DAY_MS]
        self.waiting = [(rows.iloc[later], facts.iloc[later])] if len(later) else []
        return rows.iloc[here], facts.iloc[here]


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


def _check_run(run: Any) -> None:
    if not isinstance(run, Run):
        raise InputError(f"{run!r} is not a run; make one with simulate(world, system, days=30).")


@dataclass(frozen=True)
class Comparison:
    """The price of the difference between two runs, in cents, paired by request."""

    same_request: int
    only_in_a: int
    only_in_b: int
    overheads: int
    requests: pd.DataFrame = field(repr=False)

    @property
    def total(self) -> int:
        """Value of b minus value of a."""
        return self.same_request + self.only_in_b - self.only_in_a + self.overheads


def compare(a: Run, b: Run) -> Comparison:
    """What run b earned beyond run a, and from which requests.

    Outer-joins the ledgers on request_id. `requests` lists each request whose consequence
    differs, with both items and the difference in cents. Raises InputError for other worlds.
    """
    for run in (a, b):
        _check_run(run)
        if run.recorder.keep != "log":
            raise StateError(f"{run!r} has no ledger by request to be paired; use keep='log'.")
    if (a.world.name, a.world.seed, a.world.daily) != (b.world.name, b.world.seed, b.world.daily):
        raise InputError(f"{a!r} and {b!r} are of different worlds; compare twins of one world.")
    sides = [run.ledger[run.ledger["request_id"] >= 0] for run in (a, b)]
    pair = sides[0].merge(sides[1], on="request_id", how="outer", suffixes=("_a", "_b"))
    gap = pair["cents_b"].fillna(0) - pair["cents_a"].fillna(0)
    pair["difference"] = gap.astype(np.int64)
    in_a, in_b = pair["cents_a"].notna(), pair["cents_b"].notna()
    only_a = int(pair.loc[in_a & ~in_b, "cents_a"].sum())
    only_b = int(pair.loc[in_b & ~in_a, "cents_b"].sum())
    same = int(pair.loc[in_a & in_b, "difference"].sum())
    overheads = (b.value - int(sides[1]["cents"].sum())) - (a.value - int(sides[0]["cents"].sum()))
    changed = pair[(pair["difference"] != 0) | (in_a != in_b)]
    columns = ["request_id", "tick_a", "item_a", "cents_a", "tick_b", "item_b", "cents_b"]
    shown = changed[[*columns, "difference"]].reset_index(drop=True)
    return Comparison(same, only_a, only_b, overheads, shown)
