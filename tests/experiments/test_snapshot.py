"""The frozen snapshot: equal to its world, regenerated bit for bit, refused if damaged."""

from __future__ import annotations

import hashlib
import json
import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons import datasets
from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT
from mlsys_lessons.errors import StorageError
from mlsys_lessons.simulation.presets import naive_system, notebook_model
from mlsys_lessons.worlds import History
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

FOLDER = Path(__file__).parents[2] / "datasets"
LARGEST = 5_000_000  # bytes, all files together


@pytest.fixture(scope="module")
def made() -> History:
    return datasets.snapshot()


@pytest.fixture(scope="module")
def loaded() -> History:
    return datasets.load(FOLDER)


@pytest.fixture(scope="module")
def small() -> History:
    return mls.payments_world(seed=5, daily=100).history(120)


def test_what_is_loaded_is_what_the_world_made(made: History, loaded: History) -> None:
    for ours, theirs in zip(loaded, made, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True, check_freq=True)
        assert ours.dtypes.equals(theirs.dtypes)


def test_the_committed_text_is_regenerated_to_the_byte(made: History) -> None:
    for name, text in datasets.contents(made).items():
        committed = lzma.decompress((FOLDER / name).read_bytes())
        assert hashlib.sha256(committed).digest() == hashlib.sha256(text).digest(), name


def test_the_check_sums_are_those_of_the_files() -> None:
    listed = dict(
        reversed(line.split("  ")) for line in (FOLDER / "SHA256SUMS").read_text().splitlines()
    )
    assert set(listed) == {datasets.EVENTS, datasets.LABELS}
    for name, digest in listed.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < LARGEST


def test_writing_twice_gives_the_same_bytes(small: History, tmp_path: Path) -> None:
    first, second = (datasets.write(tmp_path / name, small) for name in ("a", "b"))
    for path in sorted(first.iterdir()):
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_any_history_survives_the_journey(small: History, tmp_path: Path) -> None:
    back = datasets.load(datasets.write(tmp_path, small))
    for ours, theirs in zip(back, small, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    late = small.labels["request_id"][small.labels["source"] == "late"]
    assert len(late), "the case of a second, late row is among the rows"
    assert (small.labels["request_id"].isin(late)).sum() == 2 * len(late)


def test_the_schema_says_what_is_there(loaded: History) -> None:
    files = json.loads((FOLDER / "schema.json").read_text())["files"]
    for (name, told), frame in zip(files.items(), loaded, strict=True):
        reports = frame if name == datasets.EVENTS else frame[frame["label"] == 1]
        assert told["rows"] == len(reports)
        dtypes = {column["name"]: column["dtype"] for column in told["columns"]}
        assert dtypes == {column: str(dtype) for column, dtype in frame.dtypes.items()}
    owners = {column["name"]: column["owner"] for column in files[datasets.EVENTS]["columns"]}
    assert tuple(owners) == RAW_COLUMNS
    for field in PAYMENTS_CONTRACT.fields:
        assert owners[field.name] == field.owner


def test_the_datasheet_counts_right(loaded: History) -> None:
    told = (FOLDER / "README.md").read_text()
    requests, labels = loaded
    source = labels["source"].value_counts()
    customers, merchants = requests["customer_id"].nunique(), requests["merchant_id"].nunique()
    for sentence in (
        f"{len(requests):,} payments by {customers:,} customers at {merchants} merchants",
        f"{source['cardholder'] + source['late']} of them have been reported",
        f"{source['cardholder']} within 45 days, {source['late']} later",
    ):
        assert sentence in told


def test_the_learner_gets_the_naive_system_bit_for_bit(loaded: History) -> None:
    table = mls.features.offline(loaded.requests, loaded.labels)
    mine, served = notebook_model(table, seed=0), naive_system(seed=0)
    theirs = served.inference.registry.champion.model
    assert np.array_equal(mine.model.predict(table), theirs.predict(table))
    assert mine.cut == served.decisions.cut


def test_a_damaged_file_is_refused_in_one_line(small: History, tmp_path: Path) -> None:
    damaged = datasets.write(tmp_path, small) / datasets.LABELS
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    with pytest.raises(StorageError, match=r"is not the file .* make it anew with `python"):
        datasets.load(tmp_path)


@pytest.mark.parametrize("name", [datasets.EVENTS, datasets.LABELS, datasets.CHECKSUMS])
def test_a_missing_file_is_named_in_one_line(small: History, tmp_path: Path, name: str) -> None:
    (datasets.write(tmp_path, small) / name).unlink()
    with pytest.raises(StorageError, match=f"{name} cannot be read; make it anew"):
        datasets.load(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(small: History, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(StorageError, match=r"taken cannot be written"):
        datasets.write(tmp_path / "taken", small)


def test_the_command_writes_and_prints_the_sums(
    small: History,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(datasets, "snapshot", lambda: small)
    datasets.main(["--write", str(tmp_path)])
    assert capsys.readouterr().out == (tmp_path / datasets.CHECKSUMS).read_text()
