"""Files: written whole or not at all, by everything here that keeps something on disk.

A kill, a crash or a full disk leaves the old file as it was. What a file holds, who may write it
and when is for its owner to say: nothing here reads, locks or interprets.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlsys_lessons.errors import StorageError

_PAUSES = (0.05, 0.1, 0.2)  # seconds


def write_whole(path: str | Path, content: bytes, *, way_out: str) -> None:
    """Replace a file's content in one step: a reader finds the old bytes or the new, never a mix.

    Why it matters: a service that restarts on half a model file, or a run that goes on from half
    a record, fails later and elsewhere. So the bytes go to a draft in the same folder, reach the
    disk, and are then renamed.

    A file that is there hands on its permission bits and its group; a new one has the usual ones.
    Where the path is a link, the file takes the link's place, and what the link led to stays as it
    is; to write what it leads to, pass `behind_links(path)`. `way_out` ends the sentence of the
    error, without its full stop. Raises StorageError where the file cannot be written; no draft is
    left behind.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "note.txt"
    >>> write_whole(file, b"whole", way_out="choose another folder")
    >>> file.read_bytes()
    b'whole'
    """
    target = Path(path)
    draft = target.parent / f".{target.name}.{secrets.token_hex(4)}.draft"
    try:
        with refusal(path, way_out=way_out):
            _write_draft(draft, content, _kept(target))
            _replace(draft, target)
    finally:
        with suppress(OSError):  # after a success it is there no more
            draft.unlink()


def behind_links(path: str | Path) -> Path:
    """The file that a path leads to, through all its links; a circle of links leads to itself."""
    return Path(os.path.realpath(path))


def make_folder(folder: str | Path, *, way_out: str) -> None:
    """Make a folder and those above it; what is there stays. Raises StorageError."""
    with refusal(folder, way_out=way_out):
        Path(folder).mkdir(parents=True, exist_ok=True)


@contextmanager
def refusal(path: str | Path, *, way_out: str) -> Iterator[None]:
    """Turn what the operating system says into one sentence: path, reason, way out."""
    try:
        yield
    except StorageError:  # such a sentence already
        raise
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({said_by(error)}); {way_out}.") from error


def said_by(error: OSError) -> str:
    """The operating system's reason in its own words, without number and path."""
    return error.strerror or str(error) or type(error).__name__


def _kept(target: Path) -> os.stat_result | None:
    """What a new file takes over from the one that it replaces; None where there is none yet."""
    try:
        found = target.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        return None
    if not stat.S_ISREG(found.st_mode):  # the rename would end a device or a pipe
        raise OSError(errno.EINVAL, "it is no ordinary file")
    return found


def _replace(draft: Path, target: Path) -> None:
    """Rename; a scanner that has the file open for a moment is waited for."""
    for pause in _PAUSES:
        try:
            return os.replace(draft, target)
        except PermissionError:  # on Windows what "somebody has it open" looks like
            time.sleep(pause)
    return os.replace(draft, target)


def _write_draft(draft: Path, content: bytes, kept: os.stat_result | None) -> None:
    with draft.open("xb") as stream:
        if kept is not None:
            with suppress(OSError, AttributeError):  # of others, or a system without groups
                os.chown(draft, -1, kept.st_gid)
            with suppress(OSError):  # a file system that keeps none
                draft.chmod(stat.S_IMODE(kept.st_mode))  # first: a private file is never readable
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
