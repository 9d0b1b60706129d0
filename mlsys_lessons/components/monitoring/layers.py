"""Five layers of monitoring, each a pure function: what one closed day looked like from there.

operations: does the service answer? inputs: is the data what it was? outputs: are the scores?
decisions: what did we do? business: what came of it, as far as known today? A row is
(metric, segment, value, n); an undefined value is NaN, never a guess. Nothing here remembers
yesterday or decides what is worth a call: alerts.py does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring.performance import expected_confusion
from mlsys_lessons.components.monitoring.references import Reference
from mlsys_lessons.records import DAY_MS, HOUR_MS, DayFacts, milliseconds
from mlsys_lessons.worlds.payments.domain import CATEGORIES, CHANNELS, COUNTRIES

MetricRow = tuple[str, str, float, int]  # metric, segment, value, number of rows behind it
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

ALL = "all"  # the segment of a metric that has none
CALLER_PATIENCE_MS = 2_000.0  # after this the caller has gone, whatever we answer
SERVICE_FAILURES = ("dependency", "deadline", "breaker", "refused")  # outages, as reasons
NIGHT_HOURS = 6  # 0:00 to 5:59, when genuine customers sleep
ODDS_LIMIT = 1e-6  # probabilities are cut here before their logarithm is taken
VOCABULARIES = {
    "card_country": frozenset(COUNTRIES),
    "category": frozenset(CATEGORIES),
    "country": frozenset(COUNTRIES),
    "channel": frozenset(CHANNELS),
}


def operations(day_log: pd.DataFrame) -> list[MetricRow]:
    """The layer any platform gives for free: traffic, latency, errors, availability.

    Why it matters: it stays green while a model is wrong. An error is a model call that brought
    nothing in time, even where a fallback covered for it.
    """
    rows = len(day_log)
    latency = day_log["latency_ms"].to_numpy()
    median, tail = _quantiles(latency, 0.5, 0.99)
    too_late = latency > CALLER_PATIENCE_MS
    failed = _is_any(day_log["fallback_reason"], SERVICE_FAILURES) | too_late
    shed = _is_any(day_log["action"], ("shed",))
    waited_for = ~day_log["is_fallback"].to_numpy()  # a fallback speaks when the deadline is over
    answered = ~np.isnan(day_log["score"].to_numpy()) & ~(too_late & waited_for) & ~shed
    return [
        ("requests", ALL, float(rows), rows),
        ("latency_p50", ALL, median, rows),
        ("latency_p99", ALL, tail, rows),
        ("error_rate", ALL, _share(failed), rows),
        ("fallback_rate", ALL, _share(day_log["is_fallback"].to_numpy()), rows),
        ("shed_rate", ALL, _share(shed), rows),
        ("availability", ALL, _share(answered), rows),
    ]


def inputs(day_log: pd.DataFrame, references: Mapping[str, Reference]) -> list[MetricRow]:
    """Raw fields as they came, quarantined rows included: missing, unknown, late, shifted.

    Why it matters: every drift statistic drops missing values, so the missing rate is a metric of
    its own; and a median does not see the unit bug of one row in a hundred that a mean sees. One
    feature is watched beside the raw fields: recency is the first to tell that the table is stale,
    and without it the table has not answered at all.
    """
    rows = len(day_log)
    amount, hour = watched_amount(day_log), watched_hour(day_log)
    lag = milliseconds(day_log["arrival_time"]) - milliseconds(day_log["event_time"])
    foreign, both_known = _foreign(day_log)
    recency = day_log["recency_hours"].to_numpy()[~day_log["is_duplicate"].to_numpy()]
    return [
        *_missing_rates(day_log),
        ("null_rate", "history", _share(np.isnan(recency)), len(recency)),
        *_unknown_rates(day_log),
        ("duplicate_rate", ALL, _share(day_log["is_duplicate"].to_numpy()), rows),
        ("late_rate", ALL, _share(day_log["is_late"].to_numpy()), rows),
        ("quarantine_rate", ALL, _share(day_log["is_quarantined"].to_numpy()), rows),
        ("future_rate", ALL, _share(lag < 0), rows),
        ("amount_median", ALL, _quantiles(amount, 0.5)[0], len(amount)),
        ("amount_mean", ALL, _mean(amount), len(amount)),
        ("psi_amount", ALL, references["amount"].psi(amount), len(amount)),
        ("psi_hour", ALL, references["hour"].psi(hour), rows),
        ("recency_median", ALL, _quantiles(recency, 0.5)[0], len(recency)),
        ("share_online", ALL, _share(_is_any(day_log["channel"], ("online",))), rows),
        ("share_foreign", ALL, _share(foreign[both_known]), int(both_known.sum())),
        ("share_night", ALL, _share(hour < NIGHT_HOURS), rows),
    ]


def outputs(day_log: pd.DataFrame, references: Mapping[str, Reference]) -> list[MetricRow]:
    """Scores of first-time rows that the model itself answered, and what they say of themselves.

    Why it matters: scores are there tonight, labels in six weeks. The mean is taken of log-odds:
    a mean of probabilities near zero is ruled by the three largest.
    """
    answered = _answered_by_model(day_log)
    score = day_log["score"].to_numpy()[answered]
    flagged = _is_any(day_log["action"], ("review", "block"))[answered]
    rows = len(score)
    likely = np.clip(score, ODDS_LIMIT, 1 - ODDS_LIMIT)
    tp, fp, fn, _ = expected_confusion(likely, flagged)
    return [
        ("score_log_odds", ALL, _mean(np.log(likely / (1 - likely))), rows),
        ("score_p99", ALL, _quantiles(score, 0.99)[0], rows),
        ("share_flagged", ALL, _share(flagged), rows),
        ("psi_score", ALL, references["score"].psi(score), rows),
        ("estimated_precision", ALL, _ratio(tp, tp + fp), int(np.count_nonzero(flagged))),
        ("estimated_recall", ALL, _ratio(tp, tp + fn), rows),
    ]


def decisions(day_log: pd.DataFrame, facts: DayFacts) -> list[MetricRow]:
    """What we did with the requests, each counted once, and how the reviewers kept up.

    Why it matters: a threshold that nobody touched still blocks twice as many when scores shift.
    """
    first = ~day_log["is_duplicate"].to_numpy()
    rows = int(np.count_nonzero(first))
    rates = [
        (f"{action}_rate", ALL, _share(_is_any(day_log["action"], (action,))[first]), rows)
        for action in ("approve", "review", "block")
    ]
    blocked = first & _is_any(day_log["final_action"], ("block",))
    euros = day_log["amount"].to_numpy()[blocked]
    cents = np.rint(euros[np.isfinite(euros)] * 100)
    return [
        *rates,
        ("blocked_cents", ALL, float(cents.sum()), int(np.count_nonzero(blocked))),
        ("review_queue", ALL, float(facts.held), rows),
        ("review_reached", ALL, _ratio(facts.reviewed, facts.held), facts.held),
    ]


def business(day_log: pd.DataFrame, facts: DayFacts) -> list[MetricRow]:
    """What became known today: money in the books, frauds reported, labels.

    Why it matters: it is the only layer that is about the purpose, and the last one to know. Frauds
    reported today happened weeks ago; they are set against today's requests.
    """
    rows = int(np.count_nonzero(~day_log["is_duplicate"].to_numpy()))
    labels = facts.labels
    positive = labels["label"].to_numpy() == 1
    reported = np.count_nonzero(positive & _is_any(labels["source"], ("cardholder", "late")))
    reviewed = _is_any(labels["source"], ("investigator",))
    confirmed = positive[reviewed]
    return [
        ("booked_cents", ALL, float(sum(facts.books_cents.values())), rows),
        ("reported_fraud_rate", ALL, _ratio(float(reported), rows), rows),
        ("labels_known", ALL, float(len(labels)), len(labels)),
        ("precision_reviewed", ALL, _share(confirmed), len(confirmed)),
    ]


def watched_amount(day_log: pd.DataFrame) -> Floats:
    """Amounts of first-time rows, missing and infinite ones left out."""
    amount = day_log["amount"].to_numpy()
    return np.asarray(amount[np.isfinite(amount) & ~day_log["is_duplicate"].to_numpy()])


def watched_hour(day_log: pd.DataFrame) -> Floats:
    """Hour of the day, 0..23, that each row claims for its event."""
    return np.asarray(milliseconds(day_log["event_time"]) % DAY_MS // HOUR_MS, dtype=np.float64)


def watched_score(day_log: pd.DataFrame) -> Floats:
    """Scores of first-time rows that the model itself answered."""
    return np.asarray(day_log["score"].to_numpy()[_answered_by_model(day_log)])


def _answered_by_model(day_log: pd.DataFrame) -> Mask:
    silent = day_log["is_duplicate"].to_numpy() | day_log["is_fallback"].to_numpy()
    return np.asarray(~silent & ~np.isnan(day_log["score"].to_numpy()))


def _missing_rates(day_log: pd.DataFrame) -> list[MetricRow]:
    rows = len(day_log)
    missing = {name: _codes(day_log[name]) < 0 for name in VOCABULARIES}
    missing["amount"] = np.isnan(day_log["amount"].to_numpy())
    missing["account_opened"] = np.isnat(day_log["account_opened"].to_numpy())
    return [("null_rate", name, _share(mask), rows) for name, mask in missing.items()]


def _unknown_rates(day_log: pd.DataFrame) -> list[MetricRow]:
    rows = len(day_log)
    result = []
    for name, known in VOCABULARIES.items():
        words = tuple(word for word in _words(day_log[name]) if word not in known)
        share = _share(_is_any(day_log[name], words)) if words or not rows else 0.0
        result.append(("unknown_category_rate", name, share, rows))
    return result


def _foreign(day_log: pd.DataFrame) -> tuple[Mask, Mask]:
    """Which rows pay outside the card's country, and which rows name both countries."""
    here, home = day_log["country"], day_log["card_country"]
    if here.dtype != home.dtype:  # a producer has changed one vocabulary: compare the words
        words = pd.Index(here.cat.categories).union(home.cat.categories, sort=False)
        here, home = here.cat.set_categories(words), home.cat.set_categories(words)
    first, second = _codes(here), _codes(home)
    return first != second, (first >= 0) & (second >= 0)


def _codes(values: pd.Series) -> NDArray[np.integer]:
    return np.asarray(values.array.codes)


def _is_any(values: pd.Series, names: tuple[str, ...]) -> Mask:
    wanted = np.array([*(word in names for word in _words(values)), False])
    return np.asarray(wanted[_codes(values)])


def _words(values: pd.Series) -> pd.Index:
    assert isinstance(values.dtype, pd.CategoricalDtype)
    return values.dtype.categories


def _share(mask: Mask) -> float:
    return float(np.count_nonzero(mask)) / len(mask) if len(mask) else float("nan")


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _quantiles(values: Floats, *levels: float) -> list[float]:
    """Order statistics without interpolation: one partial sort for all levels."""
    known = values[~np.isnan(values)]
    if not len(known):
        return [float("nan")] * len(levels)
    ranks = [min(int(level * len(known)), len(known) - 1) for level in levels]
    return [float(value) for value in np.partition(known, ranks)[ranks]]
