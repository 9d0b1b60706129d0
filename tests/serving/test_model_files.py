"""Model files: the same scores after a round trip, and a clear refusal of everything else."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsys_lessons.components.component import Model
from mlsys_lessons.components.inference.calibrated import CalibratedModel
from mlsys_lessons.components.inference.models import (
    BaseRate,
    BoostedModel,
    LogisticModel,
    PerfectModel,
    RuleModel,
)
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.errors import InputError, LessonError, NotFittedError, StorageError
from mlsys_lessons.serving.model_files import ALLOWED, KINDS, load_model, save_model
from mlsys_lessons.worlds.payments.domain import FEATURES

MODELS: dict[str, Callable[[], Model]] = {
    "base rate": BaseRate,
    "rule": RuleModel,
    "logistic": lambda: LogisticModel(strength=0.3),
    "boosted": lambda: BoostedModel(trees=12, leaves=9, random_state=5),
    "calibrated": lambda: CalibratedModel(BoostedModel(trees=12, leaves=9, random_state=5)),
}


def table(rows: int = 600) -> pd.DataFrame:
    """Feature rows with gaps, such as models are fitted on and asked about."""
    random = np.random.default_rng(11)
    frame = pd.DataFrame(random.gamma(1.0, 2.0, (rows, len(FEATURES))), columns=list(FEATURES))
    return frame.mask(random.random(frame.shape) < 0.1)


def fitted(name: str) -> Model:
    rows = table()
    labels = (rows["sum_24h"].fillna(0) + rows["log_amount"].fillna(0) > 6).to_numpy(dtype=float)
    return MODELS[name]().fit(rows, labels)


@pytest.fixture
def boosted_file(tmp_path: Path) -> Path:
    return save_model(ModelVersion("boosted-1", fitted("boosted")), tmp_path / "model.skops")


def refusal(path: Path) -> str:
    """The sentence with which a file is refused: one line that names the file."""
    with pytest.raises(InputError) as refused:
        load_model(path)
    sentence = str(refused.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The file with another schema inside, well packed."""
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    schema = json.loads(members["schema.json"])
    change(schema)
    members["schema.json"] = json.dumps(schema).encode()
    target = path.with_name("changed.skops")
    with zipfile.ZipFile(target, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return target


# --- one model around another ------------------------------------------------------------------


def calibrated_with(curve: tuple[list[float], list[float]], tmp_path: Path) -> Path:
    """A file of a calibrated model whose curve is this one."""
    model = fitted("calibrated")
    model.curve_ = tuple(np.array(knots) for knots in curve)  # type: ignore[attr-defined]
    return save_model(ModelVersion("mine-1", model), tmp_path / "model.skops")


@pytest.mark.parametrize(
    "curve",
    [
        ([0.1, 0.2], [0.5, 0.4]),  # falls
        ([0.2, 0.1], [0.4, 0.5]),  # no order
        ([0.1, 0.2], [0.5, 1.4]),  # no probability
        ([0.1, 0.2], [0.5]),  # no pairs
        ([], []),
        ([0.1, np.nan], [0.1, 0.2]),
    ],
)
def test_a_curve_that_is_none_is_refused(
    curve: tuple[list[float], list[float]], tmp_path: Path
) -> None:
    refusal(calibrated_with(curve, tmp_path))


def test_a_model_in_a_model_in_a_model_has_no_file(tmp_path: Path) -> None:
    twice = fitted("calibrated")
    twice.model = fitted("calibrated")  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="cannot be saved"):
        save_model(ModelVersion("mine-1", twice), tmp_path / "model.skops")
    twice.model = LogisticModel()  # type: ignore[attr-defined]
    with pytest.raises(NotFittedError):
        save_model(ModelVersion("mine-1", twice), tmp_path / "model.skops")


# --- what comes back ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_a_round_trip_changes_no_bit_of_a_score(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    saved = save_model(ModelVersion(f"{name}-4", model, fitted_tick=84), tmp_path / "m.skops")
    version = load_model(saved)
    assert (version.label, version.fitted_tick) == (f"{name}-4", 84)
    assert repr(version.model) == repr(model)
    unseen = table(2_000)
    assert version.model.predict(unseen).tobytes() == model.predict(unseen).tobytes()


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_learns_and_is_saved_like_any_other(name: str, tmp_path: Path) -> None:
    path = save_model(ModelVersion("first", fitted(name)), tmp_path / "m.skops")
    model = load_model(path).model
    rows = table()
    flipped = (rows["log_amount"].fillna(0) < 1).to_numpy(dtype=float)
    again = load_model(save_model(ModelVersion("second", model.fit(rows, flipped)), path)).model
    assert (
        again.predict(rows).tobytes() == MODELS[name]().fit(rows, flipped).predict(rows).tobytes()
    )


