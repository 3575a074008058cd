"""Atomic writes, and files that only one of several writers can create."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from core.storage.atomic_write import atomic_path, write_atomically, write_new

WRITES: tuple[Callable[[Path, bytes], None], ...] = (write_atomically, write_new)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def full_disk(_: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("write", WRITES)
def test_content_is_written_and_missing_folders_are_made(write: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    write(path, b"content")
    assert path.read_bytes() == b"content"
    assert names_in(path.parent) == ["file"]


@pytest.mark.parametrize("write", WRITES)
def test_full_disk_leaves_neither_the_file_nor_a_part(
    write: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "file", b"content")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("write", WRITES)
def test_content_is_on_the_disk_before_it_has_its_name(
    write: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[list[str]] = []

    def look(descriptor: int) -> None:
        names.append(names_in(tmp_path))
        assert os.pread(descriptor, 100, 0) == b"content"

    monkeypatch.setattr(os, "fsync", look)
    write(tmp_path / "file", b"content")
    ((name,),) = names
    assert name.startswith(".file.")


def test_old_content_stays_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_path(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["file"]


def test_old_content_stays_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


def test_readers_see_whole_contents_only(tmp_path: Path) -> None:
    path, contents = tmp_path / "file", [bytes([letter]) * 200_000 for letter in b"ab"]
    write_atomically(path, contents[0])
    done = Event()

    def read() -> set[bytes]:
        seen = {path.read_bytes()}
        while not done.is_set():
            seen.add(path.read_bytes())
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for i in range(100):
            write_atomically(path, contents[i % 2])
        done.set()
    assert reading.result() <= set(contents)


def test_existing_file_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_new(path, b"first")
    with pytest.raises(FileExistsError):
        write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert names_in(tmp_path) == ["file"]


def test_of_several_threads_one_writes_the_new_file(tmp_path: Path) -> None:
    n_threads = 8
    barrier = Barrier(n_threads)

    def race(name: int) -> list[bool]:
        won = []
        for number in range(30):
            barrier.wait()
            try:
                write_new(tmp_path / str(number), str(name).encode())
                won.append(True)
            except FileExistsError:
                won.append(False)
        return won

    with ThreadPoolExecutor(n_threads) as pool:
        results = list(pool.map(race, range(n_threads)))
    for number in range(30):
        (winner,) = (name for name in range(n_threads) if results[name][number])
        assert (tmp_path / str(number)).read_bytes() == str(winner).encode()
    assert len(names_in(tmp_path)) == 30
