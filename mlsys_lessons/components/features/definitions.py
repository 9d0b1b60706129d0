"""What each feature is: pure functions from a row and its history to numbers.

This is the one definition that training and serving share. Which features a domain has is data (see
`Feature`), a formula's name among it; the formulas are here. It holds no state: what happened
before a row comes from event_store.py, what labels say of a merchant from risk_tables.py, and
online.py joins the three. A number that cannot be computed is NaN; nothing here guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.features.event_store import (
    DAY,
    HOUR,
    MONTH,
    WEEK,
    WINDOWS_MS,
    Attempts,
    History,
    read_attempts,
)
from mlsys_lessons.components.features.risk_tables import RiskTable
from mlsys_lessons.domain import Domain, Feature
from mlsys_lessons.frames import array_of, codes, codes_in, in_words, words
from mlsys_lessons.records import DAY_MS, HOUR_MS, milliseconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MAX_AMOUNT = 1e9  # euros; more is no amount, and keeps running totals of cents far from 2^63
LEAST_RATIO = np.finfo(np.float64).tiny  # of an amount to a habit: less has no logarithm
WINDOWS = {"hour": HOUR, "day": DAY, "week": WEEK, "month": MONTH}


@dataclass(frozen=True)
class Rows:
    """A batch of requests as plain arrays; what cannot be read is NaN or code -1."""

    domain: Domain
    attempts: Attempts
    times: Mapping[str, Floats]  # milliseconds of each time field but the arrival
    amount: Floats  # the domain's measure, above 0; 1 where it has none
    codes: Mapping[str, Ints]  # ids as they are; words by their vocabulary
    numbers: Mapping[str, Floats]  # fields that are features as they are


def read_rows(
    frame: pd.DataFrame, domain: Domain, untrusted: Collection[str] = frozenset()
) -> Rows:
    """The raw columns of a frame of requests; a field in doubt is read as missing.

    In doubt is what ingestion has found wrong in a row, and in every row what is `untrusted`. A
    row enters the state when it is not quarantined and its actor, time and amount are legible. Is
    the amount in doubt, it enters without one: it counts as an attempt and distorts no sum. Is the
    event's time in doubt, the arrival, which we have stamped ourselves, stands in for it.
    """
    in_doubt = _in_doubt(frame, domain, untrusted)
    sizeless = in_doubt.get(domain.measure, np.zeros(len(frame), dtype=bool))
    amount = np.where(sizeless, np.nan, _amounts(frame, domain))
    cents = np.rint(np.nan_to_num(amount) * 100).astype(np.int64)
    enters = (cents > 0) | sizeless
    if "is_quarantined" in frame.columns:
        enters &= ~array_of(frame, "is_quarantined", bool)
    numbers = {
        name: np.where(in_doubt.get(name, False), -1, codes_of(frame, name, domain))
        for name in (domain.actor, *_coded(domain))
    }
    event = array_of(frame, "event_time")
    if "event_time" in in_doubt:
        event = np.where(in_doubt["event_time"], array_of(frame, "arrival_time"), event)
    times = [one.name for one in domain.fields if one.is_time and not one.is_clock]
    return Rows(
        domain=domain,
        attempts=read_attempts(numbers[domain.actor], milliseconds(event), cents, enters=enters),
        times={
            "event_time": _elapsed(event),
            **{name: _elapsed(array_of(frame, name)) for name in times},
        },
        amount=amount,
        codes=numbers,
        numbers={
            name: np.where(in_doubt.get(name, False), np.nan, array_of(frame, name, np.float64))
            for name in _plain(domain)
        },
    )


def _in_doubt(frame: pd.DataFrame, domain: Domain, untrusted: Collection[str]) -> dict[str, Mask]:
    """The fields with values that are there but not to be read, each with its rows."""
    doubts = dict.fromkeys(untrusted, np.ones(len(frame), dtype=bool))
    if "quarantine_reason" not in frame.columns:
        return doubts
    reasons = array_of(frame, "quarantine_reason")  # each begins with its field
    if (codes(reasons) >= 0).any():
        field_of = {word: word.split(":")[0] for word in words(reasons).tolist()}
        for name in set(field_of.values()) & set(domain.columns) - set(untrusted):
            doubts[name] = in_words(reasons, [one for one in field_of if field_of[one] == name])
    return doubts


def _coded(domain: Domain) -> tuple[str, ...]:
    """The fields that formulas read as codes: words, and ids that have a risk."""
    return (*(name for name in domain.risks if name not in domain.vocabularies),
            *domain.vocabularies)  # fmt: skip


def _plain(domain: Domain) -> tuple[str, ...]:
    """The fields that are features as they are."""
    return tuple(one.reads[0] for one in domain.features if one.formula == "number")


def _amounts(frame: pd.DataFrame, domain: Domain) -> Floats:
    """The domain's measure where it is legible, else NaN."""
    if not domain.measure:
        return np.ones(len(frame))
    amount = array_of(frame, domain.measure, np.float64)
    return np.where((amount > 0) & (amount <= MAX_AMOUNT), amount, np.nan)


