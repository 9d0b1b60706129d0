"""One day more: `run.step()` goes on where `simulate` ended, whatever is kept of the days."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import StateError
from mlsys_lessons.simulation.loop import Loop
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.faults import Fault

SEED, DAYS = 7, 5
WORLD = mls.payments_world(seed=SEED, daily=200)
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
KEPT = {  # what is kept -> the frames that can be read of it
    "log": ("log", "labels", "truth", "metrics", "alerts", "ledger", "books"),
    "disk": ("log", "labels", "truth", "metrics", "alerts", "ledger", "books"),
    "metrics": ("metrics", "alerts", "ledger", "books"),
}
NUMBERS = ("days", "requests", "value", "expected_value", "outstanding", "actions_sha256")


def faults() -> tuple[Fault, ...]:
    """Rows that are still on their way when day 5 ends, repeats, and people to be called."""
    return (
        mls.faults.late_rows(start=3, end=6),
        mls.faults.duplicate_replay(start=4, end=6),
        mls.faults.null_flood(start=5, end=6, severity=0.1),
    )


def frame_of(run: mls.Run, name: str) -> pd.DataFrame:
    return run.truth() if name == "truth" else getattr(run, name)


def same_run(one: mls.Run, other: mls.Run, keep: str) -> None:
    """Two runs, every frame of them to the bit."""
    assert [getattr(one, name) for name in NUMBERS] == [getattr(other, name) for name in NUMBERS]
    for name in KEPT[keep]:
        pd.testing.assert_frame_equal(frame_of(one, name), frame_of(other, name), check_exact=True)
    pd.testing.assert_series_equal(one.value_by_tick(), other.value_by_tick())
    assert repr(one) == repr(other) and repr(one.accounts) == repr(other.accounts)


@pytest.fixture(params=KEPT)
def keep(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run_of(keep: str, tmp_path: Path) -> Callable[..., mls.Run]:
    """Runs that keep their days in one way, each in a file of its own."""
    made: list[mls.Run] = []

    def simulated(name: str, days: int, **settings: object) -> mls.Run:
        where = {"path": tmp_path / f"{len(made)}.duckdb"} if keep == "disk" else {}
        system = PRESETS[name](seed=SEED)
        made.append(
            simulate(WORLD, system, days=days, faults=faults(), keep=keep, **where, **settings)
        )
        return made[-1]

    return simulated


@pytest.mark.parametrize("name", PRESETS)
def test_five_days_and_one_more_are_six(
    run_of: Callable[..., mls.Run], keep: str, name: str
) -> None:
    """Also where somebody has looked at every frame in between: they are read anew."""
    run, straight = run_of(name, DAYS), run_of(name, DAYS + 1)
    before = {frame: len(frame_of(run, frame)) for frame in KEPT[keep]}
    assert isinstance(run, Loop) and run.days == DAYS
    seconds = run.seconds
    assert run.step() is None
    assert run.seconds > seconds
    same_run(run, straight, keep)
    grown = {frame: len(frame_of(run, frame)) for frame in KEPT[keep]}
    assert all(grown[frame] > before[frame] for frame in KEPT[keep] if frame != "alerts")


def test_days_one_by_one_from_the_first(run_of: Callable[..., mls.Run], keep: str) -> None:
    run, straight = run_of("resilient", 1), run_of("resilient", 4)
    for _ in range(3):
        run.step()
    same_run(run, straight, keep)


def test_a_step_keeps_the_size_of_a_batch(run_of: Callable[..., mls.Run], keep: str) -> None:
    run, straight = run_of("resilient", 2, batch_size=61), run_of("resilient", 3)
    run.step()
    assert run.batch_size == 61
    assert run.actions_sha256 == straight.actions_sha256 and run.value == straight.value


def test_what_is_not_kept_is_not_kept_after_a_step_either(tmp_path: Path) -> None:
    run = simulate(WORLD, mls.naive_system(seed=SEED), days=1, keep="metrics")
    run.step()
    for name in ("log", "labels"):
        with pytest.raises(StateError, match="keep='metrics'"):
            getattr(run, name)


@pytest.mark.parametrize("name", PRESETS)
def test_resume_leaves_the_run_as_it_was_and_a_step_changes_it_in_place(name: str) -> None:
    run = simulate(WORLD, PRESETS[name](seed=SEED), days=3, faults=faults())
    straight = simulate(WORLD, PRESETS[name](seed=SEED), days=3, faults=faults())
    longer = mls.resume(run, days=2)
    longer.step()
    same_run(run, straight, "log")
    run.step()
    assert (run.days, longer.days) == (4, 6)
    pd.testing.assert_frame_equal(run.log, longer.log.iloc[: run.requests], check_exact=True)
    assert run.system is not longer.system and run.system.last_tick == 3
    same_run(mls.resume(run, days=2), longer, "log")


def test_a_fork_of_a_run_steps_into_its_own_future() -> None:
    """Two forks of one past: what one decides is not known to the other."""
    past = simulate(WORLD, mls.naive_system(seed=SEED), days=2)
    forks = [mls.resume(past, days=1) for _ in range(2)]
    forks[0].system.decisions.cut = 0.0  # blocks everybody from now on
    for fork in forks:
        fork.step()
    calm = mls.resume(past, days=2)
    assert forks[1].actions_sha256 == calm.actions_sha256 != forks[0].actions_sha256
    assert past.days == 2 and len(past.log) < len(calm.log)


def test_a_system_that_comes_from_another_process_is_the_same_system() -> None:
    """Pickled and back, as joblib does it: its domain is a copy then, and still payments."""
    system = mls.resilient_system(seed=SEED)
    world, travelled = pickle.loads(pickle.dumps((WORLD, system)))
    runs = [simulate(WORLD, system, days=2), simulate(world, travelled, days=2)]
    same_run(*runs, "log")
