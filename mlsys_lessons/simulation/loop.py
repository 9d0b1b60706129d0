"""The loop: a world, a system, faults, one day after another.

    requests -> [faults, transit] -> system.handle -> review -> close_day -> ledger -> step -> world

`simulate` starts a run, `resume` continues one, `compare` prices the difference between two. This
file keeps reality (truth, ledger, people) apart from the system; it decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from mlsys_lessons.simulation.run import Run


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
