"""The true probability of what was *received*: the closed form on fields as they came in.

truth.py knows the payment that was made; a system knows the row that reached it. Here that row is
read back into a payment, with the wrong unit, the wrong hour or the gap it has, and the same closed
form is asked. A mark that cannot be read is averaged over what the card's owner would do: the odds
f / g, weighted by g. Rows of unknown cards or shops get the portfolio's rate. What a table of some
days ago knew is that day's stolen cards: whoever was robbed since looks innocent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.frames import codes_in
from mlsys_lessons.ids import locate
from mlsys_lessons.records import DAY_MS, HOUR_MS, milliseconds
from mlsys_lessons.worlds.payments.calendars import HOURS, WEEKDAY, WEEKEND, is_weekend
from mlsys_lessons.worlds.payments.customers import BASKET_SD, Population
from mlsys_lessons.worlds.payments.domain import CHANNEL_DTYPE
from mlsys_lessons.worlds.payments.purchases import CHIP, ONLINE, Payments, to_cents
from mlsys_lessons.worlds.payments.schemes import MAX_DAYS
from mlsys_lessons.worlds.payments.truth import Midnight, fraud_probability

Floats = NDArray[np.float64]
RATE = 0.005  # fraud of all payments, as the world is made (world.py)
_STEPS = np.linspace(-5.0, 5.0, 41)  # standard deviations of a basket, to average an amount over
_WEIGHTS = np.exp(-0.5 * _STEPS**2) / np.exp(-0.5 * _STEPS**2).sum()
_MARKS = {"time": "hour_sin", "channel": "is_online", "cents": "log_amount"}  # NaN: not to be read


def received_probability(midnight: Midnight, frame: pd.DataFrame, day: int) -> Floats:
    """P(fraud) of each row of a day as it was received, by what was known at some midnight.

    `frame` has the raw columns; a feature beside them that is missing marks its field as one that
    the system does not trust. Shape (rows,).

    Why it matters: a model is as good as what reaches it. A row in cents for euros is a large
    payment to the best mind there is.

    >>> from mlsys_lessons.worlds import payments_world
    >>> world = payments_world(seed=7, daily=200)
    >>> requests, truth = world.day(0, world.start())
    >>> told = received_probability(world.midnight(0, world.start()), requests, 0)
    >>> bool(np.allclose(told, truth["true_probability"]))
    True
    """
    payments, unread = read_payments(midnight.population, frame, day)
    live = midnight.live
    known = midnight._replace(day=day, live=live.take(day - live.start < MAX_DAYS))
    legible = (payments.seat >= 0) & (payments.merchant >= 0)
    odds = np.full(len(frame), RATE / (1 - RATE))
    gaps = [(mark, missing[legible]) for mark, missing in unread.items()]
    odds[legible] = _odds(known, payments.take(legible), gaps)
    return np.asarray(odds / (1 + odds))


def read_payments(
    population: Population, frame: pd.DataFrame, day: int
) -> tuple[Payments, dict[str, NDArray[np.bool_]]]:
    """Received rows as payments (seat or merchant -1: unknown), and where each mark is illegible.

    The hour counts, not the date: a late row is judged as one of the day on which it arrives.
    """
    seat = _seats(population, frame["customer_id"].to_numpy(np.int64))
    channel = codes_in(frame["channel"], CHANNEL_DTYPE.categories)
    amount, time = frame["amount"].to_numpy(float), frame["event_time"]
    unread = {"time": time.isna().to_numpy(), "channel": channel < 0, "cents": ~(amount > 0)}
    for mark, feature in _MARKS.items():
        if feature in frame:  # a system that does not trust a field tells its model so
            unread[mark] = unread[mark] | frame[feature].isna().to_numpy()
    opened = frame["account_opened"]
    born = milliseconds(opened) // DAY_MS
    payments = Payments(
        request_id=frame["request_id"].to_numpy(np.int64), seat=seat,
        customer=frame["customer_id"].to_numpy(np.int64),
        opened=np.where(opened.isna(), population.account(seat, day)[1], np.minimum(born, day)),
        time=day * DAY_MS + np.where(unread["time"], 0, milliseconds(time) % DAY_MS),
        delay=np.zeros(len(frame), np.int64),
        merchant=locate(frame["merchant_id"].to_numpy(np.int64), population.merchants.merchant_id),
        channel=np.where(unread["channel"], CHIP, channel).astype(np.int8),
        cents=to_cents(np.log(np.where(unread["cents"], 1.0, amount))),
    )  # fmt: skip
    return payments, unread


def _seats(population: Population, customer: NDArray[np.int64]) -> NDArray[np.int64]:
    """The seat of each account, whichever of its generations it is; -1 for no account."""
    starts = np.array([cohort.start for cohort in population.cohorts])
    first = population.id_base[starts]
    cohort = np.searchsorted(first, customer, side="right") - 1
    start = starts[cohort]
    seat = start + (customer - population.id_base[start]) % population.id_step[start]
    return np.where(cohort >= 0, seat, -1)


def _odds(known: Midnight, payments: Payments, gaps: list[tuple[str, NDArray[np.bool_]]]) -> Floats:
    """The odds of fraud, one illegible mark after the other averaged over the owner's habits."""
    if not gaps:
        probability = fraud_probability(known, payments)
        return np.asarray(probability / (1 - probability))
    (mark, missing), *rest = gaps
    odds = np.empty(len(missing))
    for rows in (missing, ~missing):
        if rows.any():
            some = payments.take(rows)
            ways = _ways(known, some, mark) if rows is missing else [(1.0, some)]
            left = [(name, each[rows]) for name, each in rest]
            odds[rows] = sum(share * _odds(known, way, left) for share, way in ways)
    return odds


def _ways(known: Midnight, payments: Payments, mark: str) -> list[tuple[Any, Payments]]:
    """What a mark may have been, each with its share among the owner's payments."""
    population, day, seat = known.population, known.day, payments.seat
    values: list[Any]
    if mark == "time":
        shares = list(HOURS[WEEKEND if is_weekend(day) else WEEKDAY])
        values = [np.full(len(seat), day * DAY_MS + hour * HOUR_MS) for hour in range(24)]
    elif mark == "channel":
        online = population.online_share(seat, payments.merchant, day)
        shares, values = [online, 1 - online], [np.full_like(payments.channel, ONLINE),
                                                np.full_like(payments.channel, CHIP)]  # fmt: skip
    else:
        basket = population.log_basket(seat, payments.merchant, day)
        shares = list(_WEIGHTS)
        values = [to_cents(basket + step * BASKET_SD) for step in _STEPS]
    return [(share, payments._replace(**{mark: value}))
            for share, value in zip(shares, values, strict=True)]  # fmt: skip
