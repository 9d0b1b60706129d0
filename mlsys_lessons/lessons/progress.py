"""The learner's own file: verdicts, bets, runbook lines, answers of the five-question sheet.

It lies beside the notebooks in `.mlsys_lessons/progress.json`, or where the environment variable
MLSYS_LESSONS_PROGRESS says, and never leaves the machine. Nothing in here judges an answer, and
no lesson depends on a save: a failed one becomes a note.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mlsys_lessons.errors import StorageError
from mlsys_lessons.files import behind_links, make_folder, refusal, said_by, write_whole
from mlsys_lessons.lessons.wording import LESSON

SCHEMA = 1
ENVIRONMENT = "MLSYS_LESSONS_PROGRESS"
_DEEPEST = 200  # folders above a file
LONGEST_WAIT = 10.0  # seconds for another notebook's save, which takes some milliseconds
_WAY_OUT = f"make it accessible, or set {ENVIRONMENT} to a file that is"
Progress = dict[str, Any]


def _first(old: Any, new: Any) -> Any:
    return new if old is None else old


def _latest(old: Any, new: Any) -> Any:
    return new


def _best(old: Any, new: Any) -> Any:
    return old if old == "passed" else new


# How a new record meets the old one of the same name, section by section.
MERGE: dict[str, Callable[[Any, Any], Any]] = {
    "questions": _best,
    "guesses": _first,
    "runbook": _latest,
    "five_questions": _latest,
}


class Kept(NamedTuple):
    """What stands in the file after a save, and a sentence when the save did not go well."""

    value: Any
    note: str


@cache
def _beginning() -> Path:
    """Where the notebook lay when its first record was asked for; a cell may change folders."""
    try:
        return Path.cwd()
    except OSError as error:
        rule = f"the folder that you are in is gone ({said_by(error)})"
        raise StorageError(f"{rule}; enter another, or set {ENVIRONMENT}.") from None


def progress_file() -> Path:
    """The file in use: beside the notebook, unless MLSYS_LESSONS_PROGRESS names another."""
    named = os.environ.get(ENVIRONMENT)
    file = Path(named) if named else Path(".mlsys_lessons") / "progress.json"
    if not file.name or len(file.parts) > _DEEPEST:
        raise StorageError(f"{ENVIRONMENT} names no file; set it to one: ~/progress.json, say.")
    return file if file.is_absolute() else _beginning() / file


def load(path: Path | str | None = None) -> Progress:
    """Everything remembered so far; empty sections when there is no file yet.

    Raises
    ------
    StorageError
        The file cannot be read, is damaged, or comes from a newer version. It is left alone.
    """
    file = Path(path or progress_file())
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for, a device emptied
            raise StorageError(f"{file} is no ordinary file; {_WAY_OUT}.")
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _parsed("{}", file)
    except UnicodeDecodeError as error:
        raise _damaged(file, "is not UTF-8 text") from error
    except StorageError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a name that is none
        reason = said_by(error) if isinstance(error, OSError) else str(error)
        raise StorageError(f"{file} cannot be read ({reason}); {_WAY_OUT}.") from error
    return _parsed(text, file)


def remember(section: str, name: str, value: Any, path: Path | str | None = None) -> Kept:
    """Keep one record and return what the file now says; never raises for a file's sake.

    Why it matters: two notebooks may be open on one file. Each save reads, merges one record and
    replaces the file under a lock, so neither forgets what the other has learned.
    """
    try:
        file = behind_links(path or progress_file())
        make_folder(file.parent, way_out=_WAY_OUT)
        with refusal(file, way_out=_WAY_OUT), _locked(file):
            progress, note = _opened(file)
            records = progress[section]
            old = records.get(name)
            records[name] = MERGE[section](old, value)
            if records[name] != old:
                _write(progress, file)
            return Kept(records[name], note)
    except StorageError as error:
        return Kept(value, f"(Not saved: {error})")


def _write(progress: Progress, file: Path) -> None:
    text = json.dumps(progress, indent=1, sort_keys=True, ensure_ascii=False)
    content = f"{text}\n".encode(errors="backslashreplace")  # half a letter is JSON's \\ud800
    write_whole(file, content, way_out=_WAY_OUT)


def summary(path: Path | str | None = None) -> Progress:
    """Progress by lesson, as plain data for the command line.

    Returns
    -------
    dict
        `file`, `passed`, `attempted`, and `lessons`: lesson -> `questions`, `guesses`, `runbook`,
        `five_questions`, each holding only what was done.
    """
    progress = load(path)
    lessons: dict[str, dict[str, Any]] = {}
    for section in MERGE:
        for name, value in sorted(progress[section].items()):
            match = LESSON.match(name)
            lesson = match.group() if match else "other"
            lessons.setdefault(lesson, {part: {} for part in MERGE})[section][name] = value
    outcomes = list(progress["questions"].values())
    return {
        "file": str(path or progress_file()),
        "passed": outcomes.count("passed"),
        "attempted": len(outcomes),
        "lessons": dict(sorted(lessons.items())),
    }


def _parsed(text: str, file: Path) -> Progress:
    try:
        progress = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(file, "is not whole JSON") from error
    if not isinstance(progress, dict):
        raise _damaged(file, "holds no progress record")
    schema = progress.setdefault("schema", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        rule = f"has schema {schema}, this version reads up to {SCHEMA}"
        raise StorageError(f"{file} {rule}: update mlsys_lessons, or {_WAY_OUT}.")
    if not all(isinstance(progress.setdefault(section, {}), dict) for section in MERGE):
        raise _damaged(file, "holds a section that is no record")
    if not all(isinstance(line, dict) for line in progress["runbook"].values()):
        raise _damaged(file, "holds a runbook line that is no record")
    return progress


class _Damaged(StorageError):
    """The file is there and can be read, but it is no progress file any more."""


def _damaged(file: Path, rule: str) -> _Damaged:
    way_out = "repair it, or go on: the next save keeps it as a backup and starts anew"
    return _Damaged(f"{file} {rule}: {way_out}.")


def _opened(file: Path) -> tuple[Progress, str]:
    """The progress to add to; a damaged file is set aside under a new name, never lost."""
    try:
        return load(file), ""
    except _Damaged:
        backup = _free_name(file)
        os.replace(file, backup)
        kept = f"{file.name} was damaged; it is kept as {backup.name}, and a new one was started"
        return _parsed("{}", file), f"({kept}.)"


def _free_name(file: Path) -> Path:
    number = 1
    while (backup := file.with_suffix(f".damaged-{number}.json")).exists():
        number += 1
    return backup


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the file's neighbour `.lock`; the system lets go of it if the process dies.

    Raises StorageError when its holder does not go on: a notebook stopped in a debugger, say.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(file.with_suffix(".lock"), timeout=LONGEST_WAIT, fallback_to_soft=False)
    with ExitStack() as held:
        try:
            held.enter_context(lock)
        except Timeout as error:
            rule = f"has been held by another program for {LONGEST_WAIT:g} seconds"
            raise StorageError(f"{file} {rule}; end that program, and run this again.") from error
        except OSError:
            pass  # a file system without locks: the merge alone must do
        yield
