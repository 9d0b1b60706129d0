"""Policies for the tests of the league: what people hand in, and what goes wrong with it."""

from __future__ import annotations

import time

from mlsys_lessons.drill import Observation


def patient(observation: Observation) -> str:
    """Nothing, whatever rings; prints, as people do."""
    print("thinking about", observation.page)
    return "advance"


def confused(observation: Observation) -> str:
    """Asks for what nobody has."""
    return "restart everything"


def broken(observation: Observation) -> str:
    """Fails."""
    raise ZeroDivisionError("by day nought")


def asleep(observation: Observation) -> str:
    """Takes its time."""
    time.sleep(30)
    return "advance"


def gone(observation: Observation) -> str:
    """Leaves without a word."""
    raise SystemExit(3)
