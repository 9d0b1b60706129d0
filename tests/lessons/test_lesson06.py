"""Lesson 06 tells the truth: its two models, its formula, its cuts, its queue, its explorer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.decisions import CostDecisions, worth_reviewing
from mlsys_lessons.components.inference.metrics import auc
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons.lesson06 import (
    answers,
    candidates,
    questions,
    review_rooms,
    threshold_explorer,
)
from mlsys_lessons.lessons.lesson06.threshold_explorer import Explorer

UNSEEN = 77  # shown in no lesson, used by no claim


@pytest.fixture(scope="module")
def models() -> dict[str, object]:
    return {"A": candidates.logistic(UNSEEN), "B": candidates.logistic(UNSEEN, balanced=True)}


def test_balanced_classes_rank_as_well_and_earn_less_than_nobody(models: dict) -> None:
    """And one formula brings back nearly all of it, without moving a row."""
    train, test = candidates.history(UNSEEN)
    label = test["label"].to_numpy() == 1
    weight = candidates.balancing_weight(train["label"].to_numpy())
    area = {name: auc(model.predict(test), label) for name, model in models.items()}
    assert area["B"] == pytest.approx(area["A"], abs=0.02)
    back = candidates.Unweighted(models["B"], weight, answers.probability)
    assert auc(back.predict(test), label) == pytest.approx(area["B"], abs=1e-9)
    euros = {
        name: candidates.served(UNSEEN, model, days=10).expected_value / 100
        for name, model in {**models, "back": back}.items()
    }
    assert euros["B"] < -5_000 < euros["A"]
    assert abs(euros["back"] - euros["A"]) < 0.1 * (euros["A"] - euros["B"])
    assert back.predict(test).mean() == pytest.approx(label.mean(), rel=0.5)
    assert models["B"].predict(test).mean() > 0.1


def test_the_formula_is_bayes_on_another_base_rate() -> None:
    """Counting the frauds w times is a population with w times as many."""
    base, lift, weight = 0.01, np.array([0.0, 0.5, 1.0, 30.0, 5_000.0]), 40.0
    honest = base * lift / (base * lift + 1 - base)
    weighted = weight * base * lift / (weight * base * lift + 1 - base)
    np.testing.assert_allclose(answers.probability(weighted, weight), honest, rtol=1e-12)
    assert answers.probability(np.array([0.0, 1.0]), weight).tolist() == [0.0, 1.0]


def test_the_cut_by_amount_is_what_the_system_does() -> None:
    """Our answer against `Policy.expected_cents`, on a grid of chances and amounts."""
    chance, cents = map(np.ravel, np.meshgrid(np.linspace(0, 1, 41), [0, 100, 5_000, 2_000_000]))
    approve, blocked, _ = CostDecisions(seed=0).policy.expected_cents(chance, cents, cents)
    np.testing.assert_array_equal(answers.block(chance, cents), blocked > approve)
    loss = mls.COSTS.margin(cents) + mls.COSTS.friction
    cut = loss / (loss + mls.COSTS.fraud_loss(cents))
    clear = np.abs(chance - cut) > 1e-9
    np.testing.assert_array_equal(answers.block(chance, cents)[clear], (chance > cut)[clear])


def test_the_queue_is_the_package_s_and_no_other_queue_is_worth_more() -> None:
    luck = np.random.default_rng(5)
    for rows, capacity in ((6, 2), (6, 9), (5, 0), (0, 3)):
        approve, block, review = luck.integers(-5, 5, (3, rows)).astype(float)
        ours = answers.to_review(approve, block, review, capacity)
        theirs = worth_reviewing(approve, block, review, capacity=capacity)
        np.testing.assert_array_equal(ours, theirs)
        value = review - np.maximum(approve, block)
        subsets = ((np.arange(2**rows)[:, None] >> np.arange(rows)) & 1).astype(bool)
        allowed = subsets[subsets.sum(axis=1) <= capacity]
        assert value[ours].sum() == max(value[chosen].sum() for chosen in allowed)


def test_the_explorer_by_brute_force() -> None:
    rows = pd.DataFrame({
        "score": [0.9, 0.4, 0.4, 0.1], "p": [0.8, 0.3, 0.1, 0.0],
        "amount": [5_000, 20_000, 300, 800],
        "approve": [-4_000.0, -900.0, 5.0, 9.0], "block": [-50.0, -175.0, -225.0, -250.0],
    })  # fmt: skip
    explorer = Explorer(rows, 0.4)
    assert explorer.by_cut == pytest.approx((-50 - 175 - 225 + 9) / 100)
    assert explorer.limit == pytest.approx((-50 - 175 + 5 + 9) / 100)
    assert explorer.curve.max() == max(Explorer(rows, cut).by_cut * 100 for cut in (0.1, 0.4, 0.9))
    chosen = answers.block(rows["score"].to_numpy(), rows["amount"].to_numpy())
    expected = np.where(chosen, rows["block"], rows["approve"]).sum() / 100
    assert explorer.by_amount == pytest.approx(expected)
    with pytest.raises(InputError, match="cut=2"):
        explorer.set(2.0)


def test_the_widget_shows_what_its_text_twin_says() -> None:
    run = candidates.served(UNSEEN, days=2, keep="log")
    rows = candidates.priced(run)
    form = threshold_explorer.widget(rows)
    cut, status = form.children
    cut.value = 0.02
    assert repr(Explorer(rows, 0.02)) in status.value.replace("&gt;", ">")
    first = ~run.log["is_duplicate"]
    assert len(rows) <= int(first.sum()) and rows["p"].between(0, 1).all()


def test_a_policy_that_explores_at_any_price_is_told_so_and_no_other() -> None:
    inherited = answers.INHERITED
    assert questions.weakness(answers.my_policy(inherited)) == ""
    for name in ("as_inherited", "explores_more", "no_rules", "more_faith"):
        policy = getattr(answers, name)(inherited)
        assert questions.weakness(policy) == name.replace("_", " ")


def test_the_stored_worlds_say_what_was_expected_of_them() -> None:
    """A small room is worth no more than none, a large one is, and unreached rows are why."""
    found = review_rooms.stored()
    assert found.pivot(index="seed", columns="room").notna().to_numpy().all()
    assert found.groupby("room").size().to_dict() == dict.fromkeys(review_rooms.ROOMS, 20)
    effects = review_rooms.summary(found)
    assert effects.loc["2 a day", "low"] < 0 < effects.loc["32 a day", "low"]
    unreached = found.groupby("room")["unreached"].mean()
    assert unreached[2] < unreached[8] < unreached[32] == unreached[0] == 0


def test_the_parts_of_a_review_by_hand() -> None:
    """Each look against what the policy alone would have done; minutes as the ledger has them."""
    run = candidates.served(UNSEEN, reviewers=2, days=6, keep="log")
    found = review_rooms.parts(run)
    log = run.log[~run.log["is_duplicate"]].dropna(subset=["score"])
    approve, block, _ = run.system.decisions.expected_cents(log)
    priced, euros, count = candidates.priced(run), {"reviewer": 0.0, "timeout": 0.0}, 0
    for place, (who, final) in enumerate(zip(log["decided_by"], log["final_action"], strict=True)):
        if who in euros:
            alone = "approve" if approve[place] >= block[place] else "block"
            euros[who] += (priced[final].iloc[place] - priced[alone].iloc[place]) / 100
            count += 1
    assert found["looks"] == pytest.approx(euros["reviewer"])
    assert found["unreached"] == pytest.approx(euros["timeout"])
    assert found["looked_at"] + found["left"] == count > 0
    assert found["work"] < 0


def test_a_room_of_the_stored_worlds_again() -> None:
    again = review_rooms.measured([320], rooms=(2,))
    stored = review_rooms.stored().query("seed == 320 and room == 2")
    np.testing.assert_allclose(again.to_numpy(), stored.to_numpy(), rtol=1e-6, atol=0.02)
