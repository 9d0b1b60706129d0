"""The set-up: a lock that any index can serve, and a project that says what the lock holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", LOCK, flags=re.MULTILINE))


def test_the_lock_holds_no_address() -> None:
    """No scheme, no index option, no path: the learner's own index serves it."""
    assert "://" not in LOCK
    assert not re.search(r"^\s*(--index|--extra-index|--find-links|-e |/)", LOCK, re.MULTILINE)


def test_every_pin_has_hashes() -> None:
    """`--require-hashes` accepts it: each pinned line is followed by at least one hash."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    assert len(blocks) == len(PINS)
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize(
    "declared", [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
)
def test_the_lock_matches_the_project(declared: str) -> None:
    """Each declared requirement is pinned to a version that satisfies it."""
    requirement = Requirement(declared)
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_the_version_is_told_once() -> None:
    """Package, project and command agree."""
    import mlsys_lessons

    assert mlsys_lessons.__version__ == PROJECT["project"]["version"]
    assert f"## [{mlsys_lessons.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["setup", "lab", "test", "notebooks", "bench", "soak"])
def test_both_makefiles_know_each_target(name: str) -> None:
    """Make and its Windows twin."""
    assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert name in (ROOT / "make.bat").read_text("utf-8")


def test_nothing_of_a_machine_is_committed() -> None:
    """No absolute path of a home or a work folder in sources, lessons or data sheets."""
    pattern = re.compile(r"/(?:root|home|Users)/[A-Za-z0-9._-]+/")
    for suffix in ("*.py", "*.md", "*.ipynb", "*.json", "*.toml"):
        for path in ROOT.rglob(suffix):
            if {".venv", ".git", "my_lessons"} & set(path.parts):
                continue
            assert not pattern.search(path.read_text(encoding="utf-8")), path
