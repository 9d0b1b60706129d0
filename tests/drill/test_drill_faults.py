"""The drill's own faults: each changes what it says, on the rows it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from mlsys_lessons.components.response import ask_owner, fall_back, retrain, roll_back
from mlsys_lessons.drill.faults import KINDS, bad_version, flipped_labels, unattended_queue
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import in_words
from mlsys_lessons.records import DAY_MS, timestamps
from mlsys_lessons.system.faults import CATALOGUE, faulted
from mlsys_lessons.worlds.payments.domain import PAYMENTS

ROWS = 2_000


def answered(seed: int = 5) -> pd.DataFrame:
    """Two days of scored rows: the second is inside every fault of these tests."""
    luck = np.random.default_rng(seed)
    day = np.repeat([0, 1], ROWS // 2)
    return pd.DataFrame({
        "request_id": np.arange(ROWS), "arrival_time": timestamps(day * DAY_MS),
        "label_time": timestamps(day * DAY_MS), "channel": luck.choice(["chip", "online"], ROWS),
        "score": luck.uniform(0.001, 0.999, ROWS), "is_fallback": luck.random(ROWS) < 0.1,
        "model_version": pd.Categorical(["boosted-1"] * ROWS),
        "label": np.ones(ROWS, dtype=np.int8),
        "action": pd.Categorical(luck.choice(["approve", "review", "block"], ROWS),
                                 categories=PAYMENTS.actions),
    })  # fmt: skip


def through(frame: pd.DataFrame, fault: object) -> pd.DataFrame:
    """A stage that does nothing, with the fault around it."""
    return faulted(lambda rows: rows, [fault])(frame)  # type: ignore[list-item]


@pytest.mark.parametrize(("severity", "log_odds"), [(1.0, -2.0), (0.3, 6.0)])
def test_a_bad_version_moves_one_segment_s_log_odds_and_says_its_name(
    severity: float, log_odds: float
) -> None:
    before = answered()
    after = through(before, bad_version(start=1, severity=severity, log_odds=log_odds))
    served = np.asarray(after["model_version"] == "boosted-2")
    inside = np.arange(ROWS) >= ROWS // 2
    assert not served[~inside | before["is_fallback"]].any()
    share = served.sum() / (inside & ~before["is_fallback"]).sum()
    assert share == pytest.approx(severity, abs=0.05)
    here = served & in_words(before["channel"].astype("category"), ("online",))
    moved = logit(after["score"]) - logit(before["score"])
    np.testing.assert_allclose(moved[here], log_odds, atol=1e-6)
    np.testing.assert_allclose(moved[~here], 0.0, atol=1e-9)
    assert after["score"].between(0, 1).all()


def test_a_score_of_one_or_nothing_stays_a_score() -> None:
    odd = answered().assign(score=np.resize([0.0, 1.0, np.nan], ROWS))
    after = through(odd, bad_version(start=0, log_odds=6.0))
    assert after["score"].isna().equals(odd["score"].isna())
    assert after["score"].dropna().between(0, 1).all()


def test_flipped_labels_are_the_other_class_and_none_is_lost() -> None:
    after = through(answered(), flipped_labels(start=1))
    assert after["label"].tolist() == [1] * (ROWS // 2) + [0] * (ROWS // 2)
    assert after["label"].dtype == np.int8


def test_an_unattended_queue_approves_what_was_held_and_nothing_else() -> None:
    before = answered()
    after = through(before, unattended_queue(start=1))
    held = np.asarray(before["action"] == "review") & (np.arange(ROWS) >= ROWS // 2)
    assert held.any() and set(after["action"][held]) == {"approve"}
    assert after["action"][~held].equals(before["action"][~held])
    assert after["action"].dtype == before["action"].dtype


def test_each_is_ended_by_its_remedy_alone_and_stands_outside_the_catalogue() -> None:
    own = {name: KINDS[name](start=1) for name in KINDS.keys() - CATALOGUE.keys()}
    assert set(own) == {"bad_version", "flipped_labels", "unattended_queue"}
    for fault in own.values():
        assert fault.open_ended and len(fault.remedies) == 1
        assert fault.ended_by(fault.remedies[0], PAYMENTS)
        for other in (fall_back(), retrain(60), ask_owner("amount")):
            assert not fault.ended_by(other, PAYMENTS)
    assert own["bad_version"].remedies == (roll_back(),)
    assert KINDS.items() >= CATALOGUE.items()


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan"), True])
def test_a_severity_that_cannot_be_is_refused(severity: float) -> None:
    for name in KINDS.keys() - CATALOGUE.keys():
        with pytest.raises(InputError, match=name):
            KINDS[name](start=1, severity=severity)
