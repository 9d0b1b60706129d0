"""Files: the old bytes or the new ones, whatever happens while they are written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlsys_lessons.errors import StorageError
from mlsys_lessons.files import make_folder, refusal, write_whole

WAY_OUT = "choose another folder"
posix = pytest.mark.skipif(sys.platform == "win32", reason="permission bits and pipes are POSIX's")


def permissions(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def refused(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "model.skops"
    file.write_bytes(b"old")
    return file


@pytest.mark.parametrize("content", [b"", b"new\n", b"\r\n\x00\xff" * 100_000])
def test_bytes_are_written_as_they_are(file: Path, content: bytes) -> None:
    write_whole(file, content, way_out=WAY_OUT)
    write_whole(str(file.with_name("second")), content, way_out=WAY_OUT)
    assert file.read_bytes() == file.with_name("second").read_bytes() == content
    assert len(list(file.parent.iterdir())) == 2


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("trouble", [full_disk, refused])
def test_a_write_that_fails_leaves_the_old_file_and_one_sentence(
    file: Path, step: str, trouble: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, step, trouble)
    reason = "No space left on device" if trouble is full_disk else "Permission denied"
    with pytest.raises(StorageError) as caught:
        write_whole(file, b"new", way_out=WAY_OUT)
    assert str(caught.value) == f"{file} cannot be written ({reason}); {WAY_OUT}."
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_an_interrupt_is_no_reason_to_leave_a_draft(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(file, b"new", way_out=WAY_OUT)
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


KILLED_AT = """
import os, sys
from mlsys_lessons.files import write_whole
setattr(os, sys.argv[1], lambda *_: os._exit(9))
write_whole(sys.argv[2], b"new" * 100_000, way_out="")
"""


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_process_that_is_killed_leaves_the_old_file(file: Path, step: str) -> None:
    """A draft may lie there, under a name that nobody reads; the next write does not mind it."""
    killed = subprocess.run([sys.executable, "-c", KILLED_AT, step, str(file)], check=False)
    assert killed.returncode == 9 and file.read_bytes() == b"old"
    write_whole(file, b"new", way_out=WAY_OUT)
    assert file.read_bytes() == b"new"
    assert {path.suffix for path in file.parent.iterdir()} == {".skops", ".draft"}


@posix
def test_permission_bits_stay_and_new_files_have_the_usual_ones(file: Path) -> None:
    for bits in (0o600, 0o664, 0o444):
        file.chmod(bits)
        write_whole(file, b"new", way_out=WAY_OUT)
        assert permissions(file) == bits
    usual, fresh = file.with_name("usual"), file.with_name("fresh")
    usual.write_bytes(b"")
    write_whole(fresh, b"new", way_out=WAY_OUT)
    assert permissions(fresh) == permissions(usual)


@posix
def test_a_private_file_is_private_while_it_is_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.chmod(0o600)
    drafts: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: drafts.append(os.fstat(number).st_mode))
    write_whole(file, b"new", way_out=WAY_OUT)
    assert [stat.S_IMODE(mode) for mode in drafts] == [0o600]


@posix
def test_a_link_is_replaced_and_what_it_led_to_stays(file: Path) -> None:
    for destination in (file, file.with_name("nowhere"), Path("link")):  # the last is a circle
        link = file.with_name("link")
        link.unlink(missing_ok=True)
        link.symlink_to(destination)
        write_whole(link, b"new", way_out=WAY_OUT)
        assert not link.is_symlink() and link.read_bytes() == b"new"
    assert file.read_bytes() == b"old" and not file.with_name("nowhere").exists()


@posix
def test_a_folder_behind_a_link_is_written(file: Path, tmp_path: Path) -> None:
    (tmp_path / "door").symlink_to(tmp_path)
    write_whole(tmp_path / "door" / file.name, b"new", way_out=WAY_OUT)
    assert file.read_bytes() == b"new"


@posix
def test_a_pipe_and_a_folder_are_left_where_they_are(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("."), Path("/")):
        with pytest.raises(StorageError, match="it is no ordinary file"):
            write_whole(path, b"new", way_out=WAY_OUT)
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_that_is_not_there_or_is_a_file_gets_one_sentence(file: Path) -> None:
    for path in (file.parent / "no" / "file", file / "below"):
        with pytest.raises(StorageError, match=rf"cannot be written \(.+\); {WAY_OUT}\.$"):
            write_whole(path, b"new", way_out=WAY_OUT)
    with pytest.raises(StorageError, match=rf"cannot be written \(.+\); {WAY_OUT}\.$"):
        make_folder(file / "below", way_out=WAY_OUT)
    make_folder(file.parent / "a" / "b", way_out=WAY_OUT)
    make_folder(file.parent / "a" / "b", way_out=WAY_OUT)
    assert (file.parent / "a" / "b").is_dir()


def test_a_sentence_is_not_wrapped_in_another() -> None:
    with pytest.raises(StorageError, match=r"^inner cannot be written \(no\); b\.$"):  # noqa: SIM117
        with refusal("outer", way_out="a"), refusal("inner", way_out="b"):
            raise OSError("no")
