"""Answers to lesson 03's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls

# --- q1: rows that differ ------------------------------------------------------------------------


def differs(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """The share of rows on which each column differs between two pipelines."""
    shares = {}
    for name in offline.columns:
        same = np.isclose(offline[name], online[name], rtol=1e-9, atol=0, equal_nan=True)
        shares[name] = 1 - same.mean()
    return pd.Series(shares)


def means_differ(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """How far the means are apart."""
    return (offline.mean() - online.mean()).abs()


def missing_is_different(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """A gap is never equal to a gap."""
    close = np.isclose(offline, online, rtol=1e-9, atol=0)
    return pd.Series(1 - close.mean(axis=0), offline.columns)


def to_the_last_bit(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """Another order of additions is a difference."""
    same = (offline == online) | (offline.isna() & online.isna())
    return 1 - same.mean()


def sorted_columns(offline: pd.DataFrame, online: pd.DataFrame) -> pd.Series:
    """Compare the distributions, value by sorted value."""
    return differs(*(frame.apply(np.sort) for frame in (offline, online)))


def pipeline_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Two tables: a column equal but for its last bit, one moved, one rolled, one with a gap."""
    for rows in (8, 300):
        offline = pd.DataFrame(generator.gamma(2.0, 30.0, (rows, 4)), columns=list("abcd"))
        offline["d"] = generator.integers(0, 4, rows).astype(float)
        offline.loc[1, "a"] = np.nan
        online = offline.copy()
        online["b"] *= 1 + 1e-14
        online.loc[:2, "c"] += 1.0
        online["d"] = np.roll(online["d"], 1)
        yield {"offline": offline, "online": online}


# --- q2: the paired gap --------------------------------------------------------------------------


def placement_gaps(offline: np.ndarray, online: np.ndarray, fraud: np.ndarray) -> np.ndarray:
    """For each fraud, by how much its place among the genuine is better offline than online."""

    def place(scores):
        genuine = np.sort(scores[~fraud])
        below = np.searchsorted(genuine, scores[fraud], side="left")
        upto = np.searchsorted(genuine, scores[fraud], side="right")
        return (below + upto) / (2 * len(genuine))

    return place(offline) - place(online)


def score_gaps(offline, online, fraud):
    """By how much the scores differ."""
    return (offline - online)[fraud]


def _places(scores, crowd, sides=("left", "right")):
    """The share of a crowd below each score; ties counted half, or not at all from the left."""
    ranks = [np.searchsorted(np.sort(crowd), scores, side=side) for side in sides]
    return sum(ranks) / (len(sides) * len(crowd))


def among_everybody(offline, online, fraud):
    """Places among all payments."""
    return _places(offline[fraud], offline) - _places(online[fraud], online)


def ties_lose(offline, online, fraud):
    """A tie counts as lost."""
    places = (_places(scores[fraud], scores[~fraud], ["left"]) for scores in (offline, online))
    return next(places) - next(places)


def unpaired(offline, online, fraud):
    """Best against best, second against second."""
    places = (np.sort(_places(scores[fraud], scores[~fraud])) for scores in (offline, online))
    return next(places) - next(places)


def placement_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Rounded scores of two pipelines, so that there are ties."""
    for rows in (12, 400):
        fraud = generator.random(rows) < 0.2
        fraud[:3] = [True, False, True]
        offline = np.round(generator.beta(1, 6, rows) + 0.3 * fraud * generator.random(rows), 1)
        online = np.round(np.clip(offline + generator.normal(0, 0.15, rows), 0, 1), 1)
        yield {"offline": offline, "online": online, "fraud": fraud}


# --- q3: what a shadow can tell ------------------------------------------------------------------


def switch_bounds(
    label: np.ndarray, cents: np.ndarray, champion: np.ndarray, challenger: np.ndarray
) -> tuple[int, int]:
    """The least and the most that switching would have earned, in cents."""
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    stopping_genuine = margin + mls.COSTS.friction
    more = challenger & ~champion  # blocked in addition: their labels are known
    freed = champion & ~challenger  # approved in addition: nobody knows
    known = loss[more & (label == 1)].sum() - stopping_genuine[more & (label == 0)].sum()
    return known - loss[freed].sum(), known + stopping_genuine[freed].sum()


def only_what_is_known(label, cents, champion, challenger):
    """Rows without a label are left out."""
    nothing = np.zeros_like(champion)
    low, _ = switch_bounds(label, cents, nothing, challenger & ~champion)
    return low, low


def champion_was_right(*shadow):
    """What the champion blocked was fraud."""
    low, _ = switch_bounds(*shadow)
    return low, low


def no_label_no_fraud(*shadow):
    """What has no label was genuine."""
    _, high = switch_bounds(*shadow)
    return high, high


def friction_forgotten(label, cents, champion, challenger):
    """A blocked genuine customer costs the margin alone."""
    margin, loss = mls.COSTS.margin(cents), mls.COSTS.fraud_loss(cents)
    more, freed = challenger & ~champion, champion & ~challenger
    known = loss[more & (label == 1)].sum() - margin[more & (label == 0)].sum()
    return known - loss[freed].sum(), known + margin[freed].sum()


def shadow_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """What either model would block; labels are missing where the champion did."""
    for rows in (10, 300):
        champion, challenger = generator.random(rows) < 0.3, generator.random(rows) < 0.3
        champion[:2], challenger[:2] = [True, False], [False, True]
        label = (generator.random(rows) < 0.3).astype(float)
        cents = np.rint(np.exp(generator.normal(8, 1, rows))).astype(np.int64)
        yield {
            "label": np.where(champion, np.nan, label), "cents": cents,
            "champion": champion, "challenger": challenger,
        }  # fmt: skip


# --- q4: earn with the old table -----------------------------------------------------------------


def my_system(seed: int, logged: pd.DataFrame) -> mls.System:
    """A model trained on what the old table served, and prices around it."""
    rows = mls.presets.training_rows(logged)
    model = mls.models.BoostedModel(random_state=seed).fit(rows, rows["label"].to_numpy())
    return mls.assemble({"model", "decisions"}, seed=seed).with_(model=model)


def as_it_is(seed: int, logged: pd.DataFrame) -> mls.System:
    """Ship the notebook again."""
    return mls.naive_system(seed=seed)


def fresher_component(seed: int, logged: pd.DataFrame) -> mls.System:
    """Buy the online feature store, over the same table."""
    return mls.assemble({"model", "features"}, seed=seed)


def prices_alone(seed: int, logged: pd.DataFrame) -> mls.System:
    """Prices around the model as it is."""
    return mls.assemble({"model", "decisions"}, seed=seed)
