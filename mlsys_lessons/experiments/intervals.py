"""Ways to put an interval around a mean, or a ratio of means, of paired differences.

Money is skewed: a rare incident or a few large frauds make most of a mean, and with ten or twenty
worlds the textbook intervals then miss far more often than they say. Here are the candidates, pure
functions of many samples at once; coverage.py holds them against real effects, and statistics.py
takes the one that keeps its word. The bootstrap's draws are shared by all samples of a size.
Longer than most: nine candidates side by side, because comparing them is the point.

| method | from |
|---|---|
| Student | Student, 1908: symmetric around the estimate |
| Johnson | Johnson, 1978: Student's, moved by the skewness |
| Hall | Hall, 1992: a cubic that takes the skewness out, with Student's quantiles |
| sign flips | Hartigan, 1969: means of random subsets; exact where the pairs are symmetric |
| percentile, BCa | Efron, 1987: quantiles of resampled estimates, as they are or corrected |
| bootstrap-t | Efron, 1982; Hall, 1988: quantiles of resampled, studentised estimates |
| bootstrapped Hall | Hall, 1992: the same, of the cubic |
| bootstrap-t or Student | on either side whichever reaches farther |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from mlsys_lessons.randomness import stream

Values = NDArray[np.float64]
Limits = tuple[Values, Values]
_NOTHING = 1e-200  # instead of a spread of zero, where it divides
_FAR = 1e6  # standard errors: what is farther away is a sample of equal pairs, and rounding
_LEAST_ERROR = 0.1  # of the sample's: a resample's standard error counts at least so much (assumed)


@dataclass(frozen=True)
class Samples:
    """Many samples of paired parts and wholes, shape (samples, pairs); of a mean wholes are 1."""

    parts: Values
    wholes: Values
    resamples: int

    @cached_property
    def estimate(self) -> Values:
        """The ratio of means of each sample."""
        return np.asarray(self.parts.mean(axis=1) / self.wholes.mean(axis=1))

    @cached_property
    def errors(self) -> Values:
        """What each pair adds to the estimate's error (the delta method), (samples, pairs)."""
        residuals = self.parts - self.estimate[:, None] * self.wholes
        return np.asarray(residuals / self.wholes.mean(axis=1, keepdims=True))

    @cached_property
    def standard_error(self) -> Values:
        """Of each estimate."""
        return np.asarray(self.errors.std(axis=1, ddof=1) / np.sqrt(self.pairs))

    @cached_property
    def lean(self) -> Values:
        """The skewness of each sample over the root of its pairs."""
        spread = np.maximum(self.errors.std(axis=1), _NOTHING)
        return np.asarray(((self.errors / spread[:, None]) ** 3).mean(axis=1) / np.sqrt(self.pairs))

    @property
    def pairs(self) -> int:
        """Pairs in each sample."""
        return int(self.parts.shape[1])

    # --- resampled ------------------------------------------------------------------------------

    @cached_property
    def _means(self) -> tuple[Values, Values]:
        """Mean part and mean whole of each resample, (samples, resamples)."""
        shares = _shares(self.pairs, self.resamples)
        return self.parts @ shares, self.wholes @ shares

    @cached_property
    def resampled(self) -> Values:
        """Resampled estimates, sorted along each row."""
        parts, wholes = self._means
        return np.sort(parts / wholes, axis=1)

    @cached_property
    def _studentised(self) -> Values:
        """(resampled estimate - estimate) / its own standard error.

        Where nearly all pairs are equal a resample may have no spread at all; an error of nothing
        would say that the mean has no bounds, so it counts as a tenth of the sample's.
        """
        shares, (parts, wholes) = _shares(self.pairs, self.resamples), self._means
        ratio = parts / wholes
        # The mean squared residual of a resample around its own ratio, from three mean products.
        square = (self.parts**2) @ shares - 2 * ratio * ((self.parts * self.wholes) @ shares)
        square += ratio**2 * ((self.wholes**2) @ shares)
        error = np.sqrt(np.maximum(square, 0.0) / (self.pairs - 1)) / np.abs(wholes)
        least = np.maximum(_LEAST_ERROR * self.standard_error[:, None], _NOTHING)
        found = (ratio - self.estimate[:, None]) / np.maximum(error, least)
        return np.asarray(np.clip(found, -_FAR, _FAR))

    @cached_property
    def studentised(self) -> Values:
        """The same, sorted along each row."""
        return np.sort(self._studentised, axis=1)

    @cached_property
    def transformed(self) -> Values:
        """Hall's cubic of the studentised means, each with its resample's skewness, sorted."""
        shares, errors = _shares(self.pairs, self.resamples), self.errors
        mean, square, cube = (errors**power @ shares for power in (1, 2, 3))
        variance = np.maximum(square - mean**2, _NOTHING)
        third = cube - 3 * mean * square + 2 * mean**3
        lean = np.clip(third / variance**1.5 / np.sqrt(self.pairs), -1, 1)  # its algebraic bound
        found = self._studentised
        return np.sort(found + lean * found**2 / 3 + lean**2 * found**3 / 27 + lean / 6, axis=1)


@lru_cache(maxsize=4)
def _shares(pairs: int, resamples: int) -> Values:
    """The share that each pair has of each resample, (pairs, resamples)."""
    counts = stream(0, "bootstrap").multinomial(pairs, np.full(pairs, 1 / pairs), size=resamples)
    return np.ascontiguousarray(counts.T / pairs)


