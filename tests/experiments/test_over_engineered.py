"""The over-engineered stack: each part does what it says, and plugs in with `with_` alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import CostDecisions
from mlsys_lessons.components.feedback.labels import UNKNOWN
from mlsys_lessons.components.inference.models import BaseRate, LogisticModel, RuleModel
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments import boring
from mlsys_lessons.experiments.over_engineered import (
    PARTS,
    AutoRetraining,
    AutoThreshold,
    Continuous,
    Ensemble,
    log_odds,
    stack,
)
from mlsys_lessons.ids import row_keys

UNSEEN = 78  # shown in no lesson, used by no claim
DAYS = 28


@pytest.fixture(scope="module")
def run() -> mls.Run:
    """Four weeks of the whole stack, small, with its log; it learns from a dozen frauds already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlsys_lessons.experiments.over_engineered.LEAST_POSITIVES", 5)
        world = mls.payments_world(seed=UNSEEN, daily=300)
        return mls.simulate(world, stack(UNSEEN), days=DAYS)


def test_an_ensemble_is_the_mean_of_its_members() -> None:
    luck = np.random.default_rng(1)
    frame = pd.DataFrame({name: luck.random(400) for name in RuleModel().questions and (
        "amount_to_habit", "count_24h", "is_online", "merchant_risk", "is_foreign")})  # fmt: skip
    label = (luck.random(400) < 0.2).astype(float)
    inputs = dict.fromkeys(frame.columns, "")
    members = [LogisticModel(inputs=inputs), RuleModel(), BaseRate()]
    both = Ensemble(members).fit(frame, label)
    mean = np.mean([model.fit(frame, label).predict(frame) for model in members], axis=0)
    np.testing.assert_allclose(both.predict(frame), mean)
    assert both.inputs == tuple(inputs)
    with pytest.raises(InputError, match="average to nothing"):
        Ensemble([])


def test_a_part_is_plugged_in_by_its_name() -> None:
    plain = mls.resilient_system(seed=UNSEEN)
    kinds = {name: stack(UNSEEN, name) for name in PARTS}
    assert isinstance(kinds["ensemble"].inference.model, Ensemble)
    assert isinstance(kinds["auto-retrain"].retraining, AutoRetraining)
    assert isinstance(kinds["auto-threshold"].decisions, AutoThreshold)
    for system in (*kinds.values(), stack(UNSEEN)):
        assert system.levels == plain.levels
    assert type(kinds["ensemble"].decisions) is CostDecisions
    with pytest.raises(InputError, match="choose from ensemble"):
        stack(UNSEEN, "blockchain")


def test_it_refits_without_a_gate_on_what_is_known_by_now(run: mls.Run) -> None:
    keeper = run.system.retraining
    assert keeper.fits >= 1
    versions = run.system.inference.registry.versions
    assert len(versions) == keeper.fits + 2  # the resilient system's own, and the ensemble
    assert all((one.fitted_tick - 21) % 5 == 0 for one in versions[2:]) or keeper.alarms
    known = keeper.known(run.system.labels, DAYS - 1, 60)
    assert known["tick"].max() == DAYS - 1 - 7
    assert set(known["label"].unique()) <= {0.0, 1.0}


def test_silence_of_what_passed_is_genuine_and_what_was_blocked_is_left_out(run: mls.Run) -> None:
    system = run.system
    keeper = system.retraining
    known = keeper.known(system.labels, DAYS - 1, 60)
    log = run.log[~run.log["is_duplicate"]].set_index("request_id")
    action = log.loc[known["request_id"], "final_action"].to_numpy()
    truth = run.truth().loc[known["request_id"], "true_label"].to_numpy()
    label = known["label"].to_numpy()
    assert (label[truth == 0] == 0).all()  # nobody reports what was no fraud
    assert label.mean() < truth.mean()  # and of the frauds some are silent yet
    assert (action == "approve").mean() > 0.99
    for day in known["tick"].unique()[:3]:
        rows = known[known["tick"] == day]
        by_hand = system.labels.labels_of(int(day), row_keys(rows, system.domain.identity))
        assert ((by_hand == rows["label"]) | (by_hand == UNKNOWN)).all()


def test_a_continuous_policy_without_enough_frauds_keeps_the_old_model() -> None:
    world = mls.payments_world(seed=UNSEEN, daily=60)
    system = mls.resilient_system(seed=UNSEEN).with_(retraining=Continuous(first=10))
    run = mls.simulate(world, system, days=12, keep="metrics")
    assert run.system.retraining.fits == 0 and len(run.system.inference.registry.versions) == 1


def test_the_cut_is_that_of_prices_while_it_does_not_move(run: mls.Run) -> None:
    follows = AutoThreshold(UNSEEN)
    rows = run.log.iloc[:2_000]
    for ours, theirs in zip(
        follows.expected_cents(rows), CostDecisions(UNSEEN).expected_cents(rows), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=0.05)
    approve, block, _ = follows.expected_cents(rows)
    beyond = log_odds(rows["score"].to_numpy()) >= follows.break_even(rows)
    clear = np.abs(approve - block) > 0.1
    assert (beyond == (block > approve))[clear].all()


def test_as_much_is_blocked_whatever_happens_to_the_scores() -> None:
    """Halve all odds for weeks: after a week the shift has made up for it."""
    world = mls.payments_world(seed=UNSEEN, daily=300)
    run = mls.simulate(world, stack(UNSEEN, "auto-threshold"), days=20, keep="metrics")
    system = run.system
    rows = boring.panel(system).assign(score=lambda f: system.inference.model.predict(f))
    cut = replace(system.decisions, shift=0.0, target=None, gaps=[], days=type(
        system.decisions.days)(), offers=[], shifts=[])  # fmt: skip

    def lived(scores: np.ndarray, days: int) -> None:
        for _ in range(days):
            cut.gaps.append(log_odds(scores) - cut.break_even(rows))
            cut.step(None)  # type: ignore[arg-type]

    lived(rows["score"].to_numpy(), cut.learning_days)
    assert cut.shift == 0.0 and cut.target is not None
    halved = 1 / (1 + np.exp(-(log_odds(rows["score"].to_numpy()) - np.log(2))))
    lived(halved, cut.following_days)
    gaps = log_odds(halved) - cut.shift - cut.break_even(rows)
    assert np.mean(gaps >= 0) == pytest.approx(cut.target, abs=2 / len(rows))


def test_flips_are_none_where_nothing_changes() -> None:
    world = mls.payments_world(seed=UNSEEN, daily=100)
    frozen = mls.resilient_system(seed=UNSEEN, retraining=None)
    with pytest.raises(AttributeError):  # a frozen system keeps no sample to decide anew
        boring.watched(world, frozen, 9, ())
    _, seen = boring.watched(world, mls.resilient_system(seed=UNSEEN), 10, ())
    assert seen == {"flips": 0.0, "models": 1.0}


def test_lines_of_code_are_counted_by_hand() -> None:
    assert boring.code_lines([log_odds]) == 3
    more = boring.code_lines(boring.READ["over-engineered"])
    parts = sum(boring.code_lines(boring.READ[name]) for name in ("rule", "logistic", "boosted"))
    assert more > parts
