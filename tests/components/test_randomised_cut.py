"""A randomised cut: its chances by closed form and by counting, and its log judges another cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.decisions.randomised import RandomisedCut
from mlsys_lessons.components.decisions.stages import ScoreCut
from mlsys_lessons.components.feedback.off_policy import self_normalised
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import has_action
from mlsys_lessons.records import BLOCK


def frame(scores: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"request_id": np.arange(len(scores)), "score": scores})


def test_without_width_it_is_the_fixed_cut() -> None:
    scores = np.array([0.0, 0.1, 0.2, 0.3, 1.0, np.nan])
    ours, theirs = (cut(frame(scores)) for cut in (RandomisedCut(0.2, width=0.0), ScoreCut(0.2)))
    pd.testing.assert_frame_equal(ours, theirs)


def test_chances_are_what_is_logged_and_what_happens() -> None:
    odds = np.exp(-0.5) * 0.25  # half the band below a cut of .2
    score = odds / (1 + odds)
    cut = RandomisedCut(0.2, seed=4, width=1.0)
    decided = cut(frame(np.full(100_000, score)))
    blocked = has_action(decided, BLOCK)
    assert blocked.mean() == pytest.approx(0.25, abs=0.006)
    assert decided["propensity"].to_numpy()[blocked] == pytest.approx(0.25)
    assert decided["propensity"].to_numpy()[~blocked] == pytest.approx(0.75)


def test_its_log_judges_a_fixed_cut_inside_the_band() -> None:
    luck = np.random.default_rng(17)
    score = luck.beta(1, 4, 60_000)
    decided = RandomisedCut(0.3, seed=5, width=1.0)(frame(score))
    blocked = has_action(decided, BLOCK)
    fraud = luck.random(len(score)) < score
    reward = np.where(blocked, -5.0 * ~fraud, np.where(fraud, -60.0, 2.0))
    new = score >= 0.25
    found = self_normalised(reward, decided["propensity"], (blocked == new).astype(float))
    truth = np.where(new, -5.0 * (1 - score), 2 * (1 - score) - 60 * score).mean()
    assert found.low - 0.1 <= truth <= found.high + 0.1


def test_it_plugs_into_a_system() -> None:
    system = mls.naive_system(seed=3)
    cut = RandomisedCut(system.decisions.cut, seed=3, width=0.5)
    world = mls.payments_world(seed=3, daily=200)
    run = mls.simulate(world, system.with_(decisions=cut), days=5)
    assert (run.log["propensity"] > 0).all()
    assert (run.log["propensity"] < 1).any()


def test_odd_settings_get_a_sentence() -> None:
    for wrong in ({"cut": 0.0}, {"cut": 0.5, "width": -1.0}):
        with pytest.raises(InputError):
            RandomisedCut(**wrong)
