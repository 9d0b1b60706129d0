"""The system: the order of a midnight, repeats, and faults of what people report.

What each stage does is told in tests/components, whole runs in tests/simulation.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import StateError
from mlsys_lessons.records import ClosedDay, News
from mlsys_lessons.simulation.simulate import simulate, warmed
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.faults.fault import on_rows
from mlsys_lessons.system.system import Midnight
from mlsys_lessons.worlds.payments.domain import FEATURES

SEED = 7
WORLD = mls.payments_world(seed=SEED, daily=200)
DAY = WORLD.day(0, WORLD.start()).requests
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}


# --- the order of a midnight --------------------------------------------------------------------


def ready(name: str) -> mls.System:
    """A warm system with the requests of day 0 in it."""
    system = warmed(WORLD, PRESETS[name](seed=SEED))
    system.handle(DAY)
    return system


def same_midnight(one: Midnight, other: Midnight) -> None:
    assert (one.tick, one.overheads, one.adopted) == (other.tick, other.overheads, other.adopted)
    pd.testing.assert_frame_equal(one.labels, other.labels, check_exact=True)


@pytest.mark.parametrize("name", PRESETS)
def test_a_tick_by_hand_is_a_day_closed_and_taken_over_midnight(name: str) -> None:
    """When nobody reviews, the two ways leave the same system behind, to the byte."""
    first, second = ready(name), ready(name)
    for tick in (0, 1, 2):
        same_midnight(first.step(tick), second.step(second.close(tick)))
    tomorrow = WORLD.day(3, WORLD.start()).requests
    answered = [system.handle(tomorrow) for system in (first, second)]
    pd.testing.assert_frame_equal(*answered, check_exact=True)
    pd.testing.assert_frame_equal(first.monitor.metrics, second.monitor.metrics, check_exact=True)


@pytest.mark.parametrize("name", PRESETS)
def test_midnight_is_taken_once_and_a_slip_does_no_harm(name: str) -> None:
    """Each wrong call is refused in one sentence, and the system goes on as a calm twin does."""
    system, calm = ready(name), ready(name)
    never = ClosedDay(0, calm.today[0], pd.DataFrame(), held=0)
    refused(lambda: system.step(never), "day 0 is not the one that was closed")
    day = system.close(0)
    refused(lambda: system.close(0), "day 0 is closed; give it to step first")
    refused(lambda: system.close(1), "day 0 is closed; give it to step first")
    refused(lambda: system.step(0), "day 0 is closed; give it to step first")
    refused(lambda: system.step(replace(day, tick=1)), "day 1 is not the one that was closed")
    edge = system.step(day)
    refused(lambda: system.step(day), "day 0 is not the one that was closed")
    refused(lambda: system.step(0), "tick 0 is over; the next to close is 1")
    refused(lambda: system.close(0), "tick 0 is over; the next to close is 1")
    same_midnight(edge, calm.step(0))
    tomorrow = WORLD.day(1, WORLD.start()).requests
    answered = [each.handle(tomorrow) for each in (system, calm)]
    pd.testing.assert_frame_equal(*answered, check_exact=True)
    same_midnight(system.step(1), calm.step(calm.close(1)))
    assert system.last_tick == calm.last_tick == 1


def test_the_day_of_another_system_is_foreign() -> None:
    """Also one that a twin has closed under the same tick."""
    mine, other = ready("naive"), ready("resilient")
    day, foreign = mine.close(0), other.close(0)
    refused(lambda: mine.step(foreign), "day 0 is not the one that was closed")
    fork = copy.deepcopy(mine)
    same_midnight(mine.step(day), fork.step(day))  # a copy of the system has closed it too
    assert mine.last_tick == fork.last_tick == 0


def refused(call: object, sentence: str) -> None:
    with pytest.raises(StateError) as caught:
        call()
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_requests_between_close_and_midnight_belong_to_the_next_day() -> None:
    system = ready("resilient")
    day = system.close(0)
    assert system.today == [] and len(day.log) == len(DAY)
    late = WORLD.day(1, WORLD.start()).requests
    system.handle(late)
    system.step(day)
    assert system.close(1).log["request_id"].tolist() == late["request_id"].tolist()


def test_days_may_be_skipped_and_a_day_without_anybody_has_every_column() -> None:
    system = ready("resilient")
    day = system.close(0)
    columns = list(day.log.columns)
    system.step(day)
    empty = system.close(7)
    assert list(empty.log.columns) == columns and len(empty.log) == empty.held == 0
    assert system.step(empty).tick == 7


def test_a_repeat_meets_the_service_and_is_spared_everything_behind_it() -> None:
    """It has its first answer, no features of its own, and the luck of its own call."""
    system = ready("resilient")
    again = system.handle(DAY.iloc[:20])
    first = system.today[0].set_index("request_id").loc[again["request_id"]]
    assert again["is_duplicate"].all()
    assert again[list(FEATURES)].isna().all(axis=None)
    assert list(again.columns) == list(system.today[0].columns)
    for name in ("latency_ms", "score", "model_version", "action", "propensity"):
        assert again[name].tolist() == first[name].tolist(), name


# --- faults at the seam "labels" ----------------------------------------------------------------


def flipped(start: float, end: float) -> Fault:
    """The desk types reports in with their labels the wrong way round."""

    def change(frame: pd.DataFrame, inside: np.ndarray, fault: Fault) -> pd.DataFrame:
        return frame.assign(label=np.where(inside, 1 - frame["label"], frame["label"]))

    calm = mls.faults.latency(start=start, end=end)
    return replace(calm, name="flipped", seam="labels", wrap=on_rows(change))


@dataclass
class Twins:
    """The same days with reports as they were made, and as they were typed in."""

    calm: mls.Run
    hit: mls.Run


@pytest.fixture(scope="module", params=PRESETS)
def twins(request: pytest.FixtureRequest) -> Twins:
    system = PRESETS[request.param](seed=SEED)
    runs = [simulate(WORLD, system, days=9, faults=faults) for faults in ((), (flipped(2.0, 5.0),))]
    return Twins(*runs)


def reported(run: mls.Run) -> pd.DataFrame:
    """The labels of a run that cardholders gave, and the day that they became known."""
    told = run.labels[run.labels["source"].isin(["cardholder", "late"])]
    tick = (told["label_time"] - np.datetime64("2025-01-01")) / np.timedelta64(1, "D") - 1
    return told.assign(tick=tick.astype(int)).set_index("request_id")


def test_reports_are_flipped_inside_the_window_and_nowhere_else(twins: Twins) -> None:
    calm, hit = reported(twins.calm), reported(twins.hit)
    assert (calm["label"] == 1).all()
    assert calm.index.tolist() == hit.index.tolist()
    inside = hit["tick"].between(2, 4)
    assert inside.sum() >= 2 <= (~inside).sum()
    assert hit["label"].tolist() == np.where(inside, 0, 1).tolist()


def test_what_is_typed_in_wrongly_happened_all_the_same(twins: Twins) -> None:
    """Nothing of reality asks the desk: truth, and what became known in the books, are the same."""
    pd.testing.assert_frame_equal(twins.calm.truth(), twins.hit.truth(), check_exact=True)
    pd.testing.assert_frame_equal(twins.calm.ledger, twins.hit.ledger, check_exact=True)
    pd.testing.assert_frame_equal(twins.calm.books, twins.hit.books, check_exact=True)
    assert twins.calm.outstanding == twins.hit.outstanding
    assert twins.calm.actions_sha256 == twins.hit.actions_sha256  # 45 days too early for a risk


def test_a_midnight_without_reports_asks_no_fault() -> None:
    system = ready("naive")
    system.install([flipped(0.0, 9.0)])
    assert system.step(0).labels["label"].eq(0).all()
    nobody = WORLD.reports(WORLD.start(), 1).iloc[:0]
    assert system.step(system.close(1), News(nobody)).tick == 1
