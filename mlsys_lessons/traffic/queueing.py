"""The queue simulator: calls, servers and a policy in; one outcome for each request out.

First come, first served, on a simulated clock. A server is not told that its caller has given up:
it does the work all the same, and that is what makes a stall last. All luck is drawn by request and
attempt, so two policies meet the same calls with the same service times. What callers do about
trouble is data in policy.py.

There is no event queue for the servers: a call that comes now starts as soon as the first server is
free (Kiefer and Wolfowitz, 1955), so its start and finish are known at once, and only the moments
at which callers learn of a failure wait in a heap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np

from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import positive, whole_number
from mlsys_lessons.traffic.arrivals import Arrivals
from mlsys_lessons.traffic.callers import Callers
from mlsys_lessons.traffic.policy import Outage, Policy
from mlsys_lessons.traffic.result import FALLBACK, LATE, SERVED, SHED, QueueRun

_NEVER = float("inf")
_MOST_KINDS = 1_000  # of callers


def simulate_queue(
    arrivals: Arrivals, *, servers: int = 1, service_s: float | Sequence[float] = 1.0,
    policy: Policy | None = None, outages: Iterable[Outage] = (), seed: int = 0,
) -> QueueRun:  # fmt: skip
    """Let calls meet servers under a policy; service times are exponential.

    `service_s` is the mean in seconds, or one mean for each kind of caller. Raises InputError for
    arguments of other types or out of range.

    Why it matters: a service at 95 % of its capacity is not 5 % from trouble. Its callers wait
    nineteen service times on average, and the first stall can keep it down for good.

    >>> from mlsys_lessons.traffic import poisson
    >>> simulate_queue(poisson(8.0, 1_000.0, seed=1), servers=10, seed=1)
    QueueRun(8,025 requests: 100.0 % served; 1.00 attempts a request, p99 4.70 s)
    """
    if not isinstance(arrivals, Arrivals):
        raise InputError(f"arrivals={arrivals!r} must come from poisson(...), spike(...) or alike.")
    policy = Policy() if policy is None else policy
    outages = tuple(outages) if isinstance(outages, Iterable) else (outages,)
    for argument, kind in [(policy, Policy), *((outage, Outage) for outage in outages)]:
        if not isinstance(argument, kind):
            raise InputError(f"{argument!r} is no {kind.__name__}; pass a {kind.__name__}(...).")
    whole_number("servers", servers, 1, 100_000)
    whole_number("seed", seed, 0, 2**63 - 1)
    means_s = _mean_service_times(arrivals, service_s)
    return _Simulation(arrivals, means_s, servers, policy, outages, seed).run()


def _mean_service_times(arrivals: Arrivals, service_s: float | Sequence[float]) -> np.ndarray:
    """The mean service time of each call, by its kind of caller."""
    kinds = int(arrivals.kinds.max(initial=0)) + 1
    if kinds > _MOST_KINDS:
        raise InputError(f"kinds go up to {kinds - 1:,}; number them 0..{_MOST_KINDS - 1:,}.")
    if isinstance(service_s, (Sequence, np.ndarray)):
        means = list(service_s)
    else:
        means = [service_s] * kinds
    if len(means) < kinds:
        raise InputError(f"service_s has {len(means)} means for {kinds} kinds; give one for each.")
    return np.array([positive("service_s", mean) for mean in means])[arrivals.kinds]


class _Servers:
    """Servers that become free at known times, and the queue in front of them."""

    def __init__(self, count: int, outages: tuple[Outage, ...], limit: int | None) -> None:
        self.free = [(0.0, server) for server in range(count)]  # a heap: when, which server
        self.waiting: deque[float] = deque()  # when each queued call will start
        self.outages, self.limit = outages, limit
        heapify(self.free)

    def take(self, now: float, service: float) -> tuple[float, float] | None:
        """When the call starts and is done; None when the queue is full."""
        waiting = self.waiting
        while waiting and waiting[0] <= now:
            waiting.popleft()
        if self.outages:
            self._skip(now)
        free, server = self.free[0]
        start = free if free > now else now
        if start > now:
            if self.limit is not None and len(waiting) >= self.limit:
                return None
            waiting.append(start)
        heapreplace(self.free, (start + service, server))
        return start, start + service

    def _skip(self, now: float) -> None:
        """Make the first free server free again only after the outages that it is in."""
        while True:
            free, server = self.free[0]
            start = max(free, now)
            ends = (outage.end for outage in self.outages if _is_down(outage, server, start))
            end = max(ends, default=0)
            if not end:
                return
            heapreplace(self.free, (end, server))


def _is_down(outage: Outage, server: int, moment: float) -> bool:
    affected = outage.servers is None or server < outage.servers
    return affected and outage.start <= moment < outage.end


class _Simulation:
    """One simulation: every request, its attempts, and its outcome."""

    def __init__(
        self, arrivals: Arrivals, means_s: np.ndarray, servers: int, policy: Policy,
        outages: tuple[Outage, ...], seed: int,
    ) -> None:  # fmt: skip
        size = len(arrivals)
        self.arrivals, self.policy, self.means_s, self.seed = arrivals, policy, means_s, seed
        self.servers = _Servers(servers, outages, policy.queue_limit)
        self.callers = Callers(policy, int(arrivals.kinds.max(initial=0)) + 1)
        self.timeout = _NEVER if policy.timeout_s is None else policy.timeout_s
        self.kinds = arrivals.kinds.tolist()
        self.outcome, self.done, self.attempts = [SHED] * size, [0.0] * size, [0] * size
        self.sent: list[float] = []  # when each call reached the server
        self.started: list[float] = []  # when a server started it; NaN: it was refused
        # a heap of what callers do next: when, request, attempt, whether a backoff is over
        self.pending: list[tuple[float, int, int, bool]] = []
        self.services = _Draws(partial(self._draw, "service"))
        self.coins = _Draws(partial(self._draw, "throttle"))
        self.jitter = _Draws(partial(self._draw, "jitter"))

    def _draw(self, purpose: str, attempt: int) -> list[float]:
        """The luck of every request's n-th attempt."""
        generator = stream(self.seed, f"traffic.{purpose}", attempt)
        if purpose == "service":
            return (generator.standard_exponential(len(self.means_s)) * self.means_s).tolist()
        return generator.random(len(self.means_s)).tolist()

    def run(self) -> QueueRun:
        """Play fresh requests and failed attempts in the order of time."""
        pending, call, after_failure = self.pending, self._call, self._after_failure
        earn_retry = self.callers.earn_retry  # looked up once, not for each of millions of calls
        for request, now in enumerate(self.arrivals.times.tolist()):
            while pending and pending[0][0] <= now:
                after_failure(*heappop(pending))
            earn_retry()
            call(now, request, 0)
        while pending:
            after_failure(*heappop(pending))
        return QueueRun(
            self.arrivals, np.array(self.outcome, dtype=np.int8), np.array(self.done),
            np.array(self.attempts), np.array(self.sent), np.array(self.started),
        )  # fmt: skip

    def _call(self, now: float, request: int, attempt: int) -> None:
        """One attempt: refused by the caller, refused by the server, late, or served."""
        kind, callers = self.kinds[request], self.callers
        work = None  # start and finish, once a server accepts the call
        if callers.may_call(now, kind, self.coins[attempt][request] if callers.throttle else 1.0):
            work = self.servers.take(now, self.services[attempt][request])
            self.attempts[request] += 1
            callers.failures += work is None  # a caller's own refusal is no failure of the servers
            self.sent.append(now)
            self.started.append(work[0] if work else np.nan)
        if work is None:
            self.outcome[request] = SHED
            heappush(self.pending, (now, request, attempt + 1, False))
            return
        finish = work[1]
        callers.accepted(kind, finish)
        if finish - now > self.timeout:
            self.outcome[request] = LATE
            heappush(self.pending, (now + self.timeout, request, attempt + 1, False))
        else:
            self.outcome[request], self.done[request] = SERVED, finish

    def _after_failure(self, now: float, request: int, attempt: int, backed_off: bool) -> None:
        """After a failed attempt: retry, at once or after a backoff, or give up."""
        retries = self.policy.retries
        if not backed_off:
            self.callers.failures += self.outcome[request] == LATE
            if attempt > retries.attempts or not self.callers.may_retry():
                self._give_up(now, request)
                return
            pause = retries.backoff_s * 2.0 ** (attempt - 1)
            if pause:
                pause *= self.jitter[attempt][request]
                heappush(self.pending, (now + pause, request, attempt, True))
                return
        self._call(now, request, attempt)

    def _give_up(self, now: float, request: int) -> None:
        self.done[request] = now
        if self.policy.fallback is not None:
            self.outcome[request] = FALLBACK
            self.done[request] += self.policy.fallback.latency_s


class _Draws(dict[int, list[float]]):
    """Random numbers by attempt, drawn when the first request gets that far."""

    def __init__(self, make: partial[list[float]]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, attempt: int) -> list[float]:
        self[attempt] = self.make(attempt)
        return self[attempt]
