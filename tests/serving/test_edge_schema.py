"""The edge held to its own OpenAPI document: no 5xx, no undocumented answer, no nonsense let in.

schemathesis runs as anybody would run it, in a process of its own and over real sockets: a client
inside this process would skip whatever HTTP itself can get wrong. Seed and examples are fixed.

One of its checks is left out, "valid data is accepted": JSON Schema knows
no clock; the edge refuses a virtual stamp too far ahead with a 422, and another payment under a
used id with a 409, as the document says. How much was accepted is counted here instead.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import mlsys_lessons as mls
from mlsys_lessons.serving import serve, warmed

EXAMPLES = int(os.environ.get("MLSYS_EXAMPLES", "40"))
TOOL = "from schemathesis.cli import schemathesis; schemathesis()"


def examined(url: str, folder: Path) -> tuple[dict[str, object], str]:
    """The tool's report on an edge, and what it printed."""
    report = folder / "report.json"
    command = [
        sys.executable, "-c", TOOL, "run", f"{url}/openapi.json", "--seed", "7",
        "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing",
        "--continue-on-failure", "--generation-database", "none", "--request-timeout", "10",
        "--exclude-checks", "positive_data_acceptance", "--no-color", "--report", "json",
        "--report-json-path", str(report),
    ]  # fmt: skip
    direct = {**os.environ, "NO_PROXY": "*"}  # a proxy has no business on loopback
    done = subprocess.run(
        command, cwd=folder, env=direct, capture_output=True, text=True, timeout=300
    )
    assert report.is_file(), done.stdout + done.stderr
    return json.loads(report.read_text(encoding="utf-8")), done.stdout


@pytest.mark.parametrize("virtual", [False, True], ids=["wall clock", "virtual time"])
def test_the_edge_keeps_the_word_of_its_document(virtual: bool, tmp_path: Path) -> None:
    world = mls.payments_world(seed=7, daily=100)
    with serve(warmed(world, mls.resilient_system(seed=7)), virtual=virtual) as url:
        report, output = examined(url, tmp_path)
        page = httpx.get(f"{url}/metrics", trust_env=False).text
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    assert report["exit_code"] == 0, output
    assert report["complete"]
    # and it was put to the test: every address, with bodies that it took and bodies that it did not
    operations, cases = report["operations"], report["test_cases"]
    assert isinstance(operations, dict)
    assert isinstance(cases, dict)
    assert operations["tested"] == operations["total"] == 7
    assert cases["generated"] > 100 + EXAMPLES
    decided = sum(map(float, re.findall(r"^requests_total\{.*\} (\S+)$", page, re.MULTILINE)))
    assert decided > EXAMPLES / 2
