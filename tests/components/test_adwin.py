"""ADWIN is River's: the same alarms where River is installed, one sentence where it is not."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from mlsys_lessons.components.monitoring import Adwin
from mlsys_lessons.errors import InputError

STREAM = np.r_[np.zeros(500), np.full(500, 3.0)] + np.sin(np.arange(1_000))


class Jumps:
    """Stands in for River's detector: an alarm at every value of more than 2 above the last."""

    def __init__(self, delta: float) -> None:
        self.delta, self.last, self.drift_detected = delta, 0.0, False

    def update(self, x: float) -> None:
        self.drift_detected, self.last = x - self.last > 2.0, x


def test_values_go_to_river_and_its_alarms_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    river, drift = ModuleType("river"), ModuleType("river.drift")
    drift.ADWIN = Jumps  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "river", river)
    monkeypatch.setitem(sys.modules, "river.drift", drift)
    one, many = Adwin(delta=0.01), Adwin(delta=0.01)
    jumps = np.flatnonzero(np.diff(STREAM, prepend=0.0) > 2.0).tolist()
    assert many.update_many(STREAM).tolist() == jumps == [500]
    assert [index for index, x in enumerate(STREAM) if one.update(float(x))] == jumps
    assert one._detector.delta == 0.01
    with pytest.raises(InputError, match="not finite"):
        one.update(np.nan)


def test_without_river_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "river", None)
    monkeypatch.setitem(sys.modules, "river.drift", None)
    with pytest.raises(InputError, match="pip install river"):
        Adwin()


def test_river_itself_gives_the_same_alarms_where_it_is_installed() -> None:
    river = pytest.importorskip("river.drift", reason="river is no dependency of the project")
    peer, wanted = river.ADWIN(delta=0.002), []
    for index, x in enumerate(STREAM):
        peer.update(x)
        wanted += [index] if peer.drift_detected else []
    assert wanted
    assert Adwin().update_many(STREAM).tolist() == wanted
