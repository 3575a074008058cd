"""A cluster whose nodes differ from this machine is refused, with the name of the node and what to do."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.data.folder_copies import copy_of
from core.errors import StoreError, StudyError
from core.settings.data import AudioFolderConfig
from core.settings.loading import to_settings
from core.settings.oscillators import LearnableWavetableConfig
from core.settings.presets import SMALL
from core.settings.synths import ModSynthConfig
from core.storage.store import Store
from core.training.resolve import resolve
from study.execution import node_checks
from study.execution.cluster import Node
from study.execution.node_checks import check_data, check_packages, check_root
from study.planning.resources import Machine
from tests.support.sounds import write_named_notes
from tests.support.stores import STORES

NODES = [Node(id=name, machine=Machine(name=f"node {name}", cpus=1, gpus=0)) for name in ("a", "b")]


class FakeNodes:
    """Nodes that are this process, with a chosen node that answers otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.change: dict[str, Callable[[Any], Any]] = {}
        self.at = ""
        monkeypatch.setattr(node_checks, "on_each_node", self.call)
        monkeypatch.setattr("ray.get_runtime_context", lambda: self)
        monkeypatch.setattr(node_checks, "VISIBLE_WITHIN_S", 0.05)

    def get_node_id(self) -> str:
        return self.at

    def call(self, nodes: Sequence[Node], function: Callable[..., Any], *arguments: Any, what: str) -> dict[str, Any]:
        del what
        results = {}
        for node in nodes:
            self.at = node.id
            results[node.id] = self.change.get(node.id, lambda result: result)(function(*arguments))
        self.at = ""
        return results


@pytest.fixture(autouse=True)
def nodes(monkeypatch: pytest.MonkeyPatch) -> FakeNodes:
    return FakeNodes(monkeypatch)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"torch": "1.0", "scipy": None}, r"node b has other packages than this machine: scipy is missing, here .*"),
        ({"Python": "3.9.1"}, "Python is 3.9.1, here 3"),
    ],
)
def test_other_versions_are_refused(nodes: FakeNodes, change: dict[str, str | None], message: str) -> None:
    check_packages(NODES)
    nodes.change["b"] = lambda found: found | change if isinstance(found, dict) else found
    with pytest.raises(StudyError, match=f"{message}.*; install the same on all nodes"):
        check_packages(NODES)


def test_other_code_is_refused(nodes: FakeNodes) -> None:
    nodes.change["a"] = lambda found: "0.0.1+core.0" if isinstance(found, str) else found
    with pytest.raises(StudyError, match=r"node a runs code 0.0.1\+core.0, and this .*remove it from PYTHONPATH"):
        check_packages(NODES)


@pytest.mark.parametrize("kind", ["folder", "uri", "s3"])
def test_a_shared_root_is_accepted_and_left_as_it_was(tmp_path: Path, kind: str) -> None:
    store = STORES[kind](tmp_path)
    store.put("mine/study.json", b"1")
    check_root(store.root, NODES)
    assert store.all_names("") == ["mine/study.json"]
    assert not [path for path in tmp_path.rglob("*") if "probe" in path.name]


def test_a_node_that_cannot_read_is_named(nodes: FakeNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    get = Store.get
    elsewhere = Store(tmp_path / "elsewhere")
    monkeypatch.setattr(Store, "get", lambda self, key: get(elsewhere if nodes.at == "b" else self, key))
    with pytest.raises(
        StudyError,
        match=r"node b does not share the root .*runs: it cannot read what the driver .*give a --root that all",
    ):
        check_root(str(tmp_path / "runs"), NODES)


def test_a_node_that_writes_elsewhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_new = Store.put_new
    monkeypatch.setattr(
        Store, "put_new", lambda self, key, data: None if key.endswith("/a") else put_new(self, key, data)
    )
    with pytest.raises(StudyError, match=r"node a does not share the root .*holds no .*probe"):
        check_root(str(tmp_path), NODES)


def test_a_root_that_this_machine_cannot_write_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"this machine cannot write to the root .*file: "):
        check_root(str(tmp_path / "file"), NODES)


def test_a_root_that_lets_a_second_writer_win_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "put_new", Store.put)
    with pytest.raises(StudyError, match="lets a second process replace what another one has written"):
        check_root(str(tmp_path), NODES)


# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sounds(tmp_path: Path, own_cache: Path) -> dict[str, Any]:
    """Settings of a trial with a folder of sounds."""
    write_named_notes(tmp_path / "sounds", range(48, 60))
    assert not list(own_cache.iterdir())
    config = replace(
        SMALL.config,
        data=AudioFolderConfig(folder=str(tmp_path / "sounds")),
        synth=ModSynthConfig(oscillator=LearnableWavetableConfig()),
    )
    settings: dict[str, Any] = json.loads(json.dumps(to_settings(resolve(config).config)))
    return settings


def test_data_that_all_nodes_have_is_not_copied(store: Store, sounds: dict[str, Any]) -> None:
    said: list[str] = []
    check_data(store, [sounds, to_settings(resolve(SMALL.config).config)], NODES, said.append)
    assert said == []


def test_another_content_of_the_folder_is_refused(store: Store, sounds: dict[str, Any]) -> None:
    (Path(sounds["data"]["folder"]) / "p48_48-100.wav").unlink()
    with pytest.raises(StudyError, match=r"node a cannot use the data of the study: the sounds in .* changed since"):
        check_data(store, [sounds], NODES, print)


def test_a_missing_wavetable_is_refused(store: Store) -> None:
    config = to_settings(resolve(SMALL.config).config)
    config["data"]["wavetable"] = "/not/here.wav"
    with pytest.raises(StudyError, match=r"node a cannot use the data of the study: a wavetable is a built-in name"):
        check_data(store, [config], NODES, print)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" / "study")


@pytest.fixture
def missing_on_b(nodes: FakeNodes, sounds: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings, whose folder node b does not have."""
    is_dir = Path.is_dir
    folder = Path(sounds["data"]["folder"])
    monkeypatch.setattr(Path, "is_dir", lambda path: is_dir(path) and not (nodes.at == "b" and path == folder))
    return sounds


def test_a_folder_is_copied_to_the_node_that_lacks_it(store: Store, missing_on_b: dict[str, Any]) -> None:
    said: list[str] = []
    check_data(store, [missing_on_b], NODES, said.append)
    assert said == [f"copying {missing_on_b['data']['folder']} to 1 node"]
    assert copy_of(missing_on_b["data"]["manifest_sha256"]).is_dir()
    check_data(store, [missing_on_b], NODES, said.append)
    assert len(said) == 1, "the copy is used again"


def test_a_copy_with_another_content_is_removed_and_refused(store: Store, missing_on_b: dict[str, Any]) -> None:
    (Path(missing_on_b["data"]["folder"]) / "p48_48-100.wav").unlink()
    with pytest.raises(StudyError, match="changed since"):
        check_data(store, [missing_on_b], NODES, print)
    assert not copy_of(missing_on_b["data"]["manifest_sha256"]).exists()


def test_a_folder_that_is_too_large_is_not_copied(
    store: Store, missing_on_b: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_checks, "MAX_SHIPPED_BYTES", 1000)
    with pytest.raises(StudyError, match=r"node b have no .*sounds, which is too large to be copied"):
        check_data(store, [missing_on_b], NODES, print)
