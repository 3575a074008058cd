"""The caches of data sets, inspections and machine code: whatever happens to them, they give the same data or none."""

import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cache_folder import sealed, unsealed
from core.data import dataset_cache
from core.data.dataset_cache import cached_dataset
from core.ops.kernel_cache import _VerifiedFiles
from core.settings.loading import to_settings
from tests.support.cached_data import assert_equal, audio_folder, entries, forbid_loading, hidden_files, synthetic
from tests.support.configs import dataset_of
from tests.support.refusals import time_limit
from tests.support.waiting import wait_for

Damage = Callable[[Path], object]
ARRAY, INDEX = "train.audio.f32", "index.json"


def flip(name: str, share: float) -> Damage:
    """A function that flips a bit of a file of an entry."""

    def damage(entry: Path) -> None:
        data = bytearray((entry / name).read_bytes())
        data[int(share * len(data))] ^= 1
        (entry / name).write_bytes(data)

    return damage


def size(name: str, n_bytes: int) -> Damage:
    """A function that cuts or extends a file of an entry."""
    return lambda entry: os.truncate(entry / name, n_bytes)


def content(name: str, data: bytes) -> Damage:
    """A function that replaces a file of an entry."""
    return lambda entry: (entry / name).write_bytes(data)


def instead(name: str, make: Callable[[Path], object]) -> Damage:
    """A function that replaces a file of an entry by something else."""

    def damage(entry: Path) -> None:
        (entry / name).unlink()
        make(entry / name)

    return damage


def index_with(change: Callable[[Any], object]) -> Damage:
    """A function that changes the index and gives it a hash that matches, as another program might."""

    def damage(entry: Path) -> None:
        index = json.loads(unsealed((entry / INDEX).read_bytes()))
        change(index)
        (entry / INDEX).write_bytes(sealed(json.dumps(index).encode()))

    return damage


def lose(name: str) -> Damage:
    """A function that removes a file of an entry."""
    return lambda entry: (entry / name).unlink()


def entry_is(make: Callable[[Path], object]) -> Damage:
    """A function that replaces the whole entry by something else."""

    def damage(entry: Path) -> None:
        entry.rename(entry.with_name("elsewhere"))
        make(entry)

    return damage


def swap(entry: Path) -> None:
    """Exchange two files of the same size."""
    (entry / "test.q.f32").rename(entry / "kept")
    (entry / "test.f0_hz.f32").rename(entry / "test.q.f32")
    (entry / "kept").rename(entry / "test.f0_hz.f32")


DAMAGES: dict[str, Damage] = {
    **{f"a bit of {name} at {share}": flip(name, share) for name in (ARRAY, INDEX) for share in (0.0, 0.3, 0.5, 0.999)},
    "a bit of the pitches": flip("test.f0_hz.f32", 0.5),
    "a bit of the curves": flip("validation.modulation.f32", 0.5),
    **{f"{name} of {n} bytes": size(name, n) for name in (ARRAY, INDEX) for n in (0, 1, 63, 1000, 10**7)},
    "array of zeros": content(ARRAY, bytes(5 * 4000 * 4)),
    "index of nothing": content(INDEX, b""),
    "index of text": content(INDEX, b"not an index"),
    "index of another hash": content(INDEX, b"0" * 64 + b"\n{}"),
    "index of the old format": content(INDEX, b'{"train": {"ids": [], "modulation_names": [], "shapes": {}}}'),
    "index nested deeply": content(INDEX, sealed(b"[" * 100_000)),
    "index of a list": content(INDEX, sealed(b"[]")),
    "index without a split": index_with(lambda index: index.pop("test")),
    "index without an array": index_with(lambda index: index["train"]["shapes"].pop("audio")),
    "index without a hash": index_with(lambda index: index["train"]["sha256"].pop("audio")),
    "negative shape": index_with(lambda index: index["train"]["shapes"].update(audio=[-5, -4000])),
    "shape of 2^100": index_with(lambda index: index["train"]["shapes"].update(audio=[2**50, 2**50])),
    "shape of another order": index_with(lambda index: index["train"]["shapes"].update(q=[1, 5])),
    "shape of text": index_with(lambda index: index["train"]["shapes"].update(audio=["5", "4000 x"])),
    **{f"no {name}": lose(name) for name in (ARRAY, INDEX)},
    **{f"{name} is a folder": instead(name, Path.mkdir) for name in (ARRAY, INDEX)},
    **{f"{name} is a pipe": instead(name, os.mkfifo) for name in (ARRAY, INDEX)},
    **{f"{name} is a device": instead(name, lambda path: path.symlink_to("/dev/zero")) for name in (ARRAY, INDEX)},
    **{f"{name} is a dead link": instead(name, lambda path: path.symlink_to("no")) for name in (ARRAY, INDEX)},
    "two files are swapped": swap,
    "entry is a file": entry_is(lambda path: path.write_text("a file")),
    "entry is a dead link": entry_is(lambda path: path.symlink_to("nowhere")),
    "entry is a loop": entry_is(lambda path: path.symlink_to(path)),
    "entry is empty": entry_is(Path.mkdir),
    "entry is a pipe": entry_is(os.mkfifo),
}

