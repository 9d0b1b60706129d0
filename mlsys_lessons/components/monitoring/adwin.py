"""ADWIN as River computes it, with the two calls of this course's own detectors.

The algorithm is River's and stays there: this file takes its values and gives its alarms, where
River is installed. River is no dependency of the course; detectors.py needs none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring.detectors import finite, stream_of
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import positive, within


@dataclass
class Adwin:
    """Adaptive windowing: an alarm when two parts of a window that grows differ in the mean.

    Why it matters: it needs no level and no threshold in the stream's own units, only `delta`, the
    chance of an alarm that it may raise while nothing changes; it pays with an alarm that comes
    later than a detector's that knows the level.

    Raises InputError for a delta outside (0, 1), and where River is not installed.

    >>> Adwin(delta=2)
    Traceback (most recent call last):
        ...
    mlsys_lessons.errors.InputError: delta=2.0 must be a number in 0..1; pick one inside.

    Source: Bifet and Gavalda, Learning from time-changing data with adaptive windowing, 2007.
    """

    delta: float = 0.002
    drift_detected: bool = field(default=False, init=False)
    _detector: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a delta that is no chance; take River's detector."""
        within("delta", positive("delta", self.delta), high=1.0)
        try:
            from river.drift import ADWIN
        except ImportError:
            raise InputError(
                "Adwin() needs River, which is not installed; pip install river, or use "
                "PageHinkley or Cusum."
            ) from None
        self._detector = ADWIN(delta=float(self.delta))

    def update(self, x: float) -> bool:
        """Take one value; returns (and keeps in `drift_detected`) whether it raises the alarm."""
        self._detector.update(finite(x))
        self.drift_detected = bool(self._detector.drift_detected)
        return self.drift_detected

    def update_many(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """Take an array; returns the indices of the alarms. River takes them one at a time."""
        alarms = [index for index, x in enumerate(stream_of(values).tolist()) if self.update(x)]
        return np.array(alarms, dtype=np.int64)
