"""Errors of the file system below a store: each is one line with the key, the reason and what to do."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import DamageError, StoreError
from core.storage import values as values_module
from core.storage.values import Values


@pytest.fixture
def values(tmp_path: Path) -> Values:
    return Values(tmp_path / "runs")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EDQUOT, "the quota of the disk is used up"),
        (errno.EROFS, "the file system is read-only: mount it for writing, or choose another --root"),
        (errno.EACCES, "this user lacks the permission"),
        (errno.EIO, "the disk reports an error: check it"),
        (errno.ENAMETOOLONG, "choose a shorter --root or --name"),
        (errno.EMFILE, "`ulimit -n`"),
        (errno.EFBIG, "check the disk, or choose another --root"),
    ],
)
@pytest.mark.parametrize("write", [Values.put, Values.put_new])
def test_an_error_of_the_disk_says_what_to_do(
    values: Values,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Values, str, bytes], None],
    number: int,
    remedy: str,
) -> None:
    def fail(path: Path, _: bytes) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(values_module, "write_atomically", fail)
    monkeypatch.setattr(values_module, "write_new", fail)
    with pytest.raises(StoreError) as caught:
        write(values, "a/b", b"1")
    message = str(caught.value)
    assert message.startswith(f"{values.root}/a/b cannot be written ({os.strerror(number)}); ")
    assert remedy in message
    assert "\n" not in message


@pytest.mark.parametrize("write", [Values.put, Values.put_new])
def test_a_file_in_place_of_a_folder_is_named_as_such(
    values: Values, write: Callable[[Values, str, bytes], None]
) -> None:
    values.put("a", b"1")
    with pytest.raises(StoreError, match=r"a/b cannot be written \(.*\); a file is where a folder belongs"):
        write(values, "a/b", b"1")
    assert not values.has("a/b")
    assert values.names("a") == []
    with pytest.raises(StoreError, match="holds no a/b"):
        values.get("a/b")


@pytest.mark.parametrize("write", [Values.put, Values.put_new])
def test_a_folder_in_place_of_a_file_is_named_as_such(
    values: Values, write: Callable[[Values, str, bytes], None]
) -> None:
    values.put("a/b/c", b"1")
    with pytest.raises(StoreError, match=r"a/b cannot be written \(.*\); a f\w+ is where a f\w+ belongs"):
        write(values, "a/b", b"1")
    with pytest.raises(DamageError, match="it is a folder and not a file"):
        values.get("a/b")
    assert values.size("a/b") is None


def test_a_pipe_is_not_read(values: Values, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    os.mkfifo(tmp_path / "runs" / "pipe")
    assert not values.has("pipe")
    assert values.size("pipe") is None
    with pytest.raises(DamageError, match="it is a pipe or a device and not a file"):
        values.get("pipe")


def test_links_that_lead_back_are_no_values(values: Values, tmp_path: Path) -> None:
    values.put("a/b", b"1")
    (tmp_path / "runs" / "a" / "loop").symlink_to("loop")
    (tmp_path / "runs" / "a" / "up").symlink_to("..")
    assert not values.has("a/loop")
    assert values.all_names("") == ["a/b", "a/loop"]
    with pytest.raises(DamageError, match="a symbolic link leads back to itself: remove it"):
        values.get("a/loop")
    with pytest.raises(DamageError, match="a symbolic link leads back to itself: remove it"):
        values.names("a/loop")


def test_a_name_that_is_too_long_is_refused(values: Values) -> None:
    name = "x" * 300
    with pytest.raises(StoreError, match="longer than 255 characters"):
        values.put(name, b"1")
    with pytest.raises(StoreError, match="longer than 255 characters"):
        values.has(name)


def test_values_and_folders_are_moved(values: Values) -> None:
    values.put("a/b", b"1")
    values.put("a/c/d", b"2")
    values.move("a/b", "damaged/a/b")
    values.move("a/c", "damaged/a/c")
    assert values.all_names("") == ["damaged/a/b", "damaged/a/c/d"]
    assert values.size("damaged/a/b") == 1
    with pytest.raises(StoreError, match="cannot be moved"):
        values.move("nothing", "elsewhere")
