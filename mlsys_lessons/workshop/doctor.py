"""The doctor: is this machine ready for the course, and if not, what is to be done.

It looks and tells; it repairs nothing. What is expected comes from the metadata of the installed
package, so there is no second list of versions to keep. It stands on nothing but Python: what it
examines may be missing, or another program's.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mlsys_lessons.errors import StorageError
from mlsys_lessons.files import said_by
from mlsys_lessons.workshop.desk import lesson_files, read

OLDEST_PYTHON = (3, 11)
_SET_UP = "run `make setup`"


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at: fine, or what to do."""

    name: str
    fine: bool
    found: str
    advice: str = ""

    def __str__(self) -> str:
        arrow = f"  -> {self.advice}" if self.advice else ""
        return f"{'ok  ' if self.fine else 'FAIL'} {self.name:<16} {self.found}{arrow}"


def examine(folder: Path) -> list[Finding]:
    """Everything that has to be in order before the first lesson."""
    return [
        _python(), *_packages(), _import_path(), _kernel(), _lessons(), _folder(folder),
        _progress(folder),
    ]  # fmt: skip


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= OLDEST_PYTHON
    return Finding(
        "Python", fine, version, "" if fine else f"install 3.11 or newer, then {_SET_UP}"
    )


def _packages() -> list[Finding]:
    """The requirements that this package declares, against what is installed."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return [Finding("packaging", False, "not installed", _SET_UP)]
    try:
        declared = [Requirement(text) for text in metadata.requires("mlsys-lessons") or []]
    except metadata.PackageNotFoundError:
        return [Finding("mlsys-lessons", False, "not installed", _SET_UP)]
    findings = []
    for needed in declared:
        try:
            found = metadata.version(needed.name)
            fine = needed.specifier.contains(found, prereleases=True)
        except metadata.PackageNotFoundError:
            found, fine = "not installed", False
        advice = "" if fine else f"expected {needed.specifier}: {_SET_UP}"
        findings.append(Finding(needed.name, fine, found, advice))
    return findings


def _import_path() -> Finding:
    """Whether PYTHONPATH puts somebody else's packages before the course's own."""
    names = {"numpy", "pandas", "scipy", "sklearn", "matplotlib", "jupyterlab", "ipykernel"}
    for folder in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        found = sorted(names & {path.stem for path in _listed(Path(folder))})
        if found:
            advice = "unset PYTHONPATH for the course"
            return Finding("PYTHONPATH", False, f"{folder} holds another {found[0]}", advice)
    return Finding("PYTHONPATH", True, "holds nothing of the course's")


def _kernel() -> Finding:
    """Whether JupyterLab will run the lessons in this very environment."""
    named = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)  # looked at before any other
    own = Path(sys.prefix) / "share" / "jupyter"  # which `mlsys-lessons lab` puts before the home
    for place in (*map(Path, filter(None, named)), own):
        file = place / "kernels" / "python3" / "kernel.json"
        if file.exists():
            return _runs_here(file)
    return Finding("kernel", False, "none for python3", _SET_UP)


def _runs_here(file: Path) -> Finding:
    try:
        program = str(json.loads(file.read_text(encoding="utf-8"))["argv"][0])
    except (OSError, ValueError, LookupError, TypeError):
        return Finding("kernel", False, f"{file} cannot be read", "move it away")
    bare = program in ("python", "python3")  # Jupyter's word for the Python that it runs on
    fine = bare or Path(program).absolute() == Path(sys.executable).absolute()
    advice = "" if fine else f"move {file.parent} away, or unset JUPYTER_PATH"
    return Finding("kernel", fine, "this environment" if fine else f"runs {program}", advice)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _lessons() -> Finding:
    try:
        return Finding("lessons", True, f"{len(lesson_files())} found")
    except StorageError as error:
        return Finding("lessons", False, "none", str(error))


def _folder(folder: Path) -> Finding:
    """The learner's folder, or the nearest one above in which it would be made."""
    try:
        place = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        found = f"{folder} cannot be written ({said_by(error)})"
        return Finding("folder", False, found, "choose one of your own with --dir")
    try:
        for lesson in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
            read(lesson)
    except StorageError as error:
        return Finding("folder", False, "a lesson is locked", str(error))
    return Finding("folder", True, str(folder))


def _progress(folder: Path) -> Finding:
    try:
        from mlsys_lessons.lessons import progress
    except Exception as error:  # a package may be missing, or break while it is loaded
        return Finding("progress", False, f"not read: {type(error).__name__}", _SET_UP)
    file = folder / ".mlsys_lessons" / "progress.json"
    try:
        summary = progress.summary(file)
    except StorageError as error:
        return Finding("progress", False, "damaged", str(error))
    return Finding("progress", True, f"{summary['passed']} exercises passed")
