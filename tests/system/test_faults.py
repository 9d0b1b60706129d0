"""Each fault: what it accepts, when it acts, what it changes, and that it changes nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import received, requests, scored

from mlsys_lessons.components.inference.models import RuleModel
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.components.inference.service import Service
from mlsys_lessons.components.inference.stages import BareInference
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import DAY_MS, EPOCH, HOUR_MS, LAYERS, milliseconds
from mlsys_lessons.system import faults
from mlsys_lessons.system.faults import CATALOGUE, SEAMS, Fault, faulted
from mlsys_lessons.worlds.payments.domain import COUNTRIES, FEATURES

WINDOW = {"start": 1.25, "end": 1.75}  # six hours to six hours of day 1
NAMES = (
    "unit_change", "null_flood", "duplicate_replay", "late_rows", "time_zone_shift",
    "renamed_category", "stale_features", "wrong_model", "latency", "dependency_outage",
    "missing_features", "cold_start", "traffic_spike", "partial_outage", "silent_fallback",
    "label_job_failure",
)  # fmt: skip
TOUCHES = {
    "unit_change": {"amount"},
    "null_flood": {"amount"},
    "duplicate_replay": {"arrival_time"},  # of added rows
    "late_rows": {"arrival_time"},
    "time_zone_shift": {"event_time"},
    "renamed_category": {"category"},
    "stale_features": set(FEATURES),
    "wrong_model": {"score", "model_version"},
    "latency": {"latency_ms"},
    "dependency_outage": {"dependency_up"},
    "missing_features": set(FEATURES),
    "cold_start": set(FEATURES),
    "traffic_spike": {"latency_ms"},
    "partial_outage": {"dependency_up"},
    "silent_fallback": {"score"},  # of a bare call
    "label_job_failure": set(),  # reports are lost, none is changed
}


class Table:
    """A feature stage that remembers how it was asked for old history, and knows no other."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, object]] = []

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame

    def lookup(self, frame: pd.DataFrame, as_of: object = None) -> dict[str, np.ndarray]:
        self.asked.append((len(frame), as_of))
        return {name: np.full(len(frame), -77.0) for name in FEATURES}

    def on_stale(self, frame: pd.DataFrame, as_of: object) -> dict[str, np.ndarray]:
        return self.lookup(frame, as_of)

    def on_timeout(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        return self.lookup(frame)

    def after_restart(self, frame: pd.DataFrame, age_ms: np.ndarray) -> tuple[np.ndarray, object]:
        return age_ms < HOUR_MS, self.lookup(frame)


class Door(Service):
    """The naive service behind frames that have met it already."""

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame


class Answered(BareInference):
    """The naive call behind frames that have been answered already."""

    def __init__(self) -> None:
        super().__init__(Registry([ModelVersion("boosted-1", RuleModel())]), Door(seed=0))

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame


def frame_for(seam: str, rows: int = 400) -> pd.DataFrame:
    """Day 1 as it looks behind the stage at a seam."""
    if seam == "requests":
        return requests(rows, day=1)
    if seam in ("service", "features"):
        return received(rows, day=1)
    if seam == "labels":
        return requests(rows, day=1).assign(label_time=lambda frame: frame["arrival_time"])
    version = pd.Categorical(["boosted-1"] * rows)
    return scored(rows, day=1).assign(model_version=version, is_fallback=False)


def stage_for(seam: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    known = {"features": Table(), "service": Door(seed=0), "inference": Answered()}
    return known.get(seam, lambda frame: frame)


def inside_of(frame: pd.DataFrame) -> np.ndarray:
    day = milliseconds(frame["arrival_time"]) / DAY_MS
    return np.asarray((day >= WINDOW["start"]) & (day < WINDOW["end"]))


# --- the catalogue ------------------------------------------------------------------------------


def test_the_catalogue_is_complete() -> None:
    assert tuple(CATALOGUE) == NAMES
    for name, factory in CATALOGUE.items():
        assert getattr(faults, name) is factory
        assert factory.__doc__


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_fault_has_a_default_severity_and_says_what_it_moves(name: str) -> None:
    fault = CATALOGUE[name](start=60, end=90)
    assert (fault.name, fault.start, fault.end) == (name, 60.0, 90.0)
    assert fault.seam in SEAMS
    assert fault.unit
    assert fault.severity > 0
    assert fault.leaves
    for metric in (fault.moves, *fault.leaves):
        assert metric.split(".")[0] in LAYERS
        assert len(metric.split(".")) in (2, 3)
    assert fault.moves not in fault.leaves
    assert repr(fault) == f"{name}(start=60, end=90, severity={fault.severity:g})"


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_equal_arguments_make_equal_faults(name: str) -> None:
    """Runs are cached by content, so the same fault made twice must be the same content."""
    first, again = (CATALOGUE[name](**WINDOW) for _ in range(2))
    assert first == again
    assert len({first, again}) == 1
    assert first != CATALOGUE[name](start=1.25, end=2.0)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_a_copied_fault_does_the_same(name: str) -> None:
    fault = CATALOGUE[name](**WINDOW)
    frame = frame_for(fault.seam)
    expected = faulted(stage_for(fault.seam), [fault])(frame)
    found = faulted(stage_for(fault.seam), [copy.deepcopy(fault)])(frame)
    pd.testing.assert_frame_equal(found, expected)


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(CATALOGUE))
@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5), (-1, 5), (-2.0, -1.0)])
def test_an_impossible_window_is_refused(name: str, start: float, end: float) -> None:
    with pytest.raises(InputError, match=rf"^{name} got start={start}, end={end}; it needs 0 <= s"):
        CATALOGUE[name](start=start, end=end)


