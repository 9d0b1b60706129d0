"""What every test shares: a progress file and a cache of their own, so that no test finds old ones."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSYS_LESSONS_PROGRESS", str(tmp_path / "progress.json"))
