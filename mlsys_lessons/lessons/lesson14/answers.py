"""Answers to lesson 14's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlsys_lessons.drill import Observation
from mlsys_lessons.drill.observation import Ringing
from mlsys_lessons.drill.policies import always_roll_back, do_nothing, threshold_alarm

Alerts = tuple[Ringing, ...]

# --- q1: the score by hand -----------------------------------------------------------------------


def points(lost, at_stake, day):
    """100 for the best, 0 for doing nothing; where little is at stake, a day is the scale."""
    scale = max(at_stake, day)
    return min(max(100 * (1 - lost / scale), 0), 100)


def no_floor(lost: float, at_stake: float, day: float) -> float:
    """Against what was at stake alone."""
    return min(max(100 * (1 - lost / at_stake), 0), 100) if at_stake else 100.0


def no_limits(lost: float, at_stake: float, day: float) -> float:
    """Beyond both ends."""
    return 100 * (1 - lost / max(at_stake, day))


def of_a_day(lost: float, at_stake: float, day: float) -> float:
    """Always against a day."""
    return min(max(100 * (1 - lost / day), 0), 100)


def score_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Loud weeks and quiet ones, better than the best, worse than nothing."""
    for at_stake, share in (
        (3000.0, 0.25), (3000.0, 1.4), (200.0, 0.5), (0.0, 0.0), (900.0, -0.1), (4000.0, 0.004),
    ):  # fmt: skip
        day = float(generator.uniform(700, 1200))
        at_stake *= float(generator.uniform(0.9, 1.1))
        yield {"lost": share * max(at_stake, day), "at_stake": at_stake, "day": day}
    yield {"lost": 30.0, "at_stake": 0.0, "day": 935.0}


# --- q2: the next line ---------------------------------------------------------------------------


def next_line(alerts, asked, day):
    """The runbook's first line that is not being worked on, nearest to the cause first."""
    order = ["operations", "inputs", "outputs", "decisions", "business"]
    for alert in sorted(alerts, key=lambda one: order.index(one.path.split(".")[0])):
        for command in alert.runbook:
            if command not in asked or day - asked[command] >= 3:
                return command
    return "advance"


def as_listed(alerts: Alerts, asked: dict[str, int], day: int) -> str:
    """In the order of the list."""
    lines = [command for one in alerts for command in one.runbook]
    free = [line for line in lines if line not in asked or day - asked[line] >= 3]
    return (free or ["advance"])[0]


def the_loudest(alerts: Alerts, asked: dict[str, int], day: int) -> str:
    """The alert farthest beyond its limit first."""
    loudest = sorted(alerts, key=lambda one: -one.value / one.threshold)
    return as_listed(tuple(loudest), asked, day)


def again(alerts: Alerts, asked: dict[str, int], day: int) -> str:
    """The same line every night."""
    return next_line(alerts, {}, day)  # type: ignore[no-untyped-call, no-any-return]


def never_again(alerts: Alerts, asked: dict[str, int], day: int) -> str:
    """A line that was tried once is never tried again."""
    ever = dict.fromkeys(asked, day)
    return next_line(alerts, ever, day)  # type: ignore[no-untyped-call, no-any-return]


_LINES = {
    "operations.fallback_rate": ("roll_back",), "operations.error_rate": (),
    "inputs.amount_mean": ("ask_owner amount",),
    "inputs.null_rate.history": ("rebuild_table", "ask_owner payments platform"),
    "outputs.score_log_odds": ("roll_back", "fall_back"),
    "decisions.block_rate": ("widen_review 40",),
    "business.reported_fraud_rate": ("retrain 120",),
}  # fmt: skip


def alert_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Alerts of several layers in any order; some lines are being worked on, some are none."""
    paths = list(_LINES)
    yield {"alerts": (), "asked": {}, "day": 0}
    yield {"alerts": (_ringing("operations.error_rate", 2.0),), "asked": {}, "day": 1}
    for size in (2, 3, 3, 4, 4, 5, 6):
        chosen = [paths[i] for i in generator.permutation(len(paths))[:size]]
        alerts = tuple(_ringing(path, float(generator.uniform(1.1, 9))) for path in chosen)
        lines = [line for path in chosen for line in _LINES[path]]
        tried = [line for line in lines if generator.random() < 0.5]
        asked = {line: int(generator.integers(9)) for line in tried}
        yield {"alerts": alerts, "asked": asked, "day": 9}
    both = ("inputs.null_rate.history", "outputs.score_log_odds")
    for day in (4, 5, 6, 7):
        alerts = tuple(_ringing(path, 3.0) for path in both)
        yield {"alerts": alerts, "asked": {"rebuild_table": 3}, "day": day}
    backwards = tuple(_ringing(path, 9.0 - place) for place, path in enumerate(reversed(paths)))
    yield {"alerts": backwards, "asked": {}, "day": 0}


def _ringing(path: str, times: float) -> Ringing:
    return Ringing(path, 0.2 * times, 0.2, "page", "somebody", _LINES[path])


# --- q3: a policy --------------------------------------------------------------------------------


def my_policy(observation):
    """Two numbers that name their cause, each with the line that ends it; nothing else moves us."""
    lines = {
        "operations.fallback_rate": "roll_back",
        "inputs.null_rate.history": "rebuild_table",
    }
    tried = {*observation.asked, *(command for _, command in observation.history)}
    for alert in observation.alerts:
        if alert.path in lines and lines[alert.path] not in tried:
            return lines[alert.path]
    return "advance"


def looks_on(observation: Observation) -> str:
    """Nothing, whatever rings."""
    return do_nothing(observation)


def rolls_back(observation: Observation) -> str:
    """The version before, whatever rings."""
    return always_roll_back(observation)


def acts_at_once(observation: Observation) -> str:
    """Out of service with it while anything rings."""
    return threshold_alarm(observation)
