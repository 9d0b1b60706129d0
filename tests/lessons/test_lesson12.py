"""Lesson 12 tells the truth: a blind canary, a shadow that sees, looks that lie, whose it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons import claims
from mlsys_lessons.components.inference.canary import Arm
from mlsys_lessons.components.inference.ramp import GO, Guardrail, RampPlan, Step, days_to_see
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.monitoring.error_budget import rings
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments import retraining_policies
from mlsys_lessons.lessons.lesson12 import (
    answers,
    canaries,
    peeking,
    questions,
    ramp_explorer,
    refits,
    rollout,
)
from mlsys_lessons.serving.model_files import load_model, save_model

UNSEEN = 77  # shown in no lesson, used by no claim


@pytest.fixture(scope="module")
def night() -> mls.Run:
    """Two days with the candidate in the shadow."""
    home = rollout.at_home(UNSEEN)
    trees = ModelVersion("trees-2", rollout.corrected_twice(home.inference.registry.model))
    return rollout.begun(rollout.on_trial(home, trees), days=2)


def test_the_candidate_ranks_alike_and_believes_in_a_tenth(night: mls.Run) -> None:
    old, new = rollout.auc(night)
    assert new == pytest.approx(old, abs=0.002)
    score = night.log["score"].to_numpy()
    odds = rollout.KEPT * score / (1 - score)
    assert night.log["challenger_score"].to_numpy() == pytest.approx(odds / (1 + odds), rel=0.02)


def test_the_candidate_has_a_file(tmp_path) -> None:
    trees = rollout.corrected_twice(rollout.at_home(UNSEEN).inference.registry.model)
    loaded = load_model(save_model(ModelVersion("trees-2", trees), tmp_path / "trees.skops"))
    assert loaded.model.curve_[1] == pytest.approx(trees.curve_[1])


def test_in_an_unseen_world_the_shadow_sees_it_in_two_nights(night: mls.Run) -> None:
    shadow = rollout.in_shadow(night)
    assert shadow.at["old", "would stop"] > 3 * shadow.at["new", "would stop"]
    assert shadow.at["old", "frauds expected"] > 5 * shadow.at["new", "frauds expected"]
    assert (
        shadow["rows"] == len(night.log[~night.log["is_duplicate"] & ~night.log["is_fallback"]])
    ).all()


def test_what_an_arm_counts_by_hand(night: mls.Run) -> None:
    later = rollout.gone_on(night, share=0.4, days=2)
    assert night.days == 2  # the given run stays as it is
    counts, log = rollout.counted(later, since=2), later.log
    day = mls.records.ticks(log["arrival_time"])
    here = log[(day >= 2) & ~log["is_duplicate"] & ~log["is_fallback"]]
    for name, label in (("old", "boosted-1"), ("new", "trees-2")):
        rows = here[here["model_version"] == label]
        assert counts.at[name, "rows"] == len(rows)
        assert counts.at[name, "blocked"] == (rows["final_action"] == "block").sum()
    assert rollout.arms(counts, "blocked")[0] == Arm(
        *map(int, counts.loc["old", ["blocked", "rows"]])
    )
    assert counts.at["new", "rows"] / counts["rows"].sum() == pytest.approx(0.4, abs=0.06)


def test_a_ramp_ends_at_everybody_or_at_nobody(night: mls.Run) -> None:
    lenient = RampPlan((Step(0.2, 1), Step(0.5, 1)), (Guardrail("blocked", 0.9),))
    *_, (_, share, word, run) = rollout.ramped(night, lenient)
    assert (share, word) == (0.5, GO)
    assert run.system.inference.share == 1.0
    strict = RampPlan((Step(0.5, 9),), (Guardrail("blocked", -0.001),), alpha=0.9)
    words = [word for *_, word, run in rollout.ramped(night, strict)][:12]
    assert words[-1] != "held"
    assert night.system.inference.share == 0.0


def test_the_words_of_a_field_count_everybody_once(night: mls.Run) -> None:
    later = rollout.gone_on(night, share=0.4, days=1)
    words = night.system.domain.vocabularies["channel"].categories
    parts = [rollout.counted(later, since=2, segment=f"channel={word}") for word in words]
    whole = rollout.counted(later, since=2)
    pd.testing.assert_frame_equal(sum(parts[1:], parts[0]), whole)
    assert all(0 < part.at["old", "rows"] < whole.at["old", "rows"] for part in parts)


class HarshOnGames:
    """A version that answers as the old one does, and refuses whoever buys a game."""

    name = "harsh"

    def __init__(self, model) -> None:
        self.model = model

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return np.where(frame["category"] == "gaming", 0.999, self.model.predict(frame))


def test_a_guardrail_of_a_segment_stops_a_night_before_the_average_does() -> None:
    home = rollout.at_home(UNSEEN)
    harsh = ModelVersion("harsh-2", HarshOnGames(home.inference.registry.model))
    night = rollout.begun(rollout.on_trial(home, harsh), days=1)

    def words(segment: str) -> list[str]:
        plan = RampPlan((Step(0.1, 2),), (Guardrail("blocked", 0.9, segment),))
        return [word for *_, word, _ in rollout.ramped(night, plan)]

    assert words("category=gaming") == ["harm"]
    assert words("all") == ["held", "harm"]  # the average needs a night more
    assert words("category=grocery") == ["held", GO]


@pytest.mark.parametrize(
    "rail", [Guardrail("blocked", 0.1, "channel=mail"), Guardrail("blocked", 0.1, "age=1"),
             Guardrail("clicked", 0.1), Guardrail("blocked", 0.1, "online")]
)  # fmt: skip
def test_a_guardrail_that_nobody_can_count_is_refused_before_the_first_night(
    night: mls.Run, rail: Guardrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(mls.Run, "step")
    with pytest.raises(InputError, match=r"; (say|choose) "):
        list(rollout.ramped(night, RampPlan((Step(0.5, 1),), (rail,))))


def test_what_the_page_says_of_small_releases_is_what_is_stored() -> None:
    small = claims.stored("C25")
    assert small.verdict == "does not hold" and len(small.seeds) == 20
    dearer = small.effects[0]
    assert dearer.interval.high < dearer.threshold  # "smaller than anybody would notice"


def test_looking_often_stops_what_is_sound(night: mls.Run) -> None:
    longer = mls.resume(night, days=8)
    stopped = peeking.alarmed(longer, since=0, splits=60)
    assert list(stopped.columns) == list(peeking.RULES)
    assert (stopped.diff().dropna() >= 0).all().all()
    last = stopped.iloc[-1]
    assert last["every hour"] > last["every night"] > last["an interval for every look"]
    assert last["an interval for every look"] <= 0.05


def test_placebo_counts_by_hand(night: mls.Run) -> None:
    hits, rows = peeking.counts(night, 3, since=0)
    assert rows.shape == (48, 2)
    log = night.log[~night.log["is_duplicate"] & ~night.log["is_fallback"]]
    assert rows[-1].sum() == len(log)
    assert hits[-1].sum() == (log["final_action"] == "block").sum()
    first = log[log["arrival_time"] < mls.records.EPOCH + np.timedelta64(5, "h")]
    assert rows[4].sum() == len(first)


def test_significance_against_the_textbook() -> None:
    hits, rows = np.array([[10, 25], [10, 20]]), np.array([[1_000, 1_000], [1_000, 1_000]])
    assert peeking.significant(hits, rows).tolist() == [True, False]
    assert peeking.always_valid(hits, rows).tolist() == [False, False]


def test_the_stored_canaries_are_twenty_worlds_that_no_lesson_shows() -> None:
    worlds = canaries.stored()
    assert worlds["seed"].tolist() == list(range(200, 220))
    assert canaries.lost(worlds).mean() > 0
    assert (worlds["old would stop"] > worlds["new would stop"]).all()


def test_the_stored_refits_hold_every_policy_in_every_world() -> None:
    found = refits.stored()
    names = list(retraining_policies.POLICIES)
    for _, world in found.groupby(["setting", "seed"]):
        assert world["policy"].tolist() == names
        never = world.loc[world["policy"] == "never"].iloc[0]
        assert never[["gain", "fits", "stand", "harm"]].tolist() == [0, 0, 0, 0]
        assert world["gain"].to_numpy() == pytest.approx(world["euros"] - never["euros"], abs=0.2)
    assert (found["harm"] >= 0).all() and (found["stand"] <= found["fits"]).all()


def test_a_verdict_is_about_the_mean_of_the_worlds() -> None:
    def of(gain: float) -> pd.DataFrame:
        return pd.DataFrame({
            "setting": "s", "seed": [1, 1], "policy": ["never", "calendar"],
            "euros": [100.0, 100.0 + gain], "gain": [0.0, gain],
        })  # fmt: skip

    words = [refits.verdict(of(gain), "s") for gain in (-9.0, 1.0, 9.0)]
    assert words == ["never fitted again", "within 2 %", "fitted by the calendar"]


# --- the questions' solutions --------------------------------------------------------------------


def test_the_rule_of_thumb_is_close_to_the_package_s_own() -> None:
    for rate, change, share in ((0.01, 0.001, 0.05), (0.03, 0.003, 0.5), (0.004, 0.004, 0.05)):
        thumb = answers.days_to_see(rate, change, share, 1_000)
        own = days_to_see(rate, change, share=share, rows_a_day=1_000)
        assert thumb == pytest.approx(own, rel=0.03)
    assert answers.days_to_see(0.2, -0.2, 0.5, 1) == pytest.approx(16 * 0.1 * 0.9 / 0.04 * 2)


def test_the_burn_alert_is_the_package_s_own() -> None:
    for case in answers.minute_cases(np.random.default_rng(4)):
        ours = answers.burning(*case.values())
        assert (ours == rings(case["bad"], case["asked"], promise=case["promise"])).all()


def test_routes_by_brute_force() -> None:
    for case in answers.alert_cases(np.random.default_rng(4)):
        alerts, owners = case.values()
        rows = zip(alerts["path"], alerts["severity"], answers.route(alerts, owners), strict=True)
        for path, severity, name in rows:
            words = path.split(".")
            due = {"page": "duty manager", "ticket": "nobody"}[severity]
            for length in range(1, len(words) + 1):
                due = owners.get(".".join(words[:length]), due)
            assert name == due
    assert answers.route(pd.DataFrame({"path": [], "severity": []}), {"a": "b"}) == []


def test_the_ramp_reads_two_numbers() -> None:
    def shadow(old: int, new: int) -> pd.DataFrame:
        return pd.DataFrame({"would stop": [old, new]}, index=["old", "new"])

    assert [answers.my_ramp(1, shadow(*pair), None) for pair in ((14, 14), (60, 5), (20, 70))] == [
        0
    ] * 3
    assert answers.my_ramp(3, shadow(40, 30), None) == 0.5
    assert answers.my_ramp(4, shadow(40, 30), None) == 1.0


def test_a_weak_ramp_is_named_for_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, euros in (
        ("ship it", (900, -3_000)),
        ("never", (0, 0)),
        ("a clean canary", (400, -900)),
    ):
        gain = dict(zip((True, False), euros, strict=True))
        monkeypatch.setattr(
            questions, "release", lambda ramp, seed, *, is_sound, g=gain: g[is_sound]
        )
        monkeypatch.setattr(questions, "stayed", lambda seed: 0.0)
        ramp = questions.q4.wrong_answers[name].answer
        assert questions.weakness(ramp, 1) == name


# --- the explorer --------------------------------------------------------------------------------


def test_the_explorer_s_arithmetic() -> None:
    small = ramp_explorer.Explorer()
    assert small.rows == 350
    longer = small.set(days=round(small.days_for_a_doubling))
    assert longer.sees == pytest.approx(small.rate, rel=0.02)
    assert small.set(share=0.5).sees < small.sees
    assert "nothing at all" in repr(small.set(days=1, share=0.001, daily=100))
    for wrong in ({"share": 0.0}, {"days": 0}, {"rate": 1.0}, {"daily": 1}):
        with pytest.raises(InputError):
            small.set(**wrong)


def test_the_widget_shows_what_its_text_twin_says() -> None:
    form = ramp_explorer.widget()
    parts = {part._dom_classes[0].removeprefix("mls-ramp-"): part for part in form.children}
    assert repr(ramp_explorer.Explorer()) in parts["status"].value
    parts["share"].value, parts["days"].value = 0.25, 30
    assert repr(ramp_explorer.Explorer(share=0.25, days=30)) in parts["status"].value
