"""The learner's file: atomic, shared by notebooks, never lost, never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.lessons import five_questions, progress, runbook

LINE = {"signal": "value a day", "owner": "payments", "action": "roll back", "rollback": "pin v1"}
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "folder" / "progress.json"
    monkeypatch.setenv(progress.ENVIRONMENT, str(file))
    return file


def test_nothing_is_there_at_first() -> None:
    assert progress.load()["questions"] == {}
    assert progress.summary()["lessons"] == {}


def test_the_file_lies_beside_the_notebook_wherever_a_cell_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(progress.ENVIRONMENT)
    monkeypatch.chdir(tmp_path)
    progress._beginning.cache_clear()
    try:
        beside = tmp_path / ".mlsys_lessons" / "progress.json"
        assert progress.progress_file() == beside
        progress.remember("guesses", "lesson00.bet1", 10)
        (tmp_path / "sub").mkdir()
        monkeypatch.chdir(tmp_path / "sub")
        runbook.add("lesson00", signal="s", owner="o", action="a", rollback="r")
        assert progress.progress_file() == beside
        assert progress.load()["guesses"] and progress.load()["runbook"]
        assert not list((tmp_path / "sub").iterdir())
    finally:
        progress._beginning.cache_clear()


@pytest.mark.parametrize("named", [".", "/", "a/" * 2_000 + "x.json"])
def test_a_name_that_is_no_file_is_one_note(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(progress.ENVIRONMENT, named)
    kept = progress.remember("guesses", "lesson00.bet1", 10)
    assert kept.value == 10 and kept.note.startswith("(Not saved: ") and "\n" not in kept.note


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_a_pipe_or_a_device_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", Path(os.devnull), tmp_path):
        kept = progress.remember("guesses", "lesson00.bet1", 10, odd)
        assert "is no ordinary file" in kept.note or "cannot be" in kept.note
        with pytest.raises(StorageError):
            progress.load(odd)
    assert (tmp_path / "pipe").is_fifo() and Path(os.devnull).is_char_device()


def test_half_a_letter_is_kept_as_json_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    for text in ("half \ud800", "whole \u00e9 \U0001f600"):
        assert progress.remember("guesses", text, text, file).note == ""
    assert list(progress.load(file)["guesses"]) == ["half \ud800", "whole \u00e9 \U0001f600"]
    assert "\u00e9" in file.read_text(encoding="utf-8")


def test_a_runbook_line_written_by_hand_is_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    file.write_text('{"runbook": {"lesson00": "text"}}', encoding="utf-8")
    with pytest.raises(StorageError, match="a runbook line that is no record"):
        progress.load(file)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_linked_file_is_written_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    link, file = tmp_path / "progress.json", tmp_path / "home" / "progress.json"
    link.symlink_to(file)
    progress.remember("guesses", "lesson00.bet1", 10, link)
    assert link.is_symlink() and progress.load(file)["guesses"] == {"lesson00.bet1": 10}


def test_passed_stays_passed_and_the_first_guess_stays() -> None:
    for outcome in ("wrong", "passed", "raised"):
        kept = progress.remember("questions", "lesson01.q1", outcome)
    assert kept == ("passed", "")
    progress.remember("guesses", "lesson01.bet1", 9)
    assert progress.remember("guesses", "lesson01.bet1", 12).value == 9
    progress.remember("runbook", "lesson01", LINE)
    assert (
        progress.remember("runbook", "lesson01", {**LINE, "owner": "risk"}).value["owner"] == "risk"
    )


def test_summary_is_plain_data_by_lesson(file: Path) -> None:
    progress.remember("questions", "lesson02.q1", "wrong")
    progress.remember("questions", "lesson01.q1", "passed")
    progress.remember("guesses", "lesson01.bet1", 9)
    summary = progress.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["passed"], summary["attempted"]) == (1, 2)
    assert list(summary["lessons"]) == ["lesson01", "lesson02"]
    assert summary["lessons"]["lesson01"]["guesses"] == {"lesson01.bet1": 9}
    assert summary["file"] == str(file)


def test_many_notebooks_forget_nothing(file: Path) -> None:
    names = [f"lesson01.q{number}" for number in range(60)]
    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(lambda name: progress.remember("questions", name, "passed"), names))
    assert {each.note for each in kept} == {""}
    assert set(progress.load()["questions"]) == set(names)
    assert not list(file.parent.glob("*.draft"))


def test_two_processes_forget_nothing() -> None:
    code = (
        "import sys\nfrom mlsys_lessons.lessons.progress import remember\n"
        "for n in range(40): remember('questions', f'lesson0{sys.argv[1]}.q{n}', 'passed')"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, lesson]) for lesson in "12"]
    assert [each.wait() for each in running] == [0, 0]
    assert len(progress.load()["questions"]) == 80


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"questions": 3}', "[" * 100_000, '{"schema": 1']
)
def test_a_damaged_file_is_named_and_kept(text: str, file: Path) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(StorageError, match=r"progress\.json .*repair it, or go on"):
        progress.load()
    assert file.read_text() == text
    kept = progress.remember("questions", "lesson01.q1", "passed")
    assert "was damaged; it is kept as progress.damaged-1.json" in kept.note
    assert file.with_name("progress.damaged-1.json").read_text() == text
    assert progress.load()["questions"] == {"lesson01.q1": "passed"}


def test_damage_does_not_overwrite_an_earlier_backup(file: Path) -> None:
    file.parent.mkdir()
    for content in (b"first", b"\xff\xfe"):
        file.write_bytes(content)
        progress.remember("questions", "lesson01.q1", "wrong")
    backups = sorted(file.parent.glob("*damaged*"))
    assert [backup.read_bytes() for backup in backups] == [b"first", b"\xff\xfe"]


def test_a_file_of_a_newer_version_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"schema": 2, "new": true}')
    kept = progress.remember("questions", "lesson01.q1", "passed")
    assert "has schema 2, this version reads up to 1: update" in kept.note
    assert file.read_text() == '{"schema": 2, "new": true}'


def test_what_another_version_wrote_is_carried_along(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"schema": 1, "notes": {"a": 1}}')
    progress.remember("questions", "lesson01.q1", "passed")
    assert progress.load()["notes"] == {"a": 1}


def test_a_crash_while_writing_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress.remember("questions", "lesson01.q1", "passed")
    before = file.read_bytes()

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    kept = progress.remember("questions", "lesson01.q2", "passed")
    assert kept.note.startswith("(Not saved: ")
    assert "No space left on device" in kept.note
    assert file.read_bytes() == before
    assert not list(file.parent.glob("*.draft"))


def test_a_folder_that_cannot_be_used_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").write_text("")
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "plain" / "progress.json"))
    with pytest.raises(StorageError, match=f"set {progress.ENVIRONMENT} to a file"):
        progress.load()
    assert progress.remember("guesses", "lesson01.bet1", 9).value == 9


@pytest.mark.skipif(sys.platform == "win32", reason="no signal stops a process there")
def test_a_lock_held_by_a_stopped_process_does_not_hang(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress.remember("questions", "lesson01.q1", "passed")
    code = (
        "import os, signal\nfrom mlsys_lessons.lessons.progress import _locked\n"
        f"from pathlib import Path\nwith _locked(Path({str(file)!r})):\n"
        "    os.kill(os.getpid(), signal.SIGSTOP)"
    )
    monkeypatch.setattr(progress, "LONGEST_WAIT", 0.2)
    with subprocess.Popen([sys.executable, "-c", code]) as holder:
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED)
        kept = progress.remember("questions", "lesson01.q2", "passed")
        holder.kill()
    rule = "has been held by another program for 0.2 seconds; end that program, and run this again."
    assert kept == ("passed", f"(Not saved: {file} {rule})")
    assert progress.remember("questions", "lesson01.q2", "passed").note == ""
    assert len(progress.load()["questions"]) == 2


def test_without_locks_the_merge_alone_must_do(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    def no_locks(_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "_acquire", no_locks)
    assert progress.remember("questions", "lesson01.q1", "passed") == ("passed", "")
    assert progress.load()["questions"] == {"lesson01.q1": "passed"}


def test_a_folder_that_is_read_only_is_a_note(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system says it: root, who runs some tests, may write everywhere."""
    progress.remember("questions", "lesson01.q1", "passed")
    before = file.read_bytes()
    plain = Path.open

    def read_only(*arguments: Any, **options: Any) -> Any:
        if arguments[1:2] == ("xb",) or not isinstance(arguments[0], Path):
            raise OSError(30, "Read-only file system")
        return plain(*arguments, **options)

    monkeypatch.setattr(os, "open", read_only)  # the lock
    monkeypatch.setattr(Path, "open", read_only)  # the draft
    kept = progress.remember("questions", "lesson01.q2", "passed")
    reason = f"{file} cannot be written (Read-only file system); make it accessible, or set"
    assert kept.note.startswith(f"(Not saved: {reason} {progress.ENVIRONMENT}")
    monkeypatch.undo()
    assert file.read_bytes() == before


