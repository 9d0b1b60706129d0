"""Realised performance: unbiased while labels mature, where the figures so far are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from mlsys_lessons.components.monitoring.performance import realised_performance
from mlsys_lessons.components.monitoring.realised import METRICS
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import MATURITY_DAYS

TODAY, A_DAY = 100, 4_000


def reports(rng, days=TODAY, rows=A_DAY, latest=MATURITY_DAYS):
    """Event day, day of report (uniform up to `latest`), label as reported, score, truth."""
    event = np.repeat(np.arange(days), rows)
    score = rng.beta(0.5, 4, len(event))
    harm = rng.random(len(event)) < score
    reported = np.where(harm, event + rng.uniform(0, latest, len(event)), np.nan)
    return event, reported, np.where(harm, 1.0, np.nan), score, harm


@pytest.fixture(scope="module")
def known():
    event, reported, label, score, harm = reports(np.random.default_rng(0))
    found = realised_performance(event, reported, label, score, today=TODAY, threshold=0.2)
    return event, reported, score, harm, found


def test_matured_days_are_what_scikit_learn_says_of_the_truth(known):
    event, _, score, harm, found = known
    for day in (0, 30, 55):
        truth, said = harm[event == day], score[event == day]
        flagged = said >= 0.2
        wanted = {
            "rows": A_DAY, "matured": 1.0, "positive_rate": truth.mean(),
            "precision": precision_score(truth, flagged), "recall": recall_score(truth, flagged),
            "accuracy": np.mean(truth == flagged), "f1": f1_score(truth, flagged),
            "auc": roc_auc_score(truth, said),
        }  # fmt: skip
        assert found.loc[day].to_dict() == pytest.approx(wanted, abs=1e-12)


def test_yesterday_is_not_reported_as_wonderful(known):
    event, reported, score, harm, found = known
    so_far = reported <= TODAY
    yesterday = event == TODAY - 1
    flagged = yesterday & (score >= 0.2)
    # Silence taken for "no harm": hardly any fraud, and nearly every flag looks wrong.
    assert so_far[yesterday].mean() < 0.1 * harm[yesterday].mean()
    assert so_far[flagged].mean() < 0.1 * harm[flagged].mean()
    # Only rows that have a label: every flag was right.
    assert harm[flagged & so_far].mean() == 1.0 > harm[flagged].mean() + 0.4
    # Here: nothing yet, and on days that have matured no bias.
    young = found.loc[TODAY - MATURITY_DAYS + 1 :]
    assert (young["matured"] == 0).all()
    assert young[["positive_rate", *METRICS]].isna().all(axis=None)
    old = found.loc[: TODAY - MATURITY_DAYS]
    assert (old["matured"] == 1).all()
    assert old["positive_rate"].mean() == pytest.approx(harm.mean(), abs=0.003)
    assert old["precision"].mean() == pytest.approx(harm[score >= 0.2].mean(), abs=0.005)


def test_fact_label_delay():
    """Exponential delay, tau 20, over a window of 30 days: .482 of the positives are there."""
    rng = np.random.default_rng(1)
    event = rng.uniform(0, 30, 200_000)
    harm = rng.random(len(event)) < 0.1
    reported = np.where(harm, event + rng.exponential(20, len(event)), np.nan)
    label = np.where(harm, 1.0, np.nan)
    assert np.mean(reported <= 30) / harm.mean() == pytest.approx(0.482, abs=0.01)

    def rate(today):
        found = realised_performance(event, reported, label, event / 30, today=today)
        return np.average(found["positive_rate"], weights=found["rows"]) / harm.mean()

    # Matured is not certain: what comes later than 45 days is missing until it comes.
    on_the_day = 1 - 20 / 30 * (np.exp(-45 / 20) - np.exp(-75 / 20))
    assert rate(75) == pytest.approx(on_the_day, abs=0.01)
    assert rate(400) == pytest.approx(1.0, abs=1e-3)


def test_parts_of_a_day_late_reports_and_what_nobody_knows_yet():
    found = realised_performance(
        [10.2, 10.8, 10.1, 10.3], [70, np.nan, 90, 50], [1, np.nan, 1, 0], [0.9] * 4, today=55.5
    )
    assert found.loc[10, ["rows", "matured", "positive_rate"]].tolist() == [4, 0.75, 0.0]
    later = realised_performance(
        [10.2, 10.8, 10.1, 10.3], [70, np.nan, 90, 50], [1, np.nan, 1, 0], [0.9] * 4, today=90
    )
    assert later.loc[10, ["matured", "positive_rate", "precision"]].tolist() == [1.0, 0.5, 0.5]


def test_nothing_at_all_and_days_without_an_answer():
    assert realised_performance([], [], [], [], today=5).empty
    silent = realised_performance([0], [3], [1], [np.nan], today=50).loc[0]
    assert silent["positive_rate"] == 1.0
    assert silent[[*METRICS]].isna().all()


DAYS = st.floats(0, 120)
ROW = st.tuples(
    DAYS,
    st.none() | st.tuples(st.floats(0, 200), st.sampled_from([0, 1])),
    st.floats(0, 1) | st.just(np.nan),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=12), st.floats(0, 200))
def test_the_future_changes_nothing(rows, today):
    event = [day for day, _, _ in rows]
    reported = [np.nan if report is None else report[0] for _, report, _ in rows]
    label = [np.nan if report is None else report[1] for _, report, _ in rows]
    score = [value for _, _, value in rows]
    found = realised_performance(event, reported, label, score, today=today)
    unknown = [not day <= today for day in reported]
    hidden = (
        [np.nan if late else value for late, value in zip(unknown, column, strict=True)]
        for column in (reported, label)
    )
    assert found.equals(realised_performance(event, *hidden, score, today=today))
    assert found["rows"].sum() == len(rows)
    assert found.loc[found["matured"] == 0, ["positive_rate", *METRICS]].isna().all(axis=None)
    shares = found.drop(columns="rows").to_numpy()
    assert ((shares >= 0) & (shares <= 1) | np.isnan(shares)).all()


GOOD = {"event_day": [0.0], "label_day": [1.0], "labels": [1.0], "scores": [0.5], "today": 50}


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_day": [np.nan]},
        {"event_day": [np.inf]},
        {"event_day": [0.0, 1.0]},
        {"event_day": ["monday"]},
        {"labels": [2.0]},
        {"labels": [np.nan]},
        {"scores": [[0.5]]},
        {"today": np.nan},
        {"today": "now"},
        {"threshold": np.nan},
        {"maturity_days": -1},
        {"maturity_days": 4.5},
    ],
)
def test_bad_input(wrong):
    assert len(realised_performance(**GOOD)) == 1
    with pytest.raises(InputError):
        realised_performance(**(GOOD | wrong))
