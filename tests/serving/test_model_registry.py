"""The registry on disk: whole or not at all, verified or refused by name, and a way back."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlsys_lessons as mls
from mlsys_lessons.components.inference.models import BaseRate
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.errors import InputError, NotFittedError, StateError, StorageError
from mlsys_lessons.serving import model_registry
from mlsys_lessons.serving.model_registry import Aliases, Lineage, ModelStore

LEARNED = Lineage(data=(-180, -1), features=("amount",), code="a1b2", metrics={"auc": 0.91})


def version(label: str, rate: float = 0.25) -> ModelVersion:
    labels = np.r_[np.ones(round(100 * rate)), np.zeros(round(100 * (1 - rate)))]
    return ModelVersion(label, BaseRate().fit(pd.DataFrame({"x": labels}), labels))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    made = ModelStore(tmp_path / "registry")
    for label, rate in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        made.keep(version(label, rate), LEARNED)
    return made


def test_a_version_comes_back_with_its_lineage(store: ModelStore) -> None:
    child = replace(LEARNED, parent="a", data=(0, 90), metrics={"auc": 0.5, "cents": -3.25})
    store.keep(version("d", 0.4), child)
    again = ModelStore(store.folder)
    assert again.labels == ("a", "b", "c", "d")
    assert again.lineage("d") == child
    assert again.load("d").model.predict(pd.DataFrame({"x": [0]})) == pytest.approx(0.4)


def test_a_real_champion_scores_the_same_bits_from_disk(tmp_path: Path) -> None:
    system = mls.naive_system(seed=7)
    champion = system.inference.registry.champion
    store = ModelStore(tmp_path)
    label = store.keep(champion, replace(LEARNED, features=tuple(champion.model.inputs)))
    store.promote(label)
    rows = pd.DataFrame(np.random.default_rng(1).gamma(1, 2, (50, len(champion.model.inputs))),
                        columns=list(champion.model.inputs))  # fmt: skip
    registry = store.in_memory()
    assert registry.champion.label == label
    assert (registry.model.predict(rows) == champion.model.predict(rows)).all()


def test_both_registries_roll_back_to_the_same_version(store: ModelStore) -> None:
    for label in ("a", "b", "a"):
        store.promote(label)
    memory = store.in_memory()
    assert memory.roll_back().label == store.roll_back().label == "b"
    assert store.roll_back().label == store.roll_back().label == "a"  # the first one stays


def test_what_was_never_promoted_cannot_serve(store: ModelStore) -> None:
    with pytest.raises(StateError, match="no champion yet"):
        _ = store.champion
    with pytest.raises(StateError, match="no champion to roll back"):
        store.roll_back()
    for wrong in (lambda: store.promote("z"), lambda: store.try_out("z"), lambda: store.load("z")):
        with pytest.raises(InputError, match="'z' is not in"):
            wrong()


@pytest.mark.parametrize("label", ["", "../a", "a/b", ".hidden", "a b", "x" * 65, 7, None])
def test_a_label_is_a_file_s_name(store: ModelStore, label: object) -> None:
    with pytest.raises(InputError, match="names no file"):
        store.keep(ModelVersion(label, version("a").model), LEARNED)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="names no file"):
        store.load(label)  # type: ignore[arg-type]


def test_what_is_refused_leaves_nothing_behind(store: ModelStore) -> None:
    refused = (
        (version("a"), LEARNED, InputError, "taken"),
        (version("e"), replace(LEARNED, parent="nobody"), InputError, "keep it first"),
        (version("e"), replace(LEARNED, data=(5, 4)), InputError, "in this order"),
        (version("e"), replace(LEARNED, metrics={"auc": float("nan")}), InputError, "JSON"),
        (ModelVersion("e", BaseRate()), LEARNED, NotFittedError, "learned nothing"),
    )
    for made, lineage, error, words in refused:
        with pytest.raises(error, match=words):
            store.keep(made, lineage)
    assert store.labels == ("a", "b", "c")


@pytest.mark.parametrize("kind", ["skops", "json", "aliases"])
def test_any_bit_that_flips_is_found(store: ModelStore, kind: str) -> None:
    store.promote("a")
    folder = store.folder
    file = folder / "aliases.json" if kind == "aliases" else folder / "versions" / f"a.{kind}"
    whole, luck = file.read_bytes(), np.random.default_rng(4)
    for place in luck.integers(len(whole), size=40):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(luck.integers(8))
        file.write_bytes(damaged)
        if kind != "skops" and _reads_alike(whole, bytes(damaged)):
            continue  # a blank that became another blank says the same
        with pytest.raises(InputError, match=str(file.name)):
            _ = store.champion
    file.write_bytes(whole)
    assert store.champion.label == "a"


def _reads_alike(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def test_an_edit_by_hand_is_named(store: ModelStore) -> None:
    page = store.folder / "versions" / "b.json"
    text = page.read_text()
    page.write_text(text.replace("0.91", "0.99"))
    with pytest.raises(InputError, match=r"b\.json was edited after it was sealed"):
        store.lineage("b")
    page.write_text(text.replace('"format": 1', '"format": 9'))
    with pytest.raises(InputError, match="has format 9"):
        store.load("b")
    page.write_text((store.folder / "versions" / "a.json").read_text())
    with pytest.raises(InputError, match="is the page of 'a'"):
        store.load("b")
    page.write_text(text)
    model = store.folder / "versions" / "b.skops"
    model.write_bytes((store.folder / "versions" / "a.skops").read_bytes())
    with pytest.raises(InputError, match="is not the file that was kept"):
        store.promote("b")
    assert store.aliases == Aliases()
    model.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        store.load("b")


def test_a_damaged_way_back_is_refused_and_the_champion_stays(store: ModelStore) -> None:
    store.promote("a")
    store.promote("b")
    (store.folder / "versions" / "a.skops").write_bytes(b"half")
    with pytest.raises(InputError, match="not the file that was kept"):
        store.roll_back()
    assert store.champion.label == "b"


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs but `finally`."""


