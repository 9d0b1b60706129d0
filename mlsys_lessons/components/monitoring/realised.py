"""Performance once labels have matured, and nothing about days whose labels are still under way.

Positives arrive first: for six weeks, "no report yet" and "no harm" look the same. It reads labels
that are given; who writes them is told in components/feedback.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlsys_lessons.components.monitoring.estimated import cbpe
from mlsys_lessons.components.monitoring.probabilities import Floats
from mlsys_lessons.errors import InputError
from mlsys_lessons.reading import columns
from mlsys_lessons.records import LAST_TICK, MATURITY_DAYS, whole_number, within

METRICS = ("precision", "recall", "accuracy", "f1", "auc")


def realised_performance(
    event_day: ArrayLike,
    label_day: ArrayLike,
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    today: float,
    threshold: float = 0.5,
    maturity_days: int = MATURITY_DAYS,
) -> pd.DataFrame:
    """Realised metrics of each event day, on rows whose labels have matured by today.

    Why it matters: count the labels so far and yesterday is a day without fraud; count the rows
    that have a label and nearly all of them are frauds. Both are read as news, and are only early.

    Parameters
    ----------
    event_day
        When each row happened, in days; a part of a day (12.5) is allowed. Leave out rows that
        will never have a label: a blocked row is not genuine because nobody complained.
    label_day
        When its label became known; NaN for not at all. What became known after today is not yet
        known.
    labels
        0 or 1; NaN without a report. A matured row without a known report is a zero.
    scores
        What was cut at `threshold`; NaN (no answer) is left out of the metrics.
    today
        Rows of `today - maturity_days` and before have matured. A younger row is left out even
        where its label is known: labels that come early are not a fair sample.

    Returns a frame with one row per event day, in order: rows, matured (share of rows),
    positive_rate and the METRICS of the matured rows. NaN stands where nothing has matured, or
    where a metric is undefined.

    Errors: InputError for lengths that differ, missing or infinite event days, labels other than
    0 and 1, a label day without a label, and a threshold that is no number.

    >>> found = realised_performance([0, 0, 50], [9, np.nan, 51], [1, np.nan, 1],
    ...                              [0.9, 0.1, 0.9], today=52)
    >>> found["matured"].tolist(), found["positive_rate"].tolist()
    ([1.0, 0.0], [0.5, nan])

    Source: Chapelle, Modeling delayed feedback in display advertising, 2014.
    """
    within("today", today, -LAST_TICK, 10 * LAST_TICK)
    within("threshold", threshold, -np.inf, np.inf)
    whole_number("maturity_days", maturity_days, 0, LAST_TICK)
    event, reported, label, score = columns(
        event_day=event_day, label_day=label_day, labels=labels, scores=scores
    )
    _judge(event, reported, label)
    known_harm = (reported <= today) & (label == 1)
    matured = event <= today - maturity_days
    days, place = np.unique(np.floor(event).astype(np.int64), return_inverse=True)
    order = np.argsort(place, kind="stable")
    by_day = np.split(order, np.flatnonzero(np.diff(place[order])) + 1) if len(days) else []
    table = [_day(known_harm[i], score[i], matured[i], threshold) for i in by_day]
    names = ["rows", "matured", "positive_rate", *METRICS]
    found = pd.DataFrame(table, columns=names, index=pd.Index(days, name="event_day"))
    return found.astype({name: "int64" if name == "rows" else "float64" for name in names})


def _day(
    harm: np.ndarray, score: Floats, matured: np.ndarray, threshold: float
) -> tuple[float, ...]:
    """One line of the table; a known label is a probability of 0 or 1, so `cbpe` does the rest."""
    rows, share = len(harm), float(matured.mean())
    harm, score = harm[matured].astype(np.float64), score[matured]
    rate = float(harm.mean()) if len(harm) else float("nan")
    if np.isnan(score).all():  # of none, too
        return (rows, share, rate, *[float("nan")] * len(METRICS))
    realised = cbpe(harm, threshold=threshold, scores=score)
    return (rows, share, rate, *[getattr(realised, metric) for metric in METRICS])


def _judge(event: Floats, reported: Floats, label: Floats) -> None:
    """Refuse days and labels that mean nothing."""
    known = label[~np.isnan(label)]
    if not (np.abs(event) <= 10 * LAST_TICK).all():
        wrong = "event_day is missing or far from any calendar; every row happened on some day"
    elif not ((known == 0) | (known == 1)).all():
        wrong = "labels hold other values than 0 and 1; leave unknown ones as NaN"
    elif (np.isnan(label) & ~np.isnan(reported)).any():
        wrong = "a label_day stands without a label; give both, or NaN for both"
    else:
        return
    raise InputError(f"{wrong}.")
