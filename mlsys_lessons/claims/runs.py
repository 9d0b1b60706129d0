"""Runs that are made once: content keys, a cache on disk, all cores.

A run's summary is stored under a hash of everything it depends on (arm, seed, size, the code that
the arm reaches, library versions), so claims share runs and edited code never meets an old answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlsys_lessons.claims.code_version import code_version
from mlsys_lessons.errors import StorageError
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.files import make_folder, write_whole
from mlsys_lessons.simulation.scenarios import ClaimSize

CACHE_VARIABLE = "MLSYS_LESSONS_CACHE"
MOST_JOBS = 2  # both cores of the smallest machine that the course runs on
PIECE = 8  # runs that one process makes in a row, so that it fits a seed's models once

_LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "duckdb")

Summary = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A piece of work with a stored answer: an arm to run, or a function of the seed alone."""

    seed: int
    work: Arm | Callable[[int], Summary]

    def described(self, size: ClaimSize) -> dict[str, Any]:
        """Everything that the answer depends on, as plain values."""
        made_by = type(self.work) if isinstance(self.work, Arm) else self.work
        name = made_by.__qualname__
        code = code_version(made_by.__module__, name.split(".")[0])
        about = {"seed": self.seed, "what": name, "code": code, "libraries": libraries()}
        if not isinstance(self.work, Arm):
            return about
        scale = {"days": size.days, "daily": size.daily}
        faults = [
            [fault.name, fault.start, fault.end, fault.severity]
            for fault in self.work.faults(self.seed, size)
        ]
        return {**about, **scale, "faults": faults, "arm": self.work.described()}

    def key(self, size: ClaimSize) -> str:
        """The name of the answer in the cache."""
        text = json.dumps(self.described(size), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def done(self, size: ClaimSize) -> Summary:
        """Do the work."""
        if isinstance(self.work, Arm):
            return self.work.play(self.seed, size)
        return self.work(self.seed)


def summaries(
    jobs: Iterable[Job], size: ClaimSize, *, workers: int | None = None, progress: bool = False
) -> dict[Job, Summary]:
    """The answer to each job, from the cache where it is there, and computed where it is not.

    `workers` is the number of processes (default: the cores, at most two). Needs no writable disk.
    """
    folder = cache_folder()
    wanted = list(dict.fromkeys(jobs))
    answers = {job: stored for job in wanted if (stored := load(folder, job.key(size)))}
    missing = [job for job in wanted if job not in answers]
    pieces = list(_pieces(missing))
    for done in _computed(pieces, size, folder, workers):
        answers.update(done)
        if progress:
            made = len(answers) - len(wanted) + len(missing)
            print(f"  {made} of {len(missing)} runs made", file=sys.stderr, flush=True)
    return answers


def _pieces(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs of one seed together, a few at a time."""
    for seed in dict.fromkeys(job.seed for job in jobs):
        group = [job for job in jobs if job.seed == seed]
        yield from (group[start : start + PIECE] for start in range(0, len(group), PIECE))


def _computed(
    pieces: list[list[Job]], size: ClaimSize, folder: Path | None, workers: int | None
) -> Iterator[dict[Job, Summary]]:
    workers = min(MOST_JOBS, os.cpu_count() or 1) if workers is None else workers
    if workers == 1 or len(pieces) < 2:
        yield from (_piece(piece, size, folder) for piece in pieces)
        return
    from joblib import Parallel, delayed

    # The default backend is loky; `with joblib.parallel_config("dask")` sends the same elsewhere.
    pool = Parallel(n_jobs=workers, return_as="generator_unordered")
    yield from pool(delayed(_piece)(piece, size, folder) for piece in pieces)


def _piece(jobs: list[Job], size: ClaimSize, folder: Path | None) -> dict[Job, Summary]:
    """Do some jobs, storing each at once: an interrupted claim loses one run."""
    return {job: remembered(folder, job.key(size), partial(job.done, size)) for job in jobs}


# --- the cache ---------------------------------------------------------------------------------


def remembered(folder: Path | None, key: str, compute: Callable[[], Summary]) -> Summary:
    """The stored summary of a key, or a computed one that is then stored."""
    found = load(folder, key)
    if found is None:
        found = compute()
        store(folder, key, found)
    return found


def load(folder: Path | None, key: str) -> Summary | None:
    """A stored summary; None when there is none, or when the file is damaged or edited."""
    if folder is None:
        return None
    try:
        stored = json.loads(_file(folder, key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    summary = stored.get("summary") if isinstance(stored, dict) else None
    if not isinstance(summary, dict) or stored.get("sha256") != _sealed(key, summary)["sha256"]:
        return None
    return summary


def store(folder: Path | None, key: str, summary: Summary) -> None:
    """Write a summary whole or not at all; a full disk loses the copy, never the answer."""
    if folder is None:
        return
    target, way_out = _file(folder, key), f"set {CACHE_VARIABLE} to a folder of yours"
    try:
        make_folder(target.parent, way_out=way_out)
        write_whole(target, json.dumps(_sealed(key, summary)).encode(), way_out=way_out)
    except StorageError as error:  # without the file's name: one note for all runs
        _note(f"a run was not cached ({error.__cause__}); {way_out}.")


def _sealed(key: str, summary: Summary) -> dict[str, Any]:
    """What a file of the cache holds; its check sum is of both parts."""
    text = json.dumps([key, summary], sort_keys=True)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return {"key": key, "summary": summary, "sha256": sha256}


def cache_folder() -> Path | None:
    """Where summaries live, or None (with one note) where nothing can be written."""
    named = os.environ.get(CACHE_VARIABLE)
    try:
        folder = Path(named) if named else Path.home() / ".cache" / "mlsys_lessons"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
        problem = f"{folder} is not writable"
    except (OSError, RuntimeError) as error:
        problem = str(error)
    _note(f"runs are not cached ({problem}); set {CACHE_VARIABLE} to a folder of yours.")
    return None


def _file(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.json"


@lru_cache(maxsize=8)
def _note(text: str) -> None:
    warnings.warn(text, stacklevel=3)


# --- what a run depends on ---------------------------------------------------------------------


@lru_cache(maxsize=1)
def libraries() -> dict[str, str]:
    """Versions of the libraries that a run's numbers come from."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
