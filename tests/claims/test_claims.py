"""Claims: the arithmetic of shares, intervals and verdicts, the cache, and one tiny run of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import permutations
from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons import claims
from mlsys_lessons.claims import (
    c1_good_model,
    c3_drop_one,
    c4_share_of_model,
    effects,
    laboratory,
    runs,
)
from mlsys_lessons.claims.__main__ import main
from mlsys_lessons.claims.claim import (
    Claim,
    Evidence,
    least_effect,
    table_by_rate,
    unless_contradicted,
    unless_quiet,
)
from mlsys_lessons.claims.code_version import code_version
from mlsys_lessons.claims.effects import FAILS, HOLDS, UNDECIDED, Effect, all_of
from mlsys_lessons.claims.result import Result, flip
from mlsys_lessons.claims.runs import Job, cache_folder, remembered, summaries
from mlsys_lessons.components.component import COMPONENTS
from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.experiments import extreme_models
from mlsys_lessons.experiments.arms import NAIVE, RESILIENT, Arm
from mlsys_lessons.experiments.notebook_promises import promises
from mlsys_lessons.experiments.open_labels import OpenLabelsWorld
from mlsys_lessons.experiments.shapley import Worth, coalitions, shapley
from mlsys_lessons.experiments.statistics import (
    FAMILY,
    crossing,
    holm,
    mean_interval,
    p_value,
    ratio_interval,
)
from mlsys_lessons.simulation.scenarios import ClaimSize
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.worlds import payments_world

TINY = ClaimSize(days=4, daily=100)
STORED = sorted(laboratory.RESULTS.glob("*.json"), key=lambda path: int(path.stem[1:]))


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this module's own, shared by its tests."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(runs.CACHE_VARIABLE, str(folder))
        yield folder


# --- Shapley -----------------------------------------------------------------------------------


def by_permutations(
    players: Iterable[str], worth: Mapping[frozenset[str], Worth]
) -> dict[str, Worth]:
    """Shapley values by brute force, one order after another: the definition."""
    members = list(players)
    totals: dict[str, Worth] = dict.fromkeys(members, 0.0)
    for order in permutations(members):
        arrived: frozenset[str] = frozenset()
        for player in order:
            totals[player] = totals[player] + worth[arrived | {player}] - worth[arrived]
            arrived = arrived | {player}
    return {player: total / factorial(len(members)) for player, total in totals.items()}


@given(st.lists(st.floats(-1e3, 1e3), min_size=16, max_size=16))
@settings(max_examples=50)
def test_shapley_is_the_average_over_all_orders(values: list[float]) -> None:
    worth = dict(zip(coalitions("abcd"), values, strict=True))
    found, oracle = shapley("abcd", worth), by_permutations("abcd", worth)
    assert found == pytest.approx(oracle, abs=1e-9)
    assert sum(found.values()) == pytest.approx(values[-1] - values[0], abs=1e-9)


def test_shapley_of_six_matches_all_720_orders_seed_by_seed() -> None:
    luck = np.random.default_rng(3)
    worth = {each: luck.normal(size=5) for each in coalitions(COMPONENTS)}
    found, oracle = shapley(COMPONENTS, worth), by_permutations(COMPONENTS, worth)
    for name in COMPONENTS:
        np.testing.assert_allclose(found[name], oracle[name], atol=1e-12)
    whole = worth[frozenset(COMPONENTS)] - worth[frozenset()]
    np.testing.assert_allclose(sum(found.values()), whole, atol=1e-12)


def test_an_idle_player_gets_nothing_and_equals_get_the_same() -> None:
    worth = {each: float(len(each - {"idle"}) ** 2) for each in coalitions(("a", "b", "idle"))}
    assert shapley(("a", "b", "idle"), worth) == pytest.approx({"a": 2.0, "b": 2.0, "idle": 0.0})


def test_coalitions_are_all_subsets() -> None:
    found = coalitions(COMPONENTS)
    assert len(found) == len(set(found)) == 64


# --- statistics --------------------------------------------------------------------------------


def test_holm_matches_a_worked_example() -> None:
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03}, family=3)
    assert adjusted == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_holm_with_members_still_to_come_is_never_more_lenient() -> None:
    some = holm({"a": 0.001, "b": 0.002})
    more = holm({"a": 0.001, "b": 0.002, "c": 0.0001})
    assert some["a"] == pytest.approx(FAMILY * 0.001)
    assert more["a"] <= some["a"] and more["b"] <= some["b"]


def test_holm_refuses_more_than_its_family() -> None:
    with pytest.raises(InputError, match="family of 2"):
        holm({"a": 0.1, "b": 0.1, "c": 0.1}, family=2)


@pytest.mark.parametrize("pairs", [6, 20])
def test_intervals_cover_a_skewed_mean_about_as_often_as_they_say(pairs: int) -> None:
    luck, hits, trials = np.random.default_rng(pairs), 0, 200
    for _ in range(trials):
        found = mean_interval(luck.gamma(4.0, size=pairs), resamples=499)
        hits += found.low <= 4.0 <= found.high
    assert 0.88 <= hits / trials <= 0.995


def test_a_ratio_is_one_of_means_with_an_interval_around_it() -> None:
    luck = np.random.default_rng(1)
    wholes = luck.normal(100, 5, size=20)
    parts = 0.3 * wholes + luck.normal(0, 1, size=20)
    found = ratio_interval(parts, wholes)
    assert found.estimate == pytest.approx(parts.mean() / wholes.mean())
    assert found.low < 0.3 < found.high
    assert found.high - found.low < 0.02


@pytest.mark.parametrize("pairs", [2, 3])
def test_intervals_of_two_or_three_pairs_are_student_s(pairs: int) -> None:
    from scipy.stats import ttest_1samp

    values = np.array([1.0, 2.0, 8.0])[:pairs]
    found, usual = mean_interval(values), ttest_1samp(values, 0.0)
    limits = usual.confidence_interval()
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high))
    assert p_value(values) == pytest.approx(usual.pvalue) and "too few" in found.method


@pytest.mark.parametrize("values", [[1.0], [], [1.0, np.nan]])
def test_too_little_to_judge_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="at least two seeds"):
        mean_interval(values)


def test_p_is_never_smaller_than_that_of_a_t_test() -> None:
    from scipy.stats import ttest_1samp

    for values in (np.array([0.2, 0.5, 0.9, 0.4]), np.random.default_rng(2).gamma(1.0, size=20)):
        assert ttest_1samp(values, 0.1).pvalue <= p_value(values, 0.1) <= 1.0


def test_crossing_finds_the_break_even() -> None:
    assert crossing({0: 10.0, 1: 5.0, 4: -1.0}, 2.0) == pytest.approx(2.5)
    assert crossing({0: 1.0, 1: 2.0}) is None


# --- verdicts ----------------------------------------------------------------------------------


def effect(mean: float, *, spread: float = 0.1, pairs: int = 20, name: str = "it") -> Effect:
    values = mean + spread * np.random.default_rng(5).standard_normal(pairs)
    return Effect(name, "EUR", mean_interval(values, resamples=499), 1.0, p_value(values, 1.0))


@pytest.mark.parametrize(
    ("mean", "spread", "said"), [(2.0, 0.1, HOLDS), (0.0, 0.1, FAILS), (1.0, 2.0, UNDECIDED)]
)
def test_verdict_of_one_effect(mean: float, spread: float, said: str) -> None:
    assert effect(mean, spread=spread).verdict() == said


def test_a_clear_interval_with_a_weak_p_stays_undecided() -> None:
    near = effect(1.1, spread=0.15)
    assert near.interval.low > 1.0
    assert near.verdict(tests=1) == HOLDS
    assert near.verdict(tests=1_000) == UNDECIDED


def test_any_one_must_hold_for_all() -> None:
    assert all_of([effect(2.0), effect(3.0)]) == HOLDS
    assert all_of([effect(2.0), effect(0.0)]) == FAILS
    assert all_of([effect(2.0), effect(1.0, spread=2.0)]) == UNDECIDED


def test_a_contradiction_between_incident_rates_is_said() -> None:
    made = evidence({"all": 1.0})
    contradicted = unless_contradicted(made, {0.0: FAILS, 1.0: HOLDS, 4.0: HOLDS})
    assert contradicted == "depends on the incident rate"
    assert unless_contradicted(made, {0.0: UNDECIDED, 1.0: HOLDS, 4.0: HOLDS}) == HOLDS
    assert flip({0.0: (0.0, FAILS), 1.0: (2.0, HOLDS)}, 1.0) == pytest.approx(0.5)


# --- what claims conclude from made-up runs ----------------------------------------------------


def evidence(worth: dict[str, float], *, rates: tuple[float, ...] = (0.0, 1.0, 4.0)) -> Evidence:
    """Ten seeds on which each arm is worth so many euros per 1,000 requests, nearly."""
    luck = np.random.default_rng(0)
    rows = [
        {"seed": seed, "rate": rate, "arm": arm, "requests": 1_000, "overhead_cents": 0,
         "expected_cents": 100 * euros + luck.normal(), "value_cents": 100 * euros}
        for seed in range(10) for rate in rates for arm, euros in worth.items()
    ]  # fmt: skip
    return Evidence(pd.DataFrame(rows), TINY)


def test_the_judge_corrects_the_ordinary_year_and_no_other_rate() -> None:
    """One p of .01 holds by itself, and is undecided among 28."""
    differences = np.array([2.0, 3.0, 0.5, 4.5, 1.0, 3.4])
    one = effects.mean_effect("it", "EUR", differences, 0.5)
    assert 1 / 28 * 0.05 < one.p < 0.05 and one.interval.low > 0.5
    toy = Claim(
        name="C0", sentence="It is.", fails_where="nowhere", arms=lambda rate: {},
        effects=lambda made, rate: (one, one) if rate else (),
        table=table_by_rate(lambda made, rate: [{"rows": rate}]),
        shown=least_effect, verdict_at=unless_quiet("nothing"),
    )  # fmt: skip
    findings = toy.judge(evidence({"all": 1.0}))
    verdicts = {rate: verdict for rate, (_, verdict) in findings.by_rate.items()}
    assert verdicts == {0.0: "nothing", 1.0: UNDECIDED, 4.0: HOLDS}
    assert findings.verdict == UNDECIDED and findings.p == one.p
    assert findings.by_rate[0.0][0] == 0.0 and findings.by_rate[4.0][0] == one.interval.estimate
    assert findings.table.to_dict("list") == {"incidents": [0.0, 1.0, 4.0], "rows": [0.0, 1.0, 4.0]}


def test_claims_are_found_in_their_folder_in_order() -> None:
    files = list(laboratory.RESULTS.parent.glob("c[0-9]*_*.py"))
    assert list(claims.CLAIMS) == sorted(claims.CLAIMS, key=lambda name: int(name[1:]))
    assert len(claims.CLAIMS) == len(files) >= 12


def test_c3_calls_collapse_what_loses_more_than_half() -> None:
    worth = {"all": 100.0, "none": 0.0, **{f"without {name}": 90.0 for name in COMPONENTS}}
    worth[c3_drop_one.NOBODY] = 70.0
    found = c3_drop_one.CLAIM.judge(evidence(worth))
    assert found.verdict == FAILS
    assert found.effects[-1].interval.estimate == pytest.approx(0.3, abs=0.02)  # not judged
    fatal = {**worth, **{f"without {name}": 10.0 for name in COMPONENTS}}
    assert c3_drop_one.CLAIM.judge(evidence(fatal)).verdict == HOLDS
    nothing_gained = {**fatal, "all": 0.0}
    assert c3_drop_one.CLAIM.judge(evidence(nothing_gained)).verdict == UNDECIDED


def stands(model: float, system: float) -> dict[str, float]:
    """The step from where teams stand: what a great model and a system add, independently."""
    names = ("average model, naive", "great model, naive", "average model, resilient",
             "great model, resilient")  # fmt: skip
    return dict(zip(names, (50, 50 + model, 50 + system, 50 + model + system), strict=True))


def test_c4_depends_on_the_order_where_the_orders_disagree() -> None:
    small = {c4_share_of_model.name_of(each): 1.0 + 10.0 * len(each) for each in _SETS}
    found = c4_share_of_model.CLAIM.judge(evidence(small | stands(10, 90)))
    assert found.verdict == HOLDS
    assert found.effects[1].interval.estimate == pytest.approx(0.9, abs=0.02)
    assert c4_share_of_model.CLAIM.judge(evidence(small | stands(90, 10))).verdict == (
        "depends on where one starts"
    )
    assert c4_share_of_model.CLAIM.judge(evidence(small | stands(-10, 5))).verdict == UNDECIDED
    key = {c4_share_of_model.name_of(each): 50.0 * ("model" in each) for each in _SETS}
    assert c4_share_of_model.CLAIM.judge(evidence(key | stands(90, 10))).verdict == FAILS
    lone = frozenset({"model"})
    only_last = {
        c4_share_of_model.name_of(each): 100.0 * (lone < each) + len(each - lone) for each in _SETS
    }
    assert "order" in c4_share_of_model.CLAIM.judge(evidence(only_last | stands(50, 50))).verdict


_SETS = coalitions(COMPONENTS)


@pytest.mark.parametrize(("lift", "threshold"), [(480.0, 10.0), (100.0, 5.0), (-20.0, 0.0)])
def test_the_practical_threshold_is_a_twentieth_of_the_lift_and_ten_euros_at_most(
    lift: float, threshold: float
) -> None:
    made = evidence({"approve all": 100.0, "the model alone": 100.0 + lift})
    assert made.practical == pytest.approx(threshold, abs=0.01)


def test_claims_in_money_run_their_yardstick_and_all_share_it() -> None:
    for name in ("C1", "C2", "C6", "C7", "C9", "C11"):
        arms = claims.CLAIMS[name].arms(1.0)
        assert arms["the model alone"] == Arm(NAIVE) and arms["approve all"] == Arm(())


def test_c2_puts_the_great_model_to_the_test_and_the_perfect_one_beside() -> None:
    worth = {name: 500.0 for name in claims.CLAIMS["C2"].arms(1.0)}
    worth |= {"approve all": 100.0, "great/naive": 400.0, "perfect/naive": 900.0,
              "perfect/resilient": 950.0}  # fmt: skip
    found = claims.CLAIMS["C2"].judge(evidence(worth))
    assert found.verdict == HOLDS
    by_name = {effect.name: effect.interval.estimate for effect in found.effects}
    assert by_name["logistic/resilient - great/naive"] == pytest.approx(100, abs=1)
    assert by_name["logistic/resilient - perfect/naive"] == pytest.approx(-400, abs=1)
    systems = {
        arm.model for arm in claims.CLAIMS["C2"].arms(1.0).values() if "perfect" in arm.model
    }
    assert not systems  # the oracle by id is the reference's alone


def test_an_earlier_definition_stays_beside_the_new_one() -> None:
    found = claims.stored("C2")
    changed = replace(found, earlier=claims.CLAIMS["C2"].earlier)
    assert "before 2026-11-23, great was the oracle" in repr(changed)
    assert Result.from_json(changed.to_json()).earlier == changed.earlier
    # Those whose definition has never changed.
    since_then = {name for name in claims.CLAIMS if int(name[1:]) >= 12} - {"C18"}
    assert {name for name, claim in claims.CLAIMS.items() if not claim.earlier} == since_then


def test_c1_parts_add_up_to_the_gap() -> None:
    luck = np.random.default_rng(2)
    off = [f"{name} off" for name in ("labels", "faults", "drift", "skew", "all")]
    year = pd.DataFrame(luck.normal(size=(6, 6)), columns=["ordinary", *off])
    names = ["random_split", "time_split", "time_split_true_labels"]
    promise = pd.DataFrame(luck.normal(size=(6, 3)), columns=names)
    split = c1_good_model.parts(year, promise)
    np.testing.assert_allclose(split.sum(axis=1), promise["random_split"] - year["ordinary"])


# --- the cache ---------------------------------------------------------------------------------


def test_a_second_answer_comes_from_the_cache_and_is_the_same(tmp_path: Path) -> None:
    calls: list[int] = []

    def compute() -> dict[str, float]:
        calls.append(1)
        return {"value": 0.1 + 0.2}

    first = remembered(tmp_path, "ab12", compute)
    assert remembered(tmp_path, "ab12", compute) == first
    assert len(calls) == 1


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"key": "other", "summary": {}}', '{"key": "ab12"}',
     '{"key": "ab12", "summary": {"value": 3}}',
     '{"key": "ab12", "summary": {"value": 3}, "sha256": "made up"}'],
)  # fmt: skip
def test_a_damaged_file_is_computed_again(tmp_path: Path, damage: str) -> None:
    remembered(tmp_path, "ab12", lambda: {"value": 1})
    (stored,) = tmp_path.rglob("*.json")
    stored.write_text(damage, encoding="utf-8")
    assert remembered(tmp_path, "ab12", lambda: {"value": 2}) == {"value": 2}
    assert json.loads(stored.read_text())["summary"] == {"value": 2}
    assert not list(tmp_path.rglob("*.part"))


def test_without_a_writable_folder_there_is_one_note_and_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv(runs.CACHE_VARIABLE, str(blocked))
    runs._note.cache_clear()
    with pytest.warns(UserWarning, match="not cached"):
        assert cache_folder() is None
    assert cache_folder() is None  # the second time in silence
    assert remembered(None, "ab12", lambda: {"value": 1}) == {"value": 1}


def test_a_key_names_everything_that_a_run_depends_on() -> None:
    job = Job(1_000, Arm(NAIVE))
    others = [
        (Job(1_001, Arm(NAIVE)), TINY),
        (Job(1_000, Arm(RESILIENT)), TINY),
        (Job(1_000, Arm(NAIVE, model="rule")), TINY),
        (Job(1_000, Arm(NAIVE, labels="open")), TINY),
        (Job(1_000, promises), TINY),
        (job, ClaimSize(5, 100)),
        (job, ClaimSize(4, 101)),
    ]
    keys = {job.key(TINY), *(other.key(size) for other, size in others)}
    assert len(keys) == len(others) + 1
    assert job.key(TINY) == Job(1_000, Arm(NAIVE)).key(TINY)
    assert job.described(TINY)["code"] == code_version(Arm.__module__, "Arm")


def test_two_processes_give_the_bytes_of_one(cache: Path, tmp_path: Path) -> None:
    size = ClaimSize(days=2, daily=100)
    jobs = [Job(seed, Arm(NAIVE)) for seed in (1, 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(runs.CACHE_VARIABLE, str(tmp_path))
        apart = summaries(jobs, size, workers=2)
    together = summaries(jobs, size, workers=1)
    assert [apart[job] for job in jobs] == [together[job] for job in jobs]
    again = summaries(jobs, size, workers=1)
    assert again == together


# --- instruments -------------------------------------------------------------------------------


def test_open_labels_change_what_is_known_and_nothing_else() -> None:
    world = payments_world(seed=5, daily=200)
    known = OpenLabelsWorld.of(world)
    late, soon = world.history(60), known.history(60)
    pd.testing.assert_frame_equal(late.requests, soon.requests)
    positives = [set(each.labels.query("label == 1")["request_id"]) for each in (late, soon)]
    assert positives[0] < positives[1]
    system = Arm(NAIVE).system(5)
    live, open_live = (simulate(each, system, days=6) for each in (world, known))
    assert live.truth().index.equals(open_live.truth().index)
    told = open_live.labels.query("label == 1 and source == 'cardholder'")["request_id"]
    truth = open_live.truth()
    early = open_live.log.query("event_time < '2025-01-05'")["request_id"]
    frauds = set(truth.index[truth["true_label"] == 1]) & set(early)
    assert frauds == set(told) and len(told) == len(frauds)


# --- live, tiny --------------------------------------------------------------------------------


@pytest.fixture
def _small_greatness(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual history for the great model: ten times as much takes minutes."""
    monkeypatch.setattr(extreme_models, "TIMES_THE_HISTORY", 1)


