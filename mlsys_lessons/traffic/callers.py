"""Callers: what those who ask remember together, and when they hold back.

Retry budget, circuit breaker, bulkhead and throttle, each a few numbers on virtual time. What the
servers do is in queueing.py; what has been agreed on, in policy.py.
"""

from __future__ import annotations

import copy
from collections import deque
from heapq import heappop, heappush

from mlsys_lessons.traffic.policy import Policy, Throttle


class Caller:
    """What the callers remember together: the throttle's counts, the budget, the breaker."""

    def __init__(self, policy: Policy, kinds: int) -> None:
        self.policy, self.retries = policy, policy.retries
        self.tokens = policy.retries.burst
        self.window = _Window(policy.throttle) if policy.throttle else None
        self.breaker = copy.deepcopy(policy.breaker)
        self.slot, self.calls, self.failures, self.open = -1, 0, 0, False
        self.under_way: list[list[float]] = [[] for _ in range(kinds)]

    def asked(self) -> None:
        """A fresh request earns its share of a retry."""
        if self.retries.budget is not None:
            self.tokens = min(self.tokens + self.retries.budget, self.retries.burst)

    def may_retry(self) -> bool:
        """Whether the budget has a retry left; takes it."""
        if self.retries.budget is None:
            return True
        granted = self.tokens >= 1
        self.tokens -= granted
        return granted

    def may_call(self, now: float, kind: int, coin: float) -> bool:
        """Whether bulkhead, breaker and throttle let a call go."""
        if self.policy.bulkhead is not None:
            running = self.under_way[kind]
            while running and running[0] <= now:
                heappop(running)
            if len(running) >= self.policy.bulkhead:
                return False
        if self.breaker is not None and not self._closed(now):
            return False
        goes = self.window is None or coin >= self.window.refusal(now)
        self.calls += goes
        return goes

    def _closed(self, now: float) -> bool:
        """Whether the breaker lets calls through in this second."""
        assert self.breaker is not None
        if int(now) != self.slot:
            self.breaker.enter(self.slot, self.calls, self.failures)
            self.slot, self.calls, self.failures = int(now), 0, 0
            self.open = not self.breaker.enter(self.slot, 0, 0)
        return not self.open

    def accepted(self, kind: int, finish: float) -> None:
        """The server took a call."""
        if self.window is not None:
            self.window.accepts[-1] += 1
            self.window.accepted += 1
        if self.policy.bulkhead is not None:
            heappush(self.under_way[kind], finish)


class _Window:
    """Requests and accepts of the last seconds."""

    def __init__(self, throttle: Throttle) -> None:
        self.k, self.size, self.slot = throttle.k, throttle.window_s, -1
        self.requests: deque[int] = deque()
        self.accepts: deque[int] = deque()
        self.asked = self.accepted = 0

    def refusal(self, now: float) -> float:
        """How likely the caller refuses itself, given what it has seen; counts the request."""
        while self.slot < int(now):
            self.slot = self.slot + 1 if self.requests else int(now)
            self.requests.append(0)
            self.accepts.append(0)
            if len(self.requests) > self.size:
                self.asked -= self.requests.popleft()
                self.accepted -= self.accepts.popleft()
        chance = (self.asked - self.k * self.accepted) / (self.asked + 1)
        self.requests[-1] += 1
        self.asked += 1
        return chance
