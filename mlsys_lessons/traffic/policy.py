"""Policies of traffic, as data: what a caller and a server do when things get slow.

Frozen, small and combinable; the queue that applies them is in queueing.py. The circuit breaker is
the inference stage's own, on slots of a second instead of a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.records import InputError, whole_number
from mlsys_lessons.traffic.arrivals import positive, within


@dataclass(frozen=True)
class Retries:
    """How often a caller asks again after a timeout or a refusal, and how soon.

    `backoff_s` doubles with each attempt; the wait is drawn between 0 and it ("full jitter").
    0 means at once. `budget` is the share of fresh requests that may be retries: 0.1 allows one
    retry for ten requests, with `burst` of them saved up at most (None: no limit).
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
    """A caller that refuses itself: P = max(0, (requests - K accepts) / (requests + 1)).

    Counts are those of the last `window_s` seconds (Beyer and others, Site Reliability
    Engineering, 2016, chapter 21). With K = 2 a backend gets about twice what it accepts at most.
    """

    k: float = 2.0
    window_s: int = 120

    def __post_init__(self) -> None:
        positive("k", self.k)
        whole_number("window_s", self.window_s, 1, 100_000)


@dataclass(frozen=True)
class Fallback:
    """A simpler answer for whoever got none: it takes `latency_s`, and always works."""

    latency_s: float = 0.001

    def __post_init__(self) -> None:
        within("latency_s", self.latency_s)


@dataclass(frozen=True)
class Outage:
    """Servers that begin nothing from `start` to `end`; `servers=None` means all: a stall.

    What is under way when it starts is finished.
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
    """Everything caller and server have agreed on; the default is to wait for ever.

    `timeout_s`: the caller gives up then, but the server does not hear of it and does the work.
    `queue_limit`: the server refuses a call when so many wait (admission control).
    `bulkhead`: each kind of caller may have so many calls under way. `breaker`: a template; the
    caller stops calling while it is open. `fallback`: who answers what nobody else did.
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
