"""Files: written whole or not at all, by everything here that keeps something on disk.

A kill, a crash or a full disk leaves the old file as it was. What a file holds, who may write it
and when is for its owner to say: nothing here reads, locks or interprets.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlsys_lessons.records import StorageError


def write_whole(path: str | Path, content: bytes, *, way_out: str) -> None:
    """Replace a file's content in one step: a reader finds the old bytes or the new, never a mix.

    Why it matters: a service that restarts on half a model file, or a run that goes on from half
    a record, fails later and elsewhere. So the bytes go to a draft in the same folder, reach the
    disk, and are then renamed.

    A file that is there hands on its permission bits; a new one has the usual ones. Where the path
    is a link, the file takes the link's place, and what the link led to stays as it is. `way_out`
    ends the sentence of the error, without its full stop. Raises StorageError where the file cannot
    be written; no draft is left behind.

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
            _write_draft(draft, content, _permissions(target))
            os.replace(draft, target)
    finally:
        with suppress(OSError):  # after a success it is there no more
            draft.unlink()


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
        reason = error.strerror or error
        raise StorageError(f"{path} cannot be written ({reason}); {way_out}.") from error


def _permissions(target: Path) -> int | None:
    """The permission bits of the file that is to be replaced; None where there is no file yet."""
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return None
    if not stat.S_ISREG(mode):  # the rename would put a file in the place of a device or a pipe
        raise OSError(errno.EINVAL, "it is no ordinary file")
    return stat.S_IMODE(mode)


def _write_draft(draft: Path, content: bytes, permissions: int | None) -> None:
    with draft.open("xb") as stream:
        if permissions is not None:
            with suppress(OSError):  # a file system that keeps none
                draft.chmod(permissions)  # before the content: a private file is never readable
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