START_TOGETHER = """
import json, sys, time
from pathlib import Path
from core.data.dataset_cache import cached_dataset
from core.settings.loading import from_settings

config, here = from_settings(json.loads(sys.argv[1])), Path(sys.argv[2])
(here / f"ready-{sys.argv[3]}").touch()
while not (here / "go").exists():
    time.sleep(0.005)
print(float(cached_dataset(config).train.audio.double().sum()))
"""


@pytest.fixture(autouse=True)
def nothing_is_verified_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a new process to the cache."""
    monkeypatch.setattr(dataset_cache, "_VERIFIED", set())


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_entry_is_built_again_with_a_warning(
    name: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = synthetic()
    cached_dataset(config)
    (entry,) = entries(own_cache)
    dataset_cache._VERIFIED.clear()
    DAMAGES[name](entry)
    expected = dataset_of(config)
    with time_limit(20):
        assert_equal(cached_dataset(config), expected)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"data in {entry} were damaged and have been rebuilt"]
    dataset_cache._VERIFIED.clear()
    forbid_loading(monkeypatch)
    assert_equal(cached_dataset(config), expected)


def test_two_processes_heal_the_same_entry(tmp_path: Path, own_cache: Path) -> None:
    config = synthetic()
    expected = float(cached_dataset(config).train.audio.double().sum())
    (entry,) = entries(own_cache)
    flip(ARRAY, 0.5)(entry)
    processes = []
    for name in ("a", "b"):
        arguments = (json.dumps(to_settings(config)), str(tmp_path), name)
        processes.append(
            subprocess.Popen([sys.executable, "-c", START_TOGETHER, *arguments], stdout=subprocess.PIPE, text=True)
        )
    wait_for(tmp_path / "ready-a", tmp_path / "ready-b")
    (tmp_path / "go").touch()
    sums = [float(process.communicate(timeout=120)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sums == [expected, expected]


def test_entry_removed_while_it_is_read_is_built_again(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = synthetic()
    expected = dataset_of(config)
    cached_dataset(config)
    (entry,) = entries(own_cache)
    memory_map = dataset_cache._memory_map
    calls = []

    def remove_first(path: Path, *rest: object) -> object:
        calls.append(path)
        if len(calls) == 3:
            dataset_cache._remove_entry(entry)
        return memory_map(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(dataset_cache, "_memory_map", remove_first)
    assert_equal(cached_dataset(config), expected)
    assert entries(own_cache) == [entry]


def test_data_of_a_removed_entry_stay_readable(own_cache: Path) -> None:
    config = synthetic()
    mapped = cached_dataset(config)
    (entry,) = entries(own_cache)
    dataset_cache._remove_entry(entry)
    assert_equal(mapped, dataset_of(config))


@pytest.mark.parametrize("n_files", [0, 1, 5, 11])
def test_half_written_entry_of_a_killed_process_is_replaced(n_files: int, own_cache: Path) -> None:
    config = synthetic()
    cached_dataset(config)
    (entry,) = entries(own_cache)
    part = entry.with_name(f".{entry.name}.part")
    entry.rename(part)
    for file in sorted(part.iterdir())[n_files:]:
        file.unlink()
    assert_equal(cached_dataset(config), dataset_of(config))
    assert entries(own_cache) == [entry]
    assert [path.suffix for path in hidden_files(own_cache)] == [".lock"]


def test_lock_of_a_killed_process_blocks_nobody(own_cache: Path) -> None:
    config = synthetic()
    cached_dataset(config)
    (entry,) = entries(own_cache)
    lock = str(entry.with_name(f".{entry.name}.lock"))
    script = f"import os; from filelock import FileLock; FileLock({lock!r}).acquire(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    dataset_cache._remove_entry(entry)
    with time_limit(20):
        assert_equal(cached_dataset(config), dataset_of(config))


@pytest.mark.parametrize("number", [28, 122, 30, 5], ids=["full", "quota", "read-only", "broken disk"])
@pytest.mark.parametrize("where", ["mkdir", "rename", "fsync"])
def test_disk_that_takes_nothing_leaves_the_data_in_memory(
    where: str, number: int, own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = synthetic()
    (own_cache / "modstudy" / "data").mkdir(parents=True)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os if where == "fsync" else Path, where, fail)
    assert_equal(cached_dataset(config), dataset_of(config))
    assert f"data cannot be cached in {own_cache}" in caplog.text
    assert os.strerror(number) in caplog.text
    monkeypatch.undo()


@pytest.mark.parametrize("kind", ["file", "dead link", "loop"])
@pytest.mark.parametrize("place", ["", "modstudy", "modstudy/data"])
def test_cache_folder_that_is_none_is_done_without(
    kind: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cache" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "file":
            path.write_text("no folder")
        case "dead link":
            path.symlink_to(tmp_path / "no" / "where")
        case "loop":
            path.symlink_to(path)
        case _:
            pass
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = audio_folder(tmp_path / "sounds")
    assert_equal(cached_dataset(config), dataset_of(config))
    assert "cannot be cached" in caplog.text


@pytest.mark.parametrize(
    "damage", [b"", b"x", b"0" * 64 + b"\n[]", sealed(b"[" * 10_000), sealed(b"[]"), b"\0" * 10**6]
)
def test_damaged_inspections_are_made_again(damage: bytes, tmp_path: Path, own_cache: Path) -> None:
    first = audio_folder(tmp_path)
    (cached,) = (own_cache / "modstudy" / "scans").iterdir()
    whole = cached.read_bytes()
    cached.write_bytes(damage)
    assert audio_folder(tmp_path) == first
    cached.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    assert audio_folder(tmp_path) == first
    assert len(cached.read_bytes()) == len(whole)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("kind", ["empty", "cut", "flipped", "foreign", "folder", "missing"])
def test_damaged_machine_code_is_as_good_as_none(kind: str, suffix: str, tmp_path: Path) -> None:
    kernels: Any = _VerifiedFiles(str(tmp_path), "kernel", 1.0)  # type: ignore[no-untyped-call]
    kernels.save("key", {"code": bytes(1000)})
    assert kernels.load("key") == {"code": bytes(1000)}
    (path,) = tmp_path.glob(f"*.{suffix}")
    data = path.read_bytes()
    path.unlink()
    match kind:
        case "empty" | "cut":
            path.write_bytes(data[: len(data) // 2 if kind == "cut" else 0])
        case "flipped":
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        case "foreign":
            path.write_bytes(pickle.dumps({"key": "code"}))
        case "folder":
            path.mkdir()
        case _:
            pass
    assert kernels.load("key") is None
    if kind != "folder":
        kernels.save("key", {"code": b"again"})
        assert kernels.load("key") == {"code": b"again"}


def test_locks_do_not_grow_with_reads(own_cache: Path) -> None:
    config = synthetic()
    for _ in range(3):
        cached_dataset(config)
    assert len(hidden_files(own_cache)) == 1
    with FileLock(hidden_files(own_cache)[0]), time_limit(5):
        cached_dataset(config)  # a valid entry is read without the lock


def test_any_flipped_bit_is_found(own_cache: Path) -> None:
    cached_dataset(synthetic())
    (entry,) = entries(own_cache)

    @settings(max_examples=200)
    @given(place=st.floats(0, 1), bit=st.integers(0, 7), path=st.sampled_from(sorted(entry.iterdir())))
    def check(place: float, bit: int, path: Path) -> None:
        whole = path.read_bytes()
        data = bytearray(whole)
        data[round(place * (len(data) - 1))] ^= 1 << bit
        path.write_bytes(data)
        dataset_cache._VERIFIED.clear()
        assert dataset_cache._read_entry(entry) is None
        path.write_bytes(whole)

    check()
    assert dataset_cache._read_entry(entry) is not None
