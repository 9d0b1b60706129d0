"""The line held to closed forms and to a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments.waiting_line import (
    ORDERS,
    backlog,
    by_order,
    looked_at,
    precision,
)


def test_an_overloaded_line_grows_by_what_is_too_much() -> None:
    np.testing.assert_allclose(backlog(np.full(30, 25), 20), 5 * np.arange(1, 31))
    assert not backlog(np.full(30, 20), 20).any()


def test_the_backlog_is_a_plain_loop() -> None:
    alerts = np.random.default_rng(4).poisson(20, 400)
    waiting, expected = 0.0, []
    for count in alerts:
        waiting = max(0.0, waiting + count - 20)
        expected.append(waiting)
    np.testing.assert_allclose(backlog(alerts, 20), expected)


def test_precision_of_the_textbook() -> None:
    assert precision(0.001, 0.9, 0.01) == pytest.approx(0.083, abs=0.0005)


@pytest.mark.parametrize("order", ORDERS)
def test_who_waits_by_brute_force(order: str) -> None:
    luck = np.random.default_rng(6)
    day, worth = np.sort(luck.integers(0, 12, 60)), luck.integers(1, 9, 60).astype(float)
    waited = looked_at(day, worth, capacity=3, order=order, patience=4)
    key = {"oldest first": day, "newest first": -day, "most valuable first": -worth}[order]
    expected = np.full(60, np.inf)
    for today in range(20):
        here = [i for i in range(60) if day[i] <= today <= day[i] + 4 and np.isinf(expected[i])]
        for i in sorted(here, key=lambda one: (key[one], one))[:3]:
            expected[i] = today - day[i]
    np.testing.assert_array_equal(waited, expected)


def test_without_patience_to_lose_the_first_come_line_is_the_backlog() -> None:
    day = np.repeat(np.arange(10), 5)
    waited = looked_at(day, np.ones(50), capacity=3, order="oldest first", patience=100)
    still = [(day <= t).sum() - (day + waited <= t).sum() for t in range(10)]
    np.testing.assert_allclose(still, backlog(np.full(10, 5), 3))


def test_order_decides_who_is_left() -> None:
    luck = np.random.default_rng(8)
    day, worth = np.repeat(np.arange(30), 10), luck.exponential(size=300)
    table = by_order(day, worth, capacity=4, patience=3)
    assert table["reached"].between(0.35, 0.5).all()
    assert table["worth reached"].idxmax() == "most valuable first"
    assert table["days waited"].idxmin() == "newest first"
    with pytest.raises(InputError, match="the line knows"):
        looked_at(day, worth, capacity=4, order="alphabet", patience=3)
