"""The learner's desk: the folder with their copies of the lessons.

It moves files; it knows nothing of what a lesson teaches. Nothing of the learner's is ever
overwritten: a lesson that is there stays, a lesson that is put back leaves a numbered backup.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.files import make_folder, said_by, write_whole

LESSONS = Path(__file__).resolve().parents[2] / "notebooks"  # in a checkout; no wheel has them
FIRST_LESSON = "00_start_here.ipynb"
DESK = "my_lessons"
WAY_OUT = "choose a folder of your own with --dir"  # where the desk cannot be written


@dataclass(frozen=True)
class Copies:
    """What `set_desk` did: lesson names copied, left alone, and those with a newer edition."""

    copied: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)

    def report(self, folder: Path) -> str:
        """The same in words: a line for the folder, and one for each newer edition."""
        copied, kept = len(self.copied), len(self.kept)
        lines = [f"{copied} lessons copied to {folder}, {kept} of yours left as they are."]
        for name in self.outdated:
            command = f"`mlsys-lessons reset {name[:2]}`"
            lines.append(
                f"{name} has a newer edition: {command} fetches it and keeps yours as a backup."
            )
        return "\n".join(lines)


def desk_folder(folder: Path | None = None) -> Path:
    """The learner's folder: the one given, else where they stand, else ./my_lessons."""
    try:
        here = Path.cwd()
        stands_in_it = (here / FIRST_LESSON).exists() and here != LESSONS
        chosen = (folder or (here if stands_in_it else here / DESK)).resolve()
    except (OSError, RuntimeError) as error:  # a folder that is gone, or links in a circle
        reason = said_by(error) if isinstance(error, OSError) else "its links run in a circle"
        where = folder or "the folder that you are in"
        raise StorageError(f"{where} cannot be entered ({reason}); {WAY_OUT}.") from None
    if chosen == LESSONS or LESSONS in chosen.parents:
        raise InputError(f"{chosen} is where the lessons ship; choose a folder of your own.")
    return chosen


def lesson_files() -> list[Path]:
    """The lessons as they ship, in order; they come with the repository, not with a wheel."""
    found = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise StorageError(
            f"no lessons in {LESSONS}; clone the repository and run `make lab` there."
        )
    return found


def cleared(path: Path) -> bytes:
    """A lesson without outputs: a surprise must not stand under the cell before the bet."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    sources = json.dumps([cell.source for cell in notebook.cells])
    edition = hashlib.sha256(sources.encode()).hexdigest()[:12]
    notebook.metadata["mlsys_lessons"] = {"edition": edition}
    return f"{nbformat.writes(notebook)}\n".encode()


def edition(lesson: bytes) -> str | None:
    """The edition that a copy was made from; None when the copy no longer tells."""
    try:
        return str(json.loads(lesson)["metadata"]["mlsys_lessons"]["edition"])
    except (ValueError, KeyError, TypeError):
        return None


def set_desk(folder: Path) -> Copies:
    """Copy the lessons into a folder; what is there stays as it is.

    Raises StorageError when the folder cannot be made or written.
    """
    lessons, copies = lesson_files(), Copies()
    make_folder(folder, way_out=WAY_OUT)
    for lesson in lessons:
        target, fresh = folder / lesson.name, cleared(lesson)
        if not os.path.lexists(target):
            write_whole(target, fresh, way_out=WAY_OUT)
            copies.copied.append(lesson.name)
            continue
        copies.kept.append(lesson.name)
        if target.is_file() and edition(read(target)) not in (None, edition(fresh)):
            copies.outdated.append(lesson.name)
    return copies


def reset(folder: Path, number: str) -> tuple[Path, Path | None]:
    """Put one lesson back as it ships; returns it and the backup of what was there."""
    wanted = number.zfill(2) if number else "none"
    chosen = [path for path in lesson_files() if path.name[:2] == wanted]
    if not chosen:
        known = ", ".join(path.name[:2] for path in lesson_files())
        raise InputError(f"lesson {number!r} does not exist; choose one of {known}.")
    target, fresh = folder / chosen[0].name, cleared(chosen[0])
    if not folder.is_dir():
        raise StorageError(f"there is no folder {folder}; run `mlsys-lessons lab` first, or --dir.")
    backup = _backed_up(target) if target.exists() else None
    write_whole(target, fresh, way_out=WAY_OUT)
    return target, backup


def _backed_up(lesson: Path) -> Path:
    """A numbered copy, byte for byte, of whatever lies under a lesson's name."""
    number = 1
    while (backup := lesson.with_name(f"{lesson.stem}.backup-{number}.ipynb")).exists():
        number += 1
    write_whole(backup, read(lesson), way_out=WAY_OUT)
    return backup


def read(lesson: Path) -> bytes:
    """The bytes of a learner's lesson. Raises StorageError where it may not be read."""
    try:
        return lesson.read_bytes()
    except OSError as error:
        rule = f"cannot be read ({said_by(error)}); make it yours, or move it away"
        raise StorageError(f"{lesson} {rule} and try again.") from None
