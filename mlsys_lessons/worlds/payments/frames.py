"""What leaves the world, as frames: raw requests, the truth about them, labels as known at day 0.

Only form is decided here: names, dtypes, order. What the numbers are was decided before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import categorical, framed
from mlsys_lessons.ids import Ints, locate, stable_order
from mlsys_lessons.randomness import Floats
from mlsys_lessons.records import DAY_MS, MATURITY_DAYS, timestamps
from mlsys_lessons.worlds.payments.customers import Population
from mlsys_lessons.worlds.payments.domain import (
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    COUNTRY_DTYPE,
    LABEL_SOURCES,
    SOURCE_DTYPE,
)
from mlsys_lessons.worlds.payments.people import Reports
from mlsys_lessons.worlds.payments.purchases import Payments


def in_arrival_order(payments: Payments) -> tuple[Ints, Ints]:
    """Order of one day's payments by arrival, and the arrival times in that order.

    A payment arrives within its own day, at the latest in its last millisecond.
    """
    midnight = (payments.time // DAY_MS + 1) * DAY_MS
    arrival = np.minimum(payments.time + payments.delay, midnight - 1)
    order = stable_order(arrival)
    return order, arrival[order]


def request_frame(population: Population, payments: Payments, arrival: Ints) -> pd.DataFrame:
    """Raw requests as the system receives them: the columns of records.RAW_COLUMNS."""
    merchants = population.merchants
    columns = {
        "request_id": payments.request_id,
        "event_time": timestamps(payments.time),
        "arrival_time": timestamps(arrival),
        "customer_id": payments.customer,
        "account_opened": timestamps(payments.opened * DAY_MS),
        "card_country": categorical(population.home[payments.seat], COUNTRY_DTYPE),
        "merchant_id": merchants.merchant_id[payments.merchant],
        "category": categorical(merchants.category[payments.merchant], CATEGORY_DTYPE),
        "country": categorical(merchants.country[payments.merchant], COUNTRY_DTYPE),
        "channel": categorical(payments.channel, CHANNEL_DTYPE),
        "amount": payments.cents / 100.0,
    }
    return framed(columns)


def truth_frame(
    payments: Payments, actors: list[NDArray[np.int16]], probability: Floats
) -> pd.DataFrame:
    """Return what only the world knows, by request_id; `actors` are ring and scheme, -1: owner."""
    ring, scheme = actors
    columns = {
        "true_label": (ring >= 0).astype(np.int8),
        "true_probability": probability,
        "true_amount_cents": payments.cents,
        "true_ring": ring,
        "true_scheme": scheme,
    }
    index = pd.Index(payments.request_id, name="request_id")
    return framed(columns, index)


def known_labels(payments: Payments, reports: Reports) -> pd.DataFrame:
    """Labels of approved payments as they are known at midnight of day 0, oldest first.

    A report makes a positive. What is not reported within 45 days is taken for genuine; a
    report after that is a second row, source "late".
    """
    known = reports.take(reports.time < 0)
    maturity = payments.time + MATURITY_DAYS * DAY_MS
    row = locate(known.request_id, payments.request_id)
    late = known.time >= maturity[row]
    reported = np.zeros(len(maturity), dtype=bool)
    reported[row[~late]] = True
    matured = (maturity < 0) & ~reported
    zeros = int(matured.sum())
    request_id = np.concatenate([payments.request_id[matured], known.request_id])
    time = np.concatenate([maturity[matured], known.time])
    label = np.repeat(np.array([0, 1], dtype=np.int8), [zeros, len(late)])
    first, later = LABEL_SOURCES.index("cardholder"), LABEL_SOURCES.index("late")
    source = np.concatenate(
        [np.full(zeros, LABEL_SOURCES.index("matured")), np.where(late, later, first)]
    )
    order = np.argsort(time, kind="stable")
    columns = {
        "request_id": request_id[order],
        "label": label[order],
        "label_time": timestamps(time[order]),
        "source": categorical(source[order].astype(np.int8), SOURCE_DTYPE),
    }
    return pd.DataFrame(columns)
