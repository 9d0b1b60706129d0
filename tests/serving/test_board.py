"""What `simulate` watches, the edge watches: the same monitors over its days, told outside."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

import mlsys_lessons as mls
from mlsys_lessons.serving import Client, serve, transactions
from mlsys_lessons.serving.board import Board
from mlsys_lessons.system.faults import faulted

DAYS, BREAKS = 20, 17
WORLD = mls.payments_world(seed=7, daily=150)
CENTS = mls.faults.unit_change(start=BREAKS)


@pytest.fixture(scope="module")
def sent() -> list[list[dict[str, object]]]:
    """Each day's payments as a caller sends them; from one day on the merchants send cents."""
    state, broken = WORLD.start(), faulted(lambda frame: frame, [CENTS])
    return [transactions(broken(WORLD.day(tick, state).requests)) for tick in range(DAYS)]


def board_of(url: str) -> dict[str, object]:
    return httpx.get(f"{url}/v1/monitoring", trust_env=False).json()


def alerts_total(url: str) -> float:
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("alerts_total{"))


def test_an_alert_is_a_line_a_counter_and_a_page_and_outlives_a_restart(
    sent: list[list[dict[str, object]]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    system, log = mls.resilient_system(seed=7), tmp_path / "decisions.db"
    caplog.set_level(logging.INFO, logger="mlsys_lessons.serving")
    with serve(system, log, virtual=True) as url, Client(url) as client:
        assert board_of(url) == {"day": None, "metrics": {}, "alerts": []}
        for day in sent:
            client.decide(day)
        seen, counted = board_of(url), alerts_total(url)
    said = [record.getMessage() for record in caplog.records]
    assert seen["day"] == DAYS - 2  # the last day is still open
    names = {f"{alert['layer']}.{alert['metric']}" for alert in seen["alerts"]}  # type: ignore[attr-defined]
    assert "inputs.amount_mean" in names
    assert counted == len(said) > 0
    told = f"alert: day {BREAKS}, inputs.amount_mean is "
    assert any(line.startswith(told) and ": page data producer" in line for line in said)

    caplog.clear()
    with serve(system, log, virtual=True) as url:
        assert board_of(url) == seen
        assert alerts_total(url) == 0 and not caplog.records  # they were told when they were new
        page = httpx.get(f"{url}/metrics", trust_env=False).text
        assert f"alerts_open {len(seen['alerts']):.1f}" in page  # type: ignore[arg-type]


def test_the_edge_s_numbers_are_those_of_the_system_alone(
    sent: list[list[dict[str, object]]],
) -> None:
    alone = mls.resilient_system(seed=7)
    state = WORLD.start()
    for tick in range(3):
        alone.handle(WORLD.day(tick, state).requests)
        alone.step(tick)
    with serve(mls.resilient_system(seed=7), virtual=True) as url, Client(url) as client:
        for day in sent[:4]:
            client.decide(day)
        seen = board_of(url)
    expected = dict(alone.monitor.today)
    metrics = seen["metrics"]
    assert isinstance(metrics, dict) and seen["day"] == 2 and set(metrics) == set(expected)
    for name, value in expected.items():
        if math.isnan(value):
            assert metrics[name] is None
        else:
            assert np.isclose(metrics[name], value, rtol=1e-12), name


def test_the_naive_system_has_numbers_of_operations_and_calls_nobody(
    sent: list[list[dict[str, object]]],
) -> None:
    with serve(mls.naive_system(seed=7), virtual=True) as url, Client(url) as client:
        for day in sent[:3]:
            client.decide(day)
        seen = board_of(url)
    assert seen["alerts"] == [] and all(name.startswith("operations.") for name in seen["metrics"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", [Board, lambda: Board(3, {"operations.requests": 9.0})])
def test_a_board_says_what_it_is(made: Callable[[], Board]) -> None:
    assert repr(made()).startswith("Board(")
