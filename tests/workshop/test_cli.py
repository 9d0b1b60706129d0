"""The command line as a person meets it: answers, JSON, and one clear line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlsys_lessons import __version__, cli
from mlsys_lessons.claims import laboratory
from mlsys_lessons.lessons import progress
from mlsys_lessons.simulation.scenarios import ClaimSize


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    "command",
    [
        "lab",
        "doctor",
        "simulate",
        "progress",
        "reset",
        "claims",
        "serve",
        "ageing",
        "noticing",
        "faults",
    ],
)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """--help exits with 0 and names --json."""
    code, out, _ = call(capsys, command, "--help")
    assert code == 0 and "--json" in out


SIMULATE = ("simulate", "--system", "naive", "--days", "2", "--daily", "100", "--seed", "7")


def test_simulate_prints_the_promised_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has at least the keys that checks outside rely on; twice is the same."""
    code, out, _ = call(capsys, *SIMULATE, "--json")
    facts = json.loads(out)
    promised = {"requests", "seconds", "requests_per_second", "peak_rss_mb", "value_cents"}
    promised.add("actions_sha256")
    assert code == 0 and promised <= set(facts)
    again = json.loads(call(capsys, *SIMULATE, "--json", "--batch-size", "9")[1])
    assert again["actions_sha256"] == facts["actions_sha256"]
    faulty = json.loads(call(capsys, *SIMULATE, "--json", "--faults", "late_rows:0:2")[1])
    assert faulty["actions_sha256"] != facts["actions_sha256"]
    assert facts["peak_rss_mb"] > 0


def test_a_fault_without_a_window_takes_the_middle_third(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """--faults NAME alone is enough for a first look."""
    code, out, _ = call(capsys, *SIMULATE, "--days", "6", "--json", "--faults", "unit_change")
    assert code == 0
    assert json.loads(out)["faults"] == ["unit_change(start=2, end=4, severity=0.25)"]


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """One number, told by the package."""
    assert call(capsys, "--version") == (0, f"mlsys-lessons {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*SIMULATE, "--days", "-3"), "days=-3"),
        ((*SIMULATE, "--days", "many"), "many"),
        ((*SIMULATE, "--daily", "1"), "daily=1"),
        ((*SIMULATE, "--scenario", "doomsday"), "doomsday"),
        ((*SIMULATE, "--world", "mars"), "mars"),
        ((*SIMULATE, "--system", "perfect"), "perfect"),
        ((*SIMULATE, "--keep", "nothing"), "nothing"),
        ((*SIMULATE, "--faults", "gremlins:1:2"), "gremlins"),
        ((*SIMULATE, "--faults", "latency:x"), "latency:x"),
        ((*SIMULATE, "--faults", "latency:2:1"), "start=2"),
        ((*SIMULATE, "--faults", "latency:1:2:3:4"), "latency:1:2:3:4"),
        ((*SIMULATE, "--batch-size", "0"), "batch_size=0"),
        ((*SIMULATE, "--seed", "-1"), "seed=-1"),
        (("fly",), "fly"),
        ((), "command"),
    ],
)
def test_a_mistake_gets_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """Exit code 2, nothing on stdout, one line that names the value."""
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err and err.count("\n") == 1 and "Traceback" not in err


def test_claims_are_measured_as_asked_shown_one_by_one_and_stored(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The measuring is the laboratory's: here it answers with what was stored before."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def measured(name: str, **options: Any) -> Any:
        asked.append((name, options))
        return results[name]

    results = {name: laboratory.stored(name) for name in ("C1", "C2")}
    monkeypatch.setattr(laboratory, "run", measured)
    monkeypatch.setattr(laboratory, "RESULTS", tmp_path)
    code, out, err = call(capsys, "claims", "C1", "C2", "--seeds", "9", "--days", "5", "--store")
    size = ClaimSize(days=5)
    usual = {"jobs": None, "system": None}
    assert asked == [(name, {"seeds": 9, "size": size, **usual}) for name in ("C1", "C2")]
    assert (code, err) == (0, "stored C1.json\nstored C2.json\n")
    assert out.count("verdict") == 2 and out.splitlines()[-1] == f"C2: {results['C2'].verdict}"
    assert (tmp_path / "C2.json").read_text(encoding="utf-8") == results["C2"].to_json()
    code, out, _ = call(capsys, "claims", "C1", "--daily", "50", "--jobs", "1", "--json")
    assert (code, out.count("\n")) == (0, 1)
    assert [claim["claim"] for claim in json.loads(out)["claims"]] == ["C1"]
    assert asked[-1] == ("C1", {"seeds": 20, "size": ClaimSize(daily=50), **usual, "jobs": 1})
    call(capsys, "claims", "C1", "--system", "mine:my_system")
    assert asked[-1][1]["system"] == "mine:my_system"
    code, _, err = call(capsys, "claims", "C1", "--system", "mine:my_system", "--store")
    assert code == 2 and "the course's own result" in err


def test_doctor_says_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Ready or not, each line is a finding; exit code 1 when one fails."""
    code, out, _ = call(capsys, "doctor", "--json", "--dir", str(tmp_path))
    facts = json.loads(out)
    names = {finding["name"] for finding in facts["findings"]}
    assert {"Python", "lessons", "folder"} <= names
    assert code == (0 if facts["ready"] else 1)


def test_doctor_finds_a_wrong_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old library is named, with the version expected and the way out."""
    from importlib import metadata

    real = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "0.0.1" if name == "pandas" else real(name)
    )
    code, out, _ = call(capsys, "doctor")
    assert code == 1 and "FAIL pandas" in out and "make setup" in out


def test_an_old_python_gets_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is imported that an old Python could not read."""
    monkeypatch.setattr(cli.sys, "version_info", (3, 9, 1))
    code, out, err = call(capsys, "doctor")
    assert (code, out, err.count("\n")) == (2, "", 1) and "3.11" in err


def test_a_damaged_progress_file_is_named_and_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 2, one line, and the file is as it was."""
    path = tmp_path / ".mlsys_lessons" / "progress.json"
    path.parent.mkdir()
    path.write_text("{broken", encoding="utf-8")
    code, out, err = call(capsys, "progress", "--dir", str(tmp_path))
    assert (code, out, err.count("\n")) == (2, "", 1) and "progress" in err
    assert path.read_text(encoding="utf-8") == "{broken"


def test_progress_of_a_fresh_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing answered yet is an answer, not an error."""
    code, out, _ = call(capsys, "progress", "--json", "--dir", str(tmp_path))
    assert code == 0 and json.loads(out)["passed"] == 0


def test_progress_is_told_lesson_by_lesson(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learner's folder holds the file, unless the environment names another."""
    file = tmp_path / "my_lessons" / ".mlsys_lessons" / "progress.json"
    progress.remember("questions", "lesson01.q1", "passed", file)
    progress.remember("questions", "lesson01.q2", "wrong", file)
    progress.remember("guesses", "lesson01.bet1", 41, file)
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "progress")[1].startswith("0 of 0")  # the environment's file, a fresh one
    monkeypatch.delenv(progress.ENVIRONMENT)
    code, out, _ = call(capsys, "progress")
    assert code == 0 and out.startswith("1 of 2 attempted exercises passed")
    assert "lesson01: q1 passed, q2 wrong; 1 bets; runbook line open" in out
