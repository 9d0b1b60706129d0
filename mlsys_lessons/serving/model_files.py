"""Model files: one fitted model version in one file, which runs no code when it is opened.

A pickle can do anything to whoever loads it. skops writes data and names of types; this file keeps
the closed list of the names that our own models need, and refuses anything else by name. Allowed
types can still hold damaging numbers, so trees are checked to be trees. Who may put a version in
service is the registry's business. Longer than most: how a version is written, and what is refused
of one that is read, are one format.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from importlib.metadata import version as installed
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.inference.calibrated import CalibratedModel
from mlsys_lessons.components.inference.models import (
    BaseRate,
    BoostedModel,
    LogisticModel,
    RuleModel,
)
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.errors import InputError, NotFittedError, StorageError
from mlsys_lessons.files import behind_links, write_whole
from mlsys_lessons.records import whole_number

FORMAT = 2  # 1 did not say what a model reads
LARGEST = 64 * 2**20  # bytes, packed or not; ours have half a megabyte
LARGEST_SCHEMA = 4 * 2**20  # bytes; ours have a tenth of one megabyte
PLAIN = {kind.name: kind for kind in (BaseRate, RuleModel, LogisticModel, BoostedModel)}
KINDS: dict[str, Any] = {**PLAIN, CalibratedModel.name: CalibratedModel}  # one around a plain one

_TREES = "sklearn.ensemble._hist_gradient_boosting"
_PLAIN = frozenset(
    f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list", "str", "tuple")
)
PRIVATE_TYPES = frozenset(
    {
        f"{_TREES}.gradient_boosting.HistGradientBoostingClassifier",
        f"{_TREES}.binning._BinMapper",
        f"{_TREES}.predictor.TreePredictor",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.Interval",
        "sklearn.preprocessing._label.LabelEncoder",
    }
)
_NUMPY = frozenset(
    {"numpy.ndarray", "numpy.float64", "numpy.uint64", "numpy.random._generator.Generator"}
)
ALLOWED = PRIVATE_TYPES | _PLAIN | _NUMPY
_LOADERS = frozenset(
    f"{name}Node"
    for name in ("Dict", "Json", "List", "Loss", "NdArray", "Object", "RandomGenerator", "Tuple",
                 "Type")
)  # fmt: skip


def save_model(version: ModelVersion, path: str | Path) -> Path:
    """Write a fitted version into a file: complete, or not at all.

    Raises InputError for a model that has no file form, NotFittedError for one that has learned
    nothing, StorageError where the file cannot be written.
    """
    import skops.io

    model, target = version.model, Path(path)
    if not isinstance(version.label, str):
        raise InputError(f"label={version.label!r} must be text; try label='{model.name}-1'.")
    document = {
        "format": FORMAT,
        "label": version.label,
        "fitted_tick": whole_number("fitted_tick", version.fitted_tick, -(10**6), 10**6),
        **_written(model, KINDS),
    }
    write_whole(behind_links(target), skops.io.dumps(document), way_out="choose another folder")
    return target


def _written(model: Model, kinds: dict[str, Any]) -> dict[str, Any]:
    """A fitted model of some kinds as data; the one inside a calibrated model is written alike."""
    if type(model) is not kinds.get(model.name):
        raise InputError(
            f"{model!r} cannot be saved; a model file holds one of {', '.join(kinds)}."
        )
    learned = {name: value for name, value in vars(model).items() if name.endswith("_")}
    if any(value is None for value in learned.values()):
        raise NotFittedError(f"{model!r} has learned nothing yet; fit it before it is saved.")
    parameters = _parameters(model)
    if isinstance(model, CalibratedModel):
        parameters["model"] = _written(model.model, PLAIN)
    return {"kind": model.name, "parameters": parameters, "learned": learned}


def load_model(path: str | Path) -> ModelVersion:
    """Read a version that `save_model` wrote; its scores are the same bits.

    Why it matters: a model file is a file from somebody. A type outside the closed list is refused
    by its name before anything is built, and what was built must answer before it is returned.

    Raises StorageError for a file that cannot be read, InputError for one that holds anything else
    than a model of ours.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> model = BaseRate().fit(pd.DataFrame({"x": [0, 0]}), np.array([0.0, 1.0]))
    >>> load_model(save_model(ModelVersion("mean-1", model), folder / "mean.skops")).model
    BaseRate(rate=0.5)
    """
    source = Path(path)
    try:
        if source.exists() and not source.is_file():  # a pipe would be waited for
            raise OSError(errno.EINVAL, "it is no ordinary file")
        with source.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise StorageError(f"{source} cannot be read ({error.strerror}); name another.") from None
    try:
        return _version(_opened(source, data))
    except InputError:
        raise
    except Exception as error:  # whatever a damaged file provokes; nothing foreign was built
        _refuse(source, f"is damaged, or no model file ({type(error).__name__})")


def _opened(source: Path, data: bytes) -> Any:
    """What the file holds, once every type that it names is known to be one of ours."""
    from zipfile import ZipFile

    import skops.io

    with ZipFile(BytesIO(data)) as packed:
        if max(len(data), sum(each.file_size for each in packed.infolist())) > LARGEST:
            _refuse(source, f"holds more than {LARGEST // 2**20} MB")
        if packed.getinfo("schema.json").file_size > LARGEST_SCHEMA:  # each node costs much more
            _refuse(source, f"describes itself in more than {LARGEST_SCHEMA // 2**20} MB")
        schema = json.loads(packed.read("schema.json"))
    foreign = [each for each in _named(schema) if each not in ALLOWED | _LOADERS]
    if foreign:
        _refuse(source, f"holds {foreign[0]!r}, which no model of ours needs")
    _check_library(source, schema)
    return skops.io.loads(data, trusted=sorted(PRIVATE_TYPES))


def _named(schema: Any) -> Iterator[str]:
    """Every type, and every way of building one, that a skops schema names."""
    for node in _nodes(schema):
        if "__class__" in node or "__module__" in node:
            yield f"{node['__module__']}.{node['__class__']}"
        if "__loader__" in node:
            yield str(node["__loader__"])


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON document, however deep it lies."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _check_library(source: Path, schema: Any) -> None:
    """Refuse what another scikit-learn wrote: its private types change without a word."""
    now = installed("scikit-learn")
    for node in _nodes(schema):
        written = node.get("_sklearn_version")
        by = json.loads(written["content"]) if isinstance(written, dict) else now
        if by != now:
            raise InputError(
                f"{source} was written by scikit-learn {by}, and this is {now}; fit the "
                "model again and save it here."
            )


def _version(document: dict[str, Any]) -> ModelVersion:
    """The version that a document describes; raises whatever comes for a malformed one."""
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r}")
    label, tick = document["label"], document["fitted_tick"]
    model = _read(document, KINDS)
    if not isinstance(label, str):
        raise ValueError("a label that is no text")
    unseen = pd.DataFrame({name: [0.0, 9.0, np.nan] for name in _read_by(model)})
    scores = np.asarray(model.predict(unseen))
    if scores.shape != (3,) or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("scores that are no probabilities")
    return ModelVersion(label, model, int(tick))


def _read(document: dict[str, Any], kinds: dict[str, Any]) -> Model:
    """The model of some kinds that a document describes."""
    parameters = dict(document["parameters"])
    if document["kind"] == CalibratedModel.name:
        parameters["model"] = _read(parameters["model"], PLAIN)
    model: Model = kinds[document["kind"]](**parameters)
    names = {name for name in vars(model) if name.endswith("_")}
    if set(document["learned"]) != names:
        raise ValueError("other fields than a model of this kind has")
    vars(model).update(document["learned"])
    if isinstance(model, BoostedModel):
        _check_trees(model.estimator_, len(model.inputs))
    if isinstance(model, CalibratedModel):
        _check_curve(*document["learned"]["curve_"])
    return model


def _check_curve(scores: Any, rates: Any) -> None:
    """Knots in order, and a rate that is a probability at each."""
    held = np.stack([np.asarray(scores, dtype=np.float64), np.asarray(rates, dtype=np.float64)])
    if held.ndim != 2 or not held.size or not ((held >= 0) & (held <= 1)).all():
        raise ValueError("a curve that is none")
    if not (np.diff(held) >= 0).all():
        raise ValueError("a curve that falls")


def _check_trees(estimator: Any, inputs: int) -> None:
    """Each node but the first is the child of one earlier node: else a walk may never end."""
    for (predictor,) in estimator._predictors:
        nodes = predictor.nodes
        places = np.flatnonzero(nodes["is_leaf"] == 0)
        left, right = nodes["left"][places], nodes["right"][places]
        later = (np.minimum(left, right) > places).all()
        once = np.array_equal(np.sort(np.append(left, right)), np.arange(1, len(nodes)))
        known = np.isin(nodes["feature_idx"][places], np.arange(inputs)).all()
        if not (later and once and known) or nodes["is_categorical"].any():
            raise ValueError("trees that are none")


def _read_by(model: Any) -> list[str]:
    """The inputs that a model of any kind reads."""
    if isinstance(model, CalibratedModel):
        return _read_by(model.model)
    named = [*getattr(model, "inputs", ()), *(name for name, _ in getattr(model, "questions", ()))]
    return named or ["anything"]


def _parameters(model: Model) -> dict[str, Any]:
    """What the constructor was given: everything that is neither learned nor private."""
    names = [name for name in vars(model) if not name.startswith("_") and not name.endswith("_")]
    return {name: vars(model)[name] for name in names}


def _refuse(source: Path, rule: str) -> NoReturn:
    raise InputError(f"{source} {rule}; load a file that save_model wrote here.")
