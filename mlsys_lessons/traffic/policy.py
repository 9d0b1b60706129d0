"""Policies as data: what a caller and a server do when calls get slow or fail.

Frozen, small and combinable; callers.py and queueing.py apply them. The circuit breaker is the
inference stage's own class, fed with a count for each second instead of each minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import positive, whole_number, within


@dataclass(frozen=True)
class Retries:
    """How often a caller asks again after a timeout or a refusal, and how soon.

    `backoff_s` doubles with each attempt, and the pause is drawn between 0 and that ("full
    jitter"); 0 means to retry at once. `budget` is the number of retries earned by each fresh
    request: 0.1 allows one retry for ten requests, and at most `burst` unused ones are saved (None:
    no limit).
    """

    attempts: int = 3
    backoff_s: float = 0.0
    budget: float | None = None
    burst: float = 10.0

    def __post_init__(self) -> None:
        whole_number("attempts", self.attempts, 0, 20)
        within("backoff_s", self.backoff_s, high=1e6)
        within("burst", self.burst)
        if self.budget is not None:
            within("budget", self.budget, high=1.0)


@dataclass(frozen=True)
class Throttle:
    """A caller that drops its own calls: P = max(0, (requests - K accepts) / (requests + 1)).

    Counts are those of the last `window_s` seconds (Beyer and others, Site Reliability
    Engineering, 2016, chapter 21). With K = 2 a backend receives at most about twice the calls that
    it accepts.
    """

    k: float = 2.0
    window_s: int = 120

    def __post_init__(self) -> None:
        positive("k", self.k)
        whole_number("window_s", self.window_s, 1, 100_000)


@dataclass(frozen=True)
class Fallback:
    """A simpler answer for requests without one: it takes `latency_s` seconds and never fails."""

    latency_s: float = 0.001

    def __post_init__(self) -> None:
        within("latency_s", self.latency_s)


@dataclass(frozen=True)
class Outage:
    """Servers that start no call from second `start` to `end`; `servers=None` means all: a stall.

    A call that is running when the outage starts is finished.
    """

    start: float
    end: float
    servers: int | None = None

    def __post_init__(self) -> None:
        within("start", self.start), within("end", self.end)
        if self.servers is not None:
            whole_number("servers", self.servers, 1, 100_000)
        if not self.start < self.end:
            raise InputError(f"outage from {self.start} to {self.end}; it needs 0 <= start < end.")


_PARTS = {"retries": Retries, "throttle": Throttle, "breaker": Breaker, "fallback": Fallback}


@dataclass(frozen=True)
class Policy:
    """What callers and servers do about slow calls; the default is to wait for ever.

    `timeout_s`: the caller gives up after it, but the server is not told and does the work.
    `queue_limit`: the server refuses a call when so many wait (admission control).
    `bulkhead`: each kind of caller may have so many calls in flight. `breaker`: copied for each
    run; callers stop calling while it is open. `fallback`: answers the requests that got no answer.
    """

    timeout_s: float | None = None
    retries: Retries = field(default_factory=lambda: Retries(attempts=0))
    queue_limit: int | None = None
    throttle: Throttle | None = None
    bulkhead: int | None = None
    breaker: Breaker | None = None
    fallback: Fallback | None = None

    def __post_init__(self) -> None:
        if self.timeout_s is not None:
            positive("timeout_s", self.timeout_s)
        for name, kind in _PARTS.items():
            part = getattr(self, name)
            if not isinstance(part, kind) and (part is not None or name == "retries"):
                raise InputError(f"{name}={part!r} must be a {kind.__name__}(...).")
        for name in ("queue_limit", "bulkhead"):
            if getattr(self, name) is not None:
                whole_number(name, getattr(self, name), 0, 10**9)
