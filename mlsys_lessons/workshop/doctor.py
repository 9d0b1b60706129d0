"""The doctor: is this machine ready for the course, and if not, what is to be done.

It looks and tells; it repairs nothing. What is expected comes from the metadata of the installed
package, so there is no second list of versions to keep.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mlsys_lessons.records import StorageError
from mlsys_lessons.workshop.desk import lesson_files

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
    return [_python(), *_packages(), _lessons(), _folder(folder), _progress(folder)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= OLDEST_PYTHON
    return Finding(
        "Python", fine, version, "" if fine else f"install 3.11 or newer, then {_SET_UP}"
    )


def _packages() -> list[Finding]:
    """The requirements that this package declares, against what is installed."""
    from packaging.requirements import Requirement

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


def _lessons() -> Finding:
    try:
        return Finding("lessons", True, f"{len(lesson_files())} found")
    except StorageError as error:
        return Finding("lessons", False, "none", str(error))


def _folder(folder: Path) -> Finding:
    """The learner's folder, or the nearest one above in which it would be made."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            return Finding("folder", True, str(folder))
    except OSError as error:
        found = f"{folder} cannot be written ({error.strerror})"
        return Finding("folder", False, found, "choose one of your own with --dir")


def _progress(folder: Path) -> Finding:
    from mlsys_lessons.lessons import progress

    file = folder / ".mlsys_lessons" / "progress.json"
    try:
        summary = progress.summary(file)
    except StorageError as error:
        return Finding("progress", False, "damaged", str(error))
    return Finding("progress", True, f"{summary['passed']} exercises passed")