def test_a_runbook_line_is_printed_and_kept(capsys: Captured) -> None:
    runbook.add("lesson01", **LINE)
    assert capsys.readouterr().out == (
        "[runbook] lesson01\n  signal    value a day\n  owner     payments\n"
        "  action    roll back\n  rollback  pin v1\n"
    )
    assert "value a day" in repr(runbook.sheet())
    assert "| lesson01 | value a day |" in runbook.sheet()._repr_markdown_()


def test_an_open_runbook_line_says_what_is_open(capsys: Captured) -> None:
    runbook.add("lesson01", **{**LINE, "owner": ..., "rollback": " "})
    assert capsys.readouterr().out == "[not written] lesson01: still open: owner, rollback.\n"
    assert repr(runbook.sheet()).startswith("Your runbook is empty")
    with pytest.raises(InputError, match="must look like"):
        runbook.add("first", **LINE)


def test_the_sheet_grows_by_one_answer_a_lesson(capsys: Captured) -> None:
    five_questions.answer("lesson03", 1, ...)
    five_questions.answer("lesson03", 1, "The nightly_export | no contract")
    five_questions.answer("lesson01", 1, "The gateway")
    assert capsys.readouterr().out.splitlines()[1:3] == [
        "[answered] 1. Where does the data come from?",
        "  The nightly_export | no contract",
    ]
    lines = repr(five_questions.sheet()).splitlines()
    assert lines[:3] == [
        "1. Where does the data come from?",
        "   lesson01: The gateway",
        "   lesson03: The nightly_export | no contract",
    ]
    assert lines[-1] == "   no answer yet"
    assert r"nightly\_export \| no" in five_questions.sheet()._repr_markdown_()
    with pytest.raises(InputError, match="there are questions 1 to 5"):
        five_questions.answer("lesson01", 6, "?")
