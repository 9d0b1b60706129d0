"""The league: people's own policies in a child process, and the table of the reference ones."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons import cli
from mlsys_lessons.drill import Incident
from mlsys_lessons.drill import league as leagues
from mlsys_lessons.drill.child import ChildPolicy
from mlsys_lessons.drill.league import games, report, table
from mlsys_lessons.drill.play import play
from mlsys_lessons.drill.policies import POLICIES
from mlsys_lessons.drill.runs import DAILY
from mlsys_lessons.drill.scenario import drawn, scenario
from mlsys_lessons.errors import InputError, StorageError

SEED = 3


@pytest.fixture(autouse=True)
def players(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child finds this folder's players."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")


def test_a_policy_in_a_child_plays_as_one_at_home() -> None:
    with ChildPolicy("drill_players:patient") as policy:
        played = play(Incident("unit_change", SEED), policy)
    assert played == play(Incident("unit_change", SEED), lambda observation: "advance")


def test_a_command_that_nobody_follows_is_counted() -> None:
    with ChildPolicy("drill_players:confused") as policy:
        played = play(Incident("unlucky_day", SEED), policy)
    assert len(played.mistakes) == 14 and "restart" in played.mistakes[0]
    assert played.score.points == 100.0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("drill_players:broken", "ZeroDivisionError"),
        ("drill_players:asleep", "took longer than 2 s"),
        ("drill_players:gone", "has ended"),
    ],
)
def test_what_goes_wrong_in_a_child_is_one_sentence(spec: str, words: str) -> None:
    patience = 2.0 if "asleep" in spec else 60.0
    with ChildPolicy(spec, answer_s=patience) as policy, pytest.raises(InputError, match=words):
        play(Incident("unlucky_day", SEED), policy)
    assert policy._process is not None and policy._process.poll() is not None


@pytest.mark.parametrize("spec", ["nowhere:f", "drill_players:nobody", "json:__doc__", ":", "x"])
def test_a_policy_that_is_not_there_is_refused(spec: str) -> None:
    with pytest.raises(InputError, match="name module:function"), ChildPolicy(spec):
        pass


def test_the_table_of_one_scenario() -> None:
    played = [game for seed in (SEED, SEED + 1) for game in games("unlucky_day", seed)]
    summed = table(pd.DataFrame(played))
    best = summed.set_index("policy")["median"]
    assert best["do_nothing"] == best["omniscient"] == 100.0
    assert "unlucky_day" in report(summed)


def test_a_league_is_kept_seed_by_seed_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first, dealt = tmp_path / "league.csv", leagues.names()[0], []

    def of_seed(asked: tuple[int, Sequence[str]]) -> list[dict[str, object]]:
        seed, scenarios = asked
        dealt.extend((seed, name) for name in scenarios)
        if seed == 9 and scenarios != (first,):
            raise KeyboardInterrupt
        return [{"scenario": name, "seed": seed, "policy": "p", "points": 50.0, "at_stake": 1.0}
                for name in scenarios]  # fmt: skip

    monkeypatch.setattr(leagues, "_of_seed", of_seed)
    with pytest.raises(KeyboardInterrupt):
        leagues.store([8, 9], code="abc", path=path)
    kept = leagues.stored(path)
    assert kept[kept["seed"] == 9]["scenario"].tolist() == [first]
    assert set(kept["code"].str[:4]) == {"abc-"}
    dealt.clear()
    whole = leagues.store([8, 10], code="abc", path=path)
    assert {seed for seed, _ in dealt} == {10} and set(whole["seed"]) == {8, 9, 10}
    assert set(leagues.store([7], code="other", path=path)["seed"]) == {7}
    assert len(leagues.stored(path)) == len(leagues.names())
    with pytest.raises(StorageError, match="--store"):
        leagues.stored(tmp_path / "nothing.csv")


def test_the_report_counts_what_is_mastered_and_what_fails() -> None:
    rows = [("a", "p", 90.0), ("b", "p", 39.0), ("a", "q", 40.0), ("b", "q", 69.0)]
    summed = pd.DataFrame(rows, columns=["scenario", "policy", "median"])
    summed = summed.assign(low=0.0, high=0.0, at_stake=1_234.5)
    last = leagues.report(summed).splitlines()[-2:]
    assert "1,234" in leagues.report(summed)
    assert last[0].split() == ["p", "1", "of", "2", "at", "70", "or", "more,", "1", "below", "40"]
    assert last[1].split() == ["q", "0", "of", "2", "at", "70", "or", "more,", "0", "below", "40"]


def test_nobody_looks_for_garbage_in_a_game_and_all_is_as_before_when_one_breaks() -> None:
    usual, seen = gc.get_threshold(), []

    def played() -> Iterator[dict[str, Any]]:
        seen.append(gc.get_threshold()[0])
        yield {"points": 1}
        raise InputError("a game broke")

    with pytest.raises(InputError, match="a game broke"):
        leagues._unswept(played())
    assert seen == [0]
    assert gc.get_threshold() == usual


def test_without_a_stored_league_the_way_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="run mlsys-lessons drill --league --store"):
        leagues.stored(tmp_path / "league.csv")


@pytest.mark.skipif(not leagues.STORED.exists(), reason="no league of these scenarios is stored")
def test_the_stored_league_says_where_it_comes_from() -> None:
    found = leagues.stored()
    assert found["code"].nunique() == 1 and found["date"].str.len().eq(10).all()
    assert set(found["daily"]) == {DAILY} and set(found["scenario"]) <= set(leagues.names())
    assert found["points"].between(0, 100).all()
    each = found.groupby(["seed", "scenario"])["policy"].agg(set)
    assert all(policies == {*POLICIES, leagues.OMNISCIENT} for policies in each)
    idle = found[found["policy"] == "do_nothing"]  # its score is the formula's, from what it lost
    np.testing.assert_allclose(idle["lost_euros"], idle["at_stake"], atol=0.01)


# --- the command --------------------------------------------------------------------------------


def test_the_command_lists_plays_and_tells(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["drill", "--list", "--json"]) == 0
    assert "unit_change" in json.loads(capsys.readouterr().out)["scenarios"]
    asked = ["drill", "--scenario", "unit_change", "--seed", str(SEED)]
    assert cli.main([*asked, "--policy", "runbook_follower", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert 0 <= facts["points"] <= 100 and facts["actions"] >= 1
    monkeypatch.setattr("sys.stdin", io.StringIO("inspect inputs\nask_owner amount\nadvance 30\n"))
    assert cli.main(asked) == 0
    assert "of 100" in capsys.readouterr().out


def test_a_drill_without_a_name_gives_none_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("help\nquit\n"))
    assert cli.main(["drill", "--seed", str(SEED)]) == 0
    said = capsys.readouterr().out
    assert scenario(drawn(SEED)).page in said and drawn(SEED) not in said


def test_the_kept_league_is_shown_unless_one_is_played(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    games_kept = [
        {"scenario": name, "seed": seed, "policy": "do_nothing", "points": points, "at_stake": 9.0,
         "date": "2026-11-28", "code": "abc-def", "daily": 1_500}
        for name, points in (("unit_change", 10.0), ("unlucky_day", 90.0))
        for seed in (3_000, 3_001)
    ]  # fmt: skip
    kept = tmp_path / "league.csv"
    pd.DataFrame(games_kept).to_csv(kept, index=False)
    monkeypatch.setattr(leagues.stored, "__defaults__", (kept,))
    assert cli.main(["drill", "--league"]) == 0
    shown = capsys.readouterr().out
    origin = "2 seeds from 3000 on, 1,500 payments a day, played until 2026-11-28 by code abc-def"
    assert shown.startswith(origin) and "unlucky_day" in shown
    assert cli.main(["drill", "--league", "--scenario", "unit_change", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["origin"] == origin
    assert [row["scenario"] for row in facts["league"]] == ["unit_change"]


@pytest.mark.parametrize(
    "options",
    [["--seed", "-1"], ["--scenario", "moon"], ["--scenario", "unit_change", "--policy", "genius"],
     ["--scenario", "unit_change", "--seed", "-1"], ["--league", "--seeds", "0"],
     ["--league", "--store", "--scenario", "unlucky_day"]],
)  # fmt: skip
def test_a_mistake_is_one_line(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["drill", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1
