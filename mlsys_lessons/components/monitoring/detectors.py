"""Change detectors: one number at a time, an alarm when the stream's level has moved.

Two classics, as small state machines with `update(x)` and `drift_detected`, and `update_many` for
whole arrays at array speed. They watch a stream; they do not say what moved, by how much, or
whose fault it is. "Page-Hinkley" names two different tests in the field's libraries; this one is
River's two-sided form. ADWIN is River's: see adwin.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import positive, whole_number, within

FIRST_CHUNK, LAST_CHUNK = 4_096, 262_144  # values looked at together: few after an alarm, then more


@dataclass
class PageHinkley:
    """Page-Hinkley test on the mean of a stream, up and down, with fading sums.

    Why it matters: it finds a slow slide that no single day's limit catches. Its false-alarm rate
    depends on the stream's spread, so its threshold belongs to one stream; the defaults were made
    for error indicators near .1.

    After an alarm the test starts anew with the next value.

    >>> detector = PageHinkley(threshold=5.0)
    >>> stream = np.r_[np.zeros(100), np.ones(100)]
    >>> detector.update_many(stream)
    array([105])

    Source: Page, Continuous inspection schemes, 1954; conventions as in River 0.26.
    """

    minimum_values: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    alpha: float = 0.9999
    drift_detected: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Refuse parameters that make no test."""
        whole_number("minimum_values", self.minimum_values, 1, 10**9)
        within("delta", self.delta), positive("threshold", self.threshold)
        within("alpha", positive("alpha", self.alpha), high=1.0)
        self._reset()

    def _reset(self) -> None:
        self._n = 0
        self._total = 0.0
        self._rising = self._falling = 0.0  # faded sums of the deviations less or plus delta
        self._lowest, self._highest = np.inf, -1.0  # River's own starting points

    def update(self, x: float) -> bool:
        """Take one value; returns (and keeps in `drift_detected`) whether it raises the alarm."""
        value = finite(x)
        if self.drift_detected:
            self._reset()
        self._n += 1
        self._total += value
        deviation = value - self._total / self._n
        self._rising = (deviation - self.delta) + self.alpha * self._rising
        self._falling = (deviation + self.delta) + self.alpha * self._falling
        self._lowest = min(self._lowest, self._rising)
        self._highest = max(self._highest, self._falling)
        distance = max(self._rising - self._lowest, self._highest - self._falling)
        self.drift_detected = self._n >= self.minimum_values and bool(distance > self.threshold)
        return self.drift_detected

    def update_many(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """Take an array; returns the indices of the alarms, as value-by-value updates would."""
        return _walk(self, stream_of(values))

    def _advance(self, chunk: NDArray[np.float64]) -> int:
        """Take values up to the first alarm; returns how many were taken."""
        from scipy.signal import lfilter

        if self.drift_detected:
            self._reset()
        count = self._n + np.arange(1, len(chunk) + 1)
        total = np.cumsum(np.concatenate([[self._total], chunk]))[1:]
        deviation = chunk - total / count
        fade = ([1.0], [1.0, -self.alpha])
        rising, _ = lfilter(*fade, deviation - self.delta, zi=[self.alpha * self._rising])
        falling, _ = lfilter(*fade, deviation + self.delta, zi=[self.alpha * self._falling])
        lowest = np.minimum(np.minimum.accumulate(rising), self._lowest)
        highest = np.maximum(np.maximum.accumulate(falling), self._highest)
        distance = np.maximum(rising - lowest, highest - falling)
        ready = count >= self.minimum_values
        last, self.drift_detected = _first((distance > self.threshold) & ready)
        self._n, self._total = int(count[last]), float(total[last])
        self._rising, self._falling = float(rising[last]), float(falling[last])
        self._lowest, self._highest = float(lowest[last]), float(highest[last])
        return last + 1


@dataclass
class Cusum:
    """Cumulative sums of standardised deviations from a known level, up and down.

    Why it matters: for a shift of about twice the `slack` it is the fastest test there is at its
    false-alarm rate: with slack .5 and limit 5 one false alarm in about 465 values, and a shift of
    one sd found after about 10. It needs the level and the sd; a wrong level is a shift.

    >>> detector = Cusum(level=0.0, sd=1.0)
    >>> detector.update_many(np.r_[np.zeros(50), np.full(20, 1.5)])
    array([55, 61, 67])

    Source: Page, 1954; run lengths: Siegmund, Sequential Analysis, 1985.
    """

    level: float
    sd: float
    slack: float = 0.5
    limit: float = 5.0
    drift_detected: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Refuse parameters that make no test."""
        within("level", self.level, -1e100, 1e100), positive("sd", self.sd)
        within("slack", self.slack), positive("limit", self.limit)
        self._reset()

    def _reset(self) -> None:
        # Each one-sided sum is held as a plain sum and its lowest point so far: the same number as
        # max(0, sum + x), in a form that an array can do in one pass.
        self._rising = self._falling = 0.0
        self._lowest_rising = self._lowest_falling = 0.0

    def update(self, x: float) -> bool:
        """Take one value; returns (and keeps in `drift_detected`) whether it raises the alarm."""
        self._advance(np.array([finite(x)]))
        return self.drift_detected

    def update_many(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """Take an array; returns the indices of the alarms, as value-by-value updates would."""
        return _walk(self, stream_of(values))

    def _advance(self, chunk: NDArray[np.float64]) -> int:
        """Take values up to the first alarm; returns how many were taken."""
        if self.drift_detected:
            self._reset()
        z = (chunk - self.level) / self.sd
        rising = np.cumsum(np.concatenate([[self._rising], z - self.slack]))[1:]
        falling = np.cumsum(np.concatenate([[self._falling], -z - self.slack]))[1:]
        lowest_rising = np.minimum(np.minimum.accumulate(rising), self._lowest_rising)
        lowest_falling = np.minimum(np.minimum.accumulate(falling), self._lowest_falling)
        distance = np.maximum(rising - lowest_rising, falling - lowest_falling)
        last, self.drift_detected = _first(distance > self.limit)
        self._rising, self._falling = float(rising[last]), float(falling[last])
        self._lowest_rising = float(lowest_rising[last])
        self._lowest_falling = float(lowest_falling[last])
        return last + 1


def _walk(detector: PageHinkley | Cusum, values: NDArray[np.float64]) -> NDArray[np.int64]:
    alarms, position, size = [], 0, FIRST_CHUNK
    while position < len(values):
        position += detector._advance(values[position : position + size])
        size = FIRST_CHUNK if detector.drift_detected else min(2 * size, LAST_CHUNK)
        if detector.drift_detected:
            alarms.append(position - 1)
    return np.array(alarms, dtype=np.int64)


def _first(alarm: NDArray[np.bool_]) -> tuple[int, bool]:
    """Index of the first alarm, or of the last value when there is none."""
    index = int(np.argmax(alarm))
    return (index, True) if alarm[index] else (len(alarm) - 1, False)


def finite(x: float) -> float:
    """One value of a stream; raises InputError where it is no finite number."""
    try:
        value = float(x)
    except (TypeError, ValueError):
        raise InputError(f"{x!r} is not a number; a detector takes one number at a time.") from None
    if not np.isfinite(value):
        raise InputError(f"{x!r} is not finite; leave a missing value out of the stream.")
    return value


def stream_of(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """A stream as an array; raises InputError where it is not one row of finite numbers."""
    try:
        stream = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the stream is not numeric; pass a one-dimensional array.") from None
    if stream.ndim != 1 or not np.isfinite(stream).all():
        raise InputError(
            f"the stream has {stream.ndim} dimensions and {int((~np.isfinite(stream)).sum())} "
            "values that are not finite; pass a one-dimensional array of finite numbers."
        )
    return stream
