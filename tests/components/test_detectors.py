"""Page-Hinkley against River and its recorded alarms; CUSUM against its known run lengths."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.monitoring.detectors import Cusum, PageHinkley
from mlsys_lessons.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"
VALUES = json.loads((GOLDEN / "peer_values.json").read_text())
PEER = runpy.run_path(str(GOLDEN / "peer_data.py"))


def one_by_one(detector, stream):
    return [index for index, value in enumerate(stream) if detector.update(value)]


def test_river_alarms_on_a_million_error_indicators():
    alarms = PageHinkley().update_many(PEER["errors"]())
    assert alarms.tolist() == VALUES["river_page_hinkley"]


def test_river_alarms_on_three_levels():
    stream = PEER["three_levels"]()
    wanted = VALUES["river_page_hinkley_threshold_20"]
    assert PageHinkley(threshold=20).update_many(stream).tolist() == wanted
    assert one_by_one(PageHinkley(threshold=20), stream) == wanted


def test_river_itself_agrees_where_it_is_installed():
    river = pytest.importorskip("river.drift", reason="river is no dependency of the project")
    for seed in range(5):
        rng = np.random.default_rng(seed)
        stream = rng.normal(rng.normal(), rng.exponential(), 3_000) + np.arange(3_000) * 1e-4
        peer, wanted = river.PageHinkley(threshold=10), []
        for index, value in enumerate(stream):
            peer.update(value)
            wanted += [index] if peer.drift_detected else []
        assert PageHinkley(threshold=10).update_many(stream).tolist() == wanted


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 700), max_size=4))
def test_an_array_cut_anywhere_gives_the_alarms_of_single_updates(seed, cuts):
    rng = np.random.default_rng(seed)
    stream = rng.normal(rng.normal(size=7).repeat(100), 1)
    for fresh in (lambda: PageHinkley(threshold=8), lambda: Cusum(level=0.0, sd=1.0)):
        cut, alarms, start = fresh(), [], 0
        for end in [*sorted(cuts), len(stream)]:
            alarms += (cut.update_many(stream[start:end]) + start).tolist()
            start = end
        assert alarms == one_by_one(fresh(), stream)


def test_cusum_run_lengths():
    rng = np.random.default_rng(0)
    in_control = np.diff(Cusum(0.0, 1.0).update_many(rng.normal(size=1_000_000)))
    shifted = np.diff(Cusum(0.0, 1.0).update_many(rng.normal(1.0, 1.0, size=100_000)))
    assert in_control.mean() == pytest.approx(465, rel=0.08)
    assert shifted.mean() == pytest.approx(10.4, rel=0.03)


def test_drift_detected_lasts_until_the_next_value():
    detector = Cusum(level=0.0, sd=1.0)
    assert detector.update(9.0) and detector.drift_detected
    assert not detector.update(0.0) and not detector.drift_detected


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, "a", [1.0, 2.0]])
def test_bad_values(bad):
    for detector in (PageHinkley(), Cusum(0.0, 1.0)):
        with pytest.raises(InputError):
            detector.update(bad)


@pytest.mark.parametrize("bad", [[np.nan], ["a"], np.ones((2, 2))])
def test_bad_streams(bad):
    with pytest.raises(InputError):
        PageHinkley().update_many(bad)


def test_parameters_that_make_no_test():
    for make in (
        lambda: PageHinkley(threshold=0),
        lambda: PageHinkley(alpha=1.5),
        lambda: PageHinkley(minimum_values=0),
        lambda: Cusum(0.0, 0.0),
        lambda: Cusum(np.nan, 1.0),
    ):
        with pytest.raises(InputError):
            make()
