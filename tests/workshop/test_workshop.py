"""The learner's folder and the JupyterLab on it: what is theirs stays theirs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

from mlsys_lessons import cli
from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.workshop import desk, doctor, lab

SECOND = "01_second.ipynb"


def ship(folder: Path, name: str, source: str) -> None:
    """Write a lesson as it ships: run, with an output under its only code cell."""
    shown = nbformat.v4.new_output("stream", name="stdout", text="the surprise")
    cell = nbformat.v4.new_code_cell(source, outputs=[shown], execution_count=1, id="surprise")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / name)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's folder of two lessons, in the place of the real one."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    ship(folder, desk.FIRST_LESSON, "print('the surprise')")
    ship(folder, SECOND, "2 + 2")
    monkeypatch.setattr(desk, "LESSONS", folder)
    return folder


def test_the_lessons_of_this_checkout_are_found() -> None:
    assert Path(__file__).resolve().parents[2] / "notebooks" == desk.LESSONS


def test_lessons_are_copied_without_outputs(shipped: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "desk"
    assert desk.set_desk(folder) == desk.Copies([desk.FIRST_LESSON, SECOND], [], [])
    copy = nbformat.read(folder / desk.FIRST_LESSON, as_version=4)
    nbformat.validate(copy)
    assert [(cell.source, cell.outputs, cell.execution_count) for cell in copy.cells] == [
        ("print('the surprise')", [], None)
    ]
    assert not list(folder.glob(".*.draft"))


def test_what_is_there_is_never_overwritten(shipped: Path, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    desk.set_desk(folder)
    (folder / SECOND).write_bytes(b"\xff mine")
    (folder / desk.FIRST_LESSON).unlink()
    copies = desk.set_desk(folder)
    assert copies == desk.Copies([desk.FIRST_LESSON], [SECOND], [])
    assert (folder / SECOND).read_bytes() == b"\xff mine"


def test_a_newer_edition_is_told_and_not_taken(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "desk"
    desk.set_desk(folder)
    before = (folder / SECOND).read_bytes()
    ship(shipped, SECOND, "3 + 3")
    assert cli.main(["lab", "--copy-only", "--dir", str(folder)]) == 0
    assert f"{SECOND} has a newer edition: `mlsys-lessons reset 01`" in capsys.readouterr().out
    assert (folder / SECOND).read_bytes() == before
    desk.reset(folder, "1")
    assert desk.set_desk(folder).outdated == []


def test_each_reset_keeps_a_numbered_backup(shipped: Path, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    desk.set_desk(folder)
    fresh = (folder / SECOND).read_bytes()
    for count, mine in enumerate([b"mine", b"\xff not even text"], start=1):
        (folder / SECOND).write_bytes(mine)
        lesson, backup = desk.reset(folder, "01")
        assert backup == folder / f"01_second.backup-{count}.ipynb"
        assert (backup.read_bytes(), lesson.read_bytes()) == (mine, fresh)


def test_reset_says_what_there_is_and_where(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'77' does not exist; choose one of 00, 01"):
        desk.reset(tmp_path, "77")
    with pytest.raises(StorageError, match="there is no folder"):
        desk.reset(tmp_path / "nowhere", "01")


def test_the_folder_is_where_the_learner_stands(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / desk.DESK
    assert desk.desk_folder() == folder
    desk.set_desk(folder)
    monkeypatch.chdir(folder)
    assert desk.desk_folder() == folder
    assert desk.desk_folder(tmp_path / "other") == tmp_path / "other"


def test_the_shipped_lessons_are_no_desk(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shipped)
    with pytest.raises(InputError, match="choose a folder of your own"):
        desk.desk_folder(shipped)


def test_a_folder_that_cannot_be_made(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file", encoding="utf-8")
    assert cli.main(["lab", "--copy-only", "--dir", str(blocked / "desk")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "--dir" in said.err
    assert blocked.read_text(encoding="utf-8") == "a file"
    assert not doctor.examine(blocked / "desk")[-2].fine


def test_a_reset_that_fails_leaves_the_lesson_and_its_backup(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "desk"
    desk.set_desk(folder)
    (folder / SECOND).write_bytes(b"mine")
    rename = os.replace

    def refuse(draft: Path, target: Path) -> None:
        if target.name == SECOND:
            raise PermissionError(13, "Permission denied")
        rename(draft, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match=r"cannot be written \(Permission denied\); .*--dir\."):
        desk.reset(folder, "01")
    assert (folder / SECOND).read_bytes() == b"mine"
    assert (folder / "01_second.backup-1.ipynb").read_bytes() == b"mine"
    assert len(list(folder.iterdir())) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_reset_does_not_write_through_a_link(shipped: Path, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "desk", tmp_path / "elsewhere.ipynb"
    desk.set_desk(folder)
    elsewhere.write_bytes(b"mine")
    (folder / SECOND).unlink()
    (folder / SECOND).symlink_to(elsewhere)
    _, backup = desk.reset(folder, "01")
    assert backup is not None and elsewhere.read_bytes() == backup.read_bytes() == b"mine"


def test_no_lessons_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(desk, "LESSONS", tmp_path / "empty")
    assert cli.main(["lab", "--dir", str(tmp_path / "desk")]) == 2
    assert "clone the repository" in capsys.readouterr().err
    assert not (tmp_path / "desk").exists()


def test_a_taken_port_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind((lab.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken"):
            lab.free_port(port)
    with pytest.raises(InputError, match="port 70000 is none"):
        lab.free_port(70_000)
    assert lab.free_port(0) > 0


START = """
import sys
from pathlib import Path
from mlsys_lessons import cli
from mlsys_lessons.workshop import desk
desk.LESSONS = Path(sys.argv.pop(1))
cli.main(sys.argv[1:])
"""


def fetch(url: str) -> tuple[int, str]:
    """Status and text of a page."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""


