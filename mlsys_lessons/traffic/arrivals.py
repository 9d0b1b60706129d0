"""Arrivals: when calls come. A rate over time and a seed make an ascending list of moments.

Every shape is a time-changed unit Poisson process of its seed, so a spike and the steady stream it
is compared with share their luck. How long a call takes, and how it ends, is simulated in
queueing.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.randomness import stream
from mlsys_lessons.records import positive, whole_number, within

Floats = NDArray[np.float64]

MAX_CALLS = 20_000_000


@dataclass(frozen=True)
class Arrivals:
    """The moments of calls in seconds, ascending, and the kind of caller of each.

    Raises InputError for moments that are out of order or outside of 0..`seconds`.

    >>> Arrivals(np.array([0.5, 2.0]), seconds=10.0)
    Arrivals(2 calls in 10 s)
    """

    times: Floats
    seconds: float
    kinds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        try:
            times = np.asarray(self.times, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"times={self.times!r} must be numbers of seconds.") from None
        within("seconds", self.seconds)
        if times.ndim != 1 or not np.isfinite(times).all() or bool((np.diff(times) < 0).any()):
            raise InputError("arrival times must be finite and ascending; np.sort(times) helps.")
        if len(times) and not 0 <= times[0] <= times[-1] <= self.seconds:
            raise InputError(
                f"arrivals lie in {times[0]:g}..{times[-1]:g} s, outside of 0..{self.seconds:g}; "
                "give a longer `seconds`."
            )
        kinds = self.kinds if len(self.kinds) else np.zeros(len(times), dtype=np.int64)
        kinds = np.asarray(kinds, dtype=np.int64)
        if kinds.shape != times.shape or int(kinds.min(initial=0)) < 0:
            raise InputError("kinds must hold a whole number from 0 for each call, or be left out.")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "kinds", kinds)

    def __len__(self) -> int:
        """Count the calls."""
        return len(self.times)

    def __repr__(self) -> str:
        return f"Arrivals({len(self):,} calls in {self.seconds:g} s)"


def poisson(rate: float, seconds: float, *, seed: int = 0) -> Arrivals:
    """Independent calls, `rate` a second on average.

    >>> poisson(100.0, 60.0, seed=1)
    Arrivals(6,038 calls in 60 s)
    """
    return _time_changed([0.0, positive("seconds", seconds)], [positive("rate", rate)], seed)


def spike(
    rate: float, seconds: float, *, factor: float, start: float, end: float, seed: int = 0
) -> Arrivals:
    """A steady stream that is `factor` times as strong from `start` to `end`.

    >>> spike(100.0, 60.0, factor=3.0, start=20.0, end=30.0, seed=1)
    Arrivals(8,025 calls in 60 s)
    """
    positive("rate", rate), positive("factor", factor), positive("seconds", seconds)
    within("start", start), within("end", end)
    if not 0 < start < end < seconds:
        raise InputError(
            f"the spike lasts from {start} to {end}; it needs 0 < start < end < seconds."
        )
    return _time_changed([0.0, start, end, seconds], [rate, factor * rate, rate], seed)


def flash_crowd(
    rate: float, seconds: float, *, factor: float, at: float, fades_in: float = 30.0, seed: int = 0
) -> Arrivals:
    """A stream that jumps to `factor` times its rate and falls back exponentially.

    `fades_in` is the time constant in seconds. Why it matters: a real crowd does not leave at once,
    so a service has to live through a long decline and not only through a peak.

    >>> flash_crowd(100.0, 120.0, factor=5.0, at=30.0, seed=1)
    Arrivals(23,450 calls in 120 s)
    """
    positive("rate", rate), positive("factor", factor), positive("fades_in", fades_in)
    within("at", at)
    if not 0 < at < positive("seconds", seconds):
        raise InputError(f"the crowd comes at {at} s; it needs 0 < at < seconds={seconds}.")
    steps = max(1, round(4 * (seconds - at)))  # four a second, each with a constant rate
    starts = [0.0, *np.linspace(at, seconds, 1 + steps).tolist()]  # of the steps, and the end
    middles = (np.array(starts[1:-1]) + np.array(starts[2:])) / 2
    crowd = rate * (1 + (factor - 1) * np.exp(-(middles - at) / fades_in))
    return _time_changed(starts, [rate, *crowd.tolist()], seed)


def together(*streams: Arrivals) -> Arrivals:
    """Several streams for the same servers; each becomes a kind of caller: 0, 1, ... in order.

    >>> together(poisson(5.0, 10.0), poisson(1.0, 10.0, seed=1)).kinds.max()
    np.int64(1)
    """
    if not streams or not all(isinstance(calls, Arrivals) for calls in streams):
        raise InputError(f"together{streams!r} has no stream or an odd one; pass poisson(...)s.")
    times = np.concatenate([calls.times for calls in streams])
    kinds = np.repeat(np.arange(len(streams)), [len(calls) for calls in streams])
    order = np.argsort(times, kind="stable")
    return Arrivals(times[order], max(calls.seconds for calls in streams), kinds[order])


def _time_changed(times: list[float], rates: list[float], seed: int) -> Arrivals:
    """A Poisson process with piecewise constant rates, one for each interval between `times`.

    The seed's unit Poisson process, whose clock is the number of calls expected so far, is mapped
    back to seconds (inversion): the n-th call is the same draw in every shape.
    """
    whole_number("seed", seed, 0, 2**63 - 1)
    expected = np.concatenate([[0.0], np.cumsum(np.diff(times) * rates)])
    if expected[-1] > MAX_CALLS:
        raise InputError(f"{expected[-1]:,.0f} calls are too many; stay below {MAX_CALLS:,}.")
    generator, spare = stream(seed, "traffic.arrivals"), 10 * np.sqrt(expected[-1]) + 20
    unit = np.cumsum(generator.standard_exponential(int(expected[-1] + spare)))
    return Arrivals(np.interp(unit[unit < expected[-1]], expected, times), times[-1])
