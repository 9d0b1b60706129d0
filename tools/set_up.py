"""Make .venv from requirements.lock: what `make setup` and `make.bat setup` run.

    python3 tools/set_up.py

Does nothing when .venv is already what the lock, the project and this Python call for. It installs
into .venv and nowhere else, with uv (pinned and hashed in the lock, like everything) or, where uv
cannot, with plain pip. This file runs before anything is installed, and on any Python 3, so that an
old one gets a sentence and no syntax error: hence no annotations and no f-strings here.
"""

import hashlib
import os
import re
import subprocess
import sys
import time

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
READY = os.path.join(VENV, ".ready")
LOCK = os.path.join(ROOT, "requirements.lock")
WINDOWS = os.name == "nt"
PROGRAMS = os.path.join(VENV, "Scripts" if WINDOWS else "bin")
PYTHON = os.path.join(PROGRAMS, "python.exe" if WINDOWS else "python")
UV = os.path.join(PROGRAMS, "uv.exe" if WINDOWS else "uv")
PIP = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
UV_PIP = [UV, "pip", "install", "--quiet", "--python", PYTHON]
# Settings that send packages elsewhere, or another alphabet between tools:
ELSEWHERE = (
    "PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONIOENCODING",
    "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON",
)  # fmt: skip
PROJECT = ["--no-deps", "--no-build-isolation", "-e", ROOT]


def main():
    """Bring .venv up to date; returns the exit code."""
    if sys.version_info < OLDEST:
        return refuse(
            "Python " + sys.version.split()[0] + " is too old: the course needs 3.11 or newer; "
            "name one, as in `make setup PY=python3.11`."
        )
    wanted = [interpreter(), content()]
    found = stamp()
    if found == wanted:
        return 0
    began = time.time()
    print("Setting up .venv; the first time takes about a minute.")
    sys.stdout.flush()
    if found[:1] != wanted[:1] and not inside():
        if os.path.exists(READY):
            os.remove(READY)
        if run([sys.executable, "-m", "venv", "--clear", VENV]):
            return refuse("python -m venv failed: on Debian and Ubuntu install python3-venv first.")
    if with_uv() and with_pip():
        return refuse("Nothing could be installed, see above: is a package index within reach?")
    with open(READY, "w", encoding="utf-8", errors="surrogateescape") as ready:
        ready.write("\n".join(wanted) + "\n")
    print("Ready after " + str(round(time.time() - began)) + " seconds.")
    return 0


def with_uv():
    """Install everything with uv; 0 when it went well."""
    only_uv, _ = divided()
    return (
        run([*PIP, "--require-hashes", "-r", written("uv.txt", only_uv)])
        or run([*UV_PIP, "--compile-bytecode", "--require-hashes", "-r", LOCK])
        or run([*UV_PIP, *PROJECT])
    )


def with_pip():
    """Install everything but uv with plain pip; 0 when it went well."""
    print("uv could not do it, see above; plain pip takes a little longer.")
    sys.stdout.flush()
    _, the_rest = divided()
    return run([*PIP, "--require-hashes", "-r", written("rest.txt", the_rest)]) or run(
        [*PIP, *PROJECT]
    )


def divided():
    """The lock's entry for uv, and the lock without it."""
    with open(LOCK, encoding="utf-8") as stream:
        lock = stream.read()
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    only_uv = [entry for entry in entries if entry.startswith("uv==")]
    return "\n".join(only_uv) + "\n", "\n".join(e for e in entries if e not in only_uv) + "\n"


def interpreter():
    """The Python that .venv is made from, and where it lies: a moved checkout starts anew."""
    return " ".join([sys.version.split()[0], os.path.realpath(sys.base_prefix), VENV])


def content():
    """What is to be installed, as a check sum."""
    digest = hashlib.sha256()
    for name in (LOCK, os.path.join(ROOT, "pyproject.toml")):
        with open(name, "rb") as stream:
            digest.update(stream.read())
    return digest.hexdigest()


def stamp():
    """What the last set-up that came to its end has written down."""
    if not (os.path.exists(READY) and os.path.exists(PYTHON)):
        return []
    with open(READY, encoding="utf-8", errors="surrogateescape") as ready:
        return ready.read().splitlines()


def inside():
    """Whether this very process runs in .venv, which then cannot be made anew."""
    return os.path.realpath(sys.prefix) == os.path.realpath(VENV)


def written(name, text):
    """The path of a requirements file inside .venv."""
    path = os.path.join(VENV, name)
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
    return path


def run(command):
    """Run a command; its exit code, 127 when there is no such program."""
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment["UV_PYTHON_DOWNLOADS"] = "never"  # the Python is the learner's choice
    environment["PIP_USER"] = "0"  # into .venv, also where a pip.conf says user = true
    environment["PYTHONUTF8"] = "1"  # a folder may have a name that this locale cannot spell
    try:
        return subprocess.call(command, env=environment, cwd=ROOT)
    except OSError:
        return 127


def refuse(sentence):
    """Say what is wrong in one line; the exit code of a failed set-up."""
    sys.stderr.write(sentence + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
