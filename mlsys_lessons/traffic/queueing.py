"""The laboratory: calls, servers and a policy in; one outcome for each request out.

First come, first served, on virtual time. A server does not hear that its caller has given up: the
work is done all the same, and that is what makes a stall last. All luck is drawn by request and
attempt, so two policies meet the same calls with the same needs. It decides nothing: policies are
data in policy.py.

The queue of a FIFO server needs no clock of its own: a call that comes now starts when the soonest
server is free (Kiefer and Wolfowitz, 1955), so only failures have to be waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np

from mlsys_lessons.randomness import stream
from mlsys_lessons.records import InputError, whole_number
from mlsys_lessons.traffic.arrivals import Arrivals, positive
from mlsys_lessons.traffic.callers import Caller
from mlsys_lessons.traffic.policy import Outage, Policy
from mlsys_lessons.traffic.result import FALLBACK, LATE, SERVED, SHED, QueueRun

_NEVER = float("inf")


def simulate_queue(
    arrivals: Arrivals, *, servers: int = 1, service_s: float | Sequence[float] = 1.0,
    policy: Policy | None = None, outages: Iterable[Outage] = (), seed: int = 0,
) -> QueueRun:  # fmt: skip
    """Let calls meet servers under a policy; service times are exponential.

    `service_s` is the mean in seconds, or one mean for each kind of caller. Raises InputError for
    numbers that no queue can have.

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
    for each, kind in [(policy, Policy), *((outage, Outage) for outage in outages)]:
        if not isinstance(each, kind):
            raise InputError(f"{each!r} is no {kind.__name__}; pass a {kind.__name__}(...).")
    whole_number("servers", servers, 1, 100_000)
    whole_number("seed", seed, 0, 2**63 - 1)
    kinds = int(arrivals.kinds.max(initial=0)) + 1
    if isinstance(service_s, (Sequence, np.ndarray)):
        means = list(service_s)
    else:
        means = [service_s] * kinds
    if len(means) < kinds:
        raise InputError(f"service_s has {len(means)} means for {kinds} kinds; give one for each.")
    needs = np.array([positive("service_s", mean) for mean in means])[arrivals.kinds]
    return _Laboratory(arrivals, needs, servers, policy, outages, seed).run()


class _Servers:
    """Servers that are free at known times, and the queue in front of them."""

    def __init__(self, count: int, outages: tuple[Outage, ...], limit: int | None) -> None:
        self.free = [(0.0, each) for each in range(count)]  # a heap: when, which server
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
        """Bring the soonest server past the outages that it is in."""
        while True:
            free, server = self.free[0]
            start = max(free, now)
            back = max((each.end for each in self.outages if _down(each, server, start)), default=0)
            if not back:
                return
            heapreplace(self.free, (back, server))


def _down(outage: Outage, server: int, moment: float) -> bool:
    reached = outage.servers is None or server < outage.servers
    return reached and outage.start <= moment < outage.end


class _Laboratory:
    """One experiment: every request, its attempts, and what became of it."""

    def __init__(
        self, arrivals: Arrivals, needs: np.ndarray, servers: int, policy: Policy,
        outages: tuple[Outage, ...], seed: int,
    ) -> None:  # fmt: skip
        size = len(arrivals)
        self.arrivals, self.policy, self.needs, self.seed = arrivals, policy, needs, seed
        self.servers = _Servers(servers, outages, policy.queue_limit)
        self.caller = Caller(policy, int(arrivals.kinds.max(initial=0)) + 1)
        self.timeout = _NEVER if policy.timeout_s is None else policy.timeout_s
        self.kinds = arrivals.kinds.tolist()
        self.outcome, self.done, self.attempts = [SHED] * size, [0.0] * size, [0] * size
        self.sent: list[float] = []  # when each call reached the server
        self.started: list[float] = []  # and when work on it began; NaN when it was refused
        self.failed: list[tuple[float, int, int, bool]] = []  # a heap: when, request, attempt, sure
        self.services = _Draws(partial(self._drawn, "service"))
        self.coins = _Draws(partial(self._drawn, "throttle"))
        self.jitter = _Draws(partial(self._drawn, "jitter"))

    def _drawn(self, purpose: str, attempt: int) -> list[float]:
        """The luck of every request's n-th attempt."""
        draw = stream(self.seed, f"traffic.{purpose}", attempt)
        if purpose == "service":
            return (draw.standard_exponential(len(self.needs)) * self.needs).tolist()
        return draw.random(len(self.needs)).tolist()

    def run(self) -> QueueRun:
        """Take the calls in their order, and in between those who ask again."""
        failed, call, again, asked = self.failed, self._call, self._again, self.caller.asked
        for request, now in enumerate(self.arrivals.times.tolist()):
            while failed and failed[0][0] <= now:
                again(*heappop(failed))
            asked()
            call(now, request, 0)
        while failed:
            again(*heappop(failed))
        return QueueRun(
            self.arrivals, np.array(self.outcome, dtype=np.int8), np.array(self.done),
            np.array(self.attempts), np.array(self.sent), np.array(self.started),
        )  # fmt: skip

    def _call(self, now: float, request: int, attempt: int) -> None:
        """One attempt."""
        kind, caller = self.kinds[request], self.caller
        taken = None
        if caller.may_call(now, kind, self.coins[attempt][request] if caller.window else 1.0):
            taken = self.servers.take(now, self.services[attempt][request])
            self.attempts[request] += 1
            caller.failures += taken is None  # a caller's own refusal says nothing of the servers
            self.sent.append(now)
            self.started.append(taken[0] if taken else np.nan)
        if taken is None:
            self.outcome[request] = SHED
            heappush(self.failed, (now, request, attempt + 1, False))
            return
        finish = taken[1]
        caller.accepted(kind, finish)
        if finish - now > self.timeout:
            self.outcome[request] = LATE
            heappush(self.failed, (now + self.timeout, request, attempt + 1, False))
        else:
            self.outcome[request], self.done[request] = SERVED, finish

    def _again(self, now: float, request: int, attempt: int, sure: bool) -> None:
        """An attempt has failed: ask again, now or after a pause, or give up."""
        retries = self.policy.retries
        if not sure:
            self.caller.failures += self.outcome[request] == LATE
            if attempt > retries.attempts or not self.caller.may_retry():
                self._give_up(now, request)
                return
            pause = retries.backoff_s * 2.0 ** (attempt - 1)
            if pause:
                pause *= self.jitter[attempt][request]
                heappush(self.failed, (now + pause, request, attempt, True))
                return
        self._call(now, request, attempt)

    def _give_up(self, now: float, request: int) -> None:
        self.done[request] = now
        if self.policy.fallback is not None:
            self.outcome[request] = FALLBACK
            self.done[request] += self.policy.fallback.latency_s


class _Draws(dict[int, list[float]]):
    """Draws by attempt, made when the first request gets so far."""

    def __init__(self, make: partial[list[float]]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, attempt: int) -> list[float]:
        self[attempt] = self.make(attempt)
        return self[attempt]