def wait_until_up(base: str) -> None:
    """Return when the server answers, be it with a refusal."""
    for _ in range(300):
        try:
            fetch(f"{base}/api")
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("JupyterLab does not answer")


def learners_own_settings(config: Path, data: Path) -> None:
    """What a learner may have told Jupyter for other servers, and a kernel of the same name."""
    config.mkdir()
    (config / "jupyter_server_config.py").write_text(
        "c.ServerApp.base_url = '/jupyter/'\n"
        "c.ServerApp.certfile = 'my.pem'\n"
        "c.IdentityProvider.token = 'mine'\n",
        encoding="utf-8",
    )
    kernel = data / "kernels" / "python3"
    kernel.mkdir(parents=True)
    arguments = ["OTHER/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": arguments, "display_name": "x", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def test_lab_opens_the_first_lesson_on_this_machine_only(shipped: Path, tmp_path: Path) -> None:
    """The real JupyterLab: its address in the first line, a secret, no news, and it ends."""
    folder = tmp_path / "desk"
    lab_of = [sys.executable, "-c", START, str(shipped), "lab", "--json", "--no-browser"]
    names = ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR")
    own = {name: str(tmp_path / name) for name in names}
    learners_own_settings(tmp_path / "JUPYTER_CONFIG_DIR", tmp_path / "JUPYTER_DATA_DIR")
    started = subprocess.Popen(
        [*lab_of, "--port", "0", "--dir", str(folder)], env=os.environ | own, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with started:
        try:
            assert started.stdout is not None
            facts = json.loads(started.stdout.readline())
            assert facts["copied"] == [desk.FIRST_LESSON, SECOND]
            base, _, place = facts["url"].partition("/lab/tree/")
            name, _, token = place.partition("?token=")
            assert base.startswith("http://127.0.0.1:") and name == desk.FIRST_LESSON
            wait_until_up(base)
            status, page = fetch(facts["url"])
            assert status == 200 and "@jupyterlab/apputils-extension:announcements" in page
            assert "print('the surprise')" in fetch(f"{base}/api/contents/{name}?token={token}")[1]
            assert fetch(f"{base}/api/contents/{name}")[0] == 403
            kernels = json.loads(fetch(f"{base}/api/kernelspecs?token={token}")[1])["kernelspecs"]
            assert "OTHER" not in json.dumps(kernels["python3"])
        finally:
            started.terminate()
            started.wait(30)


# --- other people's settings ---------------------------------------------------------------------

POSIX_USER = os.name == "posix" and os.geteuid() != 0


def test_the_token_is_private(tmp_path: Path) -> None:
    session = lab.Lab(tmp_path, 8888)
    file = tmp_path / "config.json"
    session._write_token(file)
    assert json.loads(file.read_text("utf-8"))["IdentityProvider"]["token"] == session.token
    assert not any(session.token in word for word in session.command())
    if os.name == "posix":
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not POSIX_USER, reason="every port is the administrator's")
def test_a_port_that_belongs_to_the_system_is_said_to() -> None:
    with pytest.raises(InputError, match="port 80 may not be opened by you"):
        lab.free_port(80)


def doctor_says(tmp_path: Path) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine(tmp_path)}


