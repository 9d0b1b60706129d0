"""JupyterLab as the course opens it: on the first lesson, on this machine only, without news.

It starts a program and hands over; what lies in the folder is the business of desk.py.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mlsys_lessons.errors import InputError
from mlsys_lessons.files import make_folder, refusal, write_whole
from mlsys_lessons.workshop.desk import FIRST_LESSON, WAY_OUT

LOOPBACK = "127.0.0.1"
USUAL_PORTS = range(8888, 8988)
# Jupyter's news and update checks: a pop-up before the first lesson, and calls to the outside
_NO_NEWS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


@dataclass(frozen=True)
class Lab:
    """A JupyterLab to be started: on this machine only, with a secret of its own."""

    folder: Path
    port: int
    token: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)

    @property
    def url(self) -> str:
        """Where the first lesson is read."""
        return f"http://{LOOPBACK}:{self.port}/lab/tree/{FIRST_LESSON}?token={self.token}"

    def command(self, *options: str) -> list[str]:
        """The command line that starts it."""
        root = hasattr(os, "geteuid") and os.geteuid() == 0  # in a container one often is
        return [
            sys.executable, "-m", "jupyterlab", f"--ServerApp.ip={LOOPBACK}",
            f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.folder}", "--ServerApp.answer_yes=True",
            # what the learner's own settings may say of other servers would make `url` untrue
            "--ServerApp.base_url=/", "--ServerApp.certfile=", "--ServerApp.keyfile=",
            "--ServerApp.use_redirect_file=False",  # browsers in a sandbox open no files
            f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
            *options, *(["--allow-root"] if root else []),
        ]  # fmt: skip

    def start(self, *options: str) -> int:
        """Run it until it is stopped; returns its exit code."""
        settings = self.folder / ".mlsys_lessons" / "jupyter"
        page = settings / "labconfig" / "page_config.json"
        make_folder(page.parent, way_out=WAY_OUT)
        write_whole(page, json.dumps(_NO_NEWS).encode(), way_out=WAY_OUT)
        self._write_token(settings / "jupyter_server_config.json")
        paths = [str(settings), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_PATH": os.pathsep.join(paths),  # before the learner's own settings
            "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, whatever the home offers
        }
        command = self.command(*options)
        if sys.platform != "win32":  # JupyterLab takes our place: Ctrl-C and kill reach it
            os.execve(command[0], command, environment)
        return subprocess.run(command, env=environment, check=False).returncode

    def _write_token(self, file: Path) -> None:
        """Pin the token in a private file: on the command line every user would read it."""
        with refusal(file, way_out=WAY_OUT):
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
            file.chmod(0o600)
        pinned = {"IdentityProvider": {"token": self.token}}
        write_whole(file, json.dumps(pinned).encode(), way_out=WAY_OUT)


def free_port(wanted: int | None) -> int:
    """The port asked for (0: any), else the first free one of the usual ones.

    Raises InputError when the port asked for is none, or is taken.
    """
    if wanted is not None and not 0 <= wanted <= 65_535:
        raise InputError(f"port {wanted} is none; choose one in 1024..65535, or leave --port away.")
    for port in USUAL_PORTS if wanted is None else [wanted]:
        with socket.socket() as trial:
            if sys.platform != "win32":  # there it would let two servers share a port
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((LOOPBACK, port))
            except PermissionError:
                rule = "may not be opened by you: those below 1024 belong to the system"
                raise InputError(f"port {port} {rule}; choose another.") from None
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise InputError(
        f"port {wanted or USUAL_PORTS} is taken; choose another, or leave --port away."
    )
