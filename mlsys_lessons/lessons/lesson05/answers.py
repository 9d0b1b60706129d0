"""Answers to lesson 05's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.ingestion.contract import Contract
from mlsys_lessons.lessons.lesson05.contract_editor import INHERITED, edited

# --- q1: the first thing out of line -------------------------------------------------------------


def first_suspect(before: pd.DataFrame, now: pd.Series) -> str:
    """The most unusual metric of the first layer in which anything is out of line."""
    noise = before.std().clip(lower=0.001)
    far = (now - before.mean()).abs() / noise
    for layer in ("operations", "inputs", "outputs", "decisions"):
        here = far[far.index.str.startswith(layer)]
        if here.max() > 10:
            return str(here.idxmax())
    return str(far.idxmax())


def loudest(before: pd.DataFrame, now: pd.Series) -> str:
    """The most unusual of all."""
    noise = before.std().clip(lower=0.001)
    return str(((now - before.mean()).abs() / noise).idxmax())


def largest_change(before: pd.DataFrame, now: pd.Series) -> str:
    """The largest difference, whatever its unit."""
    return str((now - before.mean()).abs().idxmax())


def largest_ratio(before: pd.DataFrame, now: pd.Series) -> str:
    """The largest relative change."""
    usual = before.mean().abs().clip(lower=1e-9)
    return str(((now - before.mean()).abs() / usual).idxmax())


_METRICS = {  # name: level, noise
    "operations.requests": (1_000.0, 40.0),
    "inputs.amount_mean": (60.0, 4.0),
    "inputs.null_rate.amount": (0.0, 0.0),
    "inputs.share_online": (0.3, 0.01),
    "inputs.unknown_category_rate.category": (1e-5, 1e-6),
    "outputs.score_p99": (0.1, 0.005),
    "decisions.blocked_cents": (9_000.0, 900.0),
    "decisions.block_rate": (0.002, 0.001),
}


def suspect_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Three weeks and a present: a fault upstream with louder echoes downstream; a calm day."""
    stories = {"inputs.share_online": -25, "inputs.null_rate.amount": 12, "outputs.score_p99": 10.5}
    for story, shift in (*stories.items(), ("", 0)):
        level = np.array([usual for usual, _ in _METRICS.values()])
        noise = np.array([spread for _, spread in _METRICS.values()])
        days = level + noise * generator.normal(size=(21, len(level)))
        before = pd.DataFrame(days, columns=list(_METRICS))
        now = pd.Series(level + noise * generator.normal(0, 0.5, len(level)), index=list(_METRICS))
        if not story:
            yield {"before": before, "now": now}
            continue
        now[story] = before[story].mean() + shift * max(before[story].std(), 0.001)
        now["decisions.blocked_cents"] += 30 * 900.0  # the largest number
        now["decisions.block_rate"] += 90 * 0.001  # the loudest
        if story.startswith("inputs"):
            now["inputs.unknown_category_rate.category"] += 1e-3  # a hundred times nearly nothing
        yield {"before": before, "now": now}


# --- q2: another unit ----------------------------------------------------------------------------


def other_unit(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Amounts that are a factor of 50 or more away from what their merchant usually takes."""
    return np.abs(np.log(amount / usual)) > np.log(50)


def above_the_range(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Amounts above the contract's range."""
    return amount > 20_000


def three_sigma(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Amounts far from the mean of the day."""
    return np.abs(amount - amount.mean()) > 3 * amount.std()


def only_upward(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Only what is too much."""
    return amount / usual > 50


def in_euros(amount: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """A distance in euros."""
    return np.abs(amount - usual) > 50


def unit_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Amounts of four kinds of merchant; a tenth is 300 times too large, a tenth too small."""
    for rows in (60, 600):
        usual = generator.choice([8.0, 25.0, 60.0, 300.0], rows)
        amount = usual * np.exp(generator.normal(0, 0.6, rows))
        slip = generator.random(rows)
        amount = np.where(slip < 0.1, amount * 300, amount)
        amount = np.where(slip > 0.9, amount / 300, amount)
        amount[:3], usual[:3] = [900.0, 450.0, 2_500.0], [300.0, 8.0, 25.0]
        amount[3:7] = usual[3:7] * np.array([50.5, 49.5, 1 / 50.5, 1 / 49.5])
        yield {"amount": amount, "usual": usual}


# --- q3: how long the past stays -----------------------------------------------------------------


def clean_from(fixed: int, window: int, maturity: int) -> int:
    """The first day on which a fit learns from no day before the fix."""
    return fixed + window + maturity - 1


def at_once(fixed: int, window: int, maturity: int) -> int:
    """The day of the fix."""
    return fixed


def when_labels_come(fixed: int, window: int, maturity: int) -> int:
    """The first clean labels."""
    return fixed + maturity


def window_only(fixed: int, window: int, maturity: int) -> int:
    """The window, labels forgotten."""
    return fixed + window - 1


def date_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Days of a fix, lengths of a window, and days that labels take."""
    for _ in range(4):
        fixed, window, maturity = generator.integers([50, 30, 20], [200, 150, 60]).tolist()
        yield {"fixed": fixed, "window": window, "maturity": maturity}


# --- q4: a contract that pays --------------------------------------------------------------------


def my_contract():
    """Do without the field where the row can be answered without it."""
    from mlsys_lessons.lessons.lesson05.contract_editor import INHERITED, edited

    contract = edited(INHERITED, "amount", on_breach="degrade")
    return edited(contract, "category", on_breach="degrade")


def as_inherited() -> Contract:
    """Every breach puts its row aside."""
    return INHERITED


def the_word_only() -> Contract:
    """The category alone is done without."""
    return edited(INHERITED, "category", on_breach="degrade")


def stricter() -> Contract:
    """A narrower range."""
    return edited(INHERITED, "amount", maximum=300.0)


def promises_nothing() -> Contract:
    """A wider range, and gaps allowed."""
    return edited(INHERITED, "amount", maximum=1e9, null_rate=1.0)
