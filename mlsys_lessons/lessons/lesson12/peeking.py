"""Placebo canaries: one version against itself, split two hundred ways, and looked at.

The rows are a run's own, and what is counted is what truly happened to them; only the coin that
deals them into two arms is another one each time. Whoever finds a difference has found luck.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import mlsys_lessons as mls
from mlsys_lessons.components.inference.canary import Arm, difference_at_any_look
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import HOUR_MS, milliseconds

SPLITS = 200
Z = 1.959964  # two-sided, 5 %
RULES = ("every hour", "every night", "an interval for every look")


def counts(run: mls.Run, seed: int, *, since: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Blocked and all rows so far, by hour and arm, for one throw of the coin (half and half)."""
    log = run.log[~run.log["is_duplicate"] & ~run.log["is_fallback"]]
    hour = milliseconds(log["arrival_time"]) // HOUR_MS - since * 24
    here = (hour >= 0) & (hour < (run.days - since) * 24)
    arm = (luck(seed, "placebo", log["request_id"].to_numpy()) < 0.5).astype(int)[here]
    place = hour[here] * 2 + arm
    blocked = log["final_action"].eq("block").to_numpy()[here]
    slots = (run.days - since) * 24 * 2
    sums = [np.bincount(place, weights, slots) for weights in (blocked, None)]
    hits, rows = (one.reshape(-1, 2).cumsum(axis=0).astype(np.int64) for one in sums)
    return hits, rows


def significant(hits: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which looks show p < .05: two proportions, pooled."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rates, pooled = hits / rows, hits.sum(axis=1) / rows.sum(axis=1)
        error = np.sqrt(pooled * (1 - pooled) * (1 / rows).sum(axis=1))
        return np.asarray(np.abs(rates[:, 1] - rates[:, 0]) / error > Z)


def always_valid(hits: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which looks lie outside the interval that holds at all of them together."""
    pairs = (map(Arm, hits[night].tolist(), rows[night].tolist()) for night in range(len(hits)))
    return np.array([difference_at_any_look(*pair).is_clear for pair in pairs])


def alarmed(run: mls.Run, *, since: int, splits: int = SPLITS) -> pd.DataFrame:
    """By night and rule, the share of placebo canaries that somebody has stopped by then."""
    nights = np.arange(23, (run.days - since) * 24, 24)
    found: dict[str, list[NDArray[np.bool_]]] = {rule: [] for rule in RULES}
    for seed in range(splits):
        hits, rows = counts(run, seed, since=since)
        looks = (
            np.maximum.accumulate(significant(hits, rows))[nights],
            np.maximum.accumulate(significant(hits[nights], rows[nights])),
            np.maximum.accumulate(always_valid(hits[nights], rows[nights])),
        )
        for rule, stopped in zip(RULES, looks, strict=True):
            found[rule].append(stopped)
    table = pd.DataFrame({rule: np.mean(each, axis=0) for rule, each in found.items()})
    return table.set_index(np.arange(1, len(nights) + 1))
