"""Gaps in training tables: how many, where, by whose luck, and that a model profits from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy import SHELF

from mlsys_lessons.components.inference.models import BoostedModel
from mlsys_lessons.gaps import SHARE, sources, with_gaps
from mlsys_lessons.worlds.payments.domain import FEATURES, HISTORY, PAYMENTS

ROWS = 40_000


def table(rows: int = ROWS) -> pd.DataFrame:
    values = np.random.default_rng(5).random((rows, len(FEATURES)))
    return pd.DataFrame(values, columns=list(FEATURES)).assign(request_id=np.arange(rows), label=0)


def test_each_source_is_lost_in_its_share_of_the_rows() -> None:
    holed = with_gaps(table(), PAYMENTS, seed=3).isna()
    tolerance = 4 * np.sqrt(SHARE * (1 - SHARE) / ROWS)
    assert holed["is_online"].mean() == pytest.approx(SHARE, abs=tolerance)  # the channel alone
    twice = 1 - (1 - SHARE) ** 2
    assert holed["is_foreign"].mean() == pytest.approx(twice, abs=2 * tolerance)  # two countries
    history = holed[["count_1h", "count_24h", "count_7d", "recency_hours"]]
    assert (history.all(axis=1) == history.any(axis=1)).all()  # one look-up, one gap
    assert holed["log_amount"].mean() == pytest.approx(twice, abs=2 * tolerance)
    only_this = holed["log_amount"] & ~holed["sum_24h"]  # a gap of today, sums of the past
    assert only_this.mean() == pytest.approx(SHARE * (1 - twice), abs=2 * tolerance)
    assert not holed[["hour_sin", "hour_cos", "request_id", "label"]].any(axis=None)


def test_gaps_are_a_rows_own_luck_whoever_else_is_there() -> None:
    whole = with_gaps(table(500), PAYMENTS, seed=3)
    half = with_gaps(table(500).iloc[::2], PAYMENTS, seed=3)
    pd.testing.assert_frame_equal(half, whole.iloc[::2], check_exact=True)
    assert not with_gaps(table(500), PAYMENTS, seed=4).equals(whole)


def test_what_is_there_stays_and_no_share_is_no_gap() -> None:
    frame = table(500)
    holed = with_gaps(frame, PAYMENTS, seed=3)
    assert ((holed == frame) | holed.isna()).all(axis=None)
    pd.testing.assert_frame_equal(with_gaps(frame, PAYMENTS, seed=3, share=0.0), frame)


def test_every_source_is_a_field_with_features_and_the_history_is_one_of_them() -> None:
    found = dict(sources(PAYMENTS))
    assert set(found["customer_id"]) == set(HISTORY)
    assert set(found["this amount"]) == {"log_amount", "amount_to_habit"}
    assert "event_time" not in found
    assert all(found.values())
    assert "this " not in {name[:5] for name in dict(sources(SHELF))}  # nothing is measured


def test_a_model_that_has_met_the_gap_reads_the_rest_of_the_row() -> None:
    """Harm is in two features that say the same; the one that is lost must not be missed."""
    frame = table(8_000)
    frame["merchant_risk"] = frame["log_amount"]
    harm = (frame["log_amount"] > 0.8).to_numpy(dtype=float)
    lost = frame.assign(log_amount=np.nan, amount_to_habit=np.nan)
    holed = with_gaps(frame, PAYMENTS, seed=3)
    naive, wary = (BoostedModel().fit(each, harm).predict(lost) for each in (frame, holed))
    errors = [np.abs(scores - harm).mean() for scores in (naive, wary)]
    assert errors[1] < 0.5 * errors[0]
