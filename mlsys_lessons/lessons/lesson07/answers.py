"""Answers to lesson 07's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

# --- q1: PSI by hand -----------------------------------------------------------------------------


def psi(reference: np.ndarray, current: np.ndarray) -> float:
    """PSI over the reference's deciles, shares floored at 1e-4."""
    edges = np.quantile(reference, np.arange(1, 10) / 10)
    r, c = (
        np.bincount(np.searchsorted(edges, sample), minlength=10) / len(sample)
        for sample in (reference, current)
    )
    r, c = np.maximum(r, 1e-4), np.maximum(c, 1e-4)
    return float(np.sum((c - r) * np.log(c / r)))


def _over(edges: np.ndarray, reference: np.ndarray, current: np.ndarray) -> float:
    r, c = (
        np.maximum(np.bincount(np.searchsorted(edges, sample), minlength=10) / len(sample), 1e-4)
        for sample in (reference, current)
    )
    return float(np.sum((c - r) * np.log(c / r)))


def equal_widths(reference: np.ndarray, current: np.ndarray) -> float:
    """Ten equal widths over both samples."""
    both = np.concatenate([reference, current])
    return _over(np.linspace(both.min(), both.max(), 11)[1:-1], reference, current)


def current_deciles(reference: np.ndarray, current: np.ndarray) -> float:
    """The deciles of the wrong side."""
    return _over(np.quantile(current, np.arange(1, 10) / 10), reference, current)


def relative_entropy(reference: np.ndarray, current: np.ndarray) -> float:
    """Half of it: c ln(c / r)."""
    edges = np.quantile(reference, np.arange(1, 10) / 10)
    r, c = (
        np.maximum(np.bincount(np.searchsorted(edges, sample), minlength=10) / len(sample), 1e-4)
        for sample in (reference, current)
    )
    return float(np.sum(c * np.log(c / r)))


def psi_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """A quiet pair, a moved one, one whose lower bins are empty, ties that leave bins empty."""
    for rows, mean in ((400, 0.0), (300, 0.5), (200, 6.0), (200, -6.0)):
        yield {
            "reference": generator.normal(size=500),
            "current": generator.normal(mean, 1, rows),
        }
    tied = np.repeat([1.0, 2.0, 3.0], [60, 20, 20])
    yield {"reference": tied, "current": np.array([1.0, 2.0, 7.0])}
    yield {"reference": np.arange(10.0), "current": np.array([1.0, 2.0, 7.0])}


# --- q2: a limit that keeps its word -------------------------------------------------------------


def psi_limit(bins: int, reference_rows: int, current_rows: int, rate: float) -> float:
    """What PSI exceeds without drift at just this rate: a scaled chi-square quantile."""
    from scipy.stats import chi2

    return float(chi2.ppf(1 - rate, bins - 1) * (1 / reference_rows + 1 / current_rows))


def textbook(bins: int, reference_rows: int, current_rows: int, rate: float) -> float:
    """The textbook's number."""
    return 0.1


def mean_only(bins: int, reference_rows: int, current_rows: int, rate: float) -> float:
    """The mean without drift."""
    return (bins - 1) * (1 / reference_rows + 1 / current_rows)


def current_only(bins: int, reference_rows: int, current_rows: int, rate: float) -> float:
    """The noise of the reference forgotten."""
    from scipy.stats import chi2

    return float(chi2.ppf(1 - rate, bins - 1) / current_rows)


def all_bins(bins: int, reference_rows: int, current_rows: int, rate: float) -> float:
    """One degree of freedom too many."""
    from scipy.stats import chi2

    return float(chi2.ppf(1 - rate, bins) * (1 / reference_rows + 1 / current_rows))


def limit_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Few and many bins, rows and alarms."""
    for bins, rate in ((10, 0.05), (2, 0.01), (20, 0.005)):
        first, second = generator.integers(100, 20_000, 2).tolist()
        yield {"bins": bins, "reference_rows": first, "current_rows": second, "rate": rate}


# --- q3: the corrected set of alarms -------------------------------------------------------------


def alarms(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Benjamini and Hochberg: all up to the largest p that is under its own step."""
    ordered = np.sort(p_values)
    steps = rate * np.arange(1, len(ordered) + 1) / len(ordered)
    return p_values <= max(ordered[ordered <= steps], default=0.0)


def uncorrected(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Each test by itself."""
    return p_values <= rate


def bonferroni(p_values: np.ndarray, rate: float) -> np.ndarray:
    """The rate divided by the number of tests."""
    return p_values <= rate / len(p_values)


def first_failure(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Up from the smallest, and stop at the first that is above its step."""
    ordered = np.sort(p_values)
    above = ordered > rate * np.arange(1, len(ordered) + 1) / len(ordered)
    passed = ordered[: np.argmax(above)] if above.any() else ordered
    return p_values <= max(passed, default=0.0)


def family_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Twenty tests of which four have moved; ties and a p on its step; one that is late; none."""
    moved, quiet = generator.uniform(0, 0.008, 4), generator.uniform(0.2, 1.0, 14)
    mixed = generator.permutation(np.concatenate([moved, quiet, [0.03, 0.04]]))
    yield {"p_values": mixed, "rate": 0.05}
    yield {"p_values": np.array([0.03, 0.04, 0.9, 0.031, 0.032]), "rate": 0.05}
    yield {"p_values": np.array([0.9, 0.025]), "rate": 0.05}
    yield {"p_values": np.array([0.04, 0.04, 0.04]), "rate": 0.05}
    yield {"p_values": generator.uniform(0.1, 1.0, 20), "rate": 0.05}


# --- q4: rules that find faults ------------------------------------------------------------------


def my_rules():
    """Where the two faults show first, both nothing while all is well."""
    from mlsys_lessons.domain import AlertRule

    gaps = AlertRule("inputs", "null_rate", "amount", "up", "gateway", "page", varies=False)
    answers = AlertRule("operations", "fallback_rate", "all", "up", "models", "page", varies=False)
    return (gaps, answers)


def watch_the_hour():
    """Our two, and the column with the large PSI."""
    from mlsys_lessons.domain import AlertRule

    hour = AlertRule(
        "inputs", "psi_hour", "all", "up", "gateway", "page", transform="cube_root", cycle=7
    )
    return (*my_rules(), hour)


def inputs_only():
    """Missing values alone."""
    return my_rules()[:1]


def the_whole_board():
    """Every rule that anybody has ever asked for."""
    from mlsys_lessons.worlds.payments.domain import ALERT_RULES

    return ALERT_RULES
