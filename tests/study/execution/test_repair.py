"""Repair before a study goes on: what is verified on which root, and what is printed."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from core.storage.store import Store
from study.execution.repair import MAX_LINES, repair, verified
from study.execution.trial_queue import open_trials
from tests.support.curve_study import curve_study, random_curves
from tests.support.stores import STORES


def made(store: Store, n_seeds: int = 2) -> list[str]:
    """Keys of the curve files of a study."""
    attempts = curve_study(store, "mine", {("frame", seed): random_curves(seed) for seed in range(n_seeds)})
    return [attempt.key("curves.arrow") for attempt in attempts.values()]


def flip(store: Store, key: str) -> None:
    data = bytearray(store.get(key))
    data[-100] ^= 1
    store.put(key, bytes(data))


def repaired(store: Store, *, read_contents: bool = False) -> str:
    """What a repair prints."""
    console = Console(file=io.StringIO(), width=200)
    repair(store, console, read_contents=read_contents)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("kind", "read_contents", "is_found"), [
    ("folder", False, True), ("uri", False, True), ("s3", False, False), ("remote", False, False),
    ("s3", True, True), ("remote", True, True),
])  # fmt: skip
def test_contents_of_remote_files_are_read_only_if_asked(
    tmp_path: Path, kind: str, read_contents: bool, is_found: bool
) -> None:
    store = STORES[kind](tmp_path)
    key, _ = made(store)
    flip(store, key)
    output = repaired(store, read_contents=read_contents)
    assert ("curves.arrow is damaged: its content is not that" in output) == is_found
    assert ("its trial runs again, and its files are kept in damaged/trials/mine-frame-0" in output) == is_found
    assert len(open_trials(store, store.plan())) == is_found


def test_an_intact_study_and_no_study_are_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    assert repaired(store) == ""
    made(store)
    before = store.all_names("")
    assert repaired(store) == ""
    assert store.all_names("") == before


def test_many_repairs_are_not_all_listed(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    for key in made(store, MAX_LINES + 5):
        store.drop(key)
    output = repaired(store)
    assert output.count("curves.arrow is damaged: it is missing") == MAX_LINES
    assert "and 5 more, which are kept below" in output
    assert len(open_trials(store, store.plan())) == MAX_LINES + 5


def test_on_a_terminal_the_progress_is_shown(tmp_path: Path) -> None:
    store = Store(tmp_path / "mine")
    made(store)
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    assert verified(store, console).damaged == []
    assert isinstance(console.file, io.StringIO)
    assert "verifying files" in console.file.getvalue()
