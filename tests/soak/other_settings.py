"""`make test` as somebody else would run it: another alphabet, pip settings, home and folder.

    python tests/soak/other_settings.py [--each]

Clones this checkout into a folder with blanks and letters outside any code page, sets it up there
and runs its tests: once under all the settings together, or with --each once under each. It needs
what a fresh set-up needs (a package index within reach) and writes nothing into this checkout.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "\u0141ukasz and \u0416enja"
SETTINGS = {
    "output in a code page": {"PYTHONIOENCODING": "cp1252"},
    "no locale": {"LC_ALL": "C"},
    "pip installs for the user": {"PIP_USER": "1"},
    "pip installs elsewhere": {"PIP_TARGET": "elsewhere"},
    "a home that may not be written": {"HOME": "home"},
}


def tried(name: str, settings: dict[str, str], folder: Path) -> bool:
    """Set up and test a fresh clone under some settings; says how it went."""
    folder.mkdir(parents=True)
    checkout, home = folder / FOLDER, folder / "home"
    home.mkdir(mode=0o555)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    places = {"home": str(home), "elsewhere": str(folder / "elsewhere")}
    environment = {**os.environ, **{key: places.get(v, v) for key, v in settings.items()}}
    with (folder / "said.txt").open("wb") as said:
        done = subprocess.run(["make", "test"], cwd=checkout, env=environment, stdout=said,
                              stderr=subprocess.STDOUT, check=False)  # fmt: skip
    last = (folder / "said.txt").read_text("utf-8", errors="replace").strip().splitlines()[-1:]
    if done.returncode:
        print((folder / "said.txt").read_text("utf-8", errors="replace")[-6_000:])
    print(f"{'ok  ' if not done.returncode else 'FAIL'} {name}: {' '.join(last)}", flush=True)
    return not done.returncode


def main() -> int:
    """Returns 0 when every run was green."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", action="store_true", help="one run for each setting")
    together: dict[str, str] = {}
    for settings in SETTINGS.values():
        together |= settings
    runs = SETTINGS if parser.parse_args().each else {"all of them": together}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        outcomes = [
            tried(name, settings, Path(folder, str(number)))
            for number, (name, settings) in enumerate(runs.items())
        ]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
