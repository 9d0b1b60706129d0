"""How good the model is: estimated tonight, give or take, in money, and realised in six weeks.

The front of five files, each of which answers one question; nothing is computed here.

    calibrated, expected_calibration_error   is a score a probability, and what makes it one
    cbpe, bbse                               how good is the model today, without labels
    sampling_error                           how much of a change is luck
    expected_money                           what the day's decisions will have earned
    realised_performance                     how good was the model, where labels have matured

When the estimate is blind: the model says sigmoid(2x) and x is N(0, 1). Then the slope of reality
falls from 2 to .5 and to -2 (concept drift). Not one probability changes, so no estimate can.

>>> import numpy as np
>>> from scipy.special import expit
>>> from mlsys_lessons.randomness import stream
>>> luck = stream(7, "blind")
>>> x = luck.normal(0, 1, 200_000)
>>> said = expit(2 * x)
>>> for slope in (2, 0.5, -2):
...     labels = luck.random(len(x)) < expit(slope * x)
...     true = np.mean(labels == (said >= 0.5))
...     print(f"slope {slope:>4}: true {true:.2f}, estimated {cbpe(said).accuracy:.2f}")
slope    2: true 0.78, estimated 0.78
slope  0.5: true 0.60, estimated 0.78
slope   -2: true 0.22, estimated 0.78

When only x moves, to N(1, 1), it follows (covariate shift).

>>> moved = expit(2 * (x + 1))
>>> labels = luck.random(len(x)) < moved
>>> print(f"true {np.mean(labels == (moved >= 0.5)):.2f}, estimated {cbpe(moved).accuracy:.2f}")
true 0.84, estimated 0.84
"""

from __future__ import annotations

from mlsys_lessons.components.monitoring.calibration import (
    Calibration,
    calibrated,
    expected_calibration_error,
)
from mlsys_lessons.components.monitoring.estimated import (
    EstimatedPerformance,
    bbse,
    cbpe,
    expected_confusion,
)
from mlsys_lessons.components.monitoring.expected_money import ExpectedMoney, expected_money
from mlsys_lessons.components.monitoring.realised import realised_performance
from mlsys_lessons.components.monitoring.sampling_error import SamplingError, sampling_error

__all__ = [
    "Calibration",
    "EstimatedPerformance",
    "ExpectedMoney",
    "SamplingError",
    "bbse",
    "calibrated",
    "cbpe",
    "expected_calibration_error",
    "expected_confusion",
    "expected_money",
    "realised_performance",
    "sampling_error",
]
