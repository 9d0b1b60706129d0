"""The set-up: a lock that any index can serve, and a project that says what the lock holds."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

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


def recipes(text: str, start: str) -> dict[str, list[str]]:
    """What each target runs in .venv, whatever the slashes and the make that runs it."""
    found: dict[str, list[str]] = {}
    for line in text.replace("$(RUN)", "RUN").replace("%RUN%", "RUN").splitlines():
        if target := re.match(start, line):
            found[target[1]] = []
        elif "RUN/" in (plain := line.replace("\\", "/")):
            command = plain.split("RUN/", 1)[1].split("||")[0].strip()
            found[next(reversed(found))].append(command)
    return found


def test_both_makefiles_run_the_same() -> None:
    """Make and its Windows twin: the same targets, the same commands."""
    make = recipes((ROOT / "Makefile").read_text("utf-8"), r"([a-z]+):")
    windows = recipes((ROOT / "make.bat").read_text("utf-8"), r":([a-z]+)")
    windows.pop("known")
    assert set(make) == set(windows)
    for target in set(make) - {"lab", "notebooks"}:  # these two take an argument each in its way
        assert make[target] == windows[target]


def test_help_names_every_target() -> None:
    """Make's help is made of the comments; the twin's is written out."""
    text = (ROOT / "make.bat").read_text("utf-8")
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert [target for target in targets if f"echo   {target} " not in text] == ["help"]


def test_nothing_of_a_machine_is_committed() -> None:
    """No absolute path of a home or a work folder in sources, lessons or data sheets."""
    pattern = re.compile(r"/(?:root|home|Users)/[A-Za-z0-9._-]+/")
    for path in ROOT.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(ROOT).parts[:-1])
        if hidden or "my_lessons" in path.parts:
            continue
        if path.suffix in {".py", ".md", ".ipynb", ".json", ".toml", ".lock", ".bat", ".cfg"}:
            assert not pattern.search(path.read_text(encoding="utf-8")), path


# --- tools/set_up.py ---------------------------------------------------------------------------


@pytest.fixture
def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, pointed at an empty folder; no command runs."""
    place = importlib.util.spec_from_file_location("set_up", ROOT / "tools" / "set_up.py")
    assert place is not None and place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", str(tmp_path))
    monkeypatch.setattr(module, "READY", str(tmp_path / ".ready"))
    monkeypatch.setattr(module, "PYTHON", str(tmp_path / "python"))
    (tmp_path / "python").touch()
    return module


def test_an_old_python_gets_one_line(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is touched."""
    monkeypatch.setattr(set_up.sys, "version_info", (3, 10, 9))
    monkeypatch.setattr(set_up, "run", pytest.fail)
    assert set_up.main() == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "3.11 or newer" in said.err


def test_uv_comes_from_the_lock_like_everything(set_up: ModuleType) -> None:
    """One entry is uv's, with its hashes; the others are what plain pip gets when uv cannot."""
    only_uv, the_rest = set_up.divided()
    assert only_uv.startswith(f"uv=={PINS['uv']} ") and "--hash=sha256:" in only_uv
    assert sorted((only_uv + the_rest).split()) == sorted(LOCK.split())


def test_a_set_up_that_is_done_runs_nothing(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time is silent; a new lock installs on top; another Python starts anew."""
    commands: list[list[str]] = []
    monkeypatch.setattr(set_up, "run", lambda command: commands.append(command))
    assert set_up.main() == 0 and commands[0][1:3] == ["-m", "venv"]
    capsys.readouterr()
    commands.clear()
    assert set_up.main() == 0 and commands == [] and capsys.readouterr().out == ""
    monkeypatch.setattr(set_up, "content", lambda: "another lock")
    assert set_up.main() == 0 and len(commands) == 3 and "venv" not in commands[0]
    commands.clear()
    monkeypatch.setattr(set_up, "interpreter", lambda: "another Python")
    monkeypatch.setattr(set_up, "inside", lambda: False)
    assert set_up.main() == 0 and commands[0][1:3] == ["-m", "venv"]


def test_plain_pip_steps_in_and_a_failure_is_no_success(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No uv: pip does it all. Both out of reach: said, and not marked as ready."""
    monkeypatch.setattr(set_up, "run", lambda command: int(command[0] == set_up.UV))
    assert set_up.main() == 0 and "plain pip" in capsys.readouterr().out
    (Path(set_up.VENV) / ".ready").unlink()
    monkeypatch.setattr(set_up, "run", lambda command: int("venv" not in command))
    assert set_up.main() == 1 and "package index" in capsys.readouterr().err
    assert not (Path(set_up.VENV) / ".ready").exists()


def test_a_folder_outside_the_code_page_is_only_a_name(
    set_up: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows opens text files in its code page where no encoding is named."""
    folder = tmp_path / "\u0141ukasz" / "\u0416"
    folder.mkdir(parents=True)
    for name, file in {"VENV": "", "READY": ".ready", "PYTHON": "python"}.items():
        monkeypatch.setattr(set_up, name, str(folder / file))
    (folder / "python").touch()
    monkeypatch.setattr(set_up, "run", lambda command: 0)

    def in_code_page(path: str, mode: str = "r", **options: str) -> Any:
        options = options if "b" in mode else {"encoding": "cp1252", **options}
        return open(path, mode, **options)

    monkeypatch.setattr(set_up, "open", in_code_page, raising=False)
    assert set_up.main() == 0
    commands: list[list[str]] = []
    monkeypatch.setattr(set_up, "run", lambda command: commands.append(command))
    assert set_up.main() == 0 and commands == []  # and it knows that it is done


def test_pip_is_told_where_to_install_whatever_it_is_told_elsewhere(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONPATH", "PYTHONHOME"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    seen: dict[str, str] = {}

    def call(command: list[str], env: dict[str, str], cwd: str) -> int:
        seen.update(env)
        return 0

    monkeypatch.setattr(set_up.subprocess, "call", call)
    assert set_up.run(["pip"]) == 0
    assert "/elsewhere" not in seen.values()
    assert (seen["PIP_USER"], seen["PIP_INDEX_URL"]) == ("0", "kept")


def test_continuous_integration_runs_make_test() -> None:
    """`.ci/run` is a shell script that can be run, and runs that."""
    script = ROOT / ".ci" / "run"
    assert script.read_text("utf-8").splitlines()[-1] == "exec make test"
    listed = subprocess.run(
        ["git", "ls-files", "--stage", ".ci/run"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert listed.stdout[:6] in ("100755", "")  # nothing is listed outside a checkout
