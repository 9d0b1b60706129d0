"""Error budgets by hand, by brute force, and by the numbers of the field's own table."""

from __future__ import annotations

import numpy as np
import pytest

from mlsys_lessons.components.monitoring.error_budget import (
    SHORT,
    WINDOWS,
    Window,
    burn_rate,
    error_budget,
    rings,
)
from mlsys_lessons.errors import InputError


def test_each_window_has_spent_its_share_of_thirty_days_when_it_rings() -> None:
    """Workbook, table 5-8: 2 % in one hour, 5 % in six, 10 % in three days."""
    shares = [window.burn * window.hours / (30 * 24) for window in WINDOWS]
    assert shares == pytest.approx([0.02, 0.05, 0.10])


def test_a_total_outage_rings_within_a_minute_and_a_budget_s_own_pace_never_does() -> None:
    asked = np.full(600, 1_000)
    out = np.where(np.arange(600) >= 300, 1_000, 0)
    assert int(np.argmax(rings(out, asked, promise=0.999))) == 300
    assert not rings(np.full(600, 1), asked, promise=0.999).any()
    assert rings(np.full(600, 15), asked, promise=0.999).all()


def by_hand(bad, asked, promise, window, slots) -> list[bool]:
    long = max(1, round(window.hours * slots))
    short = max(1, round(long / SHORT))
    ringing = []
    for now in range(len(bad)):
        burns = []
        for length in (long, short):
            here = slice(max(0, now - length + 1), now + 1)
            all_of = sum(asked[here])
            burns.append(sum(bad[here]) / all_of / (1 - promise) if all_of else 0.0)
        ringing.append(min(burns) >= window.burn)
    return ringing


@pytest.mark.parametrize("seed", range(6))
def test_by_brute_force(seed: int) -> None:
    draw = np.random.default_rng(seed)
    asked = draw.integers(0, 50, 150)
    bad = draw.binomial(asked, draw.choice([0.0, 0.1, 0.5], 150))
    window, slots = Window(3.3, 1, "page"), int(draw.integers(3, 40))
    ours = rings(bad, asked, promise=0.95, window=window, slots_an_hour=slots)
    assert ours.tolist() == by_hand(bad, asked, 0.95, window, slots)


def test_no_event_spends_nothing() -> None:
    assert not rings(np.zeros(10), np.zeros(10), promise=0.99).any()
    assert rings([], [], promise=0.99).tolist() == []
    assert error_budget(0.99, 0) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: burn_rate([2], [1], promise=0.9),
        lambda: burn_rate([-1], [1], promise=0.9),
        lambda: burn_rate([1], [1], promise=1.0),
        lambda: error_budget(0.0, 5),
        lambda: error_budget(0.9, -5),
        lambda: rings([0], [1], promise=0.9, slots_an_hour=0),
    ],
)
def test_what_is_no_count_or_no_promise_is_refused(wrong) -> None:
    with pytest.raises(InputError):
        wrong()