@pytest.mark.parametrize("name", list(CATALOGUE))
@pytest.mark.parametrize("value", [None, "3", True, float("nan"), float("inf"), [1]])
@pytest.mark.parametrize("argument", ["start", "end", "severity"])
def test_anything_but_a_finite_number_is_refused(name: str, value: object, argument: str) -> None:
    arguments = {"start": 1.0, "end": 9.0, argument: value}
    if (argument, value) == ("end", None):
        assert CATALOGUE[name](**arguments).end == np.inf  # it lasts until somebody ends it
        return
    with pytest.raises(InputError, match=rf"^{name} got .*; start, end and severity are finite"):
        CATALOGUE[name](**arguments)


@pytest.mark.parametrize("name", list(CATALOGUE))
@pytest.mark.parametrize("severity", [-1e6, 1e9])
def test_a_severity_out_of_range_names_the_range(name: str, severity: float) -> None:
    with pytest.raises(InputError, match=rf"^{name} got severity={severity}; it is a .* between "):
        CATALOGUE[name](start=1, end=2, severity=severity)


@pytest.mark.parametrize("number", [np.float64, np.int64, np.float32])
def test_numpys_numbers_are_numbers(number: type) -> None:
    fault = faults.latency(start=number(1), end=number(2), severity=number(4))
    assert (fault.start, fault.end, fault.severity) == (1.0, 2.0, 4.0)


