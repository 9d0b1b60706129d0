"""What every test shares: a progress file of its own, strict lessons, one thread where two run.

It runs in pytest itself and again in each worker of `-n`, so every worker has its own folder.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from mlsys_lessons.lessons import expectation
from mlsys_lessons.lessons.progress import ENVIRONMENT

# The same code gets the same examples; `pytest --hypothesis-profile=default` draws new ones.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def pytest_configure(config: pytest.Config) -> None:
    """The lessons under nbval run in kernels, which no fixture reaches."""
    folder = tempfile.TemporaryDirectory(prefix="mlsys_lessons_")
    config.add_cleanup(folder.cleanup)
    os.environ[ENVIRONMENT] = str(Path(folder.name) / "progress.json")
    os.environ[expectation.ENVIRONMENT] = expectation.STRICT
    if config.getoption("numprocesses", None):  # each worker has a core: a second thread would spin
        for name in THREADS:  # read when a worker, or a kernel below it, loads its libraries
            os.environ.setdefault(name, "1")


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "progress.json"))