@pytest.mark.usefixtures("_small_greatness")
@pytest.mark.parametrize("name", ["C1", "C2", "C3"])
def test_a_claim_runs_end_to_end(name: str) -> None:
    found = claims.run(name, seeds=2, jobs=1, size=TINY, progress=False)
    assert name in repr(found) and found.verdict.upper() in repr(found)
    assert found.seeds == (1_000, 1_001) and found.size == TINY
    assert "not at the claim's own size" in found.notes
    assert set(found.by_rate) == {0.0, 1.0, 4.0}
    again = Result.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    assert repr(again) == repr(found)


@pytest.mark.usefixtures("_small_greatness")
def test_c4_runs_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    players = ("features", "model", "decisions")  # three, so that eight runs a seed are enough
    monkeypatch.setattr(c4_share_of_model, "COMPONENTS", players)
    monkeypatch.setattr(c4_share_of_model, "_OTHERS", frozenset({"features", "decisions"}))
    found = claims.run("C4", seeds=2, jobs=1, size=TINY, progress=False)
    shares = found.table.set_index("component").loc[list(players), "share"]
    assert shares.sum() == pytest.approx(1.0)
    assert "effort" in " ".join(found.notes)


def test_the_command_prints_table_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--seeds", "2", "--days", "4", "--daily", "100", "--jobs", "1"]
    assert main(["C1", *options]) == 0
    assert "verdict" in capsys.readouterr().out
    assert main(["C1", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["claims"][0]["claim"] == "C1"
    assert main(["C99", *options]) == 2
    assert "C99" in capsys.readouterr().err


@pytest.mark.parametrize("seeds", [1, 0, True, 2.5])
def test_seeds_must_be_two_or_more(seeds: object) -> None:
    with pytest.raises(InputError, match="seeds="):
        claims.run("C2", seeds=seeds, size=TINY)  # type: ignore[arg-type]


# --- what is committed -------------------------------------------------------------------------


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_results_say_where_they_come_from(path: Path) -> None:
    found = claims.stored(path.stem)
    assert found.size == claims.CLAIMS[path.stem].size
    assert len(found.seeds) >= 2
    assert len(found.date) == 10 and len(found.code_version) == 12
    assert found.verdict in (HOLDS, FAILS, UNDECIDED) or found.verdict.startswith("depends on")
    assert len(found.table)
    without = {0.0} if claims.CLAIMS[path.stem].arms(0.0) else set()  # no calendar, no rates
    assert {1.0, *without} <= set(found.by_rate)


def test_the_family_of_stored_claims_is_judged_together() -> None:
    table = claims.family()
    assert list(table["claim"]) == [path.stem for path in STORED]


def test_a_result_that_is_not_there_says_how_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laboratory, "RESULTS", tmp_path)
    with pytest.raises(StorageError, match="--store"):
        claims.stored("C2")
    (tmp_path / "C2.json").write_text("{}")
    with pytest.raises(InputError, match="no stored result"):
        claims.stored("C2")
    with pytest.raises(InputError, match="C99"):
        claims.stored("C99")


def test_every_claim_names_its_failing_setting_and_a_sentence() -> None:
    text = (laboratory.RESULTS.parent / "SENTENCES.md").read_text(encoding="utf-8")
    for name, claim in claims.CLAIMS.items():
        assert claim.fails_where and claim.sentence
        state = "stored" if laboratory.RESULTS / f"{name}.json" in STORED else "planned"
        assert f"| {name} | {state}" in text or f"| {name}:" in text
