"""Repeated refitting against the closed form of its path, and the limit of the theorem."""

from __future__ import annotations

import numpy as np
import pytest

from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments import performative


@pytest.mark.parametrize("sensitivity", [0.0, 0.3, 0.9, -0.5])
def test_below_the_limit_it_settles_on_the_stable_point(sensitivity: float) -> None:
    path = performative.refitted(sensitivity, rounds=200, rows=10_000, start=40.0, seed=11)
    error = 0.01 / np.sqrt(1 - sensitivity**2)  # of an autoregression with such noise
    assert abs(path[-1] - performative.stable_point(sensitivity)) < 5 * error


@pytest.mark.parametrize("sensitivity", [0.5, 1.0, 1.3])
def test_each_round_is_the_closed_form(sensitivity: float) -> None:
    path = performative.refitted(sensitivity, rounds=8, rows=400_000, start=3.0, seed=12)
    powers = sensitivity ** np.arange(9)
    due = 3.0 * powers + np.concatenate([[0.0], np.cumsum(powers)[:-1]])
    assert path == pytest.approx(due, abs=0.05)


def test_at_and_above_the_limit_it_never_settles() -> None:
    assert performative.refitted(1.3, rounds=60, seed=13)[-1] > 1e6
    assert performative.refitted(1.0, rounds=60, seed=13)[-1] == pytest.approx(60, abs=1)
    assert [performative.converges(value) for value in (0.99, 1.0, 1.01)] == [True, False, False]
    assert performative.converges(0.4, convexity=1, smoothness=2)
    assert not performative.converges(0.5, convexity=1, smoothness=2)


def test_odd_values_get_a_sentence() -> None:
    for wrong in (
        lambda: performative.stable_point(1.0),
        lambda: performative.converges(-1.0),
        lambda: performative.converges(0.5, smoothness=0.0),
        lambda: performative.refitted(0.5, rounds=0),
    ):
        with pytest.raises(InputError):
            wrong()
