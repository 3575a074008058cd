"""Folders of drivers: gone when the driver ends, or when the next one starts."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from study.execution.temporary_folder import remove_abandoned, temporary_folder

HOLD = """
from study.execution.temporary_folder import temporary_folder
with temporary_folder() as folder:
    (folder / "ray").mkdir()
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files of the system, with a short path and nothing in it."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as path:
        monkeypatch.setenv("TMPDIR", path)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(path)


@pytest.fixture
def other_driver(base: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    with process:
        assert process.stdout is not None
        assert Path(process.stdout.readline().strip()).parent == base
        yield process
        process.kill()


def test_a_folder_is_removed_with_its_content_when_the_block_ends(base: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == base
        (folder / "file").write_text("content")
    assert list(base.iterdir()) == []


def test_the_folder_of_a_killed_driver_is_removed_by_the_next_one(
    base: Path, other_driver: "subprocess.Popen[str]"
) -> None:
    other_driver.send_signal(signal.SIGKILL)
    other_driver.wait()
    (abandoned,) = base.iterdir()
    assert (abandoned / "ray").is_dir()
    with temporary_folder() as folder:
        assert list(base.iterdir()) == [folder]


@pytest.mark.usefixtures("other_driver")
def test_the_folder_of_a_driver_that_runs_is_left_alone(base: Path) -> None:
    (in_use,) = base.iterdir()
    with temporary_folder() as folder:
        assert set(base.iterdir()) == {folder, in_use}
    assert (in_use / "ray").is_dir()
    assert remove_abandoned(base) == 0


def test_folders_without_a_lock_are_not_touched(base: Path) -> None:
    (base / "modstudy-of-something-else").mkdir()
    assert remove_abandoned(base) == 0
    assert (base / "modstudy-of-something-else").is_dir()
