"""A real browser before a real JupyterLab, for the tests of what is clicked.

No test by itself. Debian's Chromium is driven through playwright's Python package; neither is
downloaded here: where one is missing, `missing()` says which, and a test is skipped for that
reason. `CHROMIUM` names another executable.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip
WAIT_S = 90.0


class Lab(NamedTuple):
    """A running JupyterLab."""

    base: str
    token: str

    def asked(self, path: str) -> Any:
        """What its interface answers."""
        request = urllib.request.Request(
            f"{self.base}/api/{path}", headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def missing() -> str:
    """Why no browser can be driven here; empty where one can."""
    if find_spec("playwright") is None:
        return "the package playwright is not installed here: make setup"
    return "" if CHROMIUM else "no Chromium is found: apt-get install chromium, or set CHROMIUM"


def until(true: Any, what: str) -> None:
    """Wait until a question is answered with yes."""
    end = time.monotonic() + WAIT_S
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {WAIT_S:.0f} s for {what}")
        time.sleep(0.1)


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook of code cells."""
    book = nbformat.v4.new_notebook()
    book.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(book, path)


@contextmanager
def lab(root: Path) -> Iterator[Lab]:
    """JupyterLab over a folder, with settings of its own and no news."""
    settings = root / ".settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    with (root / "lab.log").open("wb") as log:
        server = subprocess.Popen(_command(root, port, running.token), env=_environment(root),
                                  stdout=log, stderr=log)  # fmt: skip
        try:
            until(lambda: _is_up(running), "JupyterLab")
            yield running
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(15)
            server.kill()
            server.wait()


def _command(root: Path, port: int, token: str) -> list[str]:
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip


def _environment(root: Path) -> dict[str, str]:
    own = {f"JUPYTER_{name}_DIR": str(root / f".{name}") for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(root / ".settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(root / ".workspaces")}  # fmt: skip
    return {**os.environ, **own, "PYTHONPATH": str(REPOSITORY)}


def _is_up(running: Lab) -> bool:
    with suppress(OSError):
        return bool(running.asked("status"))
    return False


@contextmanager
def browser(*, wide: int = 1280, high: int = 1400) -> Iterator[Any]:
    """A page of a browser with an empty profile."""
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        sync_playwright() as it,
    ):
        context = it.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS,
            viewport={"width": wide, "height": high},
        )  # fmt: skip
        try:
            yield context.new_page()
        finally:
            context.close()


def run_all(page: Any, running: Lab, notebook: str) -> None:
    """Open a notebook alone, wait for its kernel, and run all of its cells."""
    page.goto(f"{running.base}/doc/tree/{notebook}?token={running.token}")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=WAIT_S * 1e3)
    until(
        lambda: any(
            one["kernel"] and one["kernel"]["execution_state"] == "idle"
            for one in running.asked("sessions")
        ),
        "an idle kernel",
    )
    page.wait_for_function(
        "() => document.querySelector('#jp-main-statusbar')?.textContent.includes('| Idle')",
        timeout=WAIT_S * 1e3,
    )
    page.click("div.lm-MenuBar-itemLabel:text-is('Run')")
    page.click("li.lm-Menu-item[data-command='runmenu:run-all']")
