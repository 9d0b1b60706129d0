"""Five layers of monitoring, each a pure function: what one closed day looked like from there.

operations: does the service answer? inputs: is the data what it was? outputs: are the scores?
decisions: what did we do? business: what came of it, as far as known today? A row is
(metric, segment, value, n); an undefined value is NaN, never a guess. Nothing here remembers
yesterday or decides what is worth a call: alerts.py does. Longer than most: the layers stand side
by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.monitoring.alerts import MetricRow
from mlsys_lessons.components.monitoring.performance import expected_confusion
from mlsys_lessons.components.monitoring.references import Reference
from mlsys_lessons.domain import Domain, Share
from mlsys_lessons.frames import array_of, codes, in_words, words
from mlsys_lessons.records import (
    APPROVE,
    BLOCK,
    CARDHOLDER,
    DAY_MS,
    HOUR_MS,
    INVESTIGATOR,
    LATE,
    REVIEW,
    SHED,
    DayFacts,
    milliseconds,
)

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

ALL = "all"  # the segment of a metric that has none
CALLER_PATIENCE_MS = 2_000.0  # after this the caller has gone, whatever we answer
SERVICE_FAILURES = ("dependency", "deadline", "breaker", "refused")  # outages, as reasons
NIGHT_HOURS = 6  # 0:00 to 5:59, when genuine customers sleep
WEEK_DAYS = 7
LEAST_LUCK = 1e-4  # a silence of the reports that is less likely is none of luck (assumed)
TIE_HOURS = 1e-6  # rounding, far below a millisecond
ODDS_LIMIT = 1e-6  # probabilities are cut here before their logarithm is taken
OPERATIONS_NEED = ("latency_ms", "fallback_reason", "action", "is_fallback", "score")


def needed(domain: Domain) -> tuple[str, ...]:
    """The columns of a day's log that the five layers look at."""
    flags = ("is_duplicate", "is_late", "quarantine_reason", "final_action")
    features = filter(None, [domain.history[0], _recency_name(domain)])
    of_shares = [name for share in domain.shares for name in (share.field, share.differs_from)]
    watched_fields = (domain.actor, *domain.nullable, *filter(None, [domain.measure, *of_shares]))
    clocks = ("event_time", "arrival_time")
    return tuple(dict.fromkeys((*OPERATIONS_NEED, *flags, *clocks, *watched_fields, *features)))


def operations(day_log: pd.DataFrame) -> list[MetricRow]:
    """The layer any platform gives for free: traffic, latency, errors, availability.

    Why it matters: it stays green while a model is wrong. An error is a model call that brought
    nothing in time, even where a fallback covered for it.
    """
    rows = len(day_log)
    latency = array_of(day_log, "latency_ms")
    median, tail = _quantiles(latency, 0.5, 0.99)
    too_late = latency > CALLER_PATIENCE_MS
    failed = in_words(array_of(day_log, "fallback_reason"), SERVICE_FAILURES) | too_late
    shed = codes(array_of(day_log, "action")) == SHED
    waited_for = ~array_of(day_log, "is_fallback")  # a fallback speaks when the deadline is over
    answered = ~np.isnan(array_of(day_log, "score")) & ~(too_late & waited_for) & ~shed
    return [
        ("requests", ALL, float(rows), rows),
        ("latency_p50", ALL, median, rows),
        ("latency_p99", ALL, tail, rows),
        ("error_rate", ALL, _share(failed), rows),
        ("fallback_rate", ALL, _share(array_of(day_log, "is_fallback")), rows),
        ("shed_rate", ALL, _share(shed), rows),
        ("availability", ALL, _share(answered), rows),
    ]


def inputs(
    day_log: pd.DataFrame, references: Mapping[str, Reference], domain: Domain
) -> list[MetricRow]:
    """Raw fields as they came, quarantined rows included: missing, unknown, late, shifted.

    `quarantine_rate` counts the rows of which something was put aside: all of it, or one field.

    Why it matters: every drift statistic drops missing values, so the missing rate is a metric of
    its own; and a median does not see the unit bug of one row in a hundred that a mean sees. One
    feature is watched beside the raw fields: recency is the first to tell that the table is stale,
    and without it the table has not answered at all.
    """
    rows = len(day_log)
    hour = watched_hour(day_log)
    repeated = array_of(day_log, "is_duplicate")
    firsts = day_log[~repeated] if repeated.any() else day_log
    history = array_of(firsts, domain.history[0])
    arrival, event = array_of(day_log, "arrival_time"), array_of(day_log, "event_time")
    lag = milliseconds(arrival) - milliseconds(event)
    return [
        *_missing_rates(day_log, domain),
        ("null_rate", "history", _share(np.isnan(history)), len(history)),
        *_unknown_rates(day_log, domain),
        ("duplicate_rate", ALL, _share(repeated), rows),
        ("late_rate", ALL, _share(array_of(day_log, "is_late")), rows),
        ("quarantine_rate", ALL, _share(codes(array_of(day_log, "quarantine_reason")) >= 0), rows),
        ("future_rate", ALL, _share(lag < 0), rows),
        *_measure(day_log, references, domain),
        ("psi_hour", ALL, references["hour"].psi(hour), rows),
        *_recency(firsts, domain),
        *_unseen(firsts, domain),
        *(_watched_share(day_log, share) for share in domain.shares),
        ("share_night", ALL, _share(hour < NIGHT_HOURS), rows),
    ]