def test_the_preset_model_comes_back_as_it_is(tmp_path: Path) -> None:
    from mlsys_lessons import resilient_system

    system = resilient_system(seed=7)
    champion = system.inference.registry.champion
    loaded = load_model(save_model(champion, tmp_path / "champion.skops"))
    rows = table(2_000)
    assert loaded.model.predict(rows).tobytes() == champion.model.predict(rows).tobytes()
    estimator = champion.model.estimator_
    inputs = rows[list(FEATURES)].to_numpy()
    assert (loaded.model.estimator_.predict_proba(inputs) == estimator.predict_proba(inputs)).all()


def test_what_cannot_be_saved_is_said_before_a_file_is_touched(tmp_path: Path) -> None:
    target = tmp_path / "model.skops"
    for model, error in ((PerfectModel(), InputError), (BoostedModel(), NotFittedError)):
        with pytest.raises(error):
            save_model(ModelVersion("no", model), target)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(
    boosted_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = boosted_file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        save_model(ModelVersion("rule-1", fitted("rule")), boosted_file)
    assert boosted_file.read_bytes() == before
    assert [each.name for each in boosted_file.parent.iterdir()] == [boosted_file.name]


def test_paths_that_lead_nowhere_get_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.skops", tmp_path):
        with pytest.raises(StorageError, match="cannot be read"):
            load_model(path)
    with pytest.raises(StorageError, match="cannot be written"):
        save_model(ModelVersion("rule-1", fitted("rule")), tmp_path / "no" / "folder.skops")


# --- foreign types -----------------------------------------------------------------------------


def test_a_foreign_type_is_refused_by_its_name(boosted_file: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    rows = table().fillna(0)
    foreign = LogisticRegression().fit(rows, rows["log_amount"] > 1)
    assert not skops.io.get_untrusted_types(data=skops.io.dumps(foreign))  # skops would take it
    boosted_file.write_bytes(skops.io.dumps({"format": 1, "learned": {"estimator_": foreign}}))
    assert "sklearn.linear_model._logistic.LogisticRegression" in refusal(boosted_file)


@pytest.mark.parametrize("loader", ["ObjectNode", "TypeNode", "FunctionNode", "JsonNode"])
def test_a_planted_type_is_named_and_its_module_never_imported(
    boosted_file: Path, monkeypatch: pytest.MonkeyPatch, loader: str
) -> None:
    folder = boosted_file.parent
    (folder / "planted_module.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(str(folder))

    def plant(schema: dict[str, Any]) -> None:
        schema["content"]["learned"]["content"]["estimator_"]["content"] = {
            "__class__": "Surprise", "__module__": "planted_module", "__loader__": loader,
            "content": "1",
        }  # fmt: skip

    assert "'planted_module.Surprise'" in refusal(rewritten(boosted_file, plant))
    assert "planted_module" not in sys.modules


@pytest.mark.parametrize("loader", ["MethodNode", "PartialNode", "OperatorFuncNode", "TreeNode"])
def test_a_way_of_building_that_we_do_not_use_is_refused_by_name(
    boosted_file: Path, loader: str
) -> None:
    def plant(schema: dict[str, Any]) -> None:
        schema["content"]["label"]["__loader__"] = loader

    assert f"'{loader}'" in refusal(rewritten(boosted_file, plant))


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "pwned"),)

    path = tmp_path / "model.skops"
    path.write_bytes(pickle.dumps(Payload()))
    refusal(path)
    with zipfile.ZipFile(path, "w") as packed:  # and one behind the right name
        packed.writestr("schema.json", pickle.dumps(Payload()))
    refusal(path)
    assert not (tmp_path / "pwned").exists()


def test_an_array_of_objects_would_need_a_pickle_and_is_refused(boosted_file: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(boosted_file.parent / "pwned"),)

    stream = io.BytesIO()
    np.save(stream, np.array([Payload()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(boosted_file) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    for name in members:
        if name.endswith(".npy"):
            members[name] = stream.getvalue()
    with zipfile.ZipFile(boosted_file, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    refusal(boosted_file)
    assert not (boosted_file.parent / "pwned").exists()


def test_the_list_is_closed_and_holds_nothing_that_no_model_needs() -> None:
    needed: set[str] = set()
    for name in MODELS:
        model = fitted(name)
        waiting: list[Any] = [json.loads(_schema(skops.io.dumps(vars(model))))]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                if "__class__" in node:
                    needed.add(f"{node['__module__']}.{node['__class__']}")
                waiting += node.values()
            elif isinstance(node, list):
                waiting += node
    ours = {each for each in ALLOWED if each.startswith("sklearn")}
    assert ours == {each for each in needed if each.startswith("sklearn")}
    assert set(KINDS) == set(MODELS)


def _schema(data: bytes) -> bytes:
    return zipfile.ZipFile(io.BytesIO(data)).read("schema.json")


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_gets_one_sentence(boosted_file: Path, share: float) -> None:
    data = boosted_file.read_bytes()
    boosted_file.write_bytes(data[: int(share * len(data))])
    assert "damaged" in refusal(boosted_file)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_refused_or_harmless(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "model.skops"
    model = fitted("logistic")
    raw = bytearray(save_model(ModelVersion("logistic-1", model), path).read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    rows = table(50)
    try:
        loaded = load_model(path)
    except LessonError as error:
        assert "\n" not in str(error)
    else:
        assert loaded.model.predict(rows).tobytes() == model.predict(rows).tobytes()


@pytest.mark.parametrize(
    "document",
    [
        [], {"format": 2}, {"format": 1, "kind": "boosted"},
        {"format": 1, "kind": "perfect", "label": "x", "fitted_tick": 0, "parameters": {},
         "learned": {}},
        {"format": 1, "kind": "base rate", "label": "x", "fitted_tick": 0, "parameters": {},
         "learned": {"rate_": 7.0}},
        {"format": 1, "kind": "base rate", "label": "x", "fitted_tick": 0, "parameters": {},
         "learned": {"rate_": 0.1, "predict": 0.2}},
        {"format": 1, "kind": "rule", "label": "x", "fitted_tick": 0, "parameters": {},
         "learned": {"rates_": np.array([0.1, 0.2])}},
        {"format": 1, "kind": "logistic", "label": "x", "fitted_tick": 0, "parameters": {},
         "learned": {"weights_": np.zeros(3), "intercept_": 0.0, "centre_": np.zeros(3),
                     "scale_": np.ones(3)}},
    ],
)  # fmt: skip
def test_a_well_packed_file_that_is_no_model_of_ours_is_refused(
    tmp_path: Path, document: Any
) -> None:
    path = tmp_path / "other.skops"
    path.write_bytes(skops.io.dumps(document))
    assert "damaged, or no model file" in refusal(path)


def _first_trees(model: BoostedModel) -> np.ndarray:
    return model.estimator_._predictors[0][0].nodes


@pytest.mark.parametrize(
    ("field", "value"), [("left", 0), ("right", 10_000), ("left", 2), ("feature_idx", 16),
                         ("feature_idx", -1), ("is_categorical", 1)],
)  # fmt: skip
def test_trees_that_lead_outside_or_in_circles_are_refused(
    tmp_path: Path, field: str, value: int
) -> None:
    model = fitted("boosted")
    assert isinstance(model, BoostedModel)
    _first_trees(model)[field][0] = value
    path = save_model(ModelVersion("crafted", model), tmp_path / "crafted.skops")
    assert "ValueError" in refusal(path)


def test_a_file_of_another_scikit_learn_is_refused_rather_than_guessed_at(
    boosted_file: Path,
) -> None:
    def older(schema: dict[str, Any]) -> None:
        text = json.dumps(schema).replace(json.dumps(f'"{sklearn.__version__}"'), '"\\"1.2.0\\""')
        assert text != json.dumps(schema)
        schema.update(json.loads(text))

    assert "was written by scikit-learn " in refusal(rewritten(boosted_file, older))


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("schema.json", b" " * (65 * 2**20))
    assert "64 MB" in refusal(path)
