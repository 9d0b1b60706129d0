"""Callers: what they remember together, and when they hold back a call.

Retry budget, circuit breaker, bulkhead and throttle, each a few numbers on the simulated clock. The
settings come from policy.py; the servers are in queueing.py.
"""

from __future__ import annotations

import copy
from collections import deque
from heapq import heappop, heappush

from mlsys_lessons.traffic.policy import Policy, Throttle


class Callers:
    """The memory that all callers share: retry tokens, calls in flight, breaker, throttle."""

    def __init__(self, policy: Policy, kinds: int) -> None:
        self.policy, self.retries = policy, policy.retries
        self.tokens = policy.retries.burst
        self.throttle = _ThrottleWindow(policy.throttle) if policy.throttle else None
        self.breaker = copy.deepcopy(policy.breaker)
        # the breaker's count of the running second, and whether it refuses this second's calls
        self.second, self.calls, self.failures, self.is_open = -1, 0, 0, False
        self.in_flight: list[list[float]] = [[] for _ in range(kinds)]  # heaps of finish times

    def earn_retry(self) -> None:
        """A fresh request adds its share of a retry to the budget."""
        if self.retries.budget is not None:
            self.tokens = min(self.tokens + self.retries.budget, self.retries.burst)

    def may_retry(self) -> bool:
        """Whether the budget has a retry left; if so, it is spent."""
        if self.retries.budget is None:
            return True
        has_token = self.tokens >= 1
        self.tokens -= has_token
        return has_token

    def may_call(self, now: float, kind: int, coin: float) -> bool:
        """Whether bulkhead, breaker and throttle let a call go; `coin` is uniform in 0..1."""
        if self.policy.bulkhead is not None:
            running = self.in_flight[kind]
            while running and running[0] <= now:
                heappop(running)
            if len(running) >= self.policy.bulkhead:
                return False
        if self.breaker is not None and self._breaker_is_open(now):
            return False
        goes = self.throttle is None or coin >= self.throttle.drop_probability(now)
        self.calls += goes
        return goes

    def _breaker_is_open(self, now: float) -> bool:
        """Whether the breaker refuses the calls of this second; it is told each second's counts."""
        assert self.breaker is not None
        if int(now) != self.second:
            self.breaker.enter(self.second, self.calls, self.failures)
            self.second, self.calls, self.failures = int(now), 0, 0
            self.is_open = not self.breaker.enter(self.second, 0, 0)
        return self.is_open

    def accepted(self, kind: int, finish: float) -> None:
        """Remember that a server accepted a call, which it will finish at `finish`."""
        if self.throttle is not None:
            self.throttle.accept()
        if self.policy.bulkhead is not None:
            heappush(self.in_flight[kind], finish)


class _ThrottleWindow:
    """Requests and accepts of the last seconds, for a `Throttle`."""

    def __init__(self, throttle: Throttle) -> None:
        self.k, self.window_s, self.second = throttle.k, throttle.window_s, -1
        self.requests: deque[int] = deque()  # by second, the oldest first
        self.accepts: deque[int] = deque()
        self.total_requests = self.total_accepts = 0

    def drop_probability(self, now: float) -> float:
        """How likely the caller drops this request itself; the request is counted afterwards."""
        while self.second < int(now):
            self.second = self.second + 1 if self.requests else int(now)
            self.requests.append(0)
            self.accepts.append(0)
            if len(self.requests) > self.window_s:
                self.total_requests -= self.requests.popleft()
                self.total_accepts -= self.accepts.popleft()
        excess = self.total_requests - self.k * self.total_accepts
        probability = excess / (self.total_requests + 1)
        self.requests[-1] += 1
        self.total_requests += 1
        return probability

    def accept(self) -> None:
        """Count a call that a server accepted."""
        self.accepts[-1] += 1
        self.total_accepts += 1
