"""The ramp: how a new version gets from one request in a hundred to all of them, and what stops it.

Before it starts: how long until each step can see the harm that matters. While it runs: a word for
tonight, by the split first, then by guardrails whose intervals hold at every look and for all of
them together. Pure functions on counts, on top of canary.py; who routes is told in split.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mlsys_lessons.components.inference.canary import (
    Arm,
    difference_at_any_look,
    rows_needed,
    sample_ratio_p,
    smallest_rise,
)
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import positive, whole_number, within

WRONG_SPLIT, HARM, WAIT, GO = "wrong split", "harm", "wait", "go"
EVERYBODY = "all"  # the segment of a guardrail that names none
SPLIT_ALPHA = 0.0005  # the field's own: every later number stands on the split


class Step(NamedTuple):
    """A share of the requests, and the days that it is held for."""

    share: float
    days: int


class Guardrail(NamedTuple):
    """A rate that must not change by this much; the sign says which way hurts.

    `metric` and `segment` are names: who counts the arms knows what they mean.
    """

    metric: str
    harm: float
    segment: str = EVERYBODY


@dataclass(frozen=True)
class RampPlan:
    """Steps with rising shares, guardrails, and how often all looks together may be wrong."""

    steps: tuple[Step, ...] = (Step(0.01, 1), Step(0.05, 3), Step(0.25, 7))
    guardrails: tuple[Guardrail, ...] = ()
    alpha: float = 0.05

    def __post_init__(self) -> None:
        """Refuse a plan that shrinks, never starts, or asks for the impossible."""
        shares = [within("share", step.share, 0, 1) for step in self.steps]
        if not shares or shares != sorted(shares) or not (shares[0] > 0 and shares[-1] < 1):
            raise InputError(
                f"shares={shares!r} must rise, above 0 and below 1; what comes after is everybody."
            )
        for step in self.steps:
            whole_number("days", step.days, 1, 365)
        if not all(rail.harm for rail in self.guardrails):
            raise InputError("harm=0 is crossed by anything; name the change that would hurt.")
        if not 0 < positive("alpha", self.alpha) < 1:
            raise InputError(f"alpha={self.alpha!r} must lie between 0 and 1.")

    def in_the_dark(self, rate: float, rows_a_day: int) -> dict[float, float]:
        """For each step's share, the smallest rise of a rate that it can see by its last night.

        Why it matters: what a step cannot see before it begins, it has not excluded when it ends.

        >>> plan = RampPlan()
        >>> {share: round(rise, 3) for share, rise in plan.in_the_dark(0.004, 1_000).items()}
        {0.01: 0.33, 0.05: 0.033, 0.25: 0.007}
        """
        return {
            step.share: smallest_rise(
                rate, max(1, int(equal_rows(rows_a_day * step.days, step.share)))
            )
            for step in self.steps
        }


def equal_rows(rows: float, share: float) -> float:
    """Rows in each of two equal arms that know as much as `rows`, split in these shares.

    >>> equal_rows(1_000, 0.5), round(equal_rows(1_000, 0.05))
    (500.0, 95)

    Source: the variance of a difference is that of 1 / n + 1 / m; their harmonic mean.
    """
    within("share", share, 0, 1)
    return 2 * rows * share * (1 - share)


def days_to_see(
    rate: float, change: float, *, share: float, rows_a_day: float, power: float = 0.8,
    alpha: float = 0.05,
) -> float:  # fmt: skip
    """Days until a canary of this share would see a change of a rate, with this power.

    Why it matters: said before the start, it is a plan; found out at the end, it is "no
    difference". Labels that come late are not in it: add their delay.

    `share` lies between 0 and 1; `rows_a_day` are all requests. Raises InputError otherwise.

    >>> round(days_to_see(0.004, 0.004, share=0.05, rows_a_day=1_000))
    62
    """
    positive("rows_a_day", rows_a_day)
    if not 0 < within("share", share, 0, 1) < 1:
        raise InputError(f"share={share!r} compares nobody; it must lie between 0 and 1.")
    return rows_needed(rate, change, power=power, alpha=alpha) / equal_rows(rows_a_day, share)


def word_of(
    arms: Mapping[Guardrail, tuple[Arm, Arm]], *, share: float, rows: tuple[int, int],
    alpha: float = 0.05,
) -> str:  # fmt: skip
    """Tonight's word on a step: WRONG_SPLIT, HARM, WAIT or GO.

    `arms` are the old and the new version's counts so far, by guardrail; `rows` are all requests
    that either was sent. The interval of each guardrail holds at every look, at alpha divided by
    their number (Bonferroni): often as somebody looks, and whatever the segments share, a version
    that harms nobody is stopped at most that often. HARM: one interval lies on the wrong side of
    zero. GO: each excludes the harm that its guardrail names. Else WAIT.

    >>> rail = Guardrail("blocked", harm=0.01)
    >>> word_of({rail: (Arm(70, 9_500), Arm(20, 500))}, share=0.05, rows=(9_500, 500))
    'harm'
    >>> word_of({rail: (Arm(70, 9_500), Arm(4, 500))}, share=0.05, rows=(9_500, 500))
    'wait'
    >>> word_of({rail: (Arm(70, 9_500), Arm(4, 400))}, share=0.05, rows=(9_500, 400))
    'wrong split'
    """
    if sample_ratio_p(rows, (1 - share, share)) < SPLIT_ALPHA:
        return WRONG_SPLIT
    words = []
    for rail, (old, new) in arms.items():
        if not (old.rows and new.rows):
            words.append(WAIT)
            continue
        found = difference_at_any_look(old, new, level=1 - alpha / len(arms))
        sign = 1 if rail.harm > 0 else -1
        low, high = sorted((sign * found.low, sign * found.high))
        words.append(HARM if low > 0 else GO if high < abs(rail.harm) else WAIT)
    return next((word for word in (HARM, WAIT) if word in words), GO)
