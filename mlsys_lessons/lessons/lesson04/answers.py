"""Answers to lesson 04's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons import traffic
from mlsys_lessons.traffic import Policy, Retries

# --- q1: when to ask again -----------------------------------------------------------------------


def backoff(attempt, luck):
    """Seconds to wait: anything between now and a wait that doubles up to two seconds."""
    longest = np.minimum(2.0, 0.1 * 2.0**attempt)
    return luck * longest


def all_together(attempt, luck):
    """Doubling, without jitter."""
    return np.minimum(2.0, 0.1 * 2.0**attempt)


def without_end(attempt, luck):
    """Doubling for ever."""
    return luck * 0.1 * 2.0**attempt


def a_little_jitter(attempt, luck):
    """Doubling, with a pinch of luck on top."""
    return np.minimum(2.0, 0.1 * 2.0**attempt) + 0.1 * luck


def evenly(attempt, luck):
    """A step longer each time."""
    return luck * np.minimum(2.0, 0.1 * (attempt + 1))


def backoff_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Attempts from the first to one long after the cap, each with its luck."""
    for rows in (8, 300):
        attempt = generator.integers(0, 12, rows)
        attempt[:3] = [0, 3, 9]
        yield {"attempt": attempt, "luck": generator.random(rows)}


# --- q2: how many may ask again ------------------------------------------------------------------


def may_retry(calls, failures, retries):
    """Whether one more retry keeps the load below 1.1 times the fresh calls."""
    return retries + 1 <= 0.1 * calls


def of_the_failures(calls, failures, retries):
    """A tenth of what fails."""
    return retries + 1 <= 0.1 * failures


def of_everything(calls, failures, retries):
    """A tenth of all that is sent."""
    return retries + 1 <= 0.1 * (calls + retries)


def up_to_three(calls, failures, retries):
    """Three for each failed call, as before."""
    return retries + 1 <= 3 * failures


def budget_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Calm minutes and stormy ones, at budgets below, at and above the limit."""
    calls = generator.integers(500, 9_000, 60)
    calm = generator.random(60) < 0.5
    failures = np.where(calm, calls // 50, calls * 3)
    retries = (calls * generator.choice([0.0, 0.03, 0.0999, 0.105, 0.2, 1.5], 60)).astype(np.int64)
    calls[:3], retries[:3] = (1_000, 5_000, 5_000), (99, 499, 500)  # to the last retry, and beyond
    yield {"calls": calls, "failures": failures, "retries": retries}


# --- q3: how busy may it be ----------------------------------------------------------------------


def busiest(utilisation, p99_ms, target_ms, servers, lost):
    """The load of the whole fleet at which what is left of it still keeps the target."""
    kept = np.maximum.accumulate(p99_ms) <= target_ms  # so far: a later dip is luck
    left = utilisation[kept].max(initial=0.0)
    return float(left * (servers - lost) / servers)


def nobody_dies(utilisation, p99_ms, target_ms, servers, lost):
    """The curve, read for a fleet that never loses anybody."""
    return float(utilisation[np.maximum.accumulate(p99_ms) <= target_ms].max(initial=0.0))


def a_lucky_point(utilisation, p99_ms, target_ms, servers, lost):
    """The last point below the target, wherever it lies."""
    return float(utilisation[p99_ms <= target_ms].max(initial=0.0) * (servers - lost) / servers)


def merely_stable(utilisation, p99_ms, target_ms, servers, lost):
    """The load at which the queue does not grow for ever."""
    return (servers - lost) / servers


def the_wrong_way(utilisation, p99_ms, target_ms, servers, lost):
    """More, because there were more servers."""
    kept = utilisation[np.maximum.accumulate(p99_ms) <= target_ms].max(initial=0.0)
    return float(min(kept * servers / (servers - lost), 1.0))


def load_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Measured curves: a lucky point behind the first breach, one on the target, none below it."""
    for servers, lost in ((4, 1), (10, 3), (2, 1), (5, 2)):
        utilisation = np.round(np.arange(0.30, 0.96, 0.05), 2)
        p99 = generator.uniform(50, 90) / (1 - utilisation) ** generator.uniform(0.6, 1.2)
        breach = int(generator.integers(4, len(p99) - 3))
        target = float(p99[breach] * 0.97)
        p99[breach + 1] = target * generator.uniform(0.9, 0.99)
        p99[breach - 1] = target
        p99[0] = 2 * target if servers == 5 else p99[0]
        yield {
            "utilisation": utilisation, "p99_ms": p99, "target_ms": target,
            "servers": servers, "lost": lost,
        }  # fmt: skip


# --- q4: when to stop asking ---------------------------------------------------------------------


def open_above(model, rule, waiting):
    """The failure share from which a breaker earns more open than closed."""
    return (model - rule) / (model - rule + waiting)


def half(model, rule, waiting):
    """What the library has as its default."""
    return 0.5 + 0.0 * (model + rule + waiting)


def no_rung_below(model, rule, waiting):
    """As if a failed call got no answer at all."""
    return (model - rule) / (model + waiting)


def share_that_works(model, rule, waiting):
    """The share of calls that must still succeed."""
    return waiting / (model - rule + waiting)


def breaker_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Worths of a model above those of a rule, and prices of waiting."""
    rows = 6
    rule = generator.uniform(5, 40, rows)
    yield {
        "model": rule + generator.uniform(5, 60, rows), "rule": rule,
        "waiting": generator.uniform(1, 30, rows),
    }  # fmt: skip


# --- q5: survive the crowd -----------------------------------------------------------------------


def my_policy():
    """A small room, a rule at its door, and no second try."""
    return mls.traffic.Policy(timeout_s=0.5, queue_limit=20, fallback=mls.traffic.Fallback())


def ask_again():
    """What the storm taught: a budget."""
    return Policy(timeout_s=0.5, retries=Retries(3, backoff_s=0.1, budget=0.1))


def rule_at_the_end():
    """A rule for whoever has waited in vain, three times."""
    return Policy(timeout_s=0.5, retries=Retries(3), fallback=traffic.Fallback())


def rule_after_the_wait():
    """A rule for whoever has waited in vain."""
    return Policy(timeout_s=0.5, fallback=traffic.Fallback())


def only_the_door():
    """A small room, and nothing for those who stay outside."""
    return Policy(timeout_s=0.5, queue_limit=20)


def a_room_for_all():
    """A large room."""
    return Policy(timeout_s=0.5, queue_limit=1_000, fallback=traffic.Fallback())
