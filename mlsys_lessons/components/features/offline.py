"""Offline features: the training table of a history, each row as it was at its time.

`offline` replays the online object over a history, so a training table cannot disagree with
serving. It remembers nothing and judges no row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons import reading
from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.components.features.online import days_of, positives_of
from mlsys_lessons.components.features.stages import OnlineFeatures
from mlsys_lessons.domain import Domain
from mlsys_lessons.frames import in_arrival_order
from mlsys_lessons.ids import row_keys
from mlsys_lessons.records import ticks


def offline(
    requests: pd.DataFrame, labels: pd.DataFrame, domain: Domain = DEFAULT_DOMAIN
) -> pd.DataFrame:
    """The training table of a history: each row's features as they were at its time.

    Why it matters: a table joined on what is known *today* teaches a model the future, and its
    test score is a promise that serving cannot keep. Here the online object itself is replayed
    day by day, with the labels known by each midnight.

    Returns the domain's features and tick (arrival day), label (1, 0, NaN while unknown), the
    proxy where the domain has one, the row's identity, event_time and measure, in order of
    arrival. Frames are read as `parse` reads them, by the same reader as the warehouse's; raises
    InputError as it does.

    >>> import mlsys_lessons as mls
    >>> table = offline(*mls.payments_world(seed=7, daily=200).history(50))
    >>> bool(table["label"].isna().mean() > 0.8)  # the last 45 days have not matured
    True
    """
    flags = [name for name in ("is_quarantined", "quarantine_reason") if name in requests]
    read = reading.requests(requests, domain).assign(**{name: requests[name] for name in flags})
    requests = in_arrival_order(read)
    labels = reading.labels(labels, domain.identity)
    positives = positives_of(requests, labels, domain)
    known_tick = positives["known_tick"].to_numpy()
    online, names, parts = OnlineFeatures(domain), list(domain.inputs), []
    for tick, rows in days_of(requests):
        parts.append(online(requests.iloc[rows])[names].to_numpy())
        first, last = np.searchsorted(known_tick, [tick, tick + 1])
        online.step(tick, positives.iloc[first:last])
    values = np.concatenate(parts) if parts else np.empty((0, len(names)))
    carried = (*domain.identity, "event_time", *filter(None, [domain.measure]))
    return pd.DataFrame(values, columns=names).assign(
        tick=ticks(requests["arrival_time"]),
        **{
            column: _last_known(requests, labels.assign(label=labels[column]), domain)
            for column in dict.fromkeys(("label", domain.target))
        },
        **{name: requests[name].to_numpy() for name in carried},
    )


def _last_known(
    requests: pd.DataFrame, labels: pd.DataFrame, domain: Domain
) -> NDArray[np.float64]:
    """The label of each request by the latest word on it; NaN where there is none."""
    ordered = labels.sort_values("label_time", kind="stable")
    latest = pd.Series(ordered["label"].to_numpy(), index=row_keys(ordered, domain.identity))
    latest = latest[~latest.index.duplicated(keep="last")]
    return latest.reindex(row_keys(requests, domain.identity)).to_numpy(dtype=np.float64)
