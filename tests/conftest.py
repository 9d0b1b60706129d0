"""What every test shares: a progress file of its own, so that no test finds an old one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from mlsys_lessons.lessons.progress import ENVIRONMENT


def pytest_configure(config: pytest.Config) -> None:
    """The lessons under nbval run in kernels, which no fixture reaches."""
    folder = tempfile.TemporaryDirectory(prefix="mlsys_lessons_")
    config.add_cleanup(folder.cleanup)
    os.environ[ENVIRONMENT] = str(Path(folder.name) / "progress.json")


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "progress.json"))
