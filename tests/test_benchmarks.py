"""The benchmarks still run: their figures are not looked at, and the edge's takes too long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"
SMALL = {
    "pages": ("--users", "100", "--days", "4"),
    "performance": ("--rows", "1000", "--rounds", "1"),
    "drift": ("--rows", "3000", "--rounds", "1"),
    "run": ("--days", "4", "--daily", "100", "--rounds", "1"),
    "traffic": ("--calls", "1000"),
    "warehouse": ("--days", "2", "--daily", "100", "--rounds", "1"),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_measures_something(name: str) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *SMALL[name], "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
