"""The cache of data sets: concurrent and killed processes, damaged entries, full and read-only disks."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.data.dataset_cache import cached_dataset
from core.settings.loading import to_settings
from core.settings.trial import TrialConfig
from tests.support.cached_data import assert_equal, entries, forbid_loading, hidden_files, synthetic
from tests.support.configs import dataset_of
from tests.support.waiting import wait_for

LOAD_ELSEWHERE = """
import json, sys, time
from pathlib import Path
from core.data.dataset_cache import cached_dataset
from core.data.sources.synthetic import Synthetic
from core.settings.loading import from_settings

config, here = from_settings(json.loads(sys.argv[1])), Path(sys.argv[2])
load = Synthetic.load

def counted(source):
    (here / f"loaded-by-{sys.argv[3]}").touch()
    time.sleep(0.5)
    return load(source)

Synthetic.load = counted
(here / f"ready-{sys.argv[3]}").touch()
while not (here / "go").exists():
    time.sleep(0.005)
print(float(cached_dataset(config).train.audio.double().sum()))
"""


def start(config: TrialConfig, folder: Path, name: str) -> subprocess.Popen[str]:
    """A process that gets the data when `go` appears in the folder."""
    arguments = (json.dumps(to_settings(config)), str(folder), name)
    return subprocess.Popen([sys.executable, "-c", LOAD_ELSEWHERE, *arguments], stdout=subprocess.PIPE, text=True)


def test_of_two_processes_that_start_together_one_loads(tmp_path: Path, own_cache: Path) -> None:
    config = synthetic()
    processes = [start(config, tmp_path, name) for name in ("a", "b")]
    wait_for(tmp_path / "ready-a", tmp_path / "ready-b")
    (tmp_path / "go").touch()
    sums = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sums[0] == sums[1]
    assert len(list(tmp_path.glob("loaded-by-*"))) == 1
    assert len(entries(own_cache)) == 1
    assert [path.suffix for path in hidden_files(own_cache)] == [".lock"]


def test_killed_process_blocks_nobody(tmp_path: Path, own_cache: Path) -> None:
    config = synthetic()
    (tmp_path / "go").touch()
    process = start(config, tmp_path, "victim")
    wait_for(tmp_path / "loaded-by-victim")
    assert [path.suffix for path in hidden_files(own_cache)] == [".lock"]
    process.kill()
    process.communicate()
    assert_equal(cached_dataset(config), dataset_of(config))
    assert len(entries(own_cache)) == 1


def cut(entry: Path) -> None:
    os.truncate(entry / "train.audio.f32", 1000)


def lose_a_file(entry: Path) -> None:
    (entry / "test.q.f32").unlink()


def garble_the_index(entry: Path) -> None:
    (entry / "index.json").write_bytes(b'{"train": [1, 2')


def empty_the_index(entry: Path) -> None:
    (entry / "index.json").write_bytes(b"{}")


def lose_the_index(entry: Path) -> None:
    (entry / "index.json").unlink()


@pytest.mark.parametrize("damage", [cut, lose_a_file, garble_the_index, empty_the_index, lose_the_index])
def test_damaged_data_are_loaded_again_with_a_warning(
    damage: Callable[[Path], None],
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = synthetic()
    cached_dataset(config)
    (entry,) = entries(own_cache)
    damage(entry)
    assert_equal(cached_dataset(config), dataset_of(config))
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"data in {entry} were damaged and have been rebuilt"
    ]
    forbid_loading(monkeypatch)
    cached_dataset(config)


def test_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    config = synthetic()
    assert_equal(cached_dataset(config), dataset_of(config))
    assert "data cannot be cached in" in caplog.text


def test_full_disk_leaves_the_data_in_memory_and_no_half_behind(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    config = synthetic()
    monkeypatch.setattr(os, "fsync", full)
    assert_equal(cached_dataset(config), dataset_of(config))
    assert "No space left on device" in caplog.text
    assert entries(own_cache) == []
    assert [path.suffix for path in hidden_files(own_cache)] == [".lock"]


def test_unfinished_entry_of_a_killed_process_is_replaced(own_cache: Path) -> None:
    config = synthetic()
    cached_dataset(config)
    (entry,) = entries(own_cache)
    entry.rename(entry.with_name(f".{entry.name}.part"))
    assert_equal(cached_dataset(config), dataset_of(config))
    assert entries(own_cache) == [entry]
    assert [path.suffix for path in hidden_files(own_cache)] == [".lock"]


@pytest.mark.usefixtures("own_cache")
def test_read_only_cache_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    config = synthetic()
    cached_dataset(config)

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", read_only)
    forbid_loading(monkeypatch)
    cached_dataset(config)