@lru_cache(maxsize=4)
def _subsets(pairs: int, resamples: int) -> Values:
    """Random subsets that are not empty, as shares, (pairs, resamples)."""
    inside = stream(0, "subsets").random((2 * resamples, pairs)) < 0.5
    inside = inside[inside.any(axis=1)][:resamples]
    return np.ascontiguousarray((inside / inside.sum(axis=1, keepdims=True)).T)


def _at(ordered: Values, probability: float | Values) -> Values:
    """The quantile of each sorted row, at (B + 1) p, never inside the outermost value."""
    size = ordered.shape[1]
    place = np.clip(np.asarray(probability) * (size + 1) - 1, 0, size - 1)
    place = np.where(np.asarray(probability) < 0.5, np.floor(place), np.ceil(place)).astype(int)
    return np.asarray(ordered[np.arange(len(ordered)), place])


# --- the candidates: samples and a two-sided level give low and high of each sample ---------------


def student(samples: Samples, level: float) -> Limits:
    """Symmetric: the estimate and so many standard errors."""
    reach = _quantile(samples, level) * samples.standard_error
    return samples.estimate - reach, samples.estimate + reach


def johnson(samples: Samples, level: float) -> Limits:
    """Student's interval, moved towards the long tail."""
    low, high = student(samples, level)
    moved = samples.lean * samples.standard_error / 6
    return low + moved, high + moved


def hall(samples: Samples, level: float) -> Limits:
    """Student's quantiles through the cubic that takes the skewness out."""
    quantile = np.full(len(samples.parts), _quantile(samples, level))
    return _untransformed(samples, -quantile, quantile)


def bootstrapped_hall(samples: Samples, level: float) -> Limits:
    """The cubic's own resampled quantiles."""
    tail = (1 - level) / 2
    quantiles = (_at(samples.transformed, share) for share in (tail, 1 - tail))
    return _untransformed(samples, *quantiles)


def sign_flips(samples: Samples, level: float) -> Limits:
    """The means that flipping signs around them does not reject: quantiles of subset means."""
    subsets, tail = _subsets(samples.pairs, samples.resamples), (1 - level) / 2
    means = np.sort((samples.parts @ subsets) / (samples.wholes @ subsets), axis=1)
    return _at(means, tail), _at(means, 1 - tail)


def percentile(samples: Samples, level: float) -> Limits:
    """Quantiles of the resampled estimates."""
    tail = (1 - level) / 2
    return _at(samples.resampled, tail), _at(samples.resampled, 1 - tail)


def bca(samples: Samples, level: float) -> Limits:
    """The same at corrected places: for the bias, and for an error that changes with the mean."""
    from scipy.special import ndtr, ndtri

    below = (samples.resampled < samples.estimate[:, None]).mean(axis=1)
    ties = (samples.resampled == samples.estimate[:, None]).mean(axis=1)
    bias = ndtri(np.clip(below + ties / 2, 1e-6, 1 - 1e-6))
    acceleration = samples.lean / 6
    places = []
    for quantile in ndtri([(1 - level) / 2, (1 + level) / 2]):
        moved = bias + quantile
        places.append(ndtr(bias + moved / (1 - acceleration * moved)))
    return _at(samples.resampled, places[0]), _at(samples.resampled, places[1])


def bootstrap_t(samples: Samples, level: float) -> Limits:
    """Quantiles of the studentised estimates, the upper one below and the lower one above."""
    tail = (1 - level) / 2
    high, low = (_at(samples.studentised, share) for share in (tail, 1 - tail))
    error = samples.standard_error
    return samples.estimate - low * error, samples.estimate - high * error


def widest(samples: Samples, level: float) -> Limits:
    """Bootstrap-t or Student on either side, whichever reaches farther."""
    one, other = bootstrap_t(samples, level), student(samples, level)
    return np.minimum(one[0], other[0]), np.maximum(one[1], other[1])


def widest_p(samples: Samples, threshold: float) -> Values:
    """The two-sided p of each sample that belongs to `widest`: the larger of its two tests'."""
    from scipy.stats import t

    ratio = (samples.estimate - threshold) / samples.standard_error
    above = (samples.studentised >= ratio[:, None]).sum(axis=1)
    rarer = np.minimum(above, samples.resamples - above)
    resampled = np.minimum(1.0, 2 * (rarer + 1) / (samples.resamples + 1))
    return np.maximum(resampled, 2 * t.sf(np.abs(ratio), samples.pairs - 1))


def _quantile(samples: Samples, level: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, samples.pairs - 1))


def _untransformed(samples: Samples, low: Values, high: Values) -> Limits:
    """The limits that belong to two quantiles of Hall's cubic."""
    slope = samples.lean / 3
    straight = np.abs(slope) < 1e-9
    bent = np.where(straight, 1.0, slope)

    def back(quantile: Values) -> Values:
        shifted = quantile - samples.lean / 6
        return np.where(straight, shifted, (np.cbrt(1 + 3 * bent * shifted) - 1) / bent)

    error = samples.standard_error
    return samples.estimate - back(high) * error, samples.estimate - back(low) * error


METHODS: Mapping[str, Callable[[Samples, float], Limits]] = {
    "Student": student,
    "Johnson": johnson,
    "Hall": hall,
    "sign flips": sign_flips,
    "percentile": percentile,
    "BCa": bca,
    "bootstrap-t": bootstrap_t,
    "bootstrapped Hall": bootstrapped_hall,
    "bootstrap-t or Student": widest,
}
