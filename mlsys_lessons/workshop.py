"""The learner's desk: copying lessons, putting one back, checking that the machine is ready.

It moves files and starts JupyterLab; it knows nothing of what a lesson teaches. Nothing of the
learner's is ever overwritten: a lesson that is there stays, a lesson that is put back leaves a
numbered backup.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mlsys_lessons.records import InputError, StorageError

LESSONS = Path(__file__).resolve().parent.parent / "notebooks"
FIRST_LESSON = "00_start_here.ipynb"
DESK = "my_lessons"
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at: fine, or what to do."""

    name: str
    fine: bool
    found: str
    advice: str = ""


def lesson_files() -> list[Path]:
    """The lessons as they ship, in order; they come with the repository, not with a wheel."""
    found = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise StorageError(f"no lessons in {LESSONS}; clone the repository and run `make lab` there.")
    return found


def cleared(path: Path) -> str:
    """A lesson's text without outputs: a surprise must not stand under the cell before the bet."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return str(nbformat.writes(notebook)) + "\n"


def write_new(path: Path, text: str) -> None:
    """Write a file in one step: complete, or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path} ({error.strerror}); choose a folder of your own with --dir."
        ) from None


def set_desk(folder: Path) -> tuple[list[str], list[str]]:
    """Copy the lessons into a folder; returns the names copied and those left as they were."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {folder} ({error.strerror}); choose another with --dir."
        ) from None
    copied, kept = [], []
    for lesson in lesson_files():
        target = folder / lesson.name
        if target.exists():
            kept.append(lesson.name)
        else:
            write_new(target, cleared(lesson))
            copied.append(lesson.name)
    return copied, kept


def reset(folder: Path, number: str) -> tuple[Path, Path | None]:
    """Put one lesson back as it ships; returns it and the backup of what was there."""
    chosen = [path for path in lesson_files() if path.name[:2] == number.zfill(2)]
    if not chosen:
        known = ", ".join(path.name[:2] for path in lesson_files())
        raise InputError(f"lesson {number!r} does not exist; choose one of {known}.")
    target, backup = folder / chosen[0].name, None
    if not folder.is_dir():
        raise StorageError(f"there is no folder {folder}; run `mlsys-lessons lab` first, or --dir.")
    if target.exists():
        count = 1
        while (backup := target.with_name(f"{target.stem}.backup-{count}.ipynb")).exists():
            count += 1
        write_new(backup, target.read_text(encoding="utf-8"))
    write_new(target, cleared(chosen[0]))
    return target, backup


def open_lab(folder: Path, *, port: int | None, browser: bool) -> int:
    """Start JupyterLab on the first lesson, on loopback only; returns its exit code."""
    settings = folder / ".mlsys_lessons" / "lab" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    write_new(
        settings / "notification.jupyterlab-settings",
        '{"fetchNews": "false", "checkForUpdates": false}',
    )
    command = [
        sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    command += [f"--ServerApp.port={port}"] if port is not None else []
    command += [] if browser else ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container one often is
    environment = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(settings.parent.parent)}
    return subprocess.run(command, env=environment, check=False).returncode


def examine(folder: Path) -> list[Finding]:
    """Everything that has to be in order before the first lesson."""
    return [_python(), *_packages(), _lessons(), _writable(folder)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= OLDEST_PYTHON
    return Finding("Python", fine, version, "" if fine else "install 3.11 or newer, then make setup")


def _packages() -> list[Finding]:
    """The requirements that this package declares, against what is installed."""
    from importlib import metadata

    from packaging.requirements import Requirement

    try:
        declared = metadata.requires("mlsys-lessons") or []
    except metadata.PackageNotFoundError:
        return [Finding("mlsys-lessons", False, "not installed", "run `make setup`")]
    findings = []
    for requirement in map(Requirement, declared):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
            fine = requirement.specifier.contains(version, prereleases=True)
        except metadata.PackageNotFoundError:
            version, fine = "not installed", False
        advice = "" if fine else f"expected {requirement.specifier}: run `make setup`"
        findings.append(Finding(requirement.name, fine, version, advice))
    return findings


def _lessons() -> Finding:
    count = len(list(LESSONS.glob("[0-9][0-9]_*.ipynb")))
    advice = "" if count else "clone the repository; a wheel holds no lessons"
    return Finding("lessons", count > 0, f"{count} found", advice)


def _writable(folder: Path) -> Finding:
    place = folder if folder.exists() else folder.parent
    fine = os.access(place, os.W_OK)
    return Finding(
        "folder", fine, str(folder), "" if fine else "choose one of your own with --dir"
    )
