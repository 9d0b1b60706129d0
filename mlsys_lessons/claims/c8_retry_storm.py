"""C8, "retries make it worse": a stall, its callers, and who is answered minutes later.

A fleet at six tenths of its capacity does nothing for five seconds; everything else is calm.
Callers who ask once, callers who ask up to three times more, and what is recommended against it
meet the same calls. What counts is the last of five minutes: of 1,000 calls that come then, how
many are answered in time. The arms are seconds of traffic, not days of a business, so the claim's
size says nothing here, and its incidents are the length of the stall: 4 x is twenty seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mlsys_lessons.claims.claim import (
    ORDINARY,
    Claim,
    Effects,
    Evidence,
    of_the_ordinary_year,
    unless_quiet,
)
from mlsys_lessons.claims.effects import mean_effect
from mlsys_lessons.claims.result import Earlier
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.traffic import Outage, Policy, Retries, poisson, simulate_queue

SERVERS, SERVICE_S, LOAD, TIMEOUT_S, STALL_S = 4, 0.02, 0.6, 0.5, 5.0
STALLED_AT, SECONDS, WATCHED = 20.0, 300.0, 60.0

# Written before the first run. Permanent: five minutes later more than half of the calls are lost.
# Undone: not more than one call in a hundred is lost that callers without retries would not lose.
MOST, FEW = 500.0, -10.0

ONCE, STORM = "no retries", "three retries"
BUDGET = "three retries, budget of 10 %"
_UNIT = "of 1,000 calls in the last of five minutes"


@dataclass(frozen=True)
class Queue(Arm):
    """Five minutes of calls; `rate` multiplies the length of the stall."""

    levels: tuple[str, ...] = ()
    policy: Policy = field(default_factory=lambda: Policy(TIMEOUT_S))
    servers: int = SERVERS
    load: float = LOAD  # of the usual servers

    def faults(self, seed: int, size: ClaimSize) -> tuple[Fault, ...]:
        """No day is disturbed; the stall is an outage of seconds."""
        return ()

    def play(self, seed: int, size: ClaimSize) -> dict[str, Any]:
        """The last minute as a thousand calls, a euro for each answered one: euros are calls."""
        calls = poisson(self.load * SERVERS / SERVICE_S, SECONDS, seed=seed)
        stall = [Outage(STALLED_AT, STALLED_AT + STALL_S * self.rate)] if self.rate else []
        run = simulate_queue(
            calls, servers=self.servers, service_s=SERVICE_S, policy=self.policy, outages=stall,
            seed=seed,
        )  # fmt: skip
        cents = round(100_000 * run.served_between(SECONDS - WATCHED, SECONDS))
        money = {"value_cents": cents, "expected_cents": cents, "items": {}}
        return {**money, "requests": 1_000, "alerts": 0}


def arms(rate: float) -> Mapping[str, Arm]:
    """Asking once, asking again, and five things that are said to help."""
    eager = Policy(TIMEOUT_S, Retries(3))
    return {
        ONCE: Queue(rate=rate),
        STORM: Queue(rate=rate, policy=eager),
        "one retry": Queue(rate=rate, policy=Policy(TIMEOUT_S, Retries(1))),
        "three retries, backoff and jitter": Queue(
            rate=rate, policy=Policy(TIMEOUT_S, Retries(3, backoff_s=0.1))
        ),
        "three retries, twice the servers": Queue(rate=rate, policy=eager, servers=2 * SERVERS),
        "three retries, a fifth of the capacity": Queue(rate=rate, policy=eager, load=0.2),
        BUDGET: Queue(rate=rate, policy=Policy(TIMEOUT_S, Retries(3, budget=0.1))),
        "three retries, room for twenty": Queue(
            rate=rate, policy=Policy(TIMEOUT_S, Retries(3), queue_limit=20)
        ),
    }


def effects(evidence: Evidence, rate: float) -> Effects:
    """What retries lose for good, and whether a budget brings it back."""
    calls = (
        ("lost by retries", ONCE, STORM, MOST),
        ("brought back by a budget", BUDGET, STORM, MOST),
        ("budget against no retries", BUDGET, ONCE, FEW),
    )
    return tuple(
        mean_effect(name, _UNIT, evidence.gap(arm, other, rate), threshold)
        for name, arm, other, threshold in calls
    )


def notes(evidence: Evidence, effects: Effects) -> tuple[str, ...]:
    """What rates and sizes mean here."""
    return ("incidents are the length of the stall, and size and days say nothing here",)


def table(evidence: Evidence) -> pd.DataFrame:
    """Calls answered in the last minute, of 1,000, by arm and by length of the stall."""
    answered = {
        f"stall of {STALL_S * rate:g} s": evidence.euros(rate).mean() for rate in evidence.rates()
    }
    rows = pd.DataFrame(answered).loc[list(arms(ORDINARY))]
    return rows.rename_axis("callers").reset_index()


CLAIM = Claim(
    name="C8",
    sentence="Retries turn a stall into a permanent outage, and a retry budget undoes it.",
    fails_where=(
        "a fleet that is used to less than 1/(1 + retries) of its capacity: it works off even the "
        "repeated calls; and callers whose timeout is longer than the stall never ask again"
    ),
    arms=arms,
    effects=effects,
    verdict_at=unless_quiet("nothing to end"),
    verdict=of_the_ordinary_year,
    notes=notes,
    table=table,
    earlier=(Earlier("the same with BCa intervals", "holds", "2026-11-23"),),
)
