"""Same seed, same bytes: across batch sizes, threads, processes, and two calls in a row.

It compares fingerprints of actions (`actions_sha256`) and scores to 1e-12; it says nothing about
whether an action was wise.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.system.faults import CATALOGUE

SEED, DAILY, DAYS = 7, 200, 4
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}


def one_run(name: str, *, faults: tuple[mls.faults.Fault, ...] = (), batch_size: int | None = None):
    """A short run of one preset."""
    world = mls.payments_world(seed=SEED, daily=DAILY)
    return mls.simulate(
        world, PRESETS[name](seed=SEED), days=DAYS, faults=faults, batch_size=batch_size
    )


def harsh(name: str) -> tuple[mls.faults.Fault, ...]:
    """One fault over the middle of a short run, from and to odd hours."""
    return (CATALOGUE[name](start=0.7, end=2.9),)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("fault", [None, *CATALOGUE])
def test_batch_size_changes_no_answer(name: str, fault: str | None) -> None:
    """A day at a time, 37 rows at a time: the same actions, the same scores."""
    faults = harsh(fault) if fault else ()
    whole = one_run(name, faults=faults)
    cut = one_run(name, faults=faults, batch_size=37)
    assert cut.actions_sha256 == whole.actions_sha256
    np.testing.assert_allclose(cut.log["score"], whole.log["score"], rtol=0, atol=1e-12)
    assert cut.value == whole.value


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("batch_size", [1, 1_000])
def test_one_row_at_a_time(name: str, batch_size: int) -> None:
    """The extremes of batching, with every fault at once."""
    world = mls.payments_world(seed=SEED, daily=100)
    faults = [factory(start=0.4, end=1.6) for factory in CATALOGUE.values()]
    runs = [
        mls.simulate(world, PRESETS[name](seed=SEED), days=2, faults=faults, batch_size=size)
        for size in (None, batch_size)
    ]
    assert runs[0].actions_sha256 == runs[1].actions_sha256
    np.testing.assert_allclose(runs[0].log["score"], runs[1].log["score"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_call_twice_gives_the_same_bytes(name: str) -> None:
    """`simulate` works on a copy: nothing of the first call is left in the second."""
    world, system = mls.payments_world(seed=SEED, daily=DAILY), PRESETS[name](seed=SEED)
    first = mls.simulate(world, system, days=DAYS)
    second = mls.simulate(world, system, days=DAYS)
    pd.testing.assert_frame_equal(first.log, second.log, check_exact=True)
    pd.testing.assert_frame_equal(first.metrics, second.metrics, check_exact=True)
    pd.testing.assert_frame_equal(first.ledger, second.ledger, check_exact=True)
    pd.testing.assert_frame_equal(first.labels, second.labels, check_exact=True)


_CHILD = """
import hashlib
import mlsys_lessons as mls
from mlsys_lessons import response
moves = {1: [response.quarantine("amount"), response.widen_review(4)], 2: [response.retrain(60)],
         3: [response.quarantine("amount").undo(), response.rebuild_table()]}
broken = mls.faults.stale_features(start=0.5)
for make in (mls.naive_system, mls.resilient_system):
    large, small = (mls.payments_world(seed=7, daily=daily) for daily in (6_000, 300))
    acting = make(seed=7, responder=lambda seen: moves.get(seen.tick, []))
    for run in (mls.simulate(large, make(seed=7), days=1),
                mls.simulate(small, acting, days=5, faults=[broken])):
        scores = hashlib.sha256(run.log["score"].to_numpy().tobytes()).hexdigest()
        print(run.actions_sha256, scores, run.value, run.incidents["ended"].tolist())
"""


def test_threads_and_fresh_processes_change_nothing() -> None:
    """Each process trains, warms and runs by itself, with 1, 2 and 4 threads: the same bits.

    The second run of each system has an incident, and a responder who acts on it.
    """
    outputs = []
    for threads in ("1", "2", "4"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        done = subprocess.run(
            [sys.executable, "-c", _CHILD], capture_output=True, text=True, env=environment,
            check=True,
        )  # fmt: skip
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(outputs[0].splitlines()) == 4 and "inf" not in outputs[0]


@pytest.mark.parametrize("name", PRESETS)
def test_resume_equals_one_long_run(name: str) -> None:
    """Thirty days and then thirty more are sixty days."""
    world, system = mls.payments_world(seed=SEED, daily=DAILY), PRESETS[name](seed=SEED)
    faults = [CATALOGUE["late_rows"](start=2, end=6), CATALOGUE["duplicate_replay"](start=3, end=5)]
    first = mls.simulate(world, system, days=4, faults=faults)
    before = first.actions_sha256
    resumed = mls.resume(first, days=4)
    straight = mls.simulate(world, system, days=8, faults=faults)
    assert resumed.actions_sha256 == straight.actions_sha256
    assert (resumed.value, resumed.days) == (straight.value, 8)
    pd.testing.assert_frame_equal(resumed.log, straight.log, check_exact=True)
    assert (first.actions_sha256, first.days) == (before, 4)