# --- windows and effects ------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(start=st.integers(0, 50), length=st.integers(1, 20), times=st.lists(st.integers(-5, 80)))
def test_windows_are_half_open(start: int, length: int, times: list[int]) -> None:
    fault = faults.latency(start=start / 4, end=(start + length) / 4)
    stamps = EPOCH + (np.array(times, dtype=np.int64) * DAY_MS // 4).astype("timedelta64[ms]")
    expected = [start <= each < start + length for each in times]
    assert fault.covers(pd.Series(stamps)).tolist() == expected
    assert fault.covers(pd.Series(stamps - np.timedelta64(1, "ms"))).tolist() == [
        start < each <= start + length for each in times
    ]


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_each_changes_only_what_it_says_and_only_inside_its_window(name: str) -> None:
    fault = CATALOGUE[name](**WINDOW)
    frame = frame_for(fault.seam)
    before = frame.copy()
    out = faulted(stage_for(fault.seam), [fault])(frame)
    pd.testing.assert_frame_equal(frame, before)  # the input is left alone
    assert list(out.columns) == list(frame.columns)
    lost = ~frame["request_id"].isin(out["request_id"]).to_numpy()
    assert lost.any() == (name == "label_job_failure")
    assert not lost[~inside_of(frame)].any()
    frame = frame[~lost]
    same, added = out.iloc[: len(frame)], out.iloc[len(frame) :]
    assert (len(added) > 0) == (name == "duplicate_replay")
    inside = inside_of(frame)
    touched: set[str] = {"arrival_time"} if len(added) else set()
    for column in frame:
        changed = ~_equal(same[column], frame[column])
        assert not changed[~inside].any(), column
        if changed.any():
            touched.add(str(column))
    assert touched == TOUCHES[name]
    for column in added:
        if column != "arrival_time":
            twins = frame.set_index("request_id", drop=False).loc[added["request_id"], column]
            assert _equal(added[column], twins).all()


def _equal(left: pd.Series, right: pd.Series) -> np.ndarray:
    one, other = left.astype(object).to_numpy(), right.astype(object).to_numpy()
    return np.asarray((one == other) | (pd.isna(one) & pd.isna(other)))


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_outside_its_window_a_fault_is_invisible(name: str) -> None:
    fault = CATALOGUE[name](start=5, end=6)
    frame = frame_for(fault.seam)
    pd.testing.assert_frame_equal(faulted(stage_for(fault.seam), [fault])(frame), frame)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_the_same_requests_are_hit_whoever_else_is_there(name: str) -> None:
    """A twin run that lost half of its rows sees the same fault on the other half."""
    fault = CATALOGUE[name](**WINDOW)
    frame = frame_for(fault.seam)
    whole = faulted(stage_for(fault.seam), [fault])(frame)
    half = faulted(stage_for(fault.seam), [fault])(frame.iloc[::2])
    shared = whole[whole["request_id"].isin(frame["request_id"].iloc[::2])]
    order = ["request_id", "arrival_time"]
    pd.testing.assert_frame_equal(
        half.sort_values(order), shared.sort_values(order), check_categorical=False
    )


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_an_empty_batch_is_no_accident(name: str) -> None:
    fault = CATALOGUE[name](**WINDOW)
    frame = frame_for(fault.seam).iloc[:0]
    assert len(faulted(stage_for(fault.seam), [fault])(frame)) == 0


@pytest.mark.parametrize("name", [
    name for name, factory in CATALOGUE.items()
    if factory(start=0, end=1).unit.startswith("share of requests")])  # fmt: skip
@pytest.mark.parametrize("severity", [0.0, 0.3, 1.0])
def test_severity_is_the_share_of_requests_that_are_hit(name: str, severity: float) -> None:
    fault = CATALOGUE[name](start=1, end=2, severity=severity)
    frame = frame_for(fault.seam, rows=5_000)
    out = faulted(stage_for(fault.seam), [fault])(frame)
    column = next(iter(TOUCHES[name]))
    hit = (~_equal(out[column].iloc[: len(frame)], frame[column])).mean()
    hit += (len(out) - len(frame)) / len(frame)
    assert hit == pytest.approx(severity, abs=4 * np.sqrt(0.25 / len(frame)))


def test_faults_at_one_seam_are_put_around_each_other_in_order() -> None:
    null = faults.null_flood(start=1, end=2, severity=0.5)
    unit = faults.unit_change(start=1, end=2, severity=1.0)
    frame = frame_for("requests")
    out = faulted(lambda each: each, [unit, null])(frame)
    missing = out["amount"].isna()
    assert 0.4 < missing.mean() < 0.6
    assert np.allclose(out.loc[~missing, "amount"], frame.loc[~missing, "amount"] * 100)
    assert faulted(len, []) is len  # type: ignore[arg-type, comparison-overlap]


# --- one by one ---------------------------------------------------------------------------------


def run(fault: Fault, rows: int = 2_000) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    frame = frame_for(fault.seam, rows)
    return frame, faulted(stage_for(fault.seam), [fault])(frame), inside_of(frame)


def test_unit_change_hits_whole_merchants_times_a_hundred() -> None:
    frame, out, inside = run(faults.unit_change(**WINDOW))
    ratio = (out["amount"] / frame["amount"])[inside]
    assert set(np.round(ratio, 6)) == {1.0, 100.0}
    by_merchant = ratio.round(6).groupby(frame["merchant_id"]).nunique()
    assert (by_merchant == 1).all()


def test_duplicates_come_minutes_to_two_hours_later() -> None:
    frame, out, _ = run(faults.duplicate_replay(**WINDOW))
    copies = out.iloc[len(frame) :]
    first = frame.set_index("request_id").loc[copies["request_id"], "arrival_time"]
    gap = milliseconds(copies["arrival_time"]) - milliseconds(first)
    assert gap.min() >= 60_000
    assert gap.max() <= 2 * HOUR_MS + 60_000
    assert copies["request_id"].is_unique


def test_late_rows_wait_six_hours_in_the_middle_and_36_at_most() -> None:
    frame, out, _ = run(faults.late_rows(**WINDOW, severity=1.0), rows=8_000)
    wait = (milliseconds(out["arrival_time"]) - milliseconds(frame["arrival_time"])) / HOUR_MS
    wait = wait[wait > 0]
    assert np.median(wait) == pytest.approx(6, rel=0.1)
    assert wait.max() <= 36


@pytest.mark.parametrize("hours", [6.0, -2.0, 0.5])
def test_time_zones_shift_half_of_the_merchants(hours: float) -> None:
    frame, out, inside = run(faults.time_zone_shift(**WINDOW, severity=hours))
    shift = (milliseconds(frame["event_time"]) - milliseconds(out["event_time"])) / HOUR_MS
    assert set(shift[inside]) == {0.0, hours}
    assert pd.Series(shift[inside]).groupby(
        frame["merchant_id"].to_numpy()[inside]).nunique().max() == 1  # fmt: skip


def test_a_renamed_category_is_a_new_word_for_electronics_only() -> None:
    frame, out, inside = run(faults.renamed_category(**WINDOW))
    electronics = (frame["category"] == "electronics").to_numpy()
    assert (out["category"] == "consumer_electronics").to_numpy().tolist() == (
        electronics & inside
    ).tolist()
    assert list(out["category"].cat.categories)[:-1] == list(frame["category"].cat.categories)
    assert set(out["country"]) <= set(COUNTRIES)


def test_stale_features_read_the_table_as_it_was_days_ago() -> None:
    table, frame = Table(), frame_for("features")
    fault = faults.stale_features(**WINDOW, severity=2.0)
    out = faulted(table, [fault])(frame)
    inside = inside_of(frame)
    assert (out.loc[inside, list(FEATURES)] == -77.0).all(axis=None)
    pd.testing.assert_frame_equal(out[~inside], frame[~inside])
    assert table.asked == [(len(frame), EPOCH - np.timedelta64(1, "D"))]


def test_two_stale_feature_faults_share_the_table() -> None:
    pair = [faults.stale_features(start=1.0, end=1.5), faults.stale_features(start=1.4, end=1.6)]
    table, frame = Table(), frame_for("features")
    faulted(table, pair)(frame)
    assert len(table.asked) == 2


def test_the_wrong_model_answers_under_its_own_name_and_only_where_a_model_answered() -> None:
    frame = frame_for("inference")
    frame["is_fallback"] = np.arange(len(frame)) % 3 == 0
    frame.loc[1, "score"] = np.nan
    out = faulted(Answered(), [faults.wrong_model(start=1, end=2, severity=1.0)])(frame)
    wrong = (out["model_version"] == "other-portfolio-3").to_numpy()
    expected = ~frame["is_fallback"].to_numpy()
    expected[1] = False
    assert wrong.tolist() == expected.tolist()
    assert ((out["score"][wrong] > 0) & (out["score"][wrong] < 1)).all()
    assert not np.allclose(out["score"][wrong], frame["score"][wrong])


def test_a_share_of_the_reports_never_arrives() -> None:
    frame, out, inside = run(faults.label_job_failure(**WINDOW, severity=0.7))
    lost = 1 - out["request_id"].isin(frame["request_id"][inside]).sum() / inside.sum()
    assert lost == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / inside.sum()))


