"""The traffic laboratory once more, by brute force: a list of events, a queue, servers with names.

It shares the luck and nothing else with mlsys_lessons.traffic. No breaker, no throttle.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from itertools import count

import numpy as np

from mlsys_lessons.randomness import stream
from mlsys_lessons.traffic import Arrivals, Outage, Policy

END, AGAIN, COME = range(3)  # the order of what happens at one moment


class Brute:
    """Plays one experiment in its constructor; read outcome, latency and attempts."""

    def __init__(
        self, calls: Arrivals, servers: int, means: tuple[float, ...], policy: Policy,
        outages: list[Outage], seed: int,
    ) -> None:  # fmt: skip
        size, tries = len(calls), range(policy.retries.attempts + 2)
        self.policy, self.outages, self.kinds = policy, outages, calls.kinds
        self.came, self.tokens = calls.times, policy.retries.burst
        needs = np.array(means)[calls.kinds]
        draw = [stream(seed, "traffic.service", each).standard_exponential(size) for each in tries]
        self.service = [each * needs for each in draw]
        self.jitter = [stream(seed, "traffic.jitter", each).random(size) for each in tries]
        self.idle = dict.fromkeys(range(servers), 0.0)  # since when
        self.queue: deque[tuple[int, int, float]] = deque()
        self.live = [0] * len(means)
        self.answered: set[tuple[int, int]] = set()
        self.outcome, self.latency, self.attempts = ["?"] * size, [0.0] * size, [0] * size
        self.events: list[tuple] = []
        self.number = count()
        for request, moment in enumerate(calls.times.tolist()):
            self.plan(moment, COME, request, self.fresh, request)
        for each in outages:
            self.plan(each.end, END, -1, self.dispatch)
        while self.events:
            moment, _, _, _, do, what = heappop(self.events)
            do(moment, *what)

    def plan(self, moment: float, rank: int, request: int, do: object, *what: object) -> None:
        heappush(self.events, (moment, rank, request, next(self.number), do, what))

    def able(self, now: float) -> int | None:
        """The server that has been idle longest; one that is down is idle since its return."""
        while ready := [(since, each) for each, since in self.idle.items() if since <= now]:
            server = min(ready)[1]
            ends = [
                each.end
                for each in self.outages
                if (each.servers is None or server < each.servers) and each.start <= now < each.end
            ]
            if not ends:
                return server
            self.idle[server] = max(ends)
        return None

    def fresh(self, now: float, request: int) -> None:
        if self.policy.retries.budget is not None:
            self.tokens = min(self.tokens + self.policy.retries.budget, self.policy.retries.burst)
        self.call(now, request, 0)

    def call(self, now: float, request: int, attempt: int) -> None:
        kind, policy = self.kinds[request], self.policy
        if policy.bulkhead is not None and self.live[kind] >= policy.bulkhead:
            return self.fail(now, request, attempt, "shed")
        self.attempts[request] += 1
        at_once = not self.queue and self.able(now) is not None
        if policy.queue_limit is not None and not at_once and len(self.queue) >= policy.queue_limit:
            return self.fail(now, request, attempt, "shed")
        self.live[kind] += 1
        self.queue.append((request, attempt, now))
        self.dispatch(now)
        if policy.timeout_s is not None:
            self.plan(now + policy.timeout_s, AGAIN, request, self.expire, request, attempt)

    def dispatch(self, now: float) -> None:
        while self.queue and (server := self.able(now)) is not None:
            request, attempt, sent = self.queue.popleft()
            del self.idle[server]
            done = now + self.service[attempt][request]
            self.plan(done, END, request, self.finish, request, attempt, sent, server)

    def finish(self, now: float, request: int, attempt: int, sent: float, server: int) -> None:
        self.idle[server] = now
        self.live[self.kinds[request]] -= 1
        if self.policy.timeout_s is None or now - sent <= self.policy.timeout_s:
            self.answered.add((request, attempt))
            self.outcome[request], self.latency[request] = "served", now - self.came[request]
        self.dispatch(now)

    def expire(self, now: float, request: int, attempt: int) -> None:
        if (request, attempt) not in self.answered:
            self.fail(now, request, attempt, "late")

    def fail(self, now: float, request: int, attempt: int, why: str) -> None:
        retries, attempt = self.policy.retries, attempt + 1
        broke = retries.budget is not None and self.tokens < 1
        if attempt > retries.attempts or broke:
            given = self.policy.fallback
            self.outcome[request] = why if given is None else "fallback"
            self.latency[request] = now - self.came[request] + (given.latency_s if given else 0)
            return
        self.tokens -= retries.budget is not None
        pause = retries.backoff_s * 2 ** (attempt - 1) * self.jitter[attempt][request]
        if pause:
            self.plan(now + pause, AGAIN, request, self.call, request, attempt)
        else:
            self.call(now, request, attempt)
