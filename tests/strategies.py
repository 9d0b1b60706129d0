"""Hypothesis strategies and small frame builders that several test modules share.

Everything here is made from plain numbers, not by the package under test, so that a bug in the
world or in a stage cannot hide behind a frame that it built itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from mlsys_lessons.records import DAY_MS, EPOCH, SLOT_MS, ClosedDay
from mlsys_lessons.worlds.payments.domain import (
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    COUNTRY_DTYPE,
    FEATURES,
)

CATEGORY_COLUMNS = {
    "card_country": COUNTRY_DTYPE,
    "category": CATEGORY_DTYPE,
    "country": COUNTRY_DTYPE,
    "channel": CHANNEL_DTYPE,
}


def requests(rows: int, *, seed: int = 0, day: int = 0) -> pd.DataFrame:
    """Clean raw requests of one day in arrival order."""
    draw = np.random.default_rng([seed, 11])
    arrival = np.sort(draw.integers(0, DAY_MS, rows)) + day * DAY_MS
    codes = {name: draw.integers(0, len(dtype.categories), rows)
             for name, dtype in CATEGORY_COLUMNS.items()}  # fmt: skip
    words = {
        name: pd.Categorical.from_codes(codes[name], dtype=dtype)
        for name, dtype in CATEGORY_COLUMNS.items()
    }
    stamps = EPOCH + arrival.astype("timedelta64[ms]")
    opened = EPOCH - draw.integers(1, 3_000, rows).astype("timedelta64[D]")
    return pd.DataFrame({
        "request_id": draw.permutation(np.arange(rows)) + 1_000_000 * (day + 1),
        "event_time": stamps,
        "arrival_time": stamps,
        "customer_id": draw.integers(0, 50, rows),
        "account_opened": opened.astype("datetime64[ms]"),
        "card_country": words["card_country"],
        "merchant_id": draw.integers(0, 30, rows),
        "category": words["category"],
        "country": words["country"],
        "channel": words["channel"],
        "amount": np.round(np.exp(draw.normal(3.0, 1.0, rows)) + 0.01, 2),
    })  # fmt: skip


def features(rows: int, *, seed: int = 0) -> pd.DataFrame:
    """Model inputs with plausible shapes, unconnected with any request."""
    draw = np.random.default_rng([seed, 12])
    counts = np.sort(draw.poisson(1.0, (3, rows)), axis=0).astype(np.float64)
    hour = draw.uniform(0, 2 * np.pi, rows)
    columns = {
        "log_amount": draw.normal(3.0, 1.0, rows),
        "hour_sin": np.sin(hour),
        "hour_cos": np.cos(hour),
        "is_online": draw.integers(0, 2, rows).astype(np.float64),
        "is_foreign": (draw.random(rows) < 0.1).astype(np.float64),
        "account_age_days": draw.uniform(0, 3_000, rows),
        "count_1h": counts[0],
        "count_24h": counts[1],
        "count_7d": counts[2],
        "sum_24h": draw.uniform(0, 6, rows),
        "sum_7d": draw.uniform(0, 8, rows),
        "recency_hours": draw.uniform(0, 720, rows),
        "amount_to_habit": draw.normal(0, 1, rows),
        "merchant_risk": np.exp(draw.normal(-5.5, 0.8, rows)),
        "country_risk": np.exp(draw.normal(-5.5, 0.3, rows)),
        "category_risk": np.exp(draw.normal(-5.5, 0.3, rows)),
    }
    return pd.DataFrame({name: columns[name] for name in FEATURES})


def training(rows: int, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Inputs and labels that hang together: large, foreign, frequent payments are the fraud."""
    frame = features(rows, seed=seed)
    draw = np.random.default_rng([seed, 13])
    pull = frame["amount_to_habit"] + frame["is_foreign"] + 0.5 * frame["count_24h"] - 4.0
    label = draw.random(rows) < 1 / (1 + np.exp(-pull.to_numpy()))
    return frame, label.astype(np.float64)


def received(rows: int, *, seed: int = 0, day: int = 0) -> pd.DataFrame:
    """Requests behind ingestion, features and service: calm, clean, each with its inputs."""
    frame = requests(rows, seed=seed, day=day).rename_axis("row_id")
    inputs = features(rows, seed=seed).set_axis(frame.index, axis=0)
    inputs["log_amount"] = np.log(frame["amount"])
    clean = dict.fromkeys(("is_duplicate", "is_late", "is_quarantined"), False)
    return pd.concat([frame.assign(**clean), inputs], axis=1).assign(
        latency_ms=20.0, dependency_up=True
    )


def scored(rows: int, *, seed: int = 0, day: int = 0) -> pd.DataFrame:
    """Received rows with a score, skewed to small ones as fraud scores are."""
    draw = np.random.default_rng([seed, 14])
    return received(rows, seed=seed, day=day).assign(score=draw.beta(0.4, 4.0, rows))


def ended(tick: int, log: pd.DataFrame | None = None) -> ClosedDay:
    """A day that is over, on which nobody reviewed; without a log nobody came."""
    log = received(3, day=tick).iloc[:0] if log is None else log
    nobody = pd.DataFrame({"request_id": np.empty(0, np.int64), "label": np.empty(0, np.int8),
                           "minutes": np.empty(0)})  # fmt: skip
    return ClosedDay(tick, log, verdicts=nobody, held=0)


def cut(frame: pd.DataFrame, sizes: Sequence[int]) -> Iterator[pd.DataFrame]:
    """The frame in consecutive batches of the given sizes, used in turn, over and over."""
    start, turn = 0, 0
    while start < len(frame):
        size = sizes[turn % len(sizes)]
        yield frame.iloc[start : start + size]
        start, turn = start + size, turn + 1


def batch_sizes() -> st.SearchStrategy[list[int]]:
    """Ways to cut a stream of rows."""
    return st.lists(st.integers(1, 40), min_size=1, max_size=6)


@st.composite
def call_histories(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Slots (ascending, with gaps) and whether each call in them would fail: calm and storms."""
    gaps = draw(st.lists(st.sampled_from([0, 0, 0, 1, 1, 2, 7, 30]), min_size=1, max_size=150))
    failing: list[bool] = []
    while len(failing) < len(gaps):
        rows, share = draw(st.integers(1, 30)), draw(st.sampled_from([0.0, 0.3, 0.6, 1.0]))
        luck = draw(st.lists(st.integers(0, 9), min_size=rows, max_size=rows))
        failing += [each < 10 * share for each in luck]
    return np.cumsum(np.array(gaps, dtype=np.int64)), np.array(failing[: len(gaps)])


def slot_times(slots: np.ndarray) -> np.ndarray:
    """One arrival time inside each slot."""
    return EPOCH + (slots * SLOT_MS).astype("timedelta64[ms]")