def _measure(
    day_log: pd.DataFrame, references: Mapping[str, Reference], domain: Domain
) -> list[MetricRow]:
    """The level of the domain's measure, by median, mean and shape."""
    if not domain.measure:
        return []
    name, values = domain.measure, watched_measure(day_log, domain)
    return [
        (f"{name}_median", ALL, _quantiles(values, 0.5)[0], len(values)),
        (f"{name}_mean", ALL, _mean(values), len(values)),
        (f"psi_{name}", ALL, references[name].psi(values), len(values)),
    ]


def _recency(firsts: pd.DataFrame, domain: Domain) -> list[MetricRow]:
    """How long ago the actors of today were here before: a stale table shows as days."""
    name = _recency_name(domain)
    if not name:
        return []
    recency = array_of(firsts, name)
    return [("recency_median", ALL, _quantiles(recency, 0.5)[0], len(recency))]


def _unseen(firsts: pd.DataFrame, domain: Domain) -> list[MetricRow]:
    """Of rows whose actor was here before on this day: the share whose history does not know it.

    The log checks the table: a history kept up to the row misses none. Rows of which something was
    put aside are left out.
    """
    name = _recency_name(domain)
    if not name:
        return []
    recency = array_of(firsts, name)
    sound = (codes(array_of(firsts, "quarantine_reason")) < 0) & ~np.isnan(recency)
    if domain.measure:
        sound &= array_of(firsts, domain.measure) > 0
    actor = array_of(firsts, domain.actor)[sound]
    order = np.argsort(actor, kind="stable")
    event = milliseconds(array_of(firsts, "event_time"))[sound][order]
    again = (np.diff(actor[order]) == 0) & (np.diff(event) > 0)
    missed = recency[sound][order][1:] > np.diff(event) / HOUR_MS + TIE_HOURS
    return [("unseen_rate", "history", _share(missed[again]), int(np.count_nonzero(again)))]


def _recency_name(domain: Domain) -> str:
    return next((one.name for one in domain.features if one.formula == "recency"), "")


def _watched_share(day_log: pd.DataFrame, share: Share) -> MetricRow:
    """One share of the day's rows that the domain has named."""
    if share.equals:
        hit = in_words(array_of(day_log, share.field), (share.equals,))
        return share.metric, ALL, _share(hit), len(day_log)
    pair = array_of(day_log, share.field), array_of(day_log, share.differs_from)
    differs, both_known = _differ(*pair)
    return share.metric, ALL, _share(differs[both_known]), int(both_known.sum())


def outputs(day_log: pd.DataFrame, references: Mapping[str, Reference]) -> list[MetricRow]:
    """Scores of first-time rows that the model itself answered, and what they say of themselves.

    Why it matters: scores are there tonight, labels in six weeks. The mean is taken of log-odds:
    a mean of probabilities near zero is ruled by the three largest.
    """
    answered = _answered_by_model(day_log)
    score = array_of(day_log, "score")[answered]
    action = codes(array_of(day_log, "action"))[answered]
    flagged = (action == REVIEW) | (action == BLOCK)
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


def decisions(day_log: pd.DataFrame, facts: DayFacts, domain: Domain) -> list[MetricRow]:
    """What we did with the requests, each counted once, and how the reviewers kept up.

    Why it matters: a threshold that nobody touched still blocks twice as many when scores shift.
    """
    first = ~array_of(day_log, "is_duplicate")
    rows = int(np.count_nonzero(first))
    action = codes(array_of(day_log, "action"))[first]
    rates = [
        (f"{domain.actions[code]}_rate", ALL, _share(action == code), rows)
        for code in (APPROVE, REVIEW, BLOCK)
    ]
    blocked = first & (codes(array_of(day_log, "final_action")) == BLOCK)
    amount = array_of(day_log, domain.measure)[blocked] if domain.measure else np.empty(0)
    cents = np.rint(amount[np.isfinite(amount)] * 100)
    return [
        *rates,
        ("blocked_cents", ALL, float(cents.sum()), int(np.count_nonzero(blocked))),
        ("review_queue", ALL, float(facts.held), rows),
        ("review_reached", ALL, _ratio(facts.reviewed, facts.held), facts.held),
    ]


