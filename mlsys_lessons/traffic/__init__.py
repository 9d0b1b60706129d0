"""Traffic: what happens within seconds, when calls queue, time out, come again and are refused.

The same policies as in the days' simulation (deadline, breaker, ladder, shedding), on a clock of
milliseconds and with real queues. It knows no model and no money; days are in simulation.py.

    arrivals.py   when calls come: steadily, in a spike, as a flash crowd
    policy.py     what caller and server do about trouble, as data
    callers.py    what callers remember: budget, breaker, bulkhead, throttle
    queueing.py   the laboratory: arrivals, servers, policy -> one outcome for each request
    result.py     what came of it, by request, second and percentile
    theory.py     what a correct laboratory must reproduce, in closed form
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
