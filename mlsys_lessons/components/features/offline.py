"""Offline features: the training table of a history, each row as it was at its time.

`offline` replays the online object over a history, so a training table cannot disagree with
serving. It remembers nothing and judges no row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.features.online import (
    OnlineFeatures,
    _days,
    _in_arrival_order,
    _positives,
)
from mlsys_lessons.records import (
    InputError,
    ticks,
)
from mlsys_lessons.worlds.payments.domain import FEATURES, RAW_COLUMNS


def offline(requests: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The training table of a history: each row's features as they were at its time.

    Why it matters: a table joined on what is known *today* teaches a model the future, and its
    test score is a promise that serving cannot keep. Here the online object itself is replayed
    day by day, with the labels known by each midnight.

    Returns FEATURES and request_id, event_time, tick (arrival day), label (1, 0, NaN while
    unknown), amount, in order of arrival. Raises InputError for absent columns.

    >>> import mlsys_lessons as mls
    >>> table = offline(*mls.payments_world(seed=7, daily=200).history(50))
    >>> bool(table["label"].isna().mean() > 0.8)  # the last 45 days have not matured
    True
    """
    _check(requests, labels)
    requests = _in_arrival_order(requests)
    positives = _positives(requests, labels)
    known_tick = positives["known_tick"].to_numpy()
    online, parts = OnlineFeatures(), []
    for tick, rows in _days(requests):
        parts.append(online(requests.iloc[rows])[list(FEATURES)].to_numpy())
        first, last = np.searchsorted(known_tick, [tick, tick + 1])
        online.step(tick, positives.iloc[first:last])
    values = np.concatenate(parts) if parts else np.empty((0, len(FEATURES)))
    table = pd.DataFrame(values, columns=list(FEATURES))
    carried = {name: requests[name].to_numpy() for name in ("request_id", "event_time", "amount")}
    return table.assign(
        tick=ticks(requests["arrival_time"]), label=_last_known(requests, labels), **carried
    )


def _check(requests: pd.DataFrame, labels: pd.DataFrame) -> None:
    for what, frame, needed in (
        ("requests", requests, RAW_COLUMNS),
        ("labels", labels, ("request_id", "label", "label_time")),
    ):
        absent = [name for name in needed if name not in frame.columns]
        if absent:
            raise InputError(f"column {absent[0]!r} is absent; {what} need {list(needed)}.")
    if requests["arrival_time"].isna().any():
        raise InputError("an arrival_time is missing; every received row has one, see ingestion.")


def _last_known(requests: pd.DataFrame, labels: pd.DataFrame) -> NDArray[np.float64]:
    """The label of each request by the latest word on it; NaN where there is none."""
    latest = labels.sort_values("label_time", kind="stable").drop_duplicates(
        "request_id", keep="last"
    )
    label = latest.set_index("request_id")["label"]
    return label.reindex(requests["request_id"]).to_numpy(dtype=np.float64)
