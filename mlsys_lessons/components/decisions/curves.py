"""What each cut would earn: curves for whoever has to choose one, and the best that is possible.

Pure functions of scores and of the cents that each action earns on each row, expected or realised;
where those come from is told in policy.py (`Policy.expected_cents`). Nothing is decided here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.reading import columns
from mlsys_lessons.records import whole_number

Floats = NDArray[np.float64]


def cents_by_cut(scores: ArrayLike, approve: ArrayLike, block: ArrayLike) -> pd.Series:
    """What all rows earn when those with `score >= cut` are blocked, for every cut that matters.

    Why it matters: AUC averages over cuts that nobody would choose, and F1 prices a blocked
    customer like a missed fraud. Money has one best cut, and the curve shows how flat its top is.

    Parameters
    ----------
    scores
        One number a row; a row without a score (NaN) is approved at every cut.
    approve, block
        Cents that each row earns if it is approved, and if it is blocked: expected ones for a
        probability, realised ones for a label.

    Returns
    -------
    Cents indexed by cut, ascending; the last cut is infinity, which blocks nobody. Rows of one
    score are blocked together. Raises InputError for lengths that differ.

    >>> curve = cents_by_cut([0.1, 0.4, 0.4, 0.9], [10, 10, -500, -900], [-250, -250, 0, 0])
    >>> curve.to_dict(), float(curve.idxmax())
    ({0.1: -500.0, 0.4: -240.0, 0.9: -480.0, inf: -1380.0}, 0.4)

    Source: Elkan, The foundations of cost-sensitive learning, 2001.
    """
    ranks, let, stop = columns(scores=scores, approve=approve, block=block)
    answered = ~np.isnan(ranks)
    order = np.argsort(-ranks[answered], kind="stable")
    gains = np.cumsum((stop - let)[answered][order])
    cuts = ranks[answered][order]
    last_of_score = np.append(np.diff(cuts) != 0, True)[: len(cuts)]
    cents = np.append(0.0, gains[last_of_score]) + let.sum()
    index = pd.Index(np.append(np.inf, cuts[last_of_score]), name="cut")
    return pd.Series(cents, index=index, name="cents").iloc[::-1]


def best_possible(*actions: ArrayLike) -> float:
    """Cents if every row got the best of its actions: with true probabilities, the Bayes reference.

    >>> best_possible([10, -500], [-250, 0])
    10.0
    """
    cents = columns(**{f"action {place}": each for place, each in enumerate(actions, start=1)})
    return float(np.max(cents, axis=0).sum()) if cents else 0.0


def net_benefit(scores: ArrayLike, labels: ArrayLike, thresholds: ArrayLike) -> Floats:
    """Net benefit of flagging at each threshold: true positives less false ones at their odds.

    Why it matters: a decision curve without a price list. A threshold t says how many false alarms
    a hit is worth, t / (1 - t) each; "flag everybody" and "flag nobody" are the two lines to beat.

    Shares of all rows, one for each threshold in 0..1 (1 itself excluded). Raises InputError for
    thresholds outside, labels other than 0 and 1, and lengths that differ.

    >>> net_benefit([0.9, 0.8, 0.1], [1, 0, 0], [0.2, 0.5]).round(3).tolist()
    [0.25, 0.0]

    Source: Vickers and Elkin, Decision curve analysis, 2006.
    """
    ranks, truth = columns(scores=scores, labels=labels)
    (limits,) = columns(thresholds=thresholds)
    if not np.isin(truth, (0.0, 1.0)).all():
        raise InputError("labels hold other values than 0 and 1; leave out what is not known yet.")
    if not ((limits >= 0) & (limits < 1)).all():
        raise InputError(f"thresholds={limits.tolist()!r:.60} leave 0..1; a threshold is a chance.")
    rows = max(len(ranks), 1)
    order = np.argsort(ranks, kind="stable")
    first = np.searchsorted(ranks[order], limits, side="left")  # the first row that is flagged
    hits_below = np.append(0.0, np.cumsum(truth[order]))[first]
    hits = truth.sum() - hits_below
    false = len(ranks) - first - hits
    return np.asarray((hits - false * limits / (1 - limits)) / rows)


def worth_reviewing(
    approve: ArrayLike, block: ArrayLike, review: ArrayLike, *, capacity: int
) -> NDArray[np.bool_]:
    """Which rows to show to people: those that a look is worth most for, as many as can be seen.

    Why it matters: the doubtful row is not always the dear one. A look is worth what it earns above
    the better of the two answers that need nobody; below zero it is a waste of a person.

    >>> worth_reviewing([0, 0, 0], [-9, -9, -9], [5, -1, 7], capacity=1).tolist()
    [False, False, True]

    Source: Howard, Information value theory, 1966.
    """
    whole_number("capacity", capacity, 0, 2**31)
    let, stop, look = columns(approve=approve, block=block, review=review)
    value = look - np.maximum(let, stop)
    chosen = np.zeros(len(value), dtype=bool)
    chosen[np.argsort(-value, kind="stable")[:capacity]] = True  # NaN is last
    return chosen & (value > 0)
