"""Whatever happens to a file on disk: one sentence, or the content as it was written.

Forty damages of each kind of file, made from a seed: cut, flip, drop, reorder, empty, swap, repeat,
zeros, something foreign. The edits that know a file's inside stand beside its own tests. The
progress file is text that people may edit, so there a damage may also be another progress.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons import claims
from mlsys_lessons.claims import runs
from mlsys_lessons.claims.result import Result
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.errors import LessonError
from mlsys_lessons.lessons import progress
from mlsys_lessons.serving.decision_log import DecisionLog
from mlsys_lessons.serving.model_files import load_model, save_model
from mlsys_lessons.serving.serialisation import EPOCH_MS
from mlsys_lessons.warehouse import EventLog
from mlsys_lessons.worlds.payments.domain import FEATURES

Luck = np.random.Generator
EACH = 40
ABOUT = {"seed": "7", "system": "test"}
FRAME = pd.DataFrame(
    np.random.default_rng(1).gamma(1.0, 2.0, (200, len(FEATURES))), columns=list(FEATURES)
)


# --- what is written, and read again --------------------------------------------------------------


def write_log(path: Path) -> None:
    opened = DecisionLog(path, ABOUT)
    row = (EPOCH_MS, EPOCH_MS, 17, 0, "DE", 5, "grocery", "DE", "chip", 23.5)
    decision = ("approve", 0.1, "score", None, "m-1", False, None, False)
    for first in range(0, 300, 30):
        opened.append([(first + i, first + i + 9, *row, *decision) for i in range(30)], [])
    opened.close()


def read_log(path: Path) -> Any:
    opened = DecisionLog(path, ABOUT)
    try:
        return [tuple(row) for chunk in opened.entries() for row in chunk]
    finally:
        opened.close()


def write_warehouse(path: Path) -> None:
    world, system = mls.payments_world(seed=7, daily=60), mls.naive_system(seed=7)
    mls.simulate(world, system, days=4, keep="disk", path=path)


def read_warehouse(path: Path) -> Any:
    opened = EventLog(path)
    try:
        return opened.log().to_csv()
    finally:
        opened.close()


def write_model(path: Path) -> None:
    model = mls.models.BoostedModel(trees=3, leaves=5, random_state=0)
    model.fit(FRAME, (FRAME["log_amount"] > 2).to_numpy(dtype=float))
    save_model(ModelVersion("m", model), path)


def read_model(path: Path) -> Any:
    version = load_model(path)
    return version.label, np.asarray(version.model.predict(FRAME)).tolist()


def write_progress(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(progress.ENVIRONMENT, str(path))
        for number in range(5):
            progress.remember("questions", f"lesson0{number}.q1", "passed")
            progress.remember("guesses", f"lesson0{number}.bet1", 10 * number)


def read_progress(path: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(progress.ENVIRONMENT, str(path))
        return isinstance(progress.load(), dict) and isinstance(progress.summary(), dict)


def write_claim(path: Path) -> None:
    path.write_text(claims.stored("C6").to_json(), encoding="utf-8")


def read_claim(path: Path) -> Any:
    return Result.from_json(path.read_bytes().decode("utf-8", errors="replace")).to_json()


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "decisions.db": (write_log, read_log),
    "run.duckdb": (write_warehouse, read_warehouse),
    "model.skops": (write_model, read_model),
    "progress.json": (write_progress, read_progress),
    "claim.json": (write_claim, read_claim),
}


# --- what happens to it ---------------------------------------------------------------------------


def cut(data: bytes, luck: Luck) -> bytes:
    return data[: int(luck.integers(len(data)))]


def flip(data: bytes, luck: Luck) -> bytes:
    spoilt = bytearray(data)
    for place in luck.integers(len(data), size=int(luck.integers(1, 4))):
        spoilt[place] ^= 1 << int(luck.integers(8))
    return bytes(spoilt)


def drop(data: bytes, luck: Luck) -> bytes:
    low, high = np.sort(luck.integers(len(data), size=2))
    return data[:low] + data[high:]


def reorder(data: bytes, luck: Luck) -> bytes:
    pieces = np.array_split(np.frombuffer(data, np.uint8), 8)
    return b"".join(pieces[i].tobytes() for i in luck.permutation(8))


def swap(data: bytes, luck: Luck) -> bytes:
    middle = int(luck.integers(1, len(data)))
    return data[middle:] + data[:middle]


def repeat(data: bytes, luck: Luck) -> bytes:
    return data + data[int(luck.integers(len(data))) :]


def zeros(data: bytes, luck: Luck) -> bytes:
    low, high = np.sort(luck.integers(len(data), size=2))
    return data[:low] + bytes(int(high - low)) + data[high:]


def foreign(data: bytes, luck: Luck) -> bytes:
    return luck.bytes(int(luck.integers(1, 4_096)))


def empty(data: bytes, luck: Luck) -> bytes:
    return b""


DAMAGES = (cut, flip, drop, reorder, swap, repeat, zeros, foreign, flip, empty)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Any]]:
    """Each kind of file as it was written, and what is read from it."""
    folder, found = tmp_path_factory.mktemp("sound"), {}
    for name, (write, read) in KINDS.items():
        write(folder / name)
        found[name] = ((folder / name).read_bytes(), read(folder / name))
    return found


@pytest.mark.parametrize("number", range(EACH))
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_gets_one_sentence_or_is_as_it_was(
    sound: dict[str, tuple[bytes, Any]], name: str, number: int, tmp_path: Path
) -> None:
    data, content = sound[name]
    damage = DAMAGES[number % len(DAMAGES)]
    path = tmp_path / name
    path.write_bytes(damage(data, mls.randomness.stream(number, name)))
    try:
        assert KINDS[name][1](path) == content, damage.__name__
    except LessonError as told:
        assert "\n" not in str(told) and str(told).endswith("."), str(told)


@pytest.mark.parametrize("number", range(EACH))
def test_a_damaged_run_in_the_cache_is_made_again(number: int, tmp_path: Path) -> None:
    runs.store(tmp_path, "ab12", {"value": 0.1, "days": 9})
    (file,) = tmp_path.rglob("*.json")
    damage = DAMAGES[number % len(DAMAGES)]
    file.write_bytes(damage(file.read_bytes(), mls.randomness.stream(number, "run")))
    assert runs.load(tmp_path, "ab12") in (None, {"value": 0.1, "days": 9})
