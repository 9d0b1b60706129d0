"""The registry on disk: every fitted version with its lineage, and which one is in service.

    versions/LABEL.skops    the model; model_files.py writes and reads it, there is no second format
    versions/LABEL.json     its lineage, and a seal over the model's bytes and the lineage
    aliases.json            the champions in order, and the challenger; sealed, replaced whole

The registry in memory (components/inference/registry.py) is what a running system asks for each
score, and forgets when its process ends. This one fills it on start (`in_memory`), and is told what
was put in service. It fits nothing, and does not choose: whoever promotes has looked at the canary.
Longer than most: versions, aliases and what is refused of either are one format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from mlsys_lessons.components.component import DEFAULT_DOMAIN
from mlsys_lessons.components.inference.registry import ModelVersion, Registry
from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError, StateError, StorageError
from mlsys_lessons.files import make_folder, refusal, write_whole
from mlsys_lessons.serving.model_files import load_model, save_model

FORMAT = 1
LONGEST_WAIT = 10.0  # seconds for another writer
LARGEST = 2**20  # bytes of a page of JSON; ours have some thousand
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WAY_OUT = "choose another folder"


@dataclass(frozen=True)
class Lineage:
    """Where a version comes from: what somebody asks of it at three in the morning.

    `data` is the window of days that it learned from, [first, last]; `features` what it reads;
    `code` the version of the code that fitted it; `metrics` what it measured before it went out,
    by name; `parent` the version that it is to replace, "" for the first.
    """

    data: tuple[int, int]
    features: tuple[str, ...]
    code: str
    metrics: dict[str, float] = field(default_factory=dict)
    parent: str = ""


@dataclass(frozen=True)
class Aliases:
    """Which version has which part: champions in the order in which they were, the last one serves.

    >>> one = Aliases().promoted("rule-1").tried("rule-2")
    >>> one.champion, one.challenger, one.promoted("rule-2").rolled_back().champion
    ('rule-1', 'rule-2', 'rule-1')
    """

    champions: tuple[str, ...] = ()
    challenger: str = ""

    @property
    def champion(self) -> str:
        """The label in service, "" before the first."""
        return self.champions[-1] if self.champions else ""

    def tried(self, label: str) -> Aliases:
        """The same with another challenger."""
        return replace(self, challenger=label)

    def promoted(self, label: str) -> Aliases:
        """The same with another champion; whoever was the challenger is none any more."""
        served = self.champions if label == self.champion else (*self.champions, label)
        return Aliases(served)

    def rolled_back(self) -> Aliases:
        """The champion before serves again; a challenger of the one that went goes with it."""
        return Aliases(self.champions[:-1] if len(self.champions) > 1 else self.champions)


class ModelStore:
    """Versions in a folder; every change of an alias is one file, replaced whole, under a lock.

    Why it matters: a roll-back is wanted in the worst hour of the year. It must be one call, must
    not fit, download or decide anything, and must find the version that served yesterday.

    >>> import numpy as np, tempfile
    >>> from mlsys_lessons.components.inference.models import BaseRate
    >>> model = BaseRate().fit(None, np.array([0.0, 1.0]))
    >>> store = ModelStore(tempfile.mkdtemp())
    >>> learned = Lineage(data=(-180, -1), features=("amount",), code="a1b2", metrics={"auc": 0.9})
    >>> for label in ("mean-1", "mean-2"):
    ...     _ = store.promote(store.keep(ModelVersion(label, model), learned))
    >>> store.champion.label, store.roll_back().label, store.lineage("mean-1").metrics
    ('mean-2', 'mean-1', {'auc': 0.9})
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        make_folder(self._versions, way_out=_WAY_OUT)

    def __repr__(self) -> str:
        now = self.aliases
        return (f"ModelStore({len(self.labels)} versions, champion {now.champion or 'none'}, "
                f"challenger {now.challenger or 'none'})")  # fmt: skip

    # --- versions ------------------------------------------------------------------------------

    @property
    def labels(self) -> tuple[str, ...]:
        """Every version that is whole, by name: the lineage is written last."""
        return tuple(sorted(path.stem for path in self._versions.glob("[!.]*.json")))

    def keep(self, version: ModelVersion, lineage: Lineage) -> str:
        """Write a version and its lineage; a label that was given out is never given again.

        Raises InputError for a label that is no file's name or is taken, for a parent that is not
        here and for a lineage that JSON cannot hold; what `save_model` refuses is refused.
        """
        label = _checked_name(version.label)
        facts = _facts(lineage)
        with self._locked():
            if label in self.labels:
                raise InputError(
                    f"{label!r} is taken in {self.folder}; give a version a new label."
                )
            if lineage.parent and lineage.parent not in self.labels:
                raise InputError(
                    f"parent={lineage.parent!r} is not in {self.folder}; keep it first."
                )
            file = save_model(version, self._file(label, "skops"))
            page = {"label": label, "sha256": _sum(file.read_bytes()), "lineage": facts}
            self._write(self._file(label, "json"), page)
        return label

    def load(self, label: str) -> ModelVersion:
        """A version whose file and lineage are as they were written.

        Raises InputError for a label that is not here and for a file that was damaged or edited,
        StorageError for one that cannot be read.
        """
        page, file = self._page(label), self._file(label, "skops")
        if _sum(_bytes(file)) != page["sha256"]:
            _refuse(file, "is not the file that was kept")
        version = load_model(file)
        if version.label != label:
            _refuse(file, f"holds {version.label!r}")
        return version

    def lineage(self, label: str) -> Lineage:
        """Where a version comes from.  Raises what `load` raises, for the lineage's own file."""
        facts = self._page(label)["lineage"]
        return Lineage(**{**facts, "data": tuple(facts["data"]),
                          "features": tuple(facts["features"])})  # fmt: skip

    # --- aliases -------------------------------------------------------------------------------

    @property
    def aliases(self) -> Aliases:
        """Which version has which part now.  Raises InputError for a file that was edited."""
        file = self.folder / "aliases.json"
        if not file.exists():
            return Aliases()
        page = _read(file)
        return Aliases(tuple(page["champions"]), page["challenger"])

    @property
    def champion(self) -> ModelVersion:
        """The version in service, verified.  Raises StateError where none was promoted."""
        label = self.aliases.champion
        if not label:
            raise StateError(f"{self.folder} has no champion yet; promote a version that it keeps.")
        return self.load(label)

    def try_out(self, label: str) -> Aliases:
        """Make a version the challenger: it may be shown requests, and decides none."""
        return self._moved(partial(Aliases.tried, label=label), label)

    def promote(self, label: str) -> Aliases:
        """Make a version the champion.  One that cannot be verified never becomes it."""
        return self._moved(partial(Aliases.promoted, label=label), label)

    def roll_back(self) -> ModelVersion:
        """Put the champion before back in service, and return it verified; the first one stays.

        It moves an alias and nothing else: the version that goes is kept, to be looked at.
        """
        with self._locked():
            back = self.aliases.rolled_back()
            if not back.champion:
                raise StateError(f"{self.folder} has no champion to roll back; promote one first.")
            version = self.load(back.champion)
            self._write(self.folder / "aliases.json", asdict(back))
        return version

    def in_memory(self, domain: Domain = DEFAULT_DOMAIN) -> Registry:
        """What a server starts with: the champion on top of the one before it, both verified."""
        served = self.aliases.champions[-2:-1]
        return Registry([*map(self.load, served), self.champion], domain)

    def _moved(self, move: Any, label: str) -> Aliases:
        """Move an alias to a version that was verified, under the lock."""
        with self._locked():
            self.load(label)
            now: Aliases = move(self.aliases)
            self._write(self.folder / "aliases.json", asdict(now))
        return now

    # --- files ---------------------------------------------------------------------------------

    @property
    def _versions(self) -> Path:
        return self.folder / "versions"

    def _file(self, label: str, kind: str) -> Path:
        return self._versions / f"{label}.{kind}"

    def _page(self, label: str) -> dict[str, Any]:
        if _checked_name(label) not in self.labels:
            raise InputError(f"{label!r} is not in {self.folder}; it keeps {list(self.labels)}.")
        page = _read(self._file(label, "json"))
        if page["label"] != label:
            _refuse(self._file(label, "json"), f"is the page of {page['label']!r}")
        return page

    def _write(self, file: Path, page: dict[str, Any]) -> None:
        whole = {"format": FORMAT, **page}
        text = json.dumps({**whole, "seal": _seal(whole)}, indent=1, sort_keys=True)
        write_whole(file, f"{text}\n".encode(), way_out=_WAY_OUT)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time; the system lets go of the lock if its process dies."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / ".lock", timeout=LONGEST_WAIT)
        try:
            with refusal(self.folder, way_out=_WAY_OUT):
                lock.acquire()
        except StorageError as error:
            if not isinstance(error.__cause__, Timeout):
                raise
            rule = f"has been held by another writer for {LONGEST_WAIT:g} seconds"
            raise StorageError(f"{self.folder} {rule}; end it, and try again.") from error
        try:
            yield
        finally:
            lock.release()


