"""What a study leaves behind in the system: no process, and no file outside its root and the cache."""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from study.execution.temporary_folder import LOCK_NAME, PREFIX, remove_abandoned
from study.tracking.database import remove_init_lock
from study.tracking.delivery import Delivery
from study.tracking.tracker import default_tracker
from tests.support.killed_study import Command
from tests.support.processes import wait_until
from tests.support.tiny_study import create_study, tiny_plan
from tests.support.trained_study import CONSTANT, study_text

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PATIENCE_S = 240
OWN_CACHES = ("torchinductor_", "numba_", "matplotlib-")
"""Names of folders that libraries make for themselves, and use again."""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a short path."""
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


def shared_memory() -> set[str]:
    """Names of the files in shared memory."""
    return {path.name for path in Path("/dev/shm").iterdir()}


def test_a_study_that_has_ended_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(CONSTANT))
    command = Command(["launch", "tiny.toml"], tmp_path, "launch", temporary)
    before = shared_memory()
    try:
        wait_until(lambda: command.exit_code() is not None, "the end of the study", patience_s=PATIENCE_S)
        wait_until(lambda: command.processes() == [], "the end of its processes", patience_s=30)
        # Other studies of this machine come and go.
        own = {name for name in shared_memory() - before if str(command.process.pid) in name}
    finally:
        command.end()
    assert command.exit_code() == 0, command.output
    assert own == set()
    assert [path.name for path in temporary.iterdir() if not path.name.startswith(OWN_CACHES)] == []
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.toml", "launch.txt", "runs"}


def test_a_delivery_leaves_no_lock_of_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    store = create_study(tmp_path / "tiny", tiny_plan())
    Delivery(store, *default_tracker(tmp_path, "tiny")).sync()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("uri", ["sqlite:////there/mlflow.db", "sqlite:////with a blank/mlflow.db"])
def test_only_the_lock_of_the_database_itself_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = [hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in (uri, "sqlite:////other.db")]
    for name in names:
        (tmp_path / f"db_init_lock-{name}").touch()
    remove_init_lock(uri)
    assert [path.name for path in tmp_path.iterdir()] == [f"db_init_lock-{names[1]}"]
    remove_init_lock(uri)


@pytest.mark.parametrize("content", ["", "a file", "a folder", "a read-only folder", "a link", "a pipe"])
def test_the_folder_of_a_dead_driver_is_removed_whatever_it_holds(tmp_path: Path, content: str) -> None:
    folder = tmp_path / f"{PREFIX}abcdef"
    folder.mkdir()
    (folder / LOCK_NAME).touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    match content:
        case "a file":
            (folder / "ray.log").write_text("log")
        case "a folder" | "a read-only folder":
            (folder / "ray" / "session").mkdir(parents=True)
            (folder / "ray" / "session" / "log").write_text("log")
            if content == "a read-only folder":
                (folder / "ray" / "session").chmod(0o500)
        case "a link":
            (folder / "out").symlink_to(outside)
        case "a pipe":
            os.mkfifo(folder / "pipe")
        case _:
            assert content == ""
    assert remove_abandoned(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"outside"}
    assert (outside / "kept.txt").read_text() == "kept"


@pytest.mark.parametrize("kind", ["without a lock", "of a living driver", "with another name", "that is a link"])
def test_folders_of_others_stay(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / (f"{PREFIX}abcdef" if kind != "with another name" else "ray-abcdef")
    folder.mkdir()
    holder = None
    if kind != "without a lock":
        (folder / LOCK_NAME).touch()
    if kind == "of a living driver":
        code = (
            "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); "
            "print(1, flush=True); input()"
        )
        words = [sys.executable, "-c", code, str(folder / LOCK_NAME)]
        holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        holder.stdout.readline()
    if kind == "that is a link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    n_removed = remove_abandoned(tmp_path)
    if holder is not None:
        holder.communicate(b"\n")
    if kind == "that is a link":
        assert (tmp_path / "elsewhere").is_dir()
    else:
        assert n_removed == 0
        assert folder.is_dir()
