"""The frozen payments snapshot: 180 days of raw events, and the labels known when day 0 opens.

    python -m mlsys_lessons.experiments.snapshot --write datasets

This file moves the snapshot between a world, the folder `datasets/` and frames. It computes no
features and no splits: which of them are allowed, and from which labels, is lesson 01.
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.errors import StorageError
from mlsys_lessons.files import make_folder, write_whole
from mlsys_lessons.records import DAY_MS, EPOCH, MATURITY_DAYS
from mlsys_lessons.worlds import History, payments_world
from mlsys_lessons.worlds.payments.domain import (
    CATEGORY_DTYPE,
    CHANNEL_DTYPE,
    COUNTRY_DTYPE,
    LABEL_SOURCES,
    SOURCE_DTYPE,
)

SEED, DAILY, DAYS = 0, 1_000, 180
EVENTS, LABELS, CHECKSUMS = "events.csv.xz", "labels.csv.xz", "SHA256SUMS"
COMMAND = "python -m mlsys_lessons.experiments.snapshot --write datasets"

_PRESET = 6  # of xz: 4 MB; half the time would cost a megabyte in every clone
_TIMES = ("event_time", "arrival_time", "account_opened", "label_time")
_DTYPES = {
    "request_id": "int64",
    "customer_id": "int64",
    "card_country": COUNTRY_DTYPE,
    "merchant_id": "int64",
    "category": CATEGORY_DTYPE,
    "country": COUNTRY_DTYPE,
    "channel": CHANNEL_DTYPE,
    "amount": "float64",
    "label": "int8",
    "source": SOURCE_DTYPE,
}


def snapshot() -> History:
    """The history that `datasets/` holds, straight from the world that made it."""
    return payments_world(seed=SEED, daily=DAILY).history(DAYS)


# --- to files ----------------------------------------------------------------------------------


def contents(history: History) -> dict[str, bytes]:
    """What the files hold before compression, by file name; the same bytes on every machine.

    Only reports are written: a row for each payment that nobody reported would say nothing that
    the maturity rule does not say, and would triple the size.
    """
    requests, labels = history
    reports = labels[labels["label"].to_numpy() == 1]
    return {EVENTS: _csv(requests), LABELS: _csv(reports)}


def write(folder: str | Path, history: History) -> Path:
    """Write a history and its check sums into a folder, which is made if it is not there.

    Raises StorageError when the folder cannot be written.
    """
    target = Path(folder)
    packed = {name: lzma.compress(text, preset=_PRESET) for name, text in contents(history).items()}
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in packed.items()]
    make_folder(target, way_out="choose another folder")
    for name, data in {**packed, CHECKSUMS: "".join(sums).encode()}.items():
        write_whole(target / name, data, way_out="choose another folder")
    return target


def _csv(frame: pd.DataFrame) -> bytes:
    columns = {name: _text(name, frame[name]) for name in frame.columns}
    return pd.DataFrame(columns).to_csv(index=False, lineterminator="\n").encode()


def _text(name: str, column: pd.Series) -> pd.Series | NDArray[np.str_]:
    """A column as it is written: dates as days, times to the millisecond, euros to the cent."""
    if name in _TIMES:
        stamps = column.to_numpy()
        if name == "account_opened":
            return np.datetime_as_string(stamps, unit="D")
        return np.datetime_as_string(stamps, unit="ms")
    if name == "amount":
        return column.map("{:.2f}".format)
    return column


# --- from files --------------------------------------------------------------------------------


def load(folder: str | Path | None = None) -> History:
    """The snapshot as (requests, labels): equal to `payments_world(0, 1_000).history(180)`.

    Why it matters: a data set that nobody can check is a rumour. The files are compared with
    their SHA-256 sums first, and the labels follow from reports and one written rule.

    Without `folder` the checkout is searched, then the working directory and its parents.
    Raises StorageError when a file is missing or is not the one that was published.

    >>> requests, labels = load()
    >>> len(requests), int((labels["label"] == 1).sum())
    (186748, 697)
    """
    source = _nearest_folder() if folder is None else Path(folder)
    files = {name: _published(source, name) for name in (EVENTS, LABELS)}
    requests, reports = (_frame(lzma.decompress(files[name])) for name in (EVENTS, LABELS))
    return History(requests, matured(requests, reports))


def matured(requests: pd.DataFrame, reports: pd.DataFrame) -> pd.DataFrame:
    """All labels known at day 0: the reports, and silence that has lasted 45 days as a 0.

    A payment reported before it matured never gets the 0; one reported later has both rows, of
    which the last counts. Columns: request_id, label, label_time, source; oldest label first.
    """
    ids = requests["request_id"].to_numpy()
    in_time = reports["request_id"].to_numpy()[(reports["source"] != "late").to_numpy()]
    due = requests["event_time"].to_numpy() + np.timedelta64(MATURITY_DAYS * DAY_MS, "ms")
    silent = (due < EPOCH) & ~np.isin(ids, in_time)
    zeros = np.zeros(int(silent.sum()), dtype=np.int8)
    source = np.full(len(zeros), LABEL_SOURCES.index("matured"), dtype=np.int8)
    columns = {
        "request_id": np.concatenate([ids[silent], reports["request_id"]]),
        "label": np.concatenate([zeros, reports["label"]]),
        "label_time": np.concatenate([due[silent], reports["label_time"]]),
        "source": np.concatenate([source, reports["source"].cat.codes]),
    }
    order = np.argsort(columns["label_time"], kind="stable")
    frame = pd.DataFrame({name: values[order] for name, values in columns.items()})
    return frame.assign(source=pd.Categorical.from_codes(frame["source"], dtype=SOURCE_DTYPE))


def _nearest_folder() -> Path:
    """The folder with the snapshot: the checkout's own, or one on the way up from here."""
    here = Path.cwd()
    roots = [Path(__file__).resolve().parents[2], here, *here.parents]
    for folder in (root / "datasets" for root in roots):
        if (folder / EVENTS).is_file():
            return folder
    raise StorageError(f"there is no folder `datasets` here or above; make one with `{COMMAND}`.")


def _published(folder: Path, name: str) -> bytes:
    """A file's bytes, if they are the published ones."""
    try:
        data = (folder / name).read_bytes()
        sums = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        lost = Path(getattr(error, "filename", None) or folder / CHECKSUMS)
        raise StorageError(f"{lost} cannot be read; make it anew with `{COMMAND}`.") from error
    if f"{hashlib.sha256(data).hexdigest()}  {name}" not in sums:
        raise StorageError(
            f"{folder / name} is not the file that {CHECKSUMS} names; "
            f"make it anew with `{COMMAND}`."
        )
    return data


def _frame(text: bytes) -> pd.DataFrame:
    frame = pd.read_csv(BytesIO(text), dtype=_DTYPES)
    exact: dict[str, NDArray[np.generic]] = {
        name: np.array(frame[name].to_numpy(), dtype="datetime64[ms]")
        for name in frame.columns.intersection(_TIMES)
    }
    if "amount" in frame:  # whole cents over 100: exact, whatever parser read the decimals
        exact["amount"] = np.rint(frame["amount"].to_numpy() * 100) / 100
    return frame.assign(**exact)


# --- command line ------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Regenerate the snapshot into a folder."""
    parser = argparse.ArgumentParser(
        "python -m mlsys_lessons.experiments.snapshot", description=main.__doc__
    )
    parser.add_argument("--write", metavar="FOLDER", required=True, help="such as `datasets`")
    folder = write(parser.parse_args(arguments).write, snapshot())
    print((folder / CHECKSUMS).read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