@pytest.mark.parametrize("step", range(6))
def test_a_kill_between_any_two_writes_leaves_the_old_champion(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Three files are written to put a new version in service, each as a draft and a rename."""
    store.promote("a")
    calls = iter(range(100))

    def dies(real):
        def call(*args, **kwargs):
            if next(calls) == step:
                raise Killed
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr("mlsys_lessons.files.os.fsync", dies(os.fsync))
        patch.setattr("mlsys_lessons.files.os.replace", dies(os.replace))
        with pytest.raises(Killed):
            store.keep(version("d", 0.4), LEARNED)
            store.promote("d")
    again = ModelStore(store.folder)
    assert again.champion.label == "a"
    if "d" not in again.labels:
        again.keep(version("d", 0.4), LEARNED)  # half of a version is in nobody's way
    assert again.promote("d").champion == again.load("d").label == "d"


def _writer(folder: str, name: str, times: int) -> None:
    store = ModelStore(folder)
    for number in range(times):
        store.promote(store.keep(version(f"{name}-{number}"), LEARNED))


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    store, times = ModelStore(tmp_path), 6
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_writer, args=(str(tmp_path), name, times)) for name in "xy"]
    for one in writers:
        one.start()
    for one in writers:
        one.join(120)
    assert [one.exitcode for one in writers] == [0, 0]
    champions = store.aliases.champions
    assert sorted(champions) == sorted(f"{name}-{n}" for name in "xy" for n in range(times))
    for name in "xy":
        ours = [label for label in champions if label[0] == name]
        assert ours == [f"{name}-{number}" for number in range(times)]


def test_a_writer_that_does_not_go_on_is_named(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    monkeypatch.setattr(model_registry, "LONGEST_WAIT", 0.05)
    with (
        FileLock(store.folder / ".lock", is_singleton=False),
        pytest.raises(StorageError, match="held by another writer"),
    ):
        store.promote("a")


MOVES = st.lists(
    st.tuples(st.sampled_from(["promote", "try", "back"]), st.sampled_from("abc")), max_size=25
)


@settings(max_examples=200, deadline=None)
@given(moves=MOVES)
def test_aliases_by_a_plain_list(moves: list[tuple[str, str]]) -> None:
    ours, served, tried = Aliases(), [], ""
    for move, label in moves:
        if move == "promote":
            ours, tried = ours.promoted(label), ""
            served += [label] if served[-1:] != [label] else []
        elif move == "try":
            ours, tried = ours.tried(label), label
        else:
            ours, tried = ours.rolled_back(), ""
            served = served[:-1] if len(served) > 1 else served
        assert (list(ours.champions), ours.challenger) == (served, tried)
        assert ours.champion == (served[-1] if served else "")
        assert all(one != two for one, two in pairwise(served))


@settings(max_examples=15, deadline=None)
@given(moves=MOVES)
def test_the_folder_says_what_the_moves_say(moves, tmp_path_factory) -> None:
    store = ModelStore(tmp_path_factory.mktemp("registry"))
    for label in "abc":
        store.keep(version(label), LEARNED)
    ours = Aliases()
    for move, label in moves:
        if move == "promote":
            ours = ours.promoted(label)
            assert store.promote(label) == ours
        elif move == "try":
            ours = ours.tried(label)
            assert store.try_out(label) == ours
        elif ours.champions:
            ours = ours.rolled_back()
            assert store.roll_back().label == ours.champion
        assert ModelStore(store.folder).aliases == ours
