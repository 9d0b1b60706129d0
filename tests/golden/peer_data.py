"""The data behind peer_values.json: what Evidently, NannyML, scipy and River were run on.

Numpy only, fixed seeds; the draws and their order are part of the data, so they stay as they are.
It makes data and judges nothing.
"""

from __future__ import annotations

import numpy as np

SEED = 20250101
ROWS = 100_000
SHAPES = ("normal", "amount", "gap", "count")  # of numeric column i: SHAPES[i % 4]
SIZES = {"c0": 3, "c1": 5, "c2": 8, "c3": 12, "c4": 20, "c5": 50}  # values of each category
MISSING = {"n03": 0.02, "n07": 0.10, "n11": 0.01, "c2": 0.03}
DRIFTED = ("n00", "n05", "n07", "c3")


def columns(rng: np.random.Generator, drift: np.ndarray) -> dict[str, np.ndarray]:
    """Fourteen numeric columns and six of category codes (-1 = missing); drift in 0..1 by row."""
    names = [f"n{i:02d}" for i in range(14)]
    made = {name: _numeric(rng, name, SHAPES[i % 4], drift) for i, name in enumerate(names)}
    return made | {name: _codes(rng, name, size, drift) for name, size in SIZES.items()}


def _numeric(rng, name, shape, drift):
    rows = len(drift)
    draw = {
        "normal": lambda: rng.normal(0, 1, rows),
        "amount": lambda: rng.lognormal(3, 1, rows),
        "gap": lambda: rng.gamma(2.0, 10.0, rows),
        "count": lambda: np.floor(rng.exponential(6.0, rows)),
    }
    change = {
        "n00": lambda x: x + 0.25 * drift,
        "n05": lambda x: x * (1 + 0.20 * drift),
        "n07": lambda x: np.floor(x * (1 + 0.15 * drift)),
    }
    values = change.get(name, lambda x: x)(draw[shape]())
    if name in MISSING:
        share = MISSING[name] + (0.10 * drift if name == "n07" else 0.0)
        values = np.where(rng.random(rows) < share, np.nan, values)
    return values


def _codes(rng, name, size, drift):
    rows = len(drift)
    zipf = 1.0 / np.arange(1, size + 1)
    zipf /= zipf.sum()
    codes = np.searchsorted(np.cumsum(zipf)[:-1], rng.random(rows), side="right")
    if name == "c3":  # 15 % of the mass moves to the tail
        moved = rng.random(rows) < 0.15 * drift
        codes = np.where(moved, rng.integers(size // 2, size, rows), codes)
    if name in MISSING:
        codes = np.where(rng.random(rows) < MISSING[name], -1, codes)
    return codes


def pair() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Reference and current, 100,000 rows each."""
    rng = np.random.default_rng(SEED)
    return columns(rng, np.zeros(ROWS)), columns(rng, np.ones(ROWS))


def month(
    days: int = 30, rows: int = 1_000_000
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Reference, a month that drifts from its middle on, and the day of each of its rows."""
    rng = np.random.default_rng(SEED + 1)
    reference, day = columns(rng, np.zeros(ROWS)), np.arange(rows) * days // rows
    return reference, columns(rng, np.clip((day - 14) / 10.0, 0, 1)), day


def scores(days: int = 30, rows: int = 1_000_000) -> tuple[np.ndarray, ...]:
    """Reference labels and scores; then scores and day of a month that loses discrimination."""
    rng = np.random.default_rng(SEED + 2)
    known, known_scores = _scored(rng, np.zeros(ROWS))
    day = np.arange(rows) * days // rows
    return known, known_scores, _scored(rng, np.clip((day - 14) / 10.0, 0, 1))[1], day


def _scored(rng, noise):
    odds = rng.normal(-4.0, 1.6, len(noise))
    label = rng.random(len(noise)) < 1 / (1 + np.exp(-odds))
    seen = odds + noise * rng.normal(0.0, 0.9, len(noise))
    return label, 1 / (1 + np.exp(-seen))


def errors() -> np.ndarray:
    """A million error indicators, rate .05 and from the middle on .08."""
    rng = np.random.default_rng(SEED + 3)
    return np.concatenate([rng.random(500_000) < 0.05, rng.random(500_000) < 0.08]).astype(float)


def three_levels() -> np.ndarray:
    """N(0, 1), N(1, 1) and N(1, 3), a thousand values each."""
    rng = np.random.default_rng(7)
    return np.concatenate([rng.normal(m, sd, 1_000) for m, sd in ((0, 1), (1, 1), (1, 3))])