def _facts(lineage: Lineage) -> dict[str, Any]:
    """A lineage as JSON holds it.  Raises InputError for one that it cannot hold as it is."""
    first, last = lineage.data
    if not first <= last:
        raise InputError(f"data={lineage.data!r} must be days [first, last], in this order.")
    facts = asdict(lineage)
    try:
        held: dict[str, Any] = json.loads(json.dumps(facts, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"{lineage!r} has no JSON form ({error}); use numbers and text.") from None
    return held


def _checked_name(label: Any) -> str:
    if not isinstance(label, str) or not _NAME.fullmatch(label):
        raise InputError(f"label={label!r} names no file; use letters, digits, '.', '_' and '-'.")
    return label


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror
        raise StorageError(f"{file} cannot be read ({reason}); keep it anew.") from None


def _read(file: Path) -> dict[str, Any]:
    """A sealed page, as it was written."""
    data = _bytes(file)
    try:
        page: dict[str, Any] = json.loads(data) if len(data) <= LARGEST else {}
        seal = page.pop("seal")
        known = page["format"] == FORMAT
    except Exception as error:  # whatever a damaged page provokes
        _refuse(file, f"is damaged, or no page of a registry ({type(error).__name__})")
    if not known:
        _refuse(file, f"has format {page['format']!r}, this registry reads {FORMAT}")
    if seal != _seal(page):
        _refuse(file, "was edited after it was sealed")
    return page


def _seal(page: dict[str, Any]) -> str:
    """The check sum of a page; it finds damage and edits by hand, and proves no author."""
    return _sum(json.dumps(page, sort_keys=True).encode())


def _sum(data: bytes) -> str:
    return sha256(data).hexdigest()


def _refuse(file: Path, rule: str) -> NoReturn:
    raise InputError(f"{file} {rule}; restore it, or promote a version that can be verified.")