def test_the_doctor_names_a_foreign_kernel(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    assert doctor_says(tmp_path)["kernel"].fine
    learners_own_settings(tmp_path / "config", tmp_path / "data")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
    finding = doctor_says(tmp_path)["kernel"]
    assert not finding.fine and "OTHER/bin/python" in finding.found
    (tmp_path / "data" / "kernels" / "python3" / "kernel.json").write_text("{", encoding="utf-8")
    assert "cannot be read" in doctor_says(tmp_path)["kernel"].found


def test_the_doctor_names_packages_that_leak_in(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    (folder / "numpy").mkdir(parents=True)
    for path, fine in ((str(tmp_path), True), (f"{tmp_path}{os.pathsep}{folder}", False)):
        monkeypatch.setenv("PYTHONPATH", path)
        assert doctor_says(tmp_path)["PYTHONPATH"].fine == fine


def test_the_doctor_stands_on_nothing_but_python(tmp_path: Path) -> None:
    """Without a single package: the same command, each thing that is missing by its name."""
    root = Path(__file__).resolve().parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from mlsys_lessons import cli\n"
    code += f"raise SystemExit(cli.main(['doctor', '--json', '--dir', {str(tmp_path)!r}]))"
    bare = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert bare.returncode == 1 and bare.stderr == "", bare.stderr
    findings = {each["name"]: each for each in json.loads(bare.stdout)["findings"]}
    assert findings["Python"]["fine"] and findings["folder"]["fine"]
    assert not findings["packaging"]["fine"] and not findings["progress"]["fine"]


def test_a_folder_that_is_gone_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.delenv("MLSYS_LESSONS_PROGRESS", raising=False)
    gone.rmdir()
    for command, code in ((["progress"], 2), (["lab", "--copy-only"], 2), (["reset", "00"], 2)):
        assert cli.main(command) == code
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and "No such file" in said.err
    assert cli.main(["doctor"]) == 1
    assert "FAIL folder" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_circle_of_links_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for command in (["progress"], ["lab", "--copy-only"], ["reset", "00"]):
        assert cli.main([*command, "--dir", str(tmp_path / "a")]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(not POSIX_USER, reason="the administrator may read everything")
def test_a_lesson_that_may_not_be_read_is_named(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "desk"
    desk.set_desk(folder)
    (folder / SECOND).chmod(0)
    assert cli.main(["lab", "--copy-only", "--dir", str(folder)]) == 2
    assert SECOND in capsys.readouterr().err
    assert not doctor_says(folder)["folder"].fine


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
def test_a_full_disk_and_a_foreign_alphabet_behind_stdout(tmp_path: Path) -> None:
    say = [sys.executable, "-m", "mlsys_lessons", "progress", "--dir"]
    with open("/dev/full", "w") as full:
        told = subprocess.run([*say, str(tmp_path)], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)  # fmt: skip
    assert told.returncode == 2 and told.stderr.count("\n") == 1
    latin = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    told = subprocess.run([*say, str(tmp_path / "\u0141ukasz")], env=latin, capture_output=True,
                          check=False)  # fmt: skip
    assert told.returncode == 0 and b"\\u0141ukasz" in told.stdout
