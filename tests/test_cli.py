"""The command line as a person meets it: answers, JSON, and one clear line for each mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlsys_lessons import cli, workshop


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("command", ["lab", "doctor", "simulate", "progress", "reset", "claims"])
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """--help exits with 0 and names --json."""
    code, out, _ = call(capsys, command, "--help")
    assert code == 0 and "--json" in out


SIMULATE = ("simulate", "--system", "naive", "--days", "2", "--daily", "100", "--seed", "7")


def test_simulate_prints_the_promised_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has at least the keys that checks outside rely on; twice is the same."""
    code, out, _ = call(capsys, *SIMULATE, "--json")
    facts = json.loads(out)
    promised = {
        "requests", "seconds", "requests_per_second", "peak_rss_mb", "value_cents", "actions_sha256",
    }  # fmt: skip
    assert code == 0 and promised <= set(facts)
    again = json.loads(call(capsys, *SIMULATE, "--json", "--batch-size", "9")[1])
    assert again["actions_sha256"] == facts["actions_sha256"]
    faulty = json.loads(call(capsys, *SIMULATE, "--json", "--faults", "late_rows:0:2")[1])
    assert faulty["actions_sha256"] != facts["actions_sha256"]


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
        ((*SIMULATE, "--faults", "latency:1"), "latency:1"),
        ((*SIMULATE, "--faults", "latency:2:1"), "start=2"),
        (("fly",), "fly"),
        (("reset", "99"), "99"),
    ],
)
def test_a_mistake_gets_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """Exit code 2, nothing on stdout, one line that names the value."""
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err and err.count("\n") == 1 and "Traceback" not in err


def test_lab_copies_without_outputs_and_never_overwrites(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The learner's folder: cleared copies the first time, untouched the second."""
    desk = tmp_path / "desk"
    code, out, _ = call(capsys, "lab", "--copy-only", "--json", "--dir", str(desk))
    facts = json.loads(out)
    assert code == 0 and workshop.FIRST_LESSON in facts["copied"] and facts["kept"] == []
    first = desk / workshop.FIRST_LESSON
    cells = json.loads(first.read_text(encoding="utf-8"))["cells"]
    assert all(cell.get("outputs", []) == [] for cell in cells)
    first.write_text("mine", encoding="utf-8")
    facts = json.loads(call(capsys, "lab", "--copy-only", "--json", "--dir", str(desk))[1])
    assert facts["copied"] == [] and first.read_text(encoding="utf-8") == "mine"


def test_reset_keeps_a_backup(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each reset numbers its backup; nothing of the learner's is lost."""
    call(capsys, "lab", "--copy-only", "--dir", str(tmp_path))
    lesson = tmp_path / workshop.FIRST_LESSON
    for count in (1, 2):
        lesson.write_text(f"mine {count}", encoding="utf-8")
        assert call(capsys, "reset", "0", "--dir", str(tmp_path))[0] == 0
        backup = tmp_path / f"{lesson.stem}.backup-{count}.ipynb"
        assert backup.read_text(encoding="utf-8") == f"mine {count}"
        assert "cells" in lesson.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file in the way: one line, and the file stays."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file", encoding="utf-8")
    code, out, err = call(capsys, "lab", "--copy-only", "--dir", str(blocked / "desk"))
    assert (code, out, err.count("\n")) == (2, "", 1) and "--dir" in err
    assert blocked.read_text(encoding="utf-8") == "a file"


def test_a_write_that_fails_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step fails: the old file is whole and no temporary file is left."""
    target = tmp_path / "lesson.ipynb"
    target.write_text("old", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(workshop.StorageError, match="cannot write"):
        workshop.write_new(target, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["lesson.ipynb"]
    assert target.read_text(encoding="utf-8") == "old"


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
    assert code == 0 and isinstance(json.loads(out), dict)
