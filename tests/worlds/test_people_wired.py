"""Appeals and trust in the running world: off to the byte, and held to closed forms when on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import ScoreCut
from mlsys_lessons.worlds.payments.appeals import Appeals
from mlsys_lessons.worlds.payments.people import seen_of_score
from mlsys_lessons.worlds.payments.trust import Trust

SEED, DAYS = 23, 40


def run_of(**people: object) -> mls.Run:
    """A world whose system blocks a lot."""
    system = mls.naive_system(seed=SEED)
    harsh = system.with_(decisions=ScoreCut(0.01))
    return mls.simulate(mls.payments_world(seed=SEED, daily=300, **people), harsh, days=DAYS)


@pytest.fixture(scope="module")
def silent() -> mls.Run:
    return run_of()


def test_nobody_appeals_by_default(silent: mls.Run) -> None:
    again = run_of(appeals=Appeals(genuine=0.0, fraud=0.0))
    assert again.actions_sha256 == silent.actions_sha256
    pd.testing.assert_frame_equal(again.labels, silent.labels)
    blocked = silent.log["final_action"] == "block"
    assert not silent.labels["request_id"].isin(silent.log.loc[blocked, "request_id"]).any()


def test_upheld_appeals_are_late_labels_of_what_was_blocked_and_nothing_else(
    silent: mls.Run,
) -> None:
    office = Appeals(genuine=0.5, fraud=0.2)
    heard = run_of(appeals=office)
    assert heard.actions_sha256 == silent.actions_sha256 and heard.value == silent.value
    old = silent.labels["request_id"]
    new = heard.labels[~heard.labels["request_id"].isin(old)]
    assert (new["label"] == 0).all() and len(heard.labels) == len(silent.labels) + len(new)
    log = heard.log.set_index("request_id")
    assert (log.loc[new["request_id"], "final_action"] == "block").all()
    waited = new["label_time"].to_numpy() - log.loc[new["request_id"], "arrival_time"].to_numpy()
    assert 2.5 < np.median(waited) / np.timedelta64(1, "D") < 5.5  # 3 days, and up to two nights
    days = (log["arrival_time"] - log["arrival_time"].min()).dt.days
    early = log[(log["final_action"] == "block") & (days < DAYS - 20)]
    fraud = heard.truth().loc[early.index, "true_label"].to_numpy() == 1
    upheld = np.isin(early.index, new["request_id"])
    for guilty, chance in ((False, 0.5 * 0.9), (True, 0.2 * 0.3)):
        here = upheld[fraud == guilty]
        error = np.sqrt(chance * (1 - chance) / len(here))
        assert abs(here.mean() - chance) < 3.5 * error + 0.01


def test_appeals_are_no_disputes_and_reach_the_label_queue() -> None:
    heard = run_of(appeals=Appeals(genuine=0.5))
    new = heard.labels[(heard.labels["source"] == "cardholder") & (heard.labels["label"] == 0)]
    assert len(new) > 5
    queue, log = heard.system.labels, heard.log.set_index("request_id")
    day = (log.loc[new["request_id"], "arrival_time"] - pd.Timestamp("2025-01-01")).dt.days
    for request, when in list(zip(new["request_id"], day, strict=True))[:20]:
        assert queue.labels_of(int(when), np.array([request]))[0] == 0
    reported = heard.metrics.query("metric == 'reported_fraud_rate'")
    silent = run_of().metrics.query("metric == 'reported_fraud_rate'")
    pd.testing.assert_frame_equal(reported, silent)


def test_trust_follows_its_own_closed_form_in_the_running_world() -> None:
    start = Trust(0.4)
    world = mls.payments_world(seed=SEED, daily=500, trust=start)
    run = mls.simulate(world, mls.resilient_system(seed=SEED, retraining=None), days=30)
    judged = run.log[run.log["decided_by"] == "reviewer"]
    fraud = run.truth().loc[judged["request_id"], "true_label"].to_numpy() == 1
    seen = seen_of_score(fraud, judged["score"].to_numpy())
    level = 1 - 0.6 * 0.98 ** seen.sum() if seen.all() else None
    assert run.state.trust.level > start.level
    if level is not None:
        assert run.state.trust.level == pytest.approx(level)


def test_without_trust_people_are_as_they_were_and_at_full_trust_the_score_decides() -> None:
    world = mls.payments_world(seed=SEED, daily=500)
    ids, score = np.arange(1, 2_001), np.full(2_000, 0.3)
    picks = pd.DataFrame({"request_id": ids, "score": score})
    assert world.start().trust is None and world.reviewers.trusting(None) is world.reviewers
    trusting = mls.payments_world(seed=SEED, daily=500, trust=Trust(1.0, most=1.0))
    leaning = trusting.review(trusting.start(), 0, picks)["label"]
    assert leaning.mean() == pytest.approx(0.3, abs=0.04)  # the score decides


def test_what_shows_nothing_is_left_out() -> None:
    fraud = np.array([True, False, False, True])
    assert seen_of_score(fraud, np.array([0.2, 0.2, 0.8, 0.8])).tolist() == [True, False, True]