def business(day_log: pd.DataFrame, facts: DayFacts, domain: Domain) -> list[MetricRow]:
    """What became known today: money in the books, frauds reported, labels.

    Why it matters: it is the only layer that is about the purpose, and the last one to know. Frauds
    reported today happened weeks ago; they are set against today's requests.
    """
    rows = int(np.count_nonzero(~array_of(day_log, "is_duplicate")))
    labels = facts.labels
    positive = array_of(labels, "label") == 1
    source = codes(array_of(labels, "source"))
    reported = np.count_nonzero(positive & ((source == CARDHOLDER) | (source == LATE)))
    reviewed = source == INVESTIGATOR
    confirmed = positive[reviewed]
    return [
        ("booked_cents", ALL, float(sum(facts.books_cents.values())), rows),
        (f"reported_{domain.harm}_rate", ALL, _ratio(float(reported), rows), rows),
        ("labels_known", ALL, float(len(labels)), len(labels)),
        ("precision_reviewed", ALL, _share(confirmed), len(confirmed)),
    ]


def missing_reports(reports: Sequence[tuple[int, int]]) -> float:
    """How many reports of harm the last week lacks, where luck does not explain it; else 0.

    `reports` holds each day's reports and requests, the oldest first; before three weeks it is 0.
    Given the counts of both spells, the later one's share of the reports is binomial.

    Why it matters: a few reports a day can fall silent without a day being odd; a week cannot. A
    job that loses them makes every fraud look innocent.

    Reference: Przyborowski and Wilenski (1940), on two Poisson rates.

    >>> missing_reports([(3, 1_000)] * 28 + [(0, 1_000)] * 7)
    21.0
    >>> missing_reports([(3, 1_000)] * 28 + [(2, 1_000)] * 7)
    0.0
    """
    from scipy.special import bdtr

    spells = reports[:-WEEK_DAYS], reports[-WEEK_DAYS:]
    if len(spells[0]) < 2 * WEEK_DAYS:
        return 0.0
    (old, before), (new, lately) = (np.sum(spell, axis=0) for spell in spells)
    usual = old * lately / max(before, 1.0)
    luck = bdtr(new, int(old + new), lately / max(before + lately, 1.0))
    return float(usual - new) if luck < LEAST_LUCK else 0.0


def watched(domain: Domain) -> dict[str, Callable[[pd.DataFrame], Floats]]:
    """The columns whose shape is held against the last weeks, by name."""
    measure = {domain.measure: partial(watched_measure, domain=domain)} if domain.measure else {}
    return {**measure, "hour": watched_hour, "score": watched_score}


def watched_measure(day_log: pd.DataFrame, domain: Domain) -> Floats:
    """The measure of first-time rows, missing and infinite values left out."""
    amount = array_of(day_log, domain.measure)
    return np.asarray(amount[np.isfinite(amount) & ~array_of(day_log, "is_duplicate")])


def watched_hour(day_log: pd.DataFrame) -> Floats:
    """Hour of the day, 0..23, that each row claims for its event."""
    event = milliseconds(array_of(day_log, "event_time"))
    return np.asarray(event % DAY_MS // HOUR_MS, dtype=np.float64)


def watched_score(day_log: pd.DataFrame) -> Floats:
    """Scores of first-time rows that the model itself answered."""
    return np.asarray(array_of(day_log, "score")[_answered_by_model(day_log)])


def _answered_by_model(day_log: pd.DataFrame) -> Mask:
    silent = array_of(day_log, "is_duplicate") | array_of(day_log, "is_fallback")
    return np.asarray(~silent & ~np.isnan(array_of(day_log, "score")))


def _missing_rates(day_log: pd.DataFrame, domain: Domain) -> list[MetricRow]:
    rows, coded = len(day_log), domain.vocabularies
    columns = {name: array_of(day_log, name) for name in domain.nullable}
    missing = {
        name: codes(column) < 0 if name in coded else pd.isna(column)
        for name, column in columns.items()
    }
    return [("null_rate", name, _share(mask), rows) for name, mask in missing.items()]


def _unknown_rates(day_log: pd.DataFrame, domain: Domain) -> list[MetricRow]:
    rows, rates = len(day_log), []
    for name, agreed in domain.vocabularies.items():
        column = array_of(day_log, name)
        strange = [word for word in words(column) if word not in agreed.categories]
        share = _share(in_words(column, strange)) if strange or not rows else 0.0
        rates.append(("unknown_category_rate", name, share, rows))
    return rates


def _differ(one: pd.Categorical, other: pd.Categorical) -> tuple[Mask, Mask]:
    """Which rows differ in two columns of one vocabulary, and which rows have both."""
    if one.dtype != other.dtype:  # a producer has changed one vocabulary: compare the words
        union = words(one).union(words(other), sort=False)
        one, other = one.set_categories(union), other.set_categories(union)
    first, second = codes(one), codes(other)
    return first != second, (first >= 0) & (second >= 0)


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