def test_a_bare_call_gives_its_default_and_tells_nobody() -> None:
    _, out, inside = run(faults.silent_fallback(**WINDOW))
    assert (out["score"][inside] == 0.0).all()
    assert not out["is_fallback"].any()


def test_latency_is_a_factor_and_outages_are_absence() -> None:
    frame, out, inside = run(faults.latency(**WINDOW, severity=8.0))
    assert set((out["latency_ms"] / frame["latency_ms"])[inside]) == {8.0}
    _, out, inside = run(faults.dependency_outage(**WINDOW, severity=1.0))
    assert out["dependency_up"].tolist() == (~inside).tolist()


@pytest.mark.parametrize(("restarts", "hours"), [(1.0, 24), (4.0, 6), (8.0, 3)])
def test_a_cold_start_comes_so_many_times_a_day_beginning_with_the_first(
    restarts: float, hours: int
) -> None:
    """The stub's process needs an hour to know its customers again."""
    frame = frame_for("features", 4_000)
    fault = faults.cold_start(start=1.25, end=1.95, severity=restarts)
    out = faulted(Table(), [fault])(frame)
    hour = milliseconds(frame["arrival_time"]) / HOUR_MS - 30
    expected = (hour >= 0) & (hour < 0.7 * 24) & (np.mod(hour, hours) < 1)
    assert (out["count_1h"] == -77.0).to_numpy().tolist() == expected.tolist()


def test_faults_of_the_service_pile_up_whatever_their_order() -> None:
    """Twice the work on half of the time: a later fault finds what the earlier one left."""
    frame = frame_for("service")
    busy = {"start": 1, "end": 2}
    pair = [faults.latency(**busy, severity=3.0), faults.traffic_spike(**busy, severity=1.25)]
    one, other = (faulted(Door(seed=0), each)(frame)["latency_ms"] for each in (pair, pair[::-1]))
    assert np.allclose(one, other)
    assert np.allclose(one / frame["latency_ms"], 3.0 * 0.4 / 0.25)