def codes_of(frame: pd.DataFrame, name: str, domain: Domain) -> Ints:
    """A column as whole numbers: its place in its vocabulary, -1 for any word outside it."""
    vocabulary = domain.vocabularies.get(name)
    if vocabulary is None:
        return array_of(frame, name, np.int64)
    return codes_in(array_of(frame, name), vocabulary.categories)


@dataclass(frozen=True)
class Inputs:
    """What the formulas read: rows, their history, today's risk tables."""

    rows: Rows
    history: History
    risks: Mapping[str, RiskTable]

    @cached_property
    def hour_angle(self) -> Floats:
        """The event's hour as an angle on a 24 hour dial."""
        return np.mod(self.rows.times["event_time"], DAY_MS) * (2 * np.pi / DAY_MS)

    @cached_property
    def counts(self) -> Floats:
        """Earlier attempts in each window; NaN for a row that belongs to nobody."""
        return np.where(self.rows.attempts.readable, self.history.counts, np.nan)

    @cached_property
    def amounts(self) -> Floats:
        """What was attempted in each window, in the measure's unit."""
        return self.history.cents / 100.0

    @cached_property
    def unknown(self) -> NDArray[np.bool_]:
        """Rows that belong to nobody."""
        return np.isnan(self.counts[MONTH])


def _log(inputs: Inputs, feature: Feature) -> Floats:
    return np.log(inputs.rows.amount)


def _number(inputs: Inputs, feature: Feature) -> Floats:
    return inputs.rows.numbers[feature.reads[0]]


def _hour_sin(inputs: Inputs, feature: Feature) -> Floats:
    return np.sin(inputs.hour_angle)


def _hour_cos(inputs: Inputs, feature: Feature) -> Floats:
    return np.cos(inputs.hour_angle)


def _equals(inputs: Inputs, feature: Feature) -> Floats:
    (name,) = feature.reads
    held = inputs.rows.codes[name]
    wanted = inputs.rows.domain.vocabularies[name].categories.get_loc(feature.value)
    return np.where(held < 0, np.nan, held == wanted)


def _differs(inputs: Inputs, feature: Feature) -> Floats:
    one, other = (inputs.rows.codes[name] for name in feature.reads)
    return np.where((one < 0) | (other < 0), np.nan, one != other)


def _days_since(inputs: Inputs, feature: Feature) -> Floats:
    now, then = (inputs.rows.times[name] for name in feature.reads)
    return (now - then) / DAY_MS


def _count(inputs: Inputs, feature: Feature) -> Floats:
    return inputs.counts[WINDOWS[feature.value]]


def _log_sum(inputs: Inputs, feature: Feature) -> Floats:
    total = inputs.amounts[WINDOWS[feature.value]]
    return np.where(inputs.unknown, np.nan, np.log1p(total))


def _recency(inputs: Inputs, feature: Feature) -> Floats:
    gap = np.minimum(inputs.history.gap_ms, WINDOWS_MS[MONTH]) / HOUR_MS
    return np.where(inputs.unknown, np.nan, gap)


def _to_habit(inputs: Inputs, feature: Feature) -> Floats:
    sized, amount = inputs.history.sized, inputs.rows.amount
    mean = inputs.amounts[MONTH] / np.maximum(sized, 1)
    usual = np.where(sized > 0, mean, amount)
    ratio = np.maximum(amount / usual, LEAST_RATIO)
    return np.where(inputs.unknown, np.nan, np.log(ratio))


def _risk(inputs: Inputs, feature: Feature) -> Floats:
    (name,) = feature.reads
    return inputs.risks[name].rate(inputs.rows.codes[name])


FORMULAS: dict[str, Callable[[Inputs, Feature], Floats]] = {
    "log": _log,  # natural logarithm of the measure
    "number": _number,  # the field as it is
    "hour_sin": _hour_sin,
    "hour_cos": _hour_cos,
    "equals": _equals,  # 1 where the field is the word `value`
    "differs": _differs,  # 1 where two fields of one vocabulary differ
    "days_since": _days_since,  # from the second time to the first
    "count": _count,  # the actor's earlier attempts in the window `value`
    "log_sum": _log_sum,  # ln(1 + measure attempted in it)
    "recency": _recency,  # hours since the actor's previous attempt, at most 720
    "to_habit": _to_habit,  # ln(measure / the actor's mean of a month), 0 without a habit
    "risk": _risk,  # the field's smoothed rate of matured harm, `value` its prior
}


def feature_columns(inputs: Inputs) -> dict[str, Floats]:
    """Every feature of every row, by name, in the domain's order."""
    features = inputs.rows.domain.features
    return {feature.name: FORMULAS[feature.formula](inputs, feature) for feature in features}


def _elapsed(times: NDArray[np.datetime64]) -> Floats:
    """Milliseconds since day 0 opened as numbers that can say "no time": NaN."""
    return np.where(np.isnat(times), np.nan, milliseconds(times))
