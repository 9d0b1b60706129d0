"""Traffic: what happens within seconds, when calls queue, time out, are retried and are refused.

The same remedies as in the simulation of days (deadline, breaker, fallback, shedding), on a clock
of seconds and with real queues. It knows no model and no money; days are simulated in simulation/.

    arrivals.py   when calls come: steadily, in a spike, as a flash crowd
    policy.py     what caller and server do about trouble, as data
    callers.py    what callers remember: retry budget, breaker, bulkhead, throttle
    queueing.py   the simulator: arrivals, servers, policy -> one outcome for each request
    result.py     the outcomes, by request, second and percentile
    theory.py     what a correct simulator must reproduce, in closed form
"""

from mlsys_lessons.traffic.arrivals import Arrivals, flash_crowd, poisson, spike, together
from mlsys_lessons.traffic.policy import Fallback, Outage, Policy, Retries, Throttle
from mlsys_lessons.traffic.queueing import simulate_queue
from mlsys_lessons.traffic.result import OUTCOMES, QueueRun
from mlsys_lessons.traffic.theory import (
    amplification,
    erlang_c,
    late_share,
    mean_wait,
    stable,
    storm_threshold,
)

__all__ = [
    "OUTCOMES", "Arrivals", "Fallback", "Outage", "Policy", "QueueRun", "Retries", "Throttle",
    "amplification", "erlang_c", "flash_crowd", "late_share", "mean_wait", "poisson",
    "simulate_queue", "spike", "stable", "storm_threshold", "together",
]  # fmt: skip
