"""Answers to lesson 01's questions: ours, the tempting ones, the cases that tell them apart.

What is asked, and what each tempting answer misses, stands in questions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import best_f1_cut
from mlsys_lessons.records import DAY_MS, EPOCH

# --- q1: split by time ---------------------------------------------------------------------------


def time_split(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (train, test): the latest `share` of payments, and what could be judged before."""
    test_from = np.quantile(paid_day, 1 - share)
    test = paid_day >= test_from
    train = paid_day < test_from - 45
    return train, test


def split_in_row_order(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """The last rows as they lie there."""
    test = np.arange(len(paid_day)) >= len(paid_day) * (1 - share)
    return ~test, test


def split_on_payment_day(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Everything before the test, matured or not."""
    test = paid_day >= np.quantile(paid_day, 1 - share)
    return ~test, test


def split_on_known_day(
    paid_day: np.ndarray, known_day: np.ndarray, share: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Every label that had come in by then."""
    test_from = np.quantile(paid_day, 1 - share)
    return known_day < test_from, paid_day >= test_from


def split_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Payments in no order, each with its day and the day on which its label came."""
    for rows in (400, 1_000):
        paid = generator.integers(-150, -45, rows)
        fraud = generator.random(rows) < 0.1
        delay = np.where(fraud, np.ceil(14 * np.exp(0.7 * generator.normal(size=rows))), 45)
        yield {"paid_day": paid, "known_day": paid + delay.astype(np.int64)}


# --- q2: what was known --------------------------------------------------------------------------


def known_reports(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """For each payment, the fraud reports on its card that had been told before it."""
    pairs = payments.merge(reports, on="customer_id")
    known = pairs[pairs["told"] < pairs["event_time"]]
    count = known.groupby("request_id").size()
    return payments["request_id"].map(count).fillna(0).to_numpy()


def all_reports(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """Every report there is."""
    count = reports.groupby("customer_id").size()
    return payments["customer_id"].map(count).fillna(0).to_numpy()


def reports_by_payment_date(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """Reports of frauds that were paid earlier."""
    pairs = payments.merge(reports, on="customer_id")
    count = pairs[pairs["paid"] < pairs["event_time"]].groupby("request_id").size()
    return payments["request_id"].map(count).fillna(0).to_numpy()


def reports_of_the_day(payments: pd.DataFrame, reports: pd.DataFrame) -> np.ndarray:
    """Reports up to the end of the day."""
    pairs = payments.merge(reports, on="customer_id")
    same_day = pairs["told"].dt.floor("D") <= pairs["event_time"].dt.floor("D")
    count = pairs[same_day].groupby("request_id").size()
    return payments["request_id"].map(count).fillna(0).to_numpy()


def report_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Payments on a few cards in order of time, and the reports on their frauds."""
    for rows in (60, 300):
        when = generator.integers(0, 60 * DAY_MS, rows)
        payments = pd.DataFrame({
            "request_id": generator.permutation(rows) + 1_000,
            "customer_id": generator.integers(0, rows // 6, rows),
            "event_time": (EPOCH + np.sort(when)).astype("datetime64[ms]"),
        })  # fmt: skip
        fraud = payments[generator.random(rows) < 0.3]
        delay = (generator.lognormal(1.5, 1.2, len(fraud)) * DAY_MS).astype("timedelta64[ms]")
        paid = fraud["event_time"].to_numpy()
        card = fraud["customer_id"].to_numpy()
        reports = pd.DataFrame({"customer_id": card, "paid": paid, "told": paid + delay})
        last = payments.groupby("customer_id")["event_time"].max()
        reports.loc[0, "told"] = last[card[0]]  # told at the very moment of a payment
        yield {"payments": payments, "reports": reports}


# --- q3: a cut by money --------------------------------------------------------------------------


def money_cut(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """The cut that earns most on these rows when everything at or above it is blocked."""
    cents = np.rint(amount * 100).astype(np.int64)
    saved = mls.COSTS.fraud_loss(cents)
    lost = mls.COSTS.margin(cents) + mls.COSTS.friction
    order = np.argsort(-score)
    gain = np.append(0, np.cumsum(np.where(label == 1, saved, -lost)[order]))  # of blocking 0, 1...
    cut = np.append(np.inf, score[order])  # that blocks so many
    ends = np.append(cut[1:] != cut[:-1], True)  # rows of one score are blocked together
    return cut[ends][np.argmax(gain[ends])]


def f1_cut(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """The cut that the recipe took."""
    return best_f1_cut(score, label)


def youden_cut(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """The cut farthest from the diagonal of the ROC curve."""
    order = np.argsort(-score)
    hits = np.cumsum(label[order]) / label.sum()
    alarms = np.cumsum(1 - label[order]) / (1 - label).sum()
    return score[order][np.argmax(hits - alarms)]


def half(score: np.ndarray, label: np.ndarray, amount: np.ndarray) -> float:
    """More likely than not."""
    return 0.5


def cut_cases(generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Scored payments with their labels and amounts in euros; two in a hundred are fraud."""
    for rows in (3_000, 8_000):
        label = (generator.random(rows) < 0.02).astype(np.int8)
        logit = generator.normal(-4.2, 1.2, rows) + 3.2 * label
        amount = np.exp(generator.normal(3.2 + 0.9 * label, 0.9)).round(2) + 0.5
        score = 1 / (1 + np.exp(-logit))
        yield {"score": score, "label": label, "amount": amount}
    levels = np.digitize(score, [0.01, 0.03, 0.1, 0.3]) / 5  # many payments of one score
    yield {"score": levels, "label": label, "amount": amount}
    lowest = (score <= np.quantile(score, 0.02)).astype(np.int8)  # a score that is worth nothing
    yield {"score": score, "label": lowest, "amount": amount}
    one_fraud = np.array([1, *[0] * 29], np.int8)  # first of its score, with twenty genuine ones
    yield {"score": np.repeat([0.9, 0.1], [21, 9]), "label": one_fraud, "amount": np.full(30, 9.0)}
    turned = np.repeat(np.array([0, 1], np.int8), 5)  # the frauds have the lower score
    yield {"score": np.repeat([0.9, 0.1], 5), "label": turned, "amount": np.full(10, 90.0)}


# --- q4: a decision in service -------------------------------------------------------------------


def block(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Which payments to block: those that are expected to lose more than blocking them."""
    cents = np.rint(amount * 100).astype(np.int64)
    fraud = score * mls.COSTS.fraud_loss(cents)
    genuine = (1 - score) * (mls.COSTS.margin(cents) + mls.COSTS.friction)
    return fraud > genuine


def block_above_half(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """More likely fraud than not."""
    return score >= 0.5


def block_large(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Whatever is expensive."""
    return amount > 200


def block_any_doubt(score: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Whatever is not surely genuine."""
    return score > 0.001
